"""The documentation's site in a browser, opened from disk: its search works without a server."""

import re
import shutil
from pathlib import Path

import launching
import pytest

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def site():
    """The folder that `make docs-site` builds."""
    launching.run(["make", "docs-site"], cwd=ROOT, capture_output=True, timeout=600, check=True)
    return ROOT / "site"


def render(page):
    """Return the document of a page after its scripts have run."""
    chromium = shutil.which("chromium")
    assert chromium, "Install chromium (apt-get install chromium)."
    command = [chromium, "--headless", "--no-sandbox", "--disable-gpu", "--virtual-time-budget=20000"]
    return launching.run([*command, "--dump-dom", page], capture_output=True, text=True, timeout=120, check=True).stdout


def test_search_works_from_disk(site):
    shown = render(f"{(site / 'index.html').as_uri()}?q=rate+limit")
    found = re.search(r'md-search-result__meta">(\d+) matching documents', shown)
    assert found, shown[-2000:]
    assert int(found[1]) > 5
    assert "how-to/respect-a-rate-limit.html" in shown
