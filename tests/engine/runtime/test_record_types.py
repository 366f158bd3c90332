"""`record_types`: what becomes which kind, where it stands, and who may say so."""

import copy
import re
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from conn_engine.config import Workspace
from conn_engine.listing.flows import PLACE, cast_records, steps_of

KINDS: Any = ("text", "number", "integer", "boolean", "list")
SAME = object()


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (7, ("7", SAME, SAME, SAME, [7])),
        (7.5, ("7.5", SAME, SAME, SAME, [7.5])),
        (7.0, ("7", SAME, 7, SAME, [7.0])),
        (1, ("1", SAME, SAME, True, [1])),
        (0.0, ("0", SAME, 0, False, [0.0])),
        (True, ("true", 1, 1, SAME, [True])),
        (" 12 ", (SAME, 12, 12, SAME, [" 12 "])),
        ("-1.50e2", (SAME, -150.0, -150, SAME, ["-1.50e2"])),
        ("1.5", (SAME, 1.5, SAME, SAME, ["1.5"])),
        ("1e999", (SAME, SAME, SAME, SAME, ["1e999"])),
        ("9" * 401, (SAME, SAME, SAME, SAME, ["9" * 401])),
        ("1_000", (SAME, SAME, SAME, SAME, ["1_000"])),
        ("NaN", (SAME, SAME, SAME, SAME, ["NaN"])),
        ("Yes", (SAME, SAME, SAME, True, ["Yes"])),
        ("off", (SAME, SAME, SAME, False, ["off"])),
        ("", (SAME, SAME, SAME, SAME, [""])),
        (None, (SAME, SAME, SAME, SAME, SAME)),
        ([1], (SAME, SAME, SAME, SAME, SAME)),
        ({"a": 1}, (SAME, SAME, SAME, SAME, SAME)),
    ],
)
def test_what_becomes_what(value: Any, expected: tuple[Any, ...]) -> None:
    for kind, result in zip(KINDS, expected, strict=True):
        (made,) = cast_records({"x": kind}, [{"x": value}])
        wanted = value if result is SAME else result
        assert (made["x"], type(made["x"])) == (wanted, type(wanted)), kind


@pytest.mark.parametrize(
    ("place", "record", "made"),
    [
        ("a.b", {"a": {"b": 1, "c": 1}}, {"a": {"b": "1", "c": 1}}),
        ("a[].b", {"a": [{"b": 1}, {"c": 1}, 2]}, {"a": [{"b": "1"}, {"c": 1}, 2]}),
        ("a[]", {"a": [1, [2], None]}, {"a": ["1", [2], None]}),
        ("`a.b`.`c d`", {"a.b": {"c d": 1}}, {"a.b": {"c d": "1"}}),
        ("a.b", {"a": [{"b": 1}]}, {"a": [{"b": 1}]}),
        ("a[].b", {"a": {"b": 1}}, {"a": {"b": 1}}),
        ("a.b", {}, {}),
        ("a", [1], [1]),
    ],
)
def test_where(place: str, record: Any, made: Any) -> None:
    assert re.fullmatch(PLACE, place)
    before = copy.deepcopy(record)
    assert cast_records({place: "text"}, [record]) == [made]
    assert record == before


@pytest.mark.parametrize("place", ["", "a..b", ".a", "a.", "a[0]", "[]", "a b", "a[].", "`a"])
def test_what_is_no_place(place: str) -> None:
    assert not re.fullmatch(PLACE, place)


@given(st.lists(st.text("ab.[] ", min_size=1), min_size=1, max_size=4))
def test_any_names_have_a_place(names: list[str]) -> None:
    place = ".".join(f"`{name}`" for name in names)
    assert re.fullmatch(PLACE, place)
    assert steps_of(place) == tuple(names)


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=4),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from("abc"), inner, max_size=3),
    max_leaves=8,
)


@given(VALUES, st.dictionaries(st.sampled_from(["a", "b", "a.b", "a[]", "a[].b"]), st.sampled_from(KINDS)))
def test_a_second_time_changes_nothing(record: Any, types: Any) -> None:
    once = cast_records(types, [record])
    assert cast_records(types, once) == once


def test_every_level_may_say_a_place(make: Callable[..., Workspace]) -> None:
    row = {"method": "get", "path": "/x", "record_types": {"id": "text", "n": "number"}}
    override = {"resources": {"x": {"list": {"record_types": {"n": None, "lines[].n": "integer"}}}}}
    workspace = make({
        "connectors/demo/connector.yaml": {"base_url": "https://a.example", "resources": {"x": {"list": row}}},
        "connectors/demo/unified/crm.yaml": None,
        "accounts/acme.yaml": {"connector": "demo", "override": override},
    })  # fmt: skip
    effective = workspace.effective(account="acme")
    assert effective.vendor("x", "list").record_types == {"id": "text", "lines[].n": "integer"}
    place = ("resources", "x", "list", "record_types")
    assert [effective.origins((*place, name))[-1].level for name in ("id", "lines[].n")] == ["base", "account"]
