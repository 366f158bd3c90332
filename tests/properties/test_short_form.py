"""Every bundled and imported document expands and shortens without a difference."""

from collections.abc import Iterator
from copy import deepcopy
from pathlib import Path
from typing import Any

import msgspec
import pytest

from conn_engine.config import MISSING, Path_, lookup
from conn_engine.config.models import Configuration
from conn_engine.config.secret_texts import iterate_leaves
from conn_engine.config.short_form import expand, find_canonical, shorten
from conn_engine.config.validate import validate
from conn_engine.documents import Document, dump_yaml, parse, read_document

ROOT = Path(__file__).parents[2]
FOLDERS = ("connectors", "example", "cli/conn_cli/skeleton", "tests/imports/expected", "tests/servers/workspaces")
DOCUMENTS = [path for folder in FOLDERS for path in sorted((ROOT / folder).rglob("*.yaml"))]
CONNECTORS = [path for path in DOCUMENTS if path.name == "connector.yaml"]
OVERRIDES = [path for path in DOCUMENTS if path.parent.name in ("accounts", "environments")]


def find_parts(path: Path) -> Iterator[tuple[Path_, dict[str, Any]]]:
    """Yield the configurations of a document, with their paths."""
    data = read_document(path, path.name).data
    if not isinstance(data, dict):
        return
    if path.name == "connector.yaml":
        yield (), data
    if isinstance(data.get("override"), dict):
        yield ("override",), data["override"]
    for name, part in (data.get("connectors") or {}).items():
        yield ("connectors", name), part


@pytest.mark.parametrize("path", [*CONNECTORS, *OVERRIDES], ids=lambda path: str(path.relative_to(ROOT)))
def test_the_short_form_of_a_document_means_the_same(path: Path) -> None:
    for _, written in find_parts(path):
        before = deepcopy(written)
        canonical, _ = expand(written, Configuration)
        short = shorten(canonical, Configuration)
        again, places = expand(short, Configuration)
        assert again == canonical
        assert shorten(again, Configuration) == short
        assert expand(canonical, Configuration)[0] is canonical
        assert written == before
        for place, value in iterate_leaves(canonical):
            found = lookup(short, places.find(place))
            assert found == value, f"{place} is written at {places.find(place)}"
            assert find_canonical(places.find(place), canonical, Configuration) in (place, place[:-1])


def test_the_corpus_has_short_forms() -> None:
    canonical = [expand(data, Configuration)[0] for path in CONNECTORS for _, data in find_parts(path)]
    assert len(canonical) > 20
    assert len(OVERRIDES) > 20
    assert sum(shorten(data, Configuration) != data for data in canonical) > 25


@pytest.mark.parametrize("path", CONNECTORS, ids=lambda path: path.parent.name)
def test_the_short_form_is_valid(path: Path) -> None:
    (_, data), *_ = find_parts(path)
    short: Document = parse(dump_yaml(shorten(data, Configuration)), "connector.yaml")
    assert [finding.message for finding in validate(short, "connector")] == [
        finding.message for finding in validate(read_document(path, path.name), "connector")
    ]


def test_no_strategy_has_a_setting_that_the_short_form_needs_for_itself() -> None:
    seen: set[type] = set()
    models: list[Any] = [Configuration]
    strategies = 0
    while models:
        model = models.pop()
        if model in seen:
            continue
        seen.add(model)
        for entry in msgspec.structs.fields(model):
            models.extend(find_models(entry.type))
        if model.__struct_config__.tag is not None:
            strategies += 1
            assert not {"format", "config"} & {*model.__struct_encode_fields__, *model.aliases}, model
            assert not hasattr(model, "rest"), model
    assert strategies > 40


def find_models(kind: Any) -> Iterator[type]:
    if isinstance(kind, type) and issubclass(kind, msgspec.Struct):
        yield kind
    for part in getattr(kind, "__args__", ()):
        yield from find_models(part)


def test_a_missing_part_is_where_its_strategy_is() -> None:
    _, places = expand({"pagination": {"format": "page", "size": 5}}, Configuration)
    assert places.find(("pagination", "config", "first")) == ("pagination", "first")
    assert lookup({"pagination": {}}, places.find(("pagination", "config", "first"))) is MISSING
