"""The short form of documents: expanded, shortened, and where its parts are written."""

from copy import deepcopy
from typing import Any

import pytest

from conn_engine.config.models import Configuration
from conn_engine.config.short_form import Conflict, WrittenPlaces, expand, find_conflicts, shorten

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
            "list": {"incremental": {"format": "integer", "config": {"cursor_field": "at"}}},
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
            "list": {"incremental": {"format": "integer", "cursor_field": "at"}},
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
    ],
)
def test_what_is_set_in_two_ways(strategy: dict[str, Any], conflicts: list[Any]) -> None:
    data = {"resources": {"a": {"list": {"pagination": {"format": "page", **strategy}}}}}
    at = ("resources", "a", "list", "pagination")
    found: list[Conflict] = find_conflicts(data, Configuration)
    assert [conflict.path for conflict in found] == [(*at, *path) for path, _ in conflicts]
    assert all(start in conflict.message for conflict, (_, start) in zip(found, conflicts, strict=True))
