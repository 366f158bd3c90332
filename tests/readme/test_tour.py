"""Every `console` block of a page that creates a workspace runs and shows what it says."""

import re
from pathlib import Path

import pytest
from console_blocks import play, shows

ROOT = Path(__file__).parents[2]
DOCUMENTS = [
    "README.md",
    "example/README.md",
    *(
        page.relative_to(ROOT).as_posix()
        for folder in ("tutorials", "how-to")
        for page in sorted((ROOT / "docs" / folder).glob("*.md"))
        if re.search(r"(?m)^\$ conn init (tour --example) ", page.read_text(encoding="utf-8"))
    ),
]


@pytest.mark.parametrize("document", DOCUMENTS)
@pytest.mark.slow
def test_the_console_blocks_show_what_happens(document, tmp_path, shell):
    folder = tmp_path / "session"
    folder.mkdir()
    _, ran = play((ROOT / document).read_text(encoding="utf-8"), document, folder, shell)
    assert ran >= 2


def test_a_wrong_output_is_noticed():
    output = "one\ntwo three\nfour\n"
    assert shows(["one", "two …", "four"], output)
    assert shows(["one", "…", "four"], output)
    assert shows(["two three"], output)
    assert not shows(["one", "four"], output)
    assert not shows(["two"], output)
    assert not shows(["four", "…", "one"], output)
