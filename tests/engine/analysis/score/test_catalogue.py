"""Stored scores are used for unchanged files alone, and the catalogue is searched by name, model and capability."""

import json
from pathlib import Path

import pytest
from scored_shop import NOW, create_shop

from conn_engine.analysis.score import (
    MutationFigures,
    ScoredConnector,
    compute_score_digest,
    load_bundled_scores,
    load_scores,
    score_connector,
    store_score,
)
from conn_engine.analysis.score.catalogue import CatalogueEntry, list_catalogue, search_catalogue
from conn_engine.config import load_workspace

DAY = 86_400


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return create_shop(tmp_path)


def store(root: Path) -> ScoredConnector:
    workspace = load_workspace(root)
    scored = score_connector(workspace, "shop", now=NOW, mutation=MutationFigures(mutants=4, killed=3, digest=""))
    store_score(workspace, scored)
    return scored


def find_shop(root: Path, now: float = NOW) -> CatalogueEntry:
    (entry,) = [entry for entry in list_catalogue(load_workspace(root), now) if entry.connector == "shop"]
    return entry


def test_a_stored_score_is_found_by_the_digest_of_the_files(root: Path) -> None:
    scored = store(root)
    stored = load_scores(load_workspace(root))[compute_score_digest(load_workspace(root), "shop")]
    assert (stored.score, stored.mutation, stored.parts) == (scored.score, scored.mutation, scored.parts)
    assert stored.recordings.age_days is None
    assert (root / ".conn/.gitignore").is_file()


@pytest.mark.parametrize(
    "file", ["connectors/shop/unified/m.yaml", "connectors/shop/README.md", "models/m/thing.schema.json"]
)
def test_an_edit_of_a_file_or_of_the_model_changes_the_digest(root: Path, file: str) -> None:
    before = compute_score_digest(load_workspace(root), "shop")
    path = root / file
    path.write_text((path.read_text(encoding="utf-8") if path.exists() else "") + "\n", encoding="utf-8")
    assert compute_score_digest(load_workspace(root), "shop") != before


def test_the_catalogue_shows_a_score_until_a_file_changes(root: Path) -> None:
    assert (find_shop(root).score, find_shop(root).preview) == (None, None)
    scored = store(root)
    entry = find_shop(root, NOW + 2 * DAY)
    assert (entry.score, entry.preview, entry.age_days) == (scored.score, True, 3)
    assert (entry.bundled, entry.in_workspace, entry.models, entry.resources) == (False, True, ["m"], ["m.things"])
    (root / "connectors/shop/README.md").write_text("Shop\n", encoding="utf-8")
    assert (find_shop(root).score, find_shop(root).resources) == (None, ["m.things"])


def test_a_connector_that_cannot_be_read_is_listed_with_the_reason(root: Path) -> None:
    (root / "connectors/shop/connector.yaml").write_text("base_url: [\n", encoding="utf-8")
    assert "connector.yaml" in find_shop(root).problem


@pytest.mark.parametrize("text", ["", "{", '{"format": 1, "connectors": []}', '{"format": 1}'])
def test_a_damaged_file_of_scores_is_not_used(root: Path, text: str) -> None:
    store(root)
    (root / ".conn/scores.json").write_text(text, encoding="utf-8")
    assert find_shop(root).score is None


def test_another_score_of_the_connector_is_replaced(root: Path) -> None:
    store(root)
    (root / "connectors/shop/README.md").write_text("Shop\n", encoding="utf-8")
    store(root)
    assert len(json.loads((root / ".conn/scores.json").read_text(encoding="utf-8"))["connectors"]) == 1


@pytest.mark.parametrize(
    ("words", "some", "none"),
    [
        (["hubspot"], "hubspot", "xero"),
        (["HubSpot"], "hubspot", "xero"),
        (["crm", "webhooks"], "pipedrive", "zendesk"),
        (["oauth", "accounting"], "xero", "stripe"),
        (["rate-limit", "incremental"], "jira", "hubspot-x"),
        (["ticketing.comments"], "github", "attio"),
    ],
)
def test_the_catalogue_is_searched_for_every_word(words: list[str], some: str, none: str) -> None:
    found = {entry.connector for entry in search_catalogue(list_catalogue(None, NOW), words)}
    assert some in found
    assert none not in found


def test_the_bundled_connectors_have_scores_without_a_workspace() -> None:
    entries = list_catalogue(None, NOW)
    assert [entry.connector for entry in entries] == sorted(row.connector for row in load_bundled_scores().values())
    assert all(entry.bundled and not entry.in_workspace and entry.score is not None for entry in entries)
