"""Every scenario file beside (`scenarios/*.md`) shows what the command line does. How they are read: `transcript`."""

import os
from pathlib import Path

import pytest
import transcript

LONG = {"ci", "impact", "mutate"}
SCENARIOS = [
    pytest.param(path, id=path.stem, marks=[pytest.mark.slow] if path.stem in LONG else [])
    for path in sorted((Path(__file__).parent / "scenarios").glob("*.md"))
]


@pytest.mark.parametrize("path", SCENARIOS)
def test_scenario(path, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    text, differences = transcript.play(path.read_text(encoding="utf-8"), tmp_path.resolve())
    if differences and os.environ.get("CONN_WRITE_SCENARIOS"):
        path.write_text(text, encoding="utf-8")
        return
    assert not differences, "\n\n".join(differences)


def test_the_wildcard_stands_for_text_and_for_lines():
    assert transcript.matches(["a … c"], ["a b c"])
    assert not transcript.matches(["a … c"], ["a b d"])
    assert transcript.matches(["a", "…", "z"], ["a", "b", "c", "z"])
    assert transcript.matches(["a", "…", "z"], ["a", "z"])
    assert not transcript.matches(["a"], ["a", "b"])
    assert not transcript.matches([], ["a"])
