"""The leaves of a mapping that fail on a page: evaluated record by record, so that only their fields are empty.

A failure due to null is not reported: the field is empty, as if the path had found nothing. It is due to null if the
same expression, on the same data, does not fail once every null is missing: a key or an item of the data whose value is
null, and a `null` that is written in the expression. The rule does not depend on the evaluator. What `$error` and
`$assert` raise is always a failure, because the author wants it. Limits are never a failure of one record.
"""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, TypeAlias

from conn_engine.conditions import Conditions, EvaluationLimits
from conn_engine.errors import ExpressionError
from conn_engine.expressions.compiled import expression
from conn_engine.expressions.tree import Leaf
from conn_engine.expressions.values import UNDEFINED, Path_

__all__ = ["LeafFailure", "LeafFailures", "RecordByRecord", "add_place"]

_HARD = frozenset({"timeout", "depth", "size", "steps", "memory", "input", "evaluator", "disabled", "surrogate"})
"""Codes that are not about one record: a limit, or a string that no evaluator may or can run."""
_RAISED = {"error": "D3137", "assert": "D3141"}
"""Functions with which an author makes an expression fail, and their codes."""


Batch: TypeAlias = Callable[[Sequence[Mapping[str, Any]], Sequence[Any]], Sequence[Any]]
"""Evaluates a leaf over some scopes and the results below, at once."""


@dataclass(slots=True)
class LeafFailure:
    """The failures of a field on a page: the error of the first one, and the index of each record."""

    error: ExpressionError
    _records: set[int] = field(default_factory=set)

    def add(self, index: int) -> None:
        """Count a record. If the leaves of several levels fail on it, it counts once."""
        self._records.add(index)

    @property
    def indexes(self) -> list[int]:
        """The index of each record, in order."""
        return sorted(self._records)


class LeafFailures:
    """Collects the failures of a page's leaves, by dotted field. A leaf for which `is_strict` is true must not fail.

    `due_to_null` has the failures that were due to null, which do not count.
    """

    def __init__(self, is_strict: Callable[[Path_], bool] = lambda _: False) -> None:
        self.by_field: dict[str, LeafFailure] = {}
        self.due_to_null: dict[str, LeafFailure] = {}
        self._is_strict = is_strict

    def is_strict(self, leaf: Leaf) -> bool:
        """Return whether the leaf must not fail. An expression for the complete record never may."""
        return not leaf.path or self._is_strict(leaf.path)

    def add(self, leaf: Leaf, index: int, error: ExpressionError) -> None:
        """Count the failure of a leaf on a record."""
        self.by_field.setdefault(leaf.field, LeafFailure(error)).add(index)


@dataclass(frozen=True, slots=True)
class _Failed:
    """The outcome of an evaluation that fails."""

    error: ExpressionError
    is_due_to_null: bool


class RecordByRecord:
    """Evaluates leaves that fail on a page for each of its records. `page_limits` bound the page, and `limits` one
    evaluation."""

    def __init__(
        self,
        scopes: Sequence[Mapping[str, Any]],
        conditions: Conditions,
        limits: EvaluationLimits,
        page_limits: EvaluationLimits,
        failures: LeafFailures,
    ) -> None:
        self.limits = limits
        self._scopes = scopes
        self._conditions = conditions
        self._page_limits = page_limits
        self._failures = failures
        self._end: float | None = None
        self._without_nulls: dict[int, Any] = {}

    def evaluate(
        self,
        leaf: Leaf,
        below: Sequence[Any],
        evaluate_some: Batch | None = None,
        *,
        is_tried: bool = False,
        is_overridden: bool = False,
    ) -> tuple[list[Any], bool]:
        """Return the leaf's value (or UNDEFINED) in each scope, where `below` has the results of the levels below, and
        whether it fails on any. A failure of a leaf that an upper level overrides does not matter.

        Records with a null that the leaf reads are evaluated apart, and those that are alike once. `evaluate_some`
        evaluates the others together, if it can; `is_tried` means that it cannot evaluate all of them. Raises
        ExpressionError for a leaf that must not fail, and for a limit.
        """
        keys = self._find_nulls(leaf)
        others = [index for index, key in enumerate(keys) if key is None]
        values: dict[int, Any] = {}
        if evaluate_some is not None and others and not (is_tried and len(others) == len(keys)):
            values = self._evaluate_together(others, below, evaluate_some)
        failed: dict[Any, _Failed] = {}
        is_failing = False
        for index, key in enumerate(keys):
            if index in values:
                continue
            value: Any = failed.get(key) if key else None
            if value is None:
                self.check_time(leaf)
                value = self._evaluate_one(leaf, index, below[index], is_overridden)
            if isinstance(value, _Failed):
                is_failing = True
                if key:
                    failed[key] = value
                self._count(leaf, index, value, is_overridden)
                value = UNDEFINED
            values[index] = value
        return [values[index] for index in range(len(keys))], is_failing

    def _evaluate_together(self, indexes: list[int], below: Sequence[Any], evaluate_some: Batch) -> dict[int, Any]:
        try:
            column = evaluate_some([self._scopes[index] for index in indexes], [below[index] for index in indexes])
        except ExpressionError:
            return {}
        return dict(zip(indexes, column, strict=True))

    def _find_nulls(self, leaf: Leaf) -> list[Any]:
        """Return a key for each record with a null that the leaf reads: records with the same key have the same result.
        None for the other records, and for those that cannot be compared."""
        compiled = expression(leaf.text)
        paths = sorted(compiled.reads(), key=repr)
        if compiled.roots() is None or "base" in compiled.analysis.variables or not compiled.is_repeatable():
            return [None] * len(self._scopes)
        rows = ([_follow(scope, path) for path in paths] for scope in self._scopes)
        return [tuple((type(value), value) for value in row) if _is_comparable(row) else None for row in rows]

    def _count(self, leaf: Leaf, index: int, failed: "_Failed", is_overridden: bool) -> None:
        if is_overridden:
            return
        if failed.is_due_to_null:
            self._failures.due_to_null.setdefault(leaf.field, LeafFailure(failed.error)).add(index)
        else:
            self._failures.add(leaf, index, failed.error)

    def _evaluate_one(self, leaf: Leaf, index: int, below: Any, is_overridden: bool) -> Any:
        scope, compiled = self._scopes[index], expression(leaf.text)
        bindings = {} if below is UNDEFINED else {"base": below}
        try:
            return compiled.evaluate(
                compiled.select_read(scope), self._conditions, limits=self.limits, bindings=bindings
            )
        except ExpressionError as error:
            if _is_hard(error) or (not leaf.path if is_overridden else self._failures.is_strict(leaf)):
                raise add_place(error, leaf, index if len(self._scopes) > 1 else None) from None
            failure = error
        return _Failed(failure, not is_overridden and self._is_due_to_null(leaf, scope, bindings, failure))

    def check_time(self, leaf: Leaf) -> None:
        """Raise ExpressionError if leaves that are evaluated apart, because one of them fails, have used up the time of
        the page. The first call starts it."""
        now = time.monotonic()
        if self._end is None:
            self._end = now + self._page_limits.seconds
        if now > self._end:
            seconds = f"{self._page_limits.seconds:g} s"
            message = f"the expression was stopped: a field fails, and evaluating its page in parts took {seconds}"
            raise add_place(ExpressionError(message, code="timeout", offset=0), leaf)

    def _is_due_to_null(
        self, leaf: Leaf, scope: Mapping[str, Any], bindings: Mapping[str, Any], error: ExpressionError
    ) -> bool:
        compiled = expression(leaf.text)
        if any(error.code == code and name in compiled.functions() for name, code in _RAISED.items()):
            return False
        try:
            text, data = _without_null(compiled.text), compiled.select_read(scope)
        except ExpressionError:
            return False  # a `null` where no value can be missing
        present, bound = self._without_null_values(data), self._without_null_values(bindings)
        if (text, present, bound) == (compiled.text, data, bindings):
            return False
        try:
            expression(text, compiled.parts).evaluate(present, self._conditions, limits=self.limits, bindings=bound)
        except ExpressionError as second:
            if _is_hard(second):
                raise add_place(second, leaf) from None
            return False
        return True

    def _without_null_values(self, values: Mapping[str, Any]) -> dict[str, Any]:
        """Return values by name without any null. What several scopes share is copied once."""
        try:
            for value in values.values():
                if id(value) not in self._without_nulls:
                    self._without_nulls[id(value)] = _remove_nulls(value)
        except RecursionError:
            raise ExpressionError("the input is nested too deeply", code="depth") from None
        return {name: self._without_nulls[id(value)] for name, value in values.items() if value is not None}


def add_place(error: ExpressionError, leaf: Leaf, index: int | None = None) -> ExpressionError:
    """Return the error of a leaf with its field, and the number of the record."""
    where = [f"record {index}"] if index is not None else []
    where += [leaf.field] if leaf.field else []
    return ExpressionError(
        f"{', '.join(where)}: {error.message}" if where else error.message,
        code=error.code,
        text=leaf.text,
        offset=error.offset,
        token=error.token,
        at=leaf.field,
        hint=error.hint,
    )


def _follow(value: Any, path: Path_) -> Any:
    """Return the value at a path of objects; UNDEFINED if it does not exist."""
    for name in path:
        if not isinstance(value, dict):
            return UNDEFINED if value is None else value
        value = value.get(name, UNDEFINED)
    return value


def _is_comparable(values: Sequence[Any]) -> bool:
    """Return whether one of the values is null, and all of them are scalars."""
    return None in values and not any(isinstance(value, dict | list) for value in values)


def _is_hard(error: ExpressionError) -> bool:
    return error.code in _HARD or error.code.startswith(("S", "U"))  # a syntax error, and the evaluator's own limits


@lru_cache(maxsize=1024)
def _without_null(text: str) -> str:
    """Return an expression in which each `null` is an empty block, which has no value. Offsets stay the same."""
    for token in expression(text).analysis.tokens:
        if token.kind == "name" and token.text == "null":
            text = f"{text[: token.start]}(  ){text[token.end :]}"
    return expression(text).text


def _remove_nulls(value: Any) -> Any:
    """Return the data without nulls; the same object if it has none."""
    if isinstance(value, dict):
        present = {key: _remove_nulls(item) for key, item in value.items() if item is not None}
        is_same = len(present) == len(value) and all(present[key] is item for key, item in value.items())
        return value if is_same else present
    if isinstance(value, list):
        items = [_remove_nulls(item) for item in value if item is not None]
        is_same = len(items) == len(value) and all(map(_is_same, items, value))
        return value if is_same else items
    return value


def _is_same(one: Any, other: Any) -> bool:
    return one is other
