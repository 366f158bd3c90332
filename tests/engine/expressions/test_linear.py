"""Functions whose work grows no faster than their input, and joins that are refused before they are made."""

from collections.abc import Callable
from typing import Any

import pytest
from evaluating import evaluate, expression, use
from hypothesis import example, given
from hypothesis import strategies as st
from measuring import cpu_limit

from conn_engine.errors import ExpressionError
from conn_engine.expressions import EvaluationLimits
from conn_engine.expressions.functions.equality import distinct, find_keys

TWICE = "$reduce([1..200], function($a, $i){[[$a], [$a]]}, [{'a': 1}])"
"""A value that holds itself 2^200 times over."""


class Counted(str):
    """A text that counts how often it is compared."""

    __slots__ = ()
    compared = 0

    def __hash__(self) -> int:
        return str.__hash__(self)

    def __eq__(self, other: object) -> bool:
        Counted.compared += 1
        return str.__eq__(self, other)


def test_distinct_values_are_not_compared_with_each_other() -> None:
    Counted.compared = 0
    items = [Counted(number % 5000) for number in range(10_000)]
    assert len(distinct(items)) == 5000
    assert Counted.compared < 20_000


def test_what_holds_itself_many_times_over_is_looked_at_once() -> None:
    first: list[Any] = [1, {"k": 2}]
    second: list[Any] = [1, {"k": 2}]
    for _ in range(200):
        first, second = [[first], [first]], [[second], [second]]
    assert distinct([first, second, [first]]) == [first, [first]]
    assert find_keys(first) == ["k"]


MUCH: dict[str, Callable[[], Any]] = {
    "numbers": lambda: list(range(150_000)),
    "objects": lambda: [{"k": number, "v": [number]} for number in range(40_000)],
    "wide": lambda: {f"k{number}": 1 for number in range(150_000)},
    "narrow": lambda: [{f"k{number}": 1} for number in range(150_000)],
}


@pytest.mark.slow
@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("$count($distinct(numbers))", 150_000),
        ("$count($distinct(objects))", 40_000),
        ("$count($keys(wide))", 150_000),
        ("$count($keys(narrow))", 150_000),
        ("$count($spread(narrow))", 150_000),
    ],
)
def test_much_is_soon_done(evaluator: str, text: str, value: int) -> None:
    """Work that grows with the square of the input takes half a minute of processor time here; this takes a second."""
    name = text.rpartition("(")[2].rstrip(")")
    data = {name: MUCH[name]()}
    compiled = expression(text)
    with cpu_limit(20):
        assert compiled.evaluate(data, limits=EvaluationLimits(seconds=600, steps=1_000_000)) == value


def test_keys_and_parts_of_what_holds_itself_many_times_over(evaluator: str) -> None:
    tight = EvaluationLimits(seconds=60, result_bytes=100_000, array_items=1000)
    if evaluator == "jsonata-python":
        assert evaluate(f"$keys({TWICE})", {}, limits=tight) == "a"
        with pytest.raises(ExpressionError) as caught:
            evaluate(f"$spread({TWICE})", {}, limits=tight)
    else:
        with pytest.raises(ExpressionError) as caught:
            evaluate(f"$keys({TWICE})", {}, limits=tight)
    assert caught.value.code == "size"


JOIN = "a@$x.b@$y.c@$z.{'x': $x, 'z': $z}"


def test_a_join_is_refused_before_it_is_made(evaluator: str) -> None:
    data = {name: [{"k": number} for number in range(40)] for name in "abc"}
    few = {name: items[:10] for name, items in data.items()}
    limits = EvaluationLimits(join_items=1000)
    assert len(evaluate(JOIN, few, limits=limits)) == 1000
    with pytest.raises(ExpressionError) as caught:
        evaluate(JOIN, data, limits=limits)
    assert caught.value.code == "size"
    assert evaluate("$sum([1..20].$count($$.a@$x.b@$y.($x.k)))", few, limits=limits) == 2000  # each is one of its own
    assert len(evaluate("[1..2000].('@')", data, limits=limits)) == 2000


scalars = st.none() | st.booleans() | st.integers(-3, 3) | st.sampled_from([1.0, 0.5]) | st.sampled_from("a1")
values = st.recursive(
    scalars, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from("ab"), inner)
)


@given(st.lists(values, max_size=12))
@example([None, [False, False], True])
@example([[[], []], "a", True, [1, 1], 1])
def test_the_distinct_values_are_those_that_the_evaluator_finds(items: list[Any]) -> None:
    with use("jlens"):
        assert evaluate("[$distinct(items)]", {"items": items}) == evaluate("[$]", distinct(items))
