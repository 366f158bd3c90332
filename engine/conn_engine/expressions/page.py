"""Run the layers of a mapping as programs: compute every leaf for a complete page, then build the results.

`plain` computes simple leaves. The others become one JSONata expression that is evaluated once: `[$.{…}]` over a list
of scopes returns exactly one object per scope, also for an empty list. Undefined fields are absent, null
fields are null, and arrays are not flattened, unlike with a bare path.

A layer that uses `$base` needs the result of the layers below, so it starts another program, over pairs of a scope and
its base. `$$` in a leaf means its scope. In the page it would mean the list, so it is renamed there.
"""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from itertools import chain
from typing import Any

import msgspec

from conn_engine.conditions import Conditions, EvaluationLimits
from conn_engine.errors import ExpressionError
from conn_engine.expressions.compiled import Expression, expression
from conn_engine.expressions.leaf_failures import RecordByRecord
from conn_engine.expressions.plain import PageScopes, Plain, plain, read_column
from conn_engine.expressions.tree import Leaf, assemble, leaves
from conn_engine.expressions.values import UNDEFINED, Path_, overlay

__all__ = ["KnownColumns", "Program", "programs"]

_SCOPE = "conn_scope"
_PIECE = 100
"""How many records the evaluator gets at once, during which no other thread of the process can run: about 1 ms."""
_LARGE = 2 * _PIECE
"""A page with so many records is evaluated in a process of the isolation, if there is one: the other threads of this
process would wait for each piece."""
_LITTLE_BYTES = 2_000
_LONG_NUMBER = re.compile(rb"\d{16}")
Place = tuple[int, Path_]  # of a leaf: the number of its layer in the program, and the path in it
Columns = dict[Place, list[Any]]


class KnownColumns:
    """The values of leaves on one page, by their strings: what several mappings have in common is evaluated once.

    The least recently used are forgotten. `evaluated` counts the columns that were not known.
    """

    def __init__(self, most: int = 256) -> None:
        self._columns: dict[str, list[Any]] = {}
        self._most = most
        self.evaluated = 0

    def find(self, text: str) -> list[Any] | None:
        """Return the values of a leaf; None if they are not known."""
        column = self._columns.pop(text, None)
        if column is not None:
            self._columns[text] = column
        return column

    def add(self, text: str, column: list[Any]) -> None:
        """Store the values of a leaf. A leaf with `$base` depends on more than the page and is not stored."""
        self.evaluated += 1
        if "base" in expression(text).analysis.variables:
            return
        self._columns[text] = column
        if len(self._columns) > self._most:
            del self._columns[next(iter(self._columns))]


class Program:
    """Consecutive layers that run together. `lowest` is true if no layer is below the first one. `overridden` are the
    leaves whose values the layers above do not use."""

    def __init__(self, layers: Sequence[Any], *, lowest: bool, overridden: frozenset[Place] = frozenset()) -> None:
        self._layers = layers
        self._lowest = lowest
        self._overridden = overridden
        self._failing: frozenset[Place] = frozenset()  # on an earlier page: their failures do not cost the others
        self._leaves = {(number, leaf.path): leaf for number, layer in enumerate(layers) for leaf in leaves(layer)}
        self._parts: dict[frozenset[Place], _Leaves] = {}

    def run(
        self,
        scopes: Sequence[Mapping[str, Any]],
        below: list[Any],
        conditions: Conditions,
        limits: EvaluationLimits,
        *,
        known: KnownColumns | None = None,
        records: RecordByRecord | None = None,
    ) -> list[Any]:
        """Merge these layers over the results in `below`. Raises ExpressionError (its text is the program's). `known`
        are columns of the same scopes; new columns are added to it. Leaves that fail are evaluated by `records`."""
        columns = self._columns(scopes, below, conditions, limits, known=known, records=records)
        results = below
        for number, layer in enumerate(self._layers):
            layer_columns = {path: column for (layer_number, path), column in columns.items() if layer_number == number}
            lowest = self._lowest and number == 0  # nothing to merge it over, and it removes no field
            made = assemble(layer, layer_columns, len(scopes), upper=not lowest)
            results = made if lowest else [overlay(base, top) for base, top in zip(results, made, strict=True)]
        return results

    def _columns(
        self,
        scopes: Sequence[Mapping[str, Any]],
        below: list[Any],
        conditions: Conditions,
        limits: EvaluationLimits,
        *,
        known: KnownColumns | None,
        records: RecordByRecord | None,
    ) -> Columns:
        columns: Columns = {}
        if known is not None:
            columns_by_place = {place: known.find(leaf.text) for place, leaf in self._leaves.items()}
            columns = {place: column for place, column in columns_by_place.items() if column is not None}
        missing = frozenset(place for place in self._leaves if place not in columns)

        def evaluate(
            places: frozenset[Place],
            scopes: Sequence[Mapping[str, Any]] = scopes,
            below: Sequence[Any] = below,
            limits: EvaluationLimits = limits,
        ) -> Columns:
            if places not in self._parts:
                self._parts[places] = _Leaves({place: self._leaves[place] for place in self._leaves if place in places})
            return self._parts[places].columns(scopes, below, conditions, limits)

        computed, failing = (
            (evaluate(missing), {}) if records is None else self._evaluate_failing(missing, below, records, evaluate)
        )
        if known is not None:
            for place, column in computed.items():
                known.add(self._leaves[place].text, column)
        return columns | computed | failing

    def _evaluate_failing(
        self, missing: frozenset[Place], below: list[Any], records: RecordByRecord, evaluate: Callable[..., Columns]
    ) -> tuple[Columns, Columns]:
        """Return the columns of leaves that do not fail, evaluated at once, and of those that do, record by record."""
        apart = missing & self._failing
        try:
            made = evaluate(missing - apart)
        except ExpressionError:
            made, apart = {}, missing
        failing: Columns = {}
        for place, leaf in self._leaves.items():
            if place not in apart:
                continue
            records.check_time(leaf)

            def evaluate_some(scopes: Any, below: Any, place: Place = place) -> list[Any]:
                return evaluate(frozenset((place,)), scopes, below, records.limits)[place]

            if place not in self._failing:
                with suppress(ExpressionError):
                    made |= evaluate(frozenset((place,)), limits=records.limits)
                    continue
            column, is_failing = records.evaluate(
                leaf, below, evaluate_some, is_tried=place not in self._failing, is_overridden=place in self._overridden
            )
            (failing if is_failing else made)[place] = column
            self._failing |= {place}
        return made, failing


class _Leaves:
    """Leaves and how to get their values: plain ones are looked up, others are evaluated."""

    def __init__(self, all_leaves: Mapping[Place, Leaf]) -> None:
        self._leaves = all_leaves
        plain_leaves = {place: plain(leaf.text) for place, leaf in self._leaves.items()}
        self._split = self._divide({place: leaf for place, leaf in plain_leaves.items() if leaf is not None})

    def _divide(self, plains: dict[Place, Plain]) -> "tuple[dict[Place, Plain], _Evaluation | None]":
        computed = {place: leaf for place, leaf in self._leaves.items() if place not in plains}
        return plains, _Evaluation(computed) if computed else None

    def columns(
        self,
        scopes: Sequence[Mapping[str, Any]],
        below: Sequence[Any],
        conditions: Conditions,
        limits: EvaluationLimits,
    ) -> Columns:
        """Return the values (or UNDEFINED) of each leaf. Raises ExpressionError (its text is the page's)."""
        plains, evaluation = self._split
        page = PageScopes(scopes, limits)
        columns: Columns = {}
        for place, leaf in plains.items():
            column = page.column(leaf)
            if column is not None:
                columns[place] = column
        if len(columns) < len(plains):  # a leaf that is not plain on one page is evaluated from now on
            plains, evaluation = self._split = self._divide({place: plains[place] for place in columns})
        if evaluation is not None:
            columns |= evaluation.columns(scopes, below, conditions, limits)
        return columns


class _Evaluation:
    """The leaves that the evaluator computes, as one expression."""

    def __init__(self, computed: Mapping[Place, Leaf]) -> None:
        self._keys = {place: str(index) for index, place in enumerate(computed)}
        expressions = [expression(leaf.text) for leaf in computed.values()]  # in use until the whole is compiled
        analyses = [each.analysis for each in expressions]
        self._base = any("base" in analysis.variables for analysis in analyses)
        fields = (f'"{self._keys[place]}":{_source(leaf.text)}' for place, leaf in computed.items())
        body = f"{{{','.join(fields)}}}"
        if self._base:
            text = f"[$.($base:=b;${_SCOPE}:=s;s.{body})]"
        elif any(analysis.root for analysis in analyses):
            text = f"[$.(${_SCOPE}:=$;{body})]"
        else:
            text = f"[$.{body}]"
        self._expression: Expression = expression(text, frozenset(leaf.text for leaf in computed.values()))
        self._has_pieces = self._expression.is_repeatable()  # else the time, or a seed, is that of the complete page
        self._roots = _union_roots(leaf.text for leaf in computed.values())

    def columns(
        self,
        scopes: Sequence[Mapping[str, Any]],
        below: Sequence[Any],
        conditions: Conditions,
        limits: EvaluationLimits,
    ) -> Columns:
        """Return the values (or UNDEFINED) of each leaf. Raises ExpressionError (its text is the page's)."""
        data: list[Any] = list(scopes)
        isolation = conditions.isolation
        if isolation is not None and self._roots is not None:
            read = [{name: value for name, value in scope.items() if name in self._roots} for scope in data]
            is_large = self._has_pieces and len(data) >= _LARGE and isolation.has_room
            if not isolation.trusts(self._expression.parts) or (is_large and self._can_be_sent(read)):
                conditions = replace(conditions, isolation=isolation.isolate_all())
                data = read
        if self._base:
            data = [
                {"s": scope} if base is UNDEFINED else {"s": scope, "b": base}
                for scope, base in zip(data, below, strict=True)
            ]
        rows = self._evaluate(data, conditions, limits)
        return {place: read_column(rows, key) for place, key in self._keys.items()}

    def _can_be_sent(self, read: Sequence[Mapping[str, Any]]) -> bool:
        """Return whether another process is worth it for what the leaves read of each scope, and has the same values.
        It gets what the records share as often as there are records, and long integers lose their last digits."""
        first, second = read[:2]
        shared = [value for name, value in first.items() if second.get(name) is value]
        try:
            if len(msgspec.json.encode(shared)) > _LITTLE_BYTES:
                return False
            return _LONG_NUMBER.search(msgspec.json.encode(read)) is None
        except (UnicodeEncodeError, RecursionError, TypeError, ValueError, OverflowError):
            return False  # evaluated here, it may have a value

    def _evaluate(self, data: list[Any], conditions: Conditions, limits: EvaluationLimits) -> list[Any]:
        """Return a row for each item, whose limits are its share of the page's."""
        if len(data) <= _PIECE or not self._has_pieces:
            rows: list[Any] = self._expression.evaluate(data, conditions, limits=limits)
            return rows
        share = limits.times(2 * _PIECE / (_PIECE + len(data)))
        pieces = [data[start : start + _PIECE] for start in range(0, len(data), _PIECE)]
        return [row for piece in pieces for row in self._expression.evaluate(piece, conditions, limits=share)]


def _union_roots(texts: Iterable[str]) -> frozenset[str] | None:
    """Return the names that some of the expressions read; None if one of them may read any."""
    roots = [expression(text).roots() for text in texts]
    return None if None in roots else frozenset(chain.from_iterable(names for names in roots if names is not None))


def programs(layers: Sequence[Any]) -> list[Program]:
    """Return the programs of a mapping, in order. Every leaf must compile on its own."""
    groups: list[list[Any]] = []
    after_base = True
    for layer in layers:
        uses_base = _uses_base(layer)
        if uses_base or after_base:
            groups.append([layer])
        else:
            groups[-1].append(layer)
        after_base = uses_base
    made: list[Program] = []
    for group in groups:
        start = sum(map(len, groups[: len(made)]))
        overridden = frozenset(
            (number, leaf.path)
            for number, layer in enumerate(group)
            for leaf in leaves(layer)
            if any(_overrides(upper, leaf.path) for upper in layers[start + number + 1 :])
        )
        made.append(Program(group, lowest=not made, overridden=overridden))
    return made


def _uses_base(layer: Any) -> bool:
    return any("base" in expression(leaf.text).analysis.variables for leaf in leaves(layer))


def _overrides(layer: Any, path: Path_) -> bool:
    """Return whether a layer sets the field of a lower layer's leaf, and uses nothing that the lower layers set."""
    node = layer
    for key in path:
        if not isinstance(node, dict):
            break
        if key not in node:
            return False
        node = node[key]
    return not isinstance(node, dict) and node is not layer and not _uses_base(layer)


def _source(text: str) -> str:
    """Return a leaf as a field of the page's expression."""
    analysis = expression(text).analysis
    if analysis.root:
        tokens = [token for token in analysis.tokens if token.kind == "variable" and token.text == "$$"]
        for token in reversed(tokens):
            text = f"{text[: token.start]}${_SCOPE}{text[token.end :]}"
    return f"({text})" if analysis.assigns else text
