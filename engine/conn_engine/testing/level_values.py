"""Evaluates what each level sets for a field of a record: its expression, what that reads and how it decides."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from conn_engine.conditions import Scope, conditions_of
from conn_engine.config import Effective, OperationName, Origin, mapping_layers
from conn_engine.documents import format_path, iterate_texts
from conn_engine.errors import ConnError, ExpressionError
from conn_engine.expressions import UNDEFINED, LeafFailures, audit, compile_mapping, evaluate_node, expression
from conn_engine.testing.compare import leaves, same_value

__all__ = ["LevelExplanation", "explain_levels", "follow_path"]


@dataclass(frozen=True, slots=True)
class LevelExplanation:
    """What one level sets for a field, and the result for this record.

    `value` is the result of its expression (UNDEFINED if it has none), `reads` lists the paths it read with their
    values, and `decisions` describes the evaluation. `effective` is true if the record has this level's value or, for
    an object, a part of it.
    """

    origin: Origin
    value: Any
    reads: tuple[tuple[str, Any], ...]
    decisions: tuple[str, ...]
    effective: bool
    error: str = ""


def explain_levels(
    effective: Effective,
    name: OperationName,
    inside: tuple[str | int, ...],
    scope: Scope,
    result: Any,
    *,
    item: tuple[int, int] | None = None,
) -> list[LevelExplanation]:
    """Return what each level sets. `item` is the position of the record and the number of records, if the mapping makes
    several at once: a level that makes as many is explained by its record at this position."""
    operation = effective.get_unified(name.model, name.resource, name.method)
    layers = mapping_layers(operation.response_mapping) if operation is not None else []
    rows = []
    fields_above: set[str] = set()
    start = (*name.path, "response_mapping")
    origins = effective.origins((*start, *inside))
    for origin in origins:
        below = _evaluate_below(layers, origin.value, scope) if _uses_base(origin.value) else UNDEFINED
        # A level may set the complete mapping, or an object that contains the field, with one expression.
        rest = inside[len([part for part in origin.path[len(start) :] if part != "replace"]) :]
        node, rest = _narrow(origin.value, rest)
        value, error, reason = _evaluate_level(
            node, scope, below, rest, item, removes=origin.level != "base" or origin is not origins[-1]
        )
        leaves = _leaves(value)
        reads = [row for text in _texts(node) for row in _reads(text, scope)]
        reads += [("$base", below)] if below is not UNDEFINED else []
        decisions = [line for text in _texts(node) for line in _decisions(text, scope, below)] + reason
        takes = any(
            field not in fields_above and same_value(item, _leaves(result).get(field)) for field, item in leaves.items()
        )
        rows.append(LevelExplanation(origin, value, tuple(dict(reads).items()), tuple(decisions), takes, error))
        fields_above |= leaves.keys()
    return rows


def _narrow(node: Any, rest: tuple[str | int, ...]) -> tuple[Any, tuple[str | int, ...]]:
    """Return the part of a level's setting that sets the field, and the rest of the path to the field."""
    while rest and isinstance(node, Mapping):
        node, rest = node.get(str(rest[0]), UNDEFINED), rest[1:]
    return node, rest


def _leaves(value: Any) -> dict[str, Any]:
    """Return the parts of a value that are merged over other levels: the leaves of an object, else the value."""
    if value is UNDEFINED:
        return {}
    return leaves(value) if isinstance(value, Mapping) and value else {"": value}


def _texts(node: Any) -> list[str]:
    """Return the expressions of a level's setting."""
    return [text for _, text in iterate_texts(node)]


def _evaluate_level(
    node: Any, scope: Scope, below: Any, rest: tuple[str | int, ...], item: tuple[int, int] | None, *, removes: bool
) -> tuple[Any, str, list[str]]:
    """Return the value, the error of an expression that fails, and the reason why a failure leaves no value."""
    if node is UNDEFINED or (node is None and removes):
        return UNDEFINED, "", []
    failures = LeafFailures()
    try:
        value = evaluate_node(node, scope, below, failures)
    except ExpressionError as error:
        return UNDEFINED, error.message, []
    reasons = [f"a value that it uses is null: {failure.error.message}" for failure in failures.due_to_null.values()]
    message = next((failure.error.message for failure in failures.by_field.values()), "")
    if item is not None and isinstance(value, list) and len(value) == item[1]:
        value = value[item[0]]
    return follow_path(value, rest), message, reasons


def _bind_base(below: Any) -> dict[str, Any]:
    return {} if below is UNDEFINED else {"base": below}


def _uses_base(node: Any) -> bool:
    try:
        return any("base" in expression(text).analysis.variables for text in _texts(node))
    except ExpressionError:
        return False


def _evaluate_below(layers: Sequence[Any], text: Any, scope: Scope) -> Any:
    """Map the record with the levels below the layer that contains this text."""
    holding = [number for number, layer in enumerate(layers) if _holds(layer, text)]
    if not holding or not holding[-1]:
        return UNDEFINED
    try:
        return compile_mapping(layers[: holding[-1]]).apply_one(scope)
    except ConnError:
        return UNDEFINED


def _holds(layer: Any, text: Any) -> bool:
    if layer == text:
        return True
    if isinstance(layer, Mapping):
        return any(_holds(item, text) for item in layer.values())
    if isinstance(layer, list):
        return any(_holds(item, text) for item in layer)
    return False


def _reads(text: str, scope: Scope) -> list[tuple[str, Any]]:
    """Return the paths that an expression reads, each with its value."""
    try:
        paths = expression(text).reads()
    except ExpressionError:
        return []
    return [(format_path(path), follow_path(scope, path)) for path in sorted(paths, key=format_path)]


def _decisions(text: str, scope: Scope, below: Any) -> list[str]:
    try:
        reads = expression(text).roots()
        data = scope if reads is None else {name: scope[name] for name in reads if name in scope}
        return audit(text, data, _bind_base(below), conditions_of(scope))
    except ConnError:
        return []


def follow_path(value: Any, path: Sequence[str | int]) -> Any:
    """Return the value at a path. In a list, a number selects an item; any other name is read in every item."""
    for number, part in enumerate(path):
        if isinstance(value, Mapping):
            value = value.get(str(part), UNDEFINED)
        elif isinstance(value, list) and str(part).isdecimal():
            value = value[int(part)] if int(part) < len(value) else UNDEFINED
        elif isinstance(value, list):
            values = [follow_path(item, path[number:]) for item in value]
            return [item for item in values if item is not UNDEFINED] or UNDEFINED
        else:
            return UNDEFINED
    return value
