"""The short form of documents: expanded, shortened, and where its parts are written."""

from copy import deepcopy
from typing import Any

import pytest

from conn_engine.config.conflicts import Conflict, find_conflicts
from conn_engine.config.models import Configuration
from conn_engine.config.short_form import WrittenPlaces, expand, shorten
from conn_engine.errors import ConfigurationError
from conn_engine.schemas.reference import find_references

CANONICAL: dict[str, Any] = {
    "label": "L",
    "authorization": {
        "format": "several",
        "config": {"all": [{"format": "bearer"}, {"format": "header", "config": {"name": "X", "value": "1"}}]},
    },
    "credentials": {
        "format": "choice",
        "config": {"by": "x", "options": {"a": {"format": "mtls", "config": {"with": {"format": "api_key"}}}}},
    },
    "pagination": {"format": "none"},
    "resources": {
        "people": {
            "pagination": {"format": "nested", "config": {"outer": {"format": "page", "config": {"size": 5}}}},
            "list": {"incremental": {"format": "integer", "config": {"record_cursor": "at"}}},
        }
    },
    "webhooks": {"verify": {"format": "any", "config": {"of": [{"format": "none"}]}}},
}
SHORT: dict[str, Any] = {
    "label": "L",
    "authorization": {"format": "several", "all": ["bearer", {"format": "header", "name": "X", "value": "1"}]},
    "credentials": {"format": "choice", "by": "x", "options": {"a": {"format": "mtls", "with": "api_key"}}},
    "pagination": "none",
    "resources": {
        "people": {
            "pagination": {"format": "nested", "outer": {"format": "page", "size": 5}},
            "list": {"incremental": {"format": "integer", "record_cursor": "at"}},
        }
    },
    "webhooks": {"verify": {"format": "any", "of": ["none"]}},
}


def test_every_strategy_may_be_flat() -> None:
    before = deepcopy(SHORT)
    assert expand(SHORT, Configuration)[0] == CANONICAL
    assert before == SHORT
    assert shorten(CANONICAL, Configuration) == SHORT


def test_the_canonical_form_is_returned_as_it_is() -> None:
    expanded, written = expand(CANONICAL, Configuration)
    assert expanded is CANONICAL
    assert written.find(("pagination", "config", "size")) == ("pagination", "config", "size")
    assert not any(written.moves)


@pytest.mark.parametrize(
    ("canonical", "written"),
    [
        (("label",), ("label",)),
        (("pagination", "format"), ("pagination",)),
        (("authorization", "config"), ("authorization",)),
        (("authorization", "config", "all", 0, "format"), ("authorization", "all", 0)),
        (("authorization", "config", "all", 1, "config", "name"), ("authorization", "all", 1, "name")),
        (
            ("credentials", "config", "options", "a", "config", "with", "format"),
            ("credentials", "options", "a", "with"),
        ),
        (
            ("resources", "people", "pagination", "config", "outer", "config", "size"),
            ("resources", "people", "pagination", "outer", "size"),
        ),
        (
            ("resources", "people", "pagination", "config", "outer", "config", "first"),
            ("resources", "people", "pagination", "outer", "first"),
        ),
    ],
)
def test_where_the_author_wrote_it(canonical: tuple[Any, ...], written: tuple[Any, ...]) -> None:
    assert expand(SHORT, Configuration)[1].find(canonical) == written


def test_aliases_are_renamed_in_both_forms() -> None:
    nested = {"pagination": {"format": "cursor", "config": {"cursor_path": "a", "size": 1}}}
    flat = {"pagination": {"format": "cursor", "cursor_path": "a", "size": 1}}
    (data, places), (same, flat_places) = expand(nested, Configuration), expand(flat, Configuration)
    assert data == same == {"pagination": {"format": "cursor", "config": {"cursor_field": "a", "size": 1}}}
    place = ("pagination", "config", "cursor_field")
    assert places.find(place) == ("pagination", "config", "cursor_path")
    assert flat_places.find(place) == ("pagination", "cursor_path")


@pytest.mark.parametrize("part", [{"pagination": {"config": {"limit": 5}}}, {"pagination": {"limit": 5}}])
def test_a_part_without_format_has_the_one_below(part: dict[str, Any]) -> None:
    below = {"pagination": {"format": "page", "config": {}}}
    assert expand(part, Configuration, below)[0] == {"pagination": {"config": {"size": 5}}}


def test_a_part_of_an_unknown_strategy_is_expanded_where_all_strategies_agree() -> None:
    part = {"resources": {"people": {"authorization": {"options": {"a": {"format": "query", "name": "k"}}}}}}
    expanded = {"config": {"options": {"a": {"format": "query", "config": {"name": "k"}}}}}
    assert expand(part, Configuration, {})[0] == {"resources": {"people": {"authorization": expanded}}}


def test_later_moves_are_undone_first() -> None:
    places = WrittenPlaces(({("a", "config"): ("a",)}, {("a",): ("x.a",), ("a", "b"): ("x.a.b",)}))
    assert places.find(("a", "config", "b", 1)) == ("x.a.b", 1)
    assert places.find(("a", "config", "c")) == ("x.a", "c")


@pytest.mark.parametrize(
    ("strategy", "conflicts"),
    [
        ({"config": {"size": 1, "limit": 2}}, [(("config", "limit"), '"limit" and "size"')]),
        ({"size": 1, "limit": 2}, [(("limit",), '"limit" and "size"')]),
        ({"config": {"size": 1}, "size": 2}, [(("size",), '"size" and "config.size"')]),
        ({"config": {"size": 1}, "limit": 2}, [(("limit",), '"limit" and "config.size"')]),
        ({"config": {"size": 1}, "first": 2}, [(("first",), '"first" and "config" are both set')]),
        ({"config": None, "first": 2}, [(("first",), '"first" and "config" are both set')]),
    ],
)
def test_what_is_set_in_two_ways(strategy: dict[str, Any], conflicts: list[Any]) -> None:
    data = {"resources": {"a": {"list": {"pagination": {"format": "page", **strategy}}}}}
    at = ("resources", "a", "list", "pagination")
    found: list[Conflict] = find_conflicts(data, Configuration)
    assert [conflict.path for conflict in found] == [(*at, *path) for path, _ in conflicts]
    assert all(start in conflict.message for conflict, (_, start) in zip(found, conflicts, strict=True))


# --- in a workspace ---

FLAT = """\
base_url: https://api.hubspot.com
credentials: api_key
authorization: { format: header, name: X-Key, value: "{{api_key}}" }
pagination:
  format: page
  size: 50
resources:
  contacts:
    list: { method: get, path: /contacts }
"""
NESTED = """\
base_url: https://api.hubspot.com
credentials: { format: api_key }
authorization: { format: header, config: { name: X-Key, value: "{{api_key}}" } }
pagination:
  format: page
  config:
    size: 50
resources:
  contacts:
    list: { method: get, path: /contacts }
"""
CONNECTOR, ACCOUNT = "connectors/hubspot/connector.yaml", "accounts/acme.yaml"
LEFT_OUT = ("connectors/hubspot/connector.json", "connectors/hubspot/unified/crm.yaml", "environments/production.yaml")
SIZE = ("pagination", "config", "size")


def workspace(make: Any, connector: str, override: str, conn: str = "version: 1\n") -> Any:
    account = f"connector: hubspot\noverride:\n{override}"
    files = dict.fromkeys(LEFT_OUT) | {CONNECTOR: connector, ACCOUNT: account, "conn.yaml": conn}
    return make(files).effective(account="acme")


@pytest.mark.parametrize(("connector", "line"), [(FLAT, 6), (NESTED, 7)])
@pytest.mark.parametrize(
    ("override", "own"),
    [("  pagination: { size: 10 }\n", 3), ("  pagination:\n    config:\n      limit: 10\n", 5)],
)
def test_both_forms_merge_and_have_their_lines(make: Any, connector: str, line: int, override: str, own: int) -> None:
    effective = workspace(make, connector, override)
    assert effective.data["pagination"] == {"format": "page", "config": {"size": 10}}
    assert [(origin.span.file, origin.span.line, origin.value) for origin in effective.origins(SIZE)] == [
        (ACCOUNT, own, 10),
        (CONNECTOR, line, 50),
    ]
    assert effective.find_canonical(("pagination", "limit")) == SIZE
    assert effective.connector.pagination.size == 10


@pytest.mark.parametrize(
    ("override", "line", "column", "message"),
    [
        ("  pagination:\n    size: ten\n", 4, 11, "expected int | null, found str"),
        ("  pagination:\n    cursor_field: next\n", 4, 5, 'unknown key "cursor_field"'),
        ("  authorization: { name: X-Other }\n", 3, 26, "account changes where a secret is sent"),
        ("  authorization: bearer\n", 3, 18, "account changes where a secret is sent"),
    ],
)
def test_a_fault_of_merged_levels_is_where_it_is_written(
    make: Any, override: str, line: int, column: int, message: str
) -> None:
    findings = workspace(make, FLAT, override).findings
    assert [(one.span.file, one.span.line, one.span.column) for one in findings] == [(ACCOUNT, line, column)]
    assert message in findings[0].message


def test_conn_yaml_allows_a_placement_in_either_form(make: Any) -> None:
    for place in ("authorization.name", "authorization.config.name"):
        allow = f"version: 1\nenvironments: {{production: {{allow: {{placement: [{place}]}}}}}}\n"
        effective = workspace(make, FLAT, "  authorization: {name: X-Other}\n", allow)
        assert [finding.code for finding in effective.findings] == ["SEC117"]


def test_a_flat_override_that_changes_nothing_is_dead(make: Any) -> None:
    dead = workspace(make, FLAT, "  pagination: { size: 50 }\n").dead()
    assert [(origin.path, origin.place) for origin in dead] == [(SIZE, ("override", "pagination", "size"))]


@pytest.mark.parametrize(
    ("pagination", "message"),
    [
        ("{ format: page, config: { size: 1 }, size: 2 }", '"size" and "config.size" are the same setting; remove one'),
        ("{ config: { first: 1 }, size: 2 }", '"size" and "config" are both set'),
        ("nome", 'unknown format "nome"'),
    ],
)
def test_what_cannot_be_expanded_is_an_error_on_its_line(make: Any, pagination: str, message: str) -> None:
    effective = workspace(make, FLAT, f"  pagination: {pagination}\n")
    with pytest.raises(ConfigurationError) as caught:
        effective.check()
    (finding,) = caught.value.findings
    assert (finding.span.file, finding.span.line) == (ACCOUNT, 3)
    assert finding.message.startswith(message)


def test_a_setting_is_explained_by_its_place_in_either_form() -> None:
    found = find_references("pagination.size")
    assert {"pagination.page#size", "pagination.offset#size"} <= set(found)
    assert find_references("pagination.config.size") == found
    assert find_references("pagination.page.config.size") == ["pagination.page#size"]
