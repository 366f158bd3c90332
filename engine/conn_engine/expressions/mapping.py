"""Mappings: expressions over a record's scope, in layers, applied to a complete page at once.

A layer is a string (one expression for the complete result) or an object tree: each string leaf is an expression,
numbers, booleans and null are literal values, and objects and lists can be nested. The result of each layer is merged
over the result of the layers below.

Rules of the tree form
- If a leaf is undefined, its field is left out. If all fields of a nested object are undefined, the object is left out
  (written as one JSONata expression, it would be an empty object): an address without any known line is not an address.
  An object that is written as `{}` stays. A list in the tree keeps its items in order, without undefined ones, and an
  item that is a list stays a list.
- The topmost layer that has an expression for a field sets it: an object replaces the value from the layers below, and
  an undefined result leaves the field out. The layers therefore have the same result as one layer into which they are
  merged. (A layer that is one expression has no fields: its result is merged in depth.)
- The result of a tree is always an object, possibly empty.
- A null is null in the lowest layer; in an upper layer, it removes the field. If an expression returns null, the field
  is null.
"""

from collections.abc import Iterator, Sequence
from collections.abc import Mapping as MappingType
from functools import cached_property
from typing import Any

from conn_engine.conditions import Conditions, EvaluationLimits, Scope, conditions_of
from conn_engine.errors import ExpressionError
from conn_engine.expressions.compiled import Expression, expression
from conn_engine.expressions.leaf_failures import LeafFailures, RecordByRecord, add_place
from conn_engine.expressions.page import KnownColumns, Program, programs
from conn_engine.expressions.tree import Leaf, assemble, leaves, removals, with_removals
from conn_engine.expressions.values import UNDEFINED, Path_, overlay

__all__ = ["Mapping", "compile_mapping", "evaluate_node"]

BASE = "base"
_RECORDS_PER_LIMIT = 100


class Mapping:
    """A compiled mapping. Threads may share it. See `compile_mapping`."""

    def __init__(self, layers: Sequence[Any]) -> None:
        self.layers = tuple(layer if index == 0 else with_removals(layer) for index, layer in enumerate(layers))
        self._leaves: list[list[Leaf]] = [list(leaves(layer)) for layer in self.layers]
        for leaf, compiled in self._expressions():
            if BASE in compiled.analysis.bound:
                offset = leaf.text.find("$base")
                raise add_place(
                    ExpressionError("$base cannot be assigned", code="S0212", text=leaf.text, offset=offset),
                    leaf,
                )

    def _expressions(self) -> Iterator[tuple[Leaf, Expression]]:
        for layer in self._leaves:
            for leaf in layer:
                try:
                    yield leaf, expression(leaf.text)
                except ExpressionError as error:
                    raise add_place(error, leaf) from None

    @cached_property
    def fields(self) -> dict[str, str]:
        """The text of each dotted field's expression, from the topmost layer that has the field. A layer that is one
        expression has no fields."""
        fields: dict[str, str] = {}
        for layer, layer_leaves in zip(self.layers, self._leaves, strict=True):
            for gone in removals(layer):
                fields = {name: text for name, text in fields.items() if not f"{name}.".startswith(f"{gone}.")}
            fields.update({leaf.field: leaf.text for leaf in layer_leaves if leaf.path})
        return fields

    def reads(self) -> dict[str, frozenset[Path_]]:
        """Return the paths of the scope that each dotted field's expressions read in all layers. A layer that is one
        expression has the field ""."""
        paths: dict[str, frozenset[Path_]] = {}
        for leaf, compiled in self._expressions():
            paths[leaf.field] = paths.get(leaf.field, frozenset()) | compiled.reads()
        return paths

    @cached_property
    def _programs(self) -> list[Program]:
        return programs(self.layers)

    def is_repeatable(self) -> bool:
        """Return whether the same scopes always have the same results: the mapping uses neither the time nor random
        values."""
        return all(compiled.is_repeatable() for _, compiled in self._expressions())

    def apply(
        self,
        scopes: Sequence[MappingType[str, Any]],
        conditions: Conditions,
        *,
        limits: EvaluationLimits | None = None,
        known: KnownColumns | None = None,
        failures: LeafFailures | None = None,
    ) -> list[Any]:
        """Return one result per scope, in order: a JSON-like value or UNDEFINED.

        The page is evaluated at once; `limits` apply per hundred records. `known` has columns of the same scopes, for a
        repeatable mapping: they are not evaluated again, and new ones are added. With `failures`, a leaf that fails on
        a record leaves its field empty there, and is counted in it; only a leaf that must not fail, and a limit, raise
        an error then.

        Raises ExpressionError. Its `at` is the dotted field, its `offset` is relative to that field's text, and its
        message has the record's number, starting at 0.
        """
        if not scopes:
            return []
        limits = limits or conditions.limits
        bounds = limits.times(1 + len(scopes) / _RECORDS_PER_LIMIT) if len(scopes) > 1 else limits
        results: list[Any] = [UNDEFINED] * len(scopes)
        records = None if failures is None else RecordByRecord(scopes, conditions, limits, bounds, failures)
        try:
            for program in self._programs:
                results = program.run(scopes, results, conditions, bounds, known=known, records=records)
            return results
        except ExpressionError as error:
            if records is not None:
                raise
            if error.code == "timeout":
                bounds = limits  # the page's time is used up: no record gets as much again
        return [
            self._slow(scope, conditions, index if len(scopes) > 1 else None, bounds)
            for index, scope in enumerate(scopes)
        ]

    def apply_one(
        self, scope: Scope, *, limits: EvaluationLimits | None = None, failures: LeafFailures | None = None
    ) -> Any:
        """Return the result for one scope, or UNDEFINED. Raises ExpressionError as `apply` does, without a record's
        number."""
        return self.apply([scope], conditions_of(scope), limits=limits, failures=failures)[0]

    def _slow(
        self, scope: MappingType[str, Any], conditions: Conditions, index: int | None, limits: EvaluationLimits
    ) -> Any:
        """Evaluate leaf by leaf, to find the leaf that fails. The result is the same."""
        result: Any = UNDEFINED
        for number, (layer, layer_leaves) in enumerate(zip(self.layers, self._leaves, strict=True)):
            bindings = {} if result is UNDEFINED else {BASE: result}
            columns: dict[Path_, list[Any]] = {}
            for leaf in layer_leaves:
                try:
                    compiled = expression(leaf.text)
                    read = compiled.select_read(scope)
                    value = compiled.evaluate(read, conditions, limits=limits, bindings=bindings)
                except ExpressionError as error:
                    raise add_place(error, leaf, index) from None
                columns[leaf.path] = [value]
            result = overlay(result, *assemble(layer, columns, 1, upper=number > 0))
        return result


def evaluate_node(node: Any, scope: Scope, below: Any, failures: LeafFailures) -> Any:
    """Evaluate one place of a layer (an expression, or a tree of them) over a scope, where `below` is the result of the
    layers below. Return the value, or UNDEFINED; leaves that fail are added to `failures`.

    Raises ExpressionError for a limit.
    """
    tree = {"": node}
    conditions = conditions_of(scope)
    records = RecordByRecord([scope], conditions, conditions.limits, conditions.limits, failures)
    columns = {leaf.path: records.evaluate(leaf, [below])[0] for leaf in leaves(tree)}
    return assemble(tree, columns, 1)[0].get("", UNDEFINED)


def compile_mapping(layers: Sequence[Any]) -> Mapping:
    """Compile the layers of a mapping, the lowest first. Raises ExpressionError, with the field, for an invalid
    expression."""
    return Mapping(layers)
