"""Evaluate a mapping for each field and record: a field whose expression is invalid or fails affects no other field.

A run evaluates a mapping in the same way, but an invalid expression or a limit ends it (see `Mapping.apply`).
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from conn_engine.conditions import Conditions, EvaluationLimits
from conn_engine.errors import ExpressionError
from conn_engine.expressions.leaf_failures import LeafFailures
from conn_engine.expressions.mapping import Mapping as ResponseMapping
from conn_engine.expressions.tree import Leaf, leaves
from conn_engine.expressions.values import UNDEFINED

__all__ = ["MappedRecord", "evaluate_fields", "find_effective_leaves"]

_NO_VALUE = "()"


@dataclass(frozen=True, slots=True)
class MappedRecord:
    """What a mapping gives for one vendor record.

    `value` is the result without the fields that fail; UNDEFINED if the mapping has none. `errors` has the error of
    each field that fails, by its dotted path in the mapping, such as `address.city`; the path of a mapping that is one
    expression is "". The `text` of an error is the field's expression, and its `offset` the place in it.
    """

    value: Any
    errors: Mapping[str, ExpressionError] = field(default_factory=dict)


def evaluate_fields(
    layers: Sequence[Any],
    scopes: Sequence[Mapping[str, Any]],
    conditions: Conditions,
    *,
    limits: EvaluationLimits | None = None,
) -> list[MappedRecord]:
    """Evaluate the layers of a mapping, the lowest first, and return one result for each scope. It never raises
    ExpressionError.

    `limits`, by default those of the conditions, apply per hundred records. A field that exceeds one fails for all
    records, because it would end a run. With `conditions.isolation`, expressions run in a process that is killed if it
    exceeds the limits.
    """
    faults, usable = _remove_invalid(layers)
    while True:
        failures = _FailuresByRecord()
        try:
            values = ResponseMapping(usable).apply(scopes, conditions, limits=limits, failures=failures)
        except ExpressionError as error:
            if error.at in faults or not any(leaf.field == error.at for layer in usable for leaf in leaves(layer)):
                faults[""] = error  # not the fault of one field
                values = [UNDEFINED] * len(scopes)
            else:
                faults[error.at] = _remove_place(error)
                usable = [_replace_leaves(layer, {error.at}) for layer in usable]
                continue
        return [_describe(value, faults | failures.errors.get(index, {})) for index, value in enumerate(values)]


def find_effective_leaves(layers: Sequence[Any]) -> Iterator[Leaf]:
    """Yield the expressions whose values a mapping uses: those that no upper layer overrides, or whose field an upper
    layer builds on with `$base`. Invalid expressions are included; an invalid layer has none."""
    decided: set[tuple[str | int, ...]] = set()
    for layer in reversed(layers):
        try:
            layer_leaves = list(leaves(layer))
        except ExpressionError:
            continue
        yield from (
            leaf for leaf in layer_leaves if not any(leaf.path[:n] in decided for n in range(len(leaf.path) + 1))
        )
        decided |= {leaf.path for leaf in layer_leaves if leaf.path and "$base" not in leaf.text}
        decided |= set(_find_removals(layer))


def _find_removals(layer: Any, path: tuple[str | int, ...] = ()) -> Iterator[tuple[str | int, ...]]:
    for key, value in layer.items() if isinstance(layer, dict) else ():
        if value is None:
            yield (*path, str(key))
        else:
            yield from _find_removals(value, (*path, str(key)))


class _FailuresByRecord(LeafFailures):
    """Collects the error of each record and field. No field ends the evaluation."""

    def __init__(self) -> None:
        super().__init__()
        self.errors: dict[int, dict[str, ExpressionError]] = {}

    def is_strict(self, leaf: Leaf) -> bool:
        return False

    def add(self, leaf: Leaf, index: int, error: ExpressionError) -> None:
        self.errors.setdefault(index, {})[leaf.field] = error


def _remove_invalid(layers: Sequence[Any]) -> tuple[dict[str, ExpressionError], list[Any]]:
    """Return the errors of invalid expressions by field, and the layers without them."""
    faults: dict[str, ExpressionError] = {}
    usable = []
    for layer in layers:
        try:
            invalid = {leaf.field: error for leaf in leaves(layer) if (error := _find_fault(leaf)) is not None}
        except ExpressionError as error:  # the layer is not a mapping
            faults[""] = error
            continue
        faults |= invalid
        usable.append(_replace_leaves(layer, invalid.keys()) if invalid else layer)
    return faults, usable


def _find_fault(leaf: Leaf) -> ExpressionError | None:
    try:
        ResponseMapping([leaf.text])
    except ExpressionError as error:
        return error
    return None


def _replace_leaves(node: Any, fields: Any, path: str = "") -> Any:
    """Return a layer in which the expressions of these fields have no value."""
    if isinstance(node, str):
        return _NO_VALUE if path in fields else node
    if isinstance(node, dict):
        return {key: _replace_leaves(value, fields, _join(path, key)) for key, value in node.items()}
    if isinstance(node, list):
        return [_replace_leaves(value, fields, _join(path, index)) for index, value in enumerate(node)]
    return node


def _join(path: str, key: Any) -> str:
    return f"{path}.{key}" if path else str(key)


def _remove_place(error: ExpressionError) -> ExpressionError:
    """Return an error without the field in its message."""
    message = error.message.replace(f"{error.at}: ", "", 1) if error.at else error.message
    return ExpressionError(
        message, code=error.code, text=error.text, offset=error.offset, token=error.token, at=error.at, hint=error.hint
    )


def _describe(value: Any, errors: Mapping[str, ExpressionError]) -> MappedRecord:
    return MappedRecord(UNDEFINED if "" in errors else value, errors)
