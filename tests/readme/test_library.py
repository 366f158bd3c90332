"""The Python blocks of docs/reference/library.md run as they stand, against a vendor that answers what is recorded."""

import json
import re
import sys
from pathlib import Path

import launching
import pytest
from vendor import start_vendor

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "reference" / "library.md"
PYTHON = re.findall(r"(?ms)^```python\n(.*?)^```$", PAGE.read_text(encoding="utf-8"))
TOKEN = "token-of-this-test"


RECORDING = json.loads((ROOT / "connectors/hubspot/recordings/crm.contacts.list.json").read_text(encoding="utf-8"))
PAGES = {one["request"]["query"].get("after"): one["response"]["body"] for one in RECORDING["exchanges"]}


def answer(arrived):
    """The recorded page of contacts by its cursor, for a caller with the token."""
    allowed = arrived.headers["authorization"] == f"Bearer {TOKEN}"
    return PAGES[arrived.query.get("after")] if allowed else (401, {"message": "no"})


@pytest.fixture
def vendor():
    with start_vendor(answer) as made:
        yield made.port


@pytest.mark.parametrize("code", PYTHON, ids=range(len(PYTHON)))
def test_the_library_in_ten_lines(code, vendor, tmp_path, shell):
    made = launching.run(
        ["conn", "init", "tour", "--example"], cwd=tmp_path, env=shell, capture_output=True, check=False
    )
    assert made.returncode == 0, made.stderr
    conn_yaml = tmp_path / "tour" / "conn.yaml"
    settings = conn_yaml.read_text(encoding="utf-8")
    conn_yaml.write_text(
        settings.replace("trusted_hosts:\n", f"trusted_hosts:\n  - 127.0.0.1:{vendor}\n"), encoding="utf-8"
    )
    account = tmp_path / "tour" / "accounts" / "acme.yaml"
    text = account.read_text(encoding="utf-8")
    token = f"credentials: {{ config: {{ token_url: http://127.0.0.1:{vendor}/oauth/v1/token }} }}"
    moved = f"override:\n  base_url: http://127.0.0.1:{vendor}\n  {token}\n"
    account.write_text(text.replace("override:\n", moved), encoding="utf-8")
    result = launching.run(
        [sys.executable, "-c", code],
        cwd=tmp_path,
        env=shell | {"CONN_ACME_OAUTH__TOKEN__ACCESS_TOKEN": TOKEN},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert result.returncode == 0, result.stderr
    assert "9007199254740993" in result.stdout and "101" in result.stdout
    assert TOKEN not in result.stdout + result.stderr
