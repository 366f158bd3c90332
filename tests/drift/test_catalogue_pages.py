"""The scores of the bundled connectors and the pages of the catalogue belong to the present files."""

import importlib.util
import json
from pathlib import Path
from types import ModuleType

import pytest

from conn_engine.analysis.score import compute_score_digest, load_bundled_scores
from conn_engine.config import load_workspace

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def generator() -> ModuleType:
    spec = importlib.util.spec_from_file_location("catalogue_pages", ROOT / "tests/cli/catalogue_pages.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_every_bundled_connector_has_the_score_of_its_present_files() -> None:
    workspace = load_workspace(ROOT)
    stored = {scored.connector: scored.digest for scored in load_bundled_scores().values()}
    assert stored == {name: compute_score_digest(workspace, name) for name in workspace.connectors()}, "run `make docs`"


@pytest.mark.slow
def test_the_committed_scores_and_pages_are_generated(
    generator: ModuleType, capsys: pytest.CaptureFixture[str]
) -> None:
    assert (generator.main(["--check"]), capsys.readouterr().err) == (0, "")


def test_the_navigation_and_the_index_have_every_page(generator: ModuleType) -> None:
    scores = sorted(load_bundled_scores().values(), key=lambda scored: scored.connector)
    pages = generator.build_pages(scores)
    index = pages[ROOT / "docs/catalogue/index.md"]
    for scored in scores:
        assert f"({scored.connector}.md) | {scored.score} " in index
        assert f"catalogue/{scored.connector}.md\n" in pages[ROOT / "mkdocs.yml"]
        assert "days old" not in pages[ROOT / f"docs/catalogue/{scored.connector}.md"]


def test_stored_scores_have_no_age() -> None:
    stored = json.loads((ROOT / "connectors/scores.json").read_text(encoding="utf-8"))
    assert [row["recordings"]["age_days"] for row in stored["connectors"]] == [None] * len(stored["connectors"])
