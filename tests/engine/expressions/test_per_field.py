"""A mapping for each field and record: what is wrong with one field affects no other."""

import time
from typing import Any

import pytest

from conn_engine.conditions import USUAL, Conditions
from conn_engine.expressions import (
    UNDEFINED,
    EvaluationLimits,
    MappedRecord,
    evaluate_fields,
    find_effective_leaves,
)
from conn_engine.expressions.isolation import Isolation

RECORDS = [{"id": "1", "n": "Ada", "size": "3"}, {"id": "2", "n": "Bo", "size": "many"}]
ENDLESS = "($again := function($n){$again($n + 1)}; $again(0))"


def evaluate(layers: list[Any], conditions: Conditions = USUAL, **limits: Any) -> list[MappedRecord]:
    scopes = [{"response": record} for record in RECORDS]
    return evaluate_fields(layers, scopes, conditions, limits=EvaluationLimits(**limits))


def messages(result: MappedRecord) -> dict[str, str]:
    return {name: error.message for name, error in result.errors.items()}


def test_every_field_has_its_value_or_the_error_of_each_record() -> None:
    first, second = evaluate([{"id": "response.id", "size": "$number(response.size)", "deep": {"n": "response.n"}}])
    assert (first.value, first.errors) == ({"id": "1", "size": 3, "deep": {"n": "Ada"}}, {})
    assert second.value == {"id": "2", "deep": {"n": "Bo"}}
    assert list(second.errors) == ["size"]
    assert second.errors["size"].text == "$number(response.size)"


@pytest.mark.parametrize("broken", ["response.(", "$nothing(", "($base := 1)", "$eval('1')"])
def test_an_invalid_expression_takes_only_its_field(broken: str) -> None:
    results = evaluate([{"id": "response.id", "deep": {"n": broken, "m": "response.n"}}])
    assert [result.value for result in results] == [{"id": "1", "deep": {"m": "Ada"}}, {"id": "2", "deep": {"m": "Bo"}}]
    assert [list(result.errors) for result in results] == [["deep.n"], ["deep.n"]]
    assert "deep.n" not in messages(results[0])["deep.n"]


def test_an_invalid_expression_of_an_upper_level_does_not_reveal_the_value_below() -> None:
    results = evaluate([{"id": "response.id", "n": "response.n"}, {"n": "response.("}])
    assert [result.value for result in results] == [{"id": "1"}, {"id": "2"}]


def test_a_limit_takes_only_its_field() -> None:
    results = evaluate([{"id": "response.id", "n": ENDLESS}], steps=100_000, depth=10_000)
    assert [result.value for result in results] == [{"id": "1"}, {"id": "2"}]
    assert [error.code for result in results for error in result.errors.values()] == ["steps", "steps"]


def test_a_mapping_of_one_expression_fails_for_its_records_only() -> None:
    first, second = evaluate(['{"id": response.id, "size": $number(response.size)}'])
    assert (first.value, first.errors) == ({"id": "1", "size": 3}, {})
    assert (second.value, list(second.errors)) == (UNDEFINED, [""])


def test_what_is_not_a_mapping_is_an_error_of_every_record() -> None:
    layer: Any = "response.id"
    for _ in range(80):
        layer = {"a": layer}
    results = evaluate([{"id": "response.id"}, layer])
    assert [(result.value, list(result.errors)) for result in results] == [(UNDEFINED, [""])] * 2


def test_an_evaluation_is_killed_with_its_process() -> None:
    twice = "$reduce([1..200], function($a, $i){[[$a], [$a]]}, [1])"  # comparing it does not end
    started = time.monotonic()
    with Isolation(grace_seconds=0.1) as isolation:
        conditions = Conditions(isolation=isolation.isolate_except(()))
        results = evaluate([{"id": "response.id", "n": f"{twice} = {twice}"}], conditions, seconds=0.1)
    assert [result.value for result in results] == [{"id": "1"}, {"id": "2"}]
    assert [error.code for result in results for error in result.errors.values()] == ["timeout", "timeout"]
    assert time.monotonic() - started < 60


def test_effective_leaves_are_those_that_no_upper_level_overrides() -> None:
    base = {"a": "response.a", "b": {"c": "response.c", "d": "response.d"}, "e": "response.e", "f": "response.f"}
    upper = {"a": "response.x", "b": {"c": "$base.b.c & '!'"}, "e": None}
    assert {(leaf.field, leaf.text) for leaf in find_effective_leaves([base, upper])} == {
        ("a", "response.x"),
        ("b.c", "$base.b.c & '!'"),
        ("b.c", "response.c"),
        ("b.d", "response.d"),
        ("f", "response.f"),
    }
