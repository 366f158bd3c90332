"""Filter and transform the records of a page, and find the records on which that fails."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any, TypeVar

from conn_engine.conditions import Scope
from conn_engine.errors import ExpressionError
from conn_engine.expressions import UNDEFINED, EvaluationLimits, compile_mapping, is_true
from conn_engine.expressions import Mapping as CompiledMapping
from conn_engine.syncs.planned_steps import TransformStep

__all__ = ["RecordFault", "Transformed", "apply_filter", "apply_transform", "divide"]

T = TypeVar("T")
_STOPPED = frozenset({"timeout", "memory", "steps"})
"""Codes of an expression that was stopped because it takes too much: it is not tried again for each record."""


@dataclass(frozen=True, slots=True)
class RecordFault:
    """A record that could not be filtered or transformed. `position` is its place in the page, starting at 0, and
    `field` what an object of fields has failed at."""

    position: int
    record: Any
    message: str
    hint: str = ""
    field: str = ""


@dataclass(frozen=True, slots=True)
class Transformed:
    """The results of a page, in order, and the records that failed, which have no results."""

    results: list[Any]
    faults: tuple[RecordFault, ...] = ()


def apply_filter(expression: str, records: Sequence[Any], scope: Scope) -> Transformed:
    """Return the records for which an expression is true. `scope` has the names of the run."""
    return divide(expression, records, scope)[0]


def divide(expression: str, records: Sequence[Any], scope: Scope) -> tuple[Transformed, list[Any]]:
    """Return the records for which an expression is true, and then those for which it is not."""
    values, faults = _evaluate_each(_compile_filter(expression), records, scope)
    chosen: list[Any] = []
    others: list[Any] = []
    for position in sorted(values):
        (chosen if is_true(values[position]) else others).append(records[position])
    return Transformed(chosen, faults), others


def apply_transform(step: TransformStep, records: Sequence[Any], scope: Scope) -> Transformed:
    """Return what a transformation makes of a page.

    An expression over the page sees only the records that do not fail on their own. Its result is a list; an object
    is a list of one, and nothing is an empty list. Raises ExpressionError for one that takes too much time or memory.
    """
    if not records:
        return Transformed([])
    mapping = step.mapping
    if step.each == "record":
        values, faults = _evaluate_each(mapping, records, scope)
        return Transformed(
            [values[position] for position in sorted(values) if not _is_nothing(values[position])], faults
        )
    try:
        return Transformed(_to_list(_on_page(mapping, records, scope)))
    except ExpressionError as error:
        if error.code in _STOPPED:
            raise
        good, faults = _separate(mapping, records, scope)
        if not faults:
            raise error from None
    return Transformed(_to_list(_on_page(mapping, good, scope)) if good else [], faults)


@lru_cache(256)
def _compile_filter(text: str) -> CompiledMapping:
    return compile_mapping([text])


def _evaluate_each(
    mapping: CompiledMapping, records: Sequence[Any], scope: Scope
) -> tuple[dict[int, Any], tuple[RecordFault, ...]]:
    """Evaluate a mapping for each record: all at once, and one by one if that fails."""
    scopes = [scope | {"record": record} for record in records]
    try:
        return dict(enumerate(mapping.apply(scopes, scope.conditions))), ()
    except ExpressionError as error:
        if error.code in _STOPPED:
            raise
        return _one_by_one(
            records,
            scope.conditions.limits,
            lambda position, limits: mapping.apply_one(scopes[position], limits=limits),
        )


def _separate(
    mapping: CompiledMapping, records: Sequence[Any], scope: Scope
) -> tuple[list[Any], tuple[RecordFault, ...]]:
    values, faults = _one_by_one(
        records,
        scope.conditions.limits,
        lambda position, limits: _on_page(mapping, [records[position]], scope, limits),
    )
    return [records[position] for position in sorted(values)], faults


def _one_by_one(
    records: Sequence[Any], limits: EvaluationLimits, evaluate: Callable[[int, EvaluationLimits], T]
) -> tuple[dict[int, T], tuple[RecordFault, ...]]:
    """Evaluate each record. All of them together have the time of a page."""
    until = time.monotonic() + limits.times(1 + len(records) / 100).seconds
    values: dict[int, T] = {}
    faults: list[RecordFault] = []
    for position, record in enumerate(records):
        left = max(until - time.monotonic(), 0.001)
        try:
            values[position] = evaluate(position, replace(limits, seconds=min(left, limits.seconds)))
        except ExpressionError as error:
            if error.code in _STOPPED:
                raise
            faults.append(RecordFault(position, record, error.message, error.hint, error.at))
    return values, tuple(faults)


def _on_page(
    mapping: CompiledMapping, records: Sequence[Any], scope: Scope, limits: EvaluationLimits | None = None
) -> Any:
    return mapping.apply_one(scope | {"results": [*records], "records": [*records]}, limits=limits)


def _to_list(value: Any) -> list[Any]:
    if _is_nothing(value):
        return []
    return [item for item in value if not _is_nothing(item)] if isinstance(value, list) else [value]


def _is_nothing(value: Any) -> bool:
    return value is UNDEFINED or value is None
