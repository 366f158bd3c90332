"""Every example of the documentation is linted as a workspace, and does what the page says that it does."""

from pathlib import Path

import pytest
from examples import DOCS, Example, build, examples, findings, play, same

from conn_engine.config import load_workspace
from conn_engine.documents import markdown_blocks
from conn_engine.lint.linter import lint_paths
from conn_engine.transport.recordings import load_recording

GENERATED = ("functions.md", "lint-codes.md")  # the first is run by its own test; the second shows how not to write
PAGES = [path for path in sorted(DOCS.glob("*.md")) if path.name not in GENERATED]
EXAMPLES = [example for path in PAGES for example in examples(path)]


@pytest.mark.parametrize("example", EXAMPLES, ids=str)
def test_an_example_is_sound_and_true(example: Example, tmp_path: Path) -> None:
    build(example, tmp_path)
    assert findings(tmp_path) == []
    for _, _, told in example.runs:
        real = play(load_workspace(tmp_path), told)
        assert same(told, real), f"{example}: what really happens is\n{real}"


def test_the_pages_themselves_are_linted() -> None:
    assert lint_paths(DOCS, [DOCS]).findings == []


def test_the_recordings_shown_are_recordings(tmp_path: Path) -> None:
    shown = [block for block in markdown_blocks((DOCS / "recordings.md").read_text()) if block.language == "json"]
    for number, block in enumerate(shown):
        path = tmp_path / f"{number}.json"
        path.write_text(block.text)
        assert load_recording(path).exchanges
    assert len(shown) == 2


def test_a_transcript_that_is_not_true_is_told(tmp_path: Path) -> None:
    workspace = build(Example("page.md", 1), tmp_path)
    true = '$ conn run people.list\n> GET /people\n< 200 {"items": [{"id": 1}]}\n= [{"id": 1}]\n'
    assert same(true, play(workspace, true))
    for wrong in (
        true.replace("/people", "/person"),
        true.replace('= [{"id": 1}]', "= []"),
        true.replace("> GET /people\n", "> GET /people\n> Accept: text/csv\n"),
        true + "~ 1 s\n",
    ):
        assert not same(wrong, play(workspace, wrong))
