"""The first hour of CONTRIBUTING.md, on a clone: its two edits, and its commands before and after them."""

import re
import sys
from pathlib import Path

import launching
import pytest
from console_blocks import play

ROOT = Path(__file__).parents[2]
TEXT = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
HOUR = re.search(r"(?s)## Your first hour\n(.*?)\n## ", TEXT)[1]
MODULE = "engine/conn_engine/expressions/functions/text.py"


@pytest.fixture
def project(tmp_path, shell):
    """A clone in which `conn`, `python` and make's `.venv/bin/python` run its code, and not this checkout's."""
    clone = tmp_path / "project"
    git = ["git", "-c", "safe.directory=*"]
    launching.run([*git, "clone", "-q", str(ROOT), str(clone)], check=True, timeout=120)
    shell["PYTHONPATH"] = f"{clone}/cli:{clone}/engine"
    for path in (clone / ".venv" / "bin" / "python", tmp_path / "bin" / "python"):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f'#!/bin/sh\nexec "{sys.executable}" "$@"\n', encoding="utf-8")
        path.chmod(0o755)
    return clone


def insert_above(text, anchor, block):
    """The text with the block before the only line that starts with the anchor."""
    assert text.count(anchor) == 1, anchor
    return text.replace(anchor, block + anchor)


@pytest.mark.slow
def test_the_first_hour_is_two_edits_and_its_commands(project, shell):
    before, edits, after = re.split(r"\*\*2\. |\*\*4\. ", HOUR)
    assert f"`{MODULE}`" in edits and "above `_title`" in edits and "above the row of `titleCase`" in edits
    function, row = re.findall(r"(?ms)^```python\n(.*?)^```$", edits)
    play(before, "CONTRIBUTING.md", project, shell)
    text = (project / MODULE).read_text(encoding="utf-8")
    text = insert_above(text, "def _title(", f"{function}\n\n")
    (project / MODULE).write_text(insert_above(text, '    Function(\n        "titleCase",', row), encoding="utf-8")
    _, ran = play(after, "CONTRIBUTING.md", project, shell)
    assert ran >= 5


def test_the_commands_of_make_exist():
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    named = {word for line in re.findall(r"`make ([a-z ]+)", TEXT) for word in line.split()}
    assert len(named) >= 8 and all(re.search(rf"(?m)^{word}:", makefile) for word in named)
