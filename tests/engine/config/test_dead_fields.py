"""Which fields of an override's mapping change nothing."""

from typing import Any

import pytest

from conn_engine.config.merge import dead


def mapped(mapping: Any) -> dict[str, Any]:
    return {"unified": {"crm": {"contacts": {"list": {"response_mapping": mapping}}}}}


def dead_fields(*mappings: Any) -> list[tuple[int, str]]:
    """The number of the layer and the field of each."""
    return [(layer, ".".join(map(str, path[5:]))) for layer, path in dead([mapped(one) for one in mappings])]


BELOW = {"a": "response.a", "b": "response.b", "n": {"x": "response.x"}}
EXTENDED = {"b": "$base.b & '!'"}


@pytest.mark.parametrize(
    ("mappings", "found"),
    [
        ([BELOW, {"a": "response.a", **EXTENDED}], [(1, "a")]),
        ([BELOW, EXTENDED, {"a": "response.a"}], [(2, "a")]),
        ([BELOW, EXTENDED, {"n": {"x": "response.x"}}], [(2, "n.x")]),
        ([BELOW, EXTENDED, {"z": None}], [(2, "z")]),
        ([BELOW, {**EXTENDED, "a": None}, {"a": None}], [(2, "a")]),
        ([BELOW, {**EXTENDED, "a": None}, {"a": "response.a"}], []),
        ([BELOW, EXTENDED, {"b": "response.b"}], []),
        ([BELOW, EXTENDED, {"b": "$base.b & '!'"}], []),
        ([BELOW, {**EXTENDED, "n": "response"}, {"n": {"x": "response.x"}}], []),
        ([BELOW, '{"a": 1}', {"a": "response.a"}], []),
        ([BELOW, {"replace": EXTENDED}, {"a": "response.a"}], []),
        ([BELOW, {"replace": EXTENDED}, {"a": None}], [(2, "a")]),
    ],
)
def test_a_field_is_dead_where_the_nearest_level_that_sets_it_says_the_same(mappings, found):
    assert dead_fields(*mappings) == found
