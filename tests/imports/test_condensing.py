"""The short form of imported connectors: each operation means the same, and comments stay with their settings."""

from copy import deepcopy
from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest

from conn_engine.config.models import Configuration
from conn_engine.config.operations import operation_names, vendor_operation
from conn_engine.config.short_form import expand
from conn_engine.documents import parse, read_document
from conn_import.condensing import condense
from conn_import.writing import format_inline

ROOT = Path(__file__).parents[2]
CONNECTORS = [
    path
    for folder in ("connectors", "tests/imports/expected", "tests/servers/workspaces")
    for path in sorted((ROOT / folder).rglob("connector.yaml"))
]


def resolve(data: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """Return every setting of every operation of a connector, whatever it inherits."""
    canonical = expand(data, Configuration)[0]
    found = [name for name in operation_names(canonical) if name.kind == "vendor"]
    typed = {name.text: vendor_operation(canonical, name.resource, name.method, connector="demo") for name in found}
    return {
        name: {part.name: getattr(operation, part.name) for part in fields(operation) if part.name != "places"}
        for name, operation in typed.items()
    }


@pytest.mark.parametrize("path", CONNECTORS, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_operation_means_the_same(path: Path) -> None:
    canonical = expand(read_document(path, path.name).data, Configuration)[0]
    before = deepcopy(canonical)
    short, _ = condense(canonical, {})
    assert canonical == before
    assert resolve(short) == resolve(canonical)
    assert condense(expand(short, Configuration)[0], {})[0] == short


def listing(path: str, **settings: Any) -> dict[str, Any]:
    return {"list": {"method": "get", "path": path, **settings}}


def moments(**settings: Any) -> dict[str, Any]:
    return {"incremental": {"format": "datetime", "config": {"cursor_field": "at", "start_param": "from", **settings}}}


def condensed(notes: dict[Any, str] | None = None, **resources: Any) -> tuple[dict[str, Any], dict[Any, str]]:
    data = {"base_url": "https://api.example.com", "resources": resources}
    short, places = condense(data, notes or {})
    assert resolve(short) == resolve(data)
    return short, places


def test_what_most_listings_share_is_the_connectors() -> None:
    people, teams = listing("/people", response_path="data"), listing("/teams", response_path="data")
    short, notes = condensed(
        {("resources", "people", "list", "response_path"): "guess", ("resources", "odd", "list", "response_path"): "x"},
        people=people,
        teams=teams,
        jobs=listing("/jobs", response_path="data"),
        odd=listing("/odd", response_path="rows"),
        whole=listing("/whole"),
    )
    assert short["response_path"] == "data"
    assert short["resources"] == {
        "people": {"list": "/people"},
        "teams": {"list": "/teams"},
        "jobs": {"list": "/jobs"},
        "odd": {"list": {"path": "/odd", "response_path": "rows"}},
        "whole": {"list": {"path": "/whole", "response_path": None}},
    }
    assert notes == {("response_path",): "guess", ("resources", "odd", "list", "response_path"): "x"}


def test_a_setting_stays_where_moving_it_makes_the_document_longer() -> None:
    rows = {f"r{n}": listing(f"/r{n}") for n in range(4)}
    short, _ = condensed(people=listing("/people", response_path="data"), **rows)
    assert "response_path" not in short


def test_a_listing_with_other_settings_has_only_the_differences() -> None:
    rows = {f"r{n}": listing(f"/r{n}", **moments(window="P1D", end_param="to")) for n in range(3)}
    short, _ = condensed(**rows, odd=listing("/odd", **moments(end_param="until")))
    assert short["incremental"] == {
        "format": "datetime",
        "cursor_field": "at",
        "start_param": "from",
        "window": "P1D",
        "end_param": "to",
    }
    odd = {"format": "datetime", "end_param": "until", "window": None}
    assert short["resources"]["odd"]["list"] == {"path": "/odd", "incremental": odd}


def test_what_a_name_and_a_resource_imply_is_left_out() -> None:
    people = {
        "list": {"method": "get", "path": "/people"},
        "create": {"method": "post", "path": "/people", "body_format": "form"},
        "get": {"method": "GET", "path": "/people/{{id}}"},
        "update": {"method": "patch", "path": "/people/{{id}}"},
        "delete": {"method": "delete", "path": "/other/{{id}}"},
        "search": {"method": "post", "path": "/people"},
    }
    notes = {("resources", "people", "delete", "path"): "odd", ("resources", "people", "update", "path"): "same"}
    short, places = condensed(notes, people=people)
    assert short["resources"]["people"] == {
        "path": "/people",
        "list": {},
        "create": {"body_format": "form"},
        "get": {},
        "update": {"method": "patch"},
        "delete": "/other/{{id}}",
        "search": {"method": "post", "path": "/people"},
    }
    assert places == {("resources", "people", "delete"): "odd", ("resources", "people", "path"): "same"}


@pytest.mark.parametrize(
    "value",
    [
        {"a": "x, y", "b": "{z}", "c": "[1]", "d": "a: b", "e": "# no"},
        {"a": {"b": [1, "two", None, True, 1.5, ""]}},
        {"a b": {}, "c": [], "{{d}}": "{{e}}"},
        {"on": "yes", "1": "2", "x": "null", "y": 'quote " and \\ and é'},
    ],
)
def test_a_value_on_one_line_is_read_as_the_same(value: dict[str, Any]) -> None:
    text = format_inline(value)
    assert "\n" not in text
    assert parse(f"key: {text}\n", "x.yaml").data == {"key": value}
