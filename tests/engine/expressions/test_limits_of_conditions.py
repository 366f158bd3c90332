"""A deployment's limits hold for every expression of a run: they are a part of its conditions."""

from dataclasses import replace
from typing import Any

import pytest

from conn_engine.conditions import DEFAULT_LIMITS, Conditions, Scope
from conn_engine.errors import ExpressionError
from conn_engine.expressions import (
    LeafFailures,
    compile_mapping,
    evaluate,
    evaluate_fields,
    evaluate_node,
    render,
    truth,
)

TIGHT = Conditions(limits=replace(DEFAULT_LIMITS, array_items=100))
SCOPE = Scope({"response": 1}, TIGHT)
MUCH = "[1..1000]"


def mapped() -> Any:
    return compile_mapping([{"a": MUCH}]).apply([{"response": 1}], TIGHT)


@pytest.mark.parametrize(
    "work",
    [
        lambda: evaluate(MUCH, SCOPE),
        lambda: evaluate(MUCH, {"response": 1}, TIGHT),
        lambda: truth(MUCH, SCOPE),
        lambda: render(f"{{{{{MUCH}}}}}", SCOPE),
        lambda: compile_mapping([{"a": MUCH}]).apply_one(SCOPE),
        mapped,
        lambda: evaluate_node(MUCH, SCOPE, None, LeafFailures()),
    ],
    ids=["evaluate", "with conditions", "truth", "template", "one record", "page", "node"],
)
def test_they_hold(work: Any) -> None:
    with pytest.raises(ExpressionError) as caught:
        work()
    assert caught.value.code == "size"


def test_they_hold_for_each_field() -> None:
    (record,) = evaluate_fields([{"a": MUCH, "b": "response"}], [{"response": 1}], TIGHT)
    assert (record.value, [error.code for error in record.errors.values()]) == ({"b": 1}, ["size"])


def test_the_callers_limits_go_first() -> None:
    assert len(evaluate(MUCH, SCOPE, limits=DEFAULT_LIMITS)) == 1000
