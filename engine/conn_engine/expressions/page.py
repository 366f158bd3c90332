"""A mapping's layers as programs: JSONata texts that map a whole page of scopes in one evaluation.

`[$.{…}]` over a list of scopes gives exactly one object per scope, for none, one and many. Fields that are
undefined are absent from the object, null ones are null, and arrays stay whole: the three things that a bare
path would lose. A layer that is one expression therefore becomes a field, too.

A layer that uses `$base` needs the result of those below, so it starts another program, over pairs of scope
and base. `$$` in a leaf means its scope; in the page it would be the list, so it is renamed there.
"""

import json
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from conn_engine.expressions.compiled import Expression, expression
from conn_engine.expressions.values import REMOVE, UNDEFINED, Limits, overlay

__all__ = ["Program", "programs"]

_SCOPE = "conn_scope"
_EXACT = 2**53
Finish = Callable[[Any], Any]


@dataclass(frozen=True, slots=True)
class _Layer:
    source: str
    finish: Finish | None
    tree: bool
    base: bool
    root: bool


class Program:
    """Consecutive layers that one evaluation can run. `lowest`: nothing lies below the first of them."""

    def __init__(self, layers: Sequence[_Layer], *, lowest: bool) -> None:
        self._layers = layers
        self._lowest = lowest
        self._base = any(layer.base for layer in layers)
        self._bare = len(layers) == 1 and layers[0].tree
        keyed = (f'"{index}":{layer.source}' for index, layer in enumerate(layers))
        body = layers[0].source if self._bare else f"{{{','.join(keyed)}}}"
        if self._base:
            text = f"[$.($base:=b;${_SCOPE}:=s;s.{body})]"
        elif any(layer.root for layer in layers):
            text = f"[$.(${_SCOPE}:=$;{body})]"
        else:
            text = f"[$.{body}]"
        self._expression: Expression = expression(text)

    def run(self, scopes: Sequence[Mapping[str, Any]], below: list[Any], limits: Limits) -> list[Any]:
        """The results of `below` with these layers laid over. Raises ExpressionError (its text is the
        program's)."""
        data: list[Any] = list(scopes)
        if self._base:
            data = [
                {"s": scope} if base is UNDEFINED else {"s": scope, "b": base}
                for scope, base in zip(scopes, below, strict=True)
            ]
        made = self._expression.evaluate(data, limits=limits)
        if self._bare:
            finish = self._layers[0].finish
            tops: list[Any] = made if finish is None else [finish(record) for record in made]
            if self._lowest:  # nothing to lay it over, and it takes no field away: copying it would be waste
                return tops
            return [overlay(base, top) for base, top in zip(below, tops, strict=True)]
        return [self._laid(base, row) for base, row in zip(below, made, strict=True)]

    def _laid(self, result: Any, row: dict[str, Any]) -> Any:
        for index, layer in enumerate(self._layers):
            value = row.get(str(index), UNDEFINED)
            if layer.finish is not None and value is not UNDEFINED:
                value = layer.finish(value)
            result = value if self._lowest and index == 0 else overlay(result, value)
        return result


def programs(layers: Sequence[Any]) -> list[Program]:
    """The programs of a mapping, to be run in order. Every leaf has been compiled alone before."""
    groups: list[list[_Layer]] = []
    for layer in layers:
        compiled = _layer(layer)
        if compiled.base or not groups or groups[-1][0].base:
            groups.append([compiled])
        else:
            groups[-1].append(compiled)
    return [Program(group, lowest=number == 0) for number, group in enumerate(groups)]


def _layer(layer: Any) -> _Layer:
    flags = {"base": False, "root": False}
    source = _source(layer, flags)
    tree = isinstance(layer, dict)
    return _Layer(source, _finish(layer, top=True), tree, flags["base"], flags["root"])


def _source(node: Any, flags: dict[str, bool]) -> str:
    if isinstance(node, str):
        return _leaf(node, flags)
    if isinstance(node, dict):
        fields = (f"{json.dumps(str(key))}:{_source(value, flags)}" for key, value in node.items())
        return f"{{{','.join(fields)}}}"
    if isinstance(node, list):
        items = (f'"{index}":{_source(value, flags)}' for index, value in enumerate(node))
        return f"{{{','.join(items)}}}"
    return "null" if node is REMOVE or not _literal(node) else json.dumps(node)


def _leaf(text: str, flags: dict[str, bool]) -> str:
    found = expression(text).analysis
    flags["base"] |= "base" in found.variables
    if found.root:
        flags["root"] = True
        tokens = [token for token in found.tokens if token.kind == "variable" and token.text == "$$"]
        for token in reversed(tokens):
            text = f"{text[: token.start]}${_SCOPE}{text[token.end :]}"
    return f"({text})" if found.assigns else text


def _literal(value: Any) -> bool:
    """Whether an evaluator gives the number back as it is; others are put in after it."""
    if isinstance(value, float):
        return math.isfinite(value) and not value.is_integer()
    return not isinstance(value, int) or isinstance(value, bool) or abs(value) < _EXACT


def _finish(node: Any, *, top: bool = False) -> Finish | None:
    """What makes the tree's own result of the evaluator's: lists, empty objects, numbers it cannot hold."""
    if isinstance(node, list):
        return _finish_list(node)
    if not isinstance(node, dict):
        plain = isinstance(node, str) or (node is not REMOVE and _literal(node))
        return None if plain else lambda _value: node
    parts = [(str(key), made) for key, value in node.items() if (made := _finish(value)) is not None]
    empty = not node or top

    def finish(value: Any) -> Any:
        for key, part in parts:
            if key in value:
                made = part(value[key])
                if made is UNDEFINED:
                    del value[key]
                else:
                    value[key] = made
        return value if value or empty else UNDEFINED

    return finish if parts or not top else None


def _finish_list(node: list[Any]) -> Finish:
    parts = [_finish(value) for value in node]

    def finish(value: Any) -> Any:
        items = []
        for index, part in enumerate(parts):
            item = value.get(str(index), UNDEFINED)
            if part is not None and item is not UNDEFINED:
                item = part(item)
            if item is not UNDEFINED:
                items.append(item)
        return items

    return finish
