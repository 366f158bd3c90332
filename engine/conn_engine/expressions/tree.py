"""The object-tree form of a mapping: find its leaves, and assemble results from their values."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from conn_engine.errors import ExpressionError
from conn_engine.expressions.values import REMOVE, UNDEFINED, Decided, Path_

__all__ = ["Leaf", "assemble", "leaves", "removals", "with_removals"]

_MAX_DEPTH = 64


@dataclass(frozen=True, slots=True)
class Leaf:
    """An expression of a layer. `path` is its value's place in the result; empty if the layer is one expression."""

    path: Path_
    text: str

    @property
    def field(self) -> str:
        """The dotted path."""
        return ".".join(map(str, self.path))


def leaves(layer: Any, path: Path_ = ()) -> Iterator[Leaf]:
    """Yield the expressions of a layer, in order. Raises ExpressionError (`layer`) for a layer that is neither a string
    nor a tree, or is too deep."""
    if len(path) > _MAX_DEPTH:
        raise ExpressionError("a mapping is nested too deeply", code="layer", at=".".join(map(str, path[:4])))
    if isinstance(layer, str):
        yield Leaf(path, layer)
    elif isinstance(layer, dict):
        for key, value in layer.items():
            yield from leaves(value, (*path, str(key)))
    elif isinstance(layer, list):
        for index, value in enumerate(layer):
            yield from leaves(value, (*path, index))
    elif layer is not None and layer is not REMOVE and not isinstance(layer, bool | int | float):
        kind = type(layer).__name__
        raise ExpressionError(f"a mapping cannot contain a {kind}", code="layer", at=".".join(map(str, path)))


def with_removals(layer: Any) -> Any:
    """Replace each null in the objects of an upper layer by a removal of the field; lists are unchanged."""
    if not isinstance(layer, dict):
        return layer
    return {key: REMOVE if value is None else with_removals(value) for key, value in layer.items()}


def removals(layer: Any, path: str = "") -> Iterator[str]:
    """Yield the dotted fields that an upper layer removes."""
    for key, value in layer.items() if isinstance(layer, dict) else ():
        inner_path = f"{path}.{key}" if path else str(key)
        if value is REMOVE:
            yield inner_path
        else:
            yield from removals(value, inner_path)


def assemble(layer: Any, columns: Mapping[Path_, Sequence[Any]], count: int, *, upper: bool = False) -> list[Any]:
    """Return the `count` results of a layer, from the values (or UNDEFINED) of its leaves.

    `upper`: the layer is merged over another one. The value of each field's expression is then a Decided in the result,
    and UNDEFINED is not left out.
    """
    return list(_column(layer, (), columns, count, upper))


def _column(node: Any, path: Path_, columns: Mapping[Path_, Sequence[Any]], count: int, upper: bool) -> Sequence[Any]:
    if isinstance(node, str):
        return [Decided(value) for value in columns[path]] if upper and path else columns[path]
    if isinstance(node, dict):
        names = [str(key) for key in node]
        parts = [_column(value, (*path, str(key)), columns, count, upper) for key, value in node.items()]
        if not parts:
            return [{} for _ in range(count)]
        if upper:
            return [dict(zip(names, row, strict=True)) for row in zip(*parts, strict=True)]
        column = [
            {name: value for name, value in zip(names, row, strict=True) if value is not UNDEFINED}
            for row in zip(*parts, strict=True)
        ]
        return [value or UNDEFINED for value in column] if path else column
    if isinstance(node, list):
        parts = [_column(value, (*path, index), columns, count, False) for index, value in enumerate(node)]
        rows = zip(*parts, strict=True) if parts else ((),) * count
        return [[item for item in row if item is not UNDEFINED] for row in rows]
    return (node,) * count
