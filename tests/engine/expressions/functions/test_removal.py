"""Paths that are left out of data, with patterns in their steps."""

from typing import Any

import pytest
from evaluating import evaluate
from hypothesis import given
from hypothesis import strategies as st

from conn_engine.expressions.functions.removal import only_paths, without_paths
from conn_engine.expressions.functions.rows import FunctionFault

DATA = {
    "a": [{"b": 1, "c": 2}, {"b": 3}], "o": {"x": {"b": 1}, "y": 2}, "cf_1": 1, "cf_2": 2, "l": [1, 2], "s/t": 1,
}  # fmt: skip


@pytest.mark.parametrize(
    ("pointer", "changed"),
    [
        ("/a/*/b", {"a": [{"c": 2}, {}]}),
        ("/o/*/b", {"o": {"x": {}, "y": 2}}),
        ("/**/b", {"a": [{"c": 2}, {}], "o": {"x": {}, "y": 2}}),
        ("/a/**/b", {"a": [{"c": 2}, {}]}),
        ("/a/0/b", {"a": [{"c": 2}, {"b": 3}]}),
        ("/l/0", {"l": [None, 2]}),
        ("/o/**", {"o": ...}),
        ("/cf_*", {"cf_1": ..., "cf_2": ...}),
        ("/*_2", {"cf_2": ...}),
        ("/s~1t", {"s/t": ...}),
        ("/o/z", {}),
        ("/cf_1/x", {}),
        ("/", {}),
    ],
)
def test_what_is_left(pointer: str, changed: dict[str, Any]) -> None:
    left = {key: value for key, value in {**DATA, **changed}.items() if value is not ...}
    assert without_paths(DATA, [pointer]) == left
    assert evaluate(f'$omit(d, ["{pointer}"])', {"d": DATA}) == left


@pytest.mark.parametrize(
    ("pointer", "picked"),
    [
        ("/a/*/b", {"a": [{"b": 1}, {"b": 3}]}),
        ("/a/*/c", {"a": [{"c": 2}]}),
        ("/**/b", {"a": [{"b": 1}, {"b": 3}], "o": {"x": {"b": 1}}}),
        ("/a/1", {"a": [{"b": 3}]}),
        ("/o/**", {"o": {"x": {"b": 1}, "y": 2}}),
        ("/cf_*", {"cf_1": 1, "cf_2": 2}),
        ("/s~1t", {"s/t": 1}),
        ("/o/z", {}),
        ("/cf_1/x", {}),
        ("/**", DATA),
    ],
)
def test_what_is_picked(pointer: str, picked: dict[str, Any]) -> None:
    assert only_paths(DATA, [pointer]) == picked
    assert evaluate(f'$pick(d, ["{pointer}"])', {"d": DATA}) == picked


def test_names_and_paths_are_picked_together_in_the_order_of_the_object() -> None:
    assert list(evaluate("$pick(d, ['cf_*', '/o/y', 'a'])", {"d": DATA}).items()) == [
        ("a", DATA["a"]), ("o", {"y": 2}), ("cf_1", 1), ("cf_2", 2),
    ]  # fmt: skip
    assert evaluate("$pick(d, ['a*b', '/x/*'])", {"d": {"a*b": 1, "axb": 2}}) == {"a*b": 1}


def test_all_of_it() -> None:
    assert without_paths(DATA, ["/**"]) == without_paths(DATA, ["/*"]) == {}
    assert evaluate("$omit(d, ['o', 'l', '/a/*/c', '/*_1', 's*'])", {"d": DATA}) == {
        "a": [{"b": 1}, {"b": 3}], "cf_2": 2,
    }  # fmt: skip


@given(st.text("ab*", max_size=8), st.text("ab", max_size=8))
def test_a_pattern_fits_as_everywhere(pattern: str, key: str) -> None:
    from fnmatch import fnmatchcase

    if pattern != "**":
        assert (without_paths({key: 1}, [f"/{pattern}"]) == {}) is fnmatchcase(key, pattern)


def test_many_patterns_on_large_data_visit_each_value_once() -> None:
    hard = "/" + "/".join(["**", "*a*a*a*a*a*b"] * 8)
    data: Any = "x"
    for _ in range(60):
        data = {"a" * 200: data, "c": 1}
    assert without_paths(data, [hard] * 20) == data
    with pytest.raises(FunctionFault):
        for _ in range(200):
            data = {"a": data}
        without_paths(data, ["/**/b"])
