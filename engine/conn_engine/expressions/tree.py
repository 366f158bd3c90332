"""The object-tree form of a mapping: its leaves, and a result put together from the leaves' values."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from conn_engine.errors import ExpressionError
from conn_engine.expressions.values import REMOVE, UNDEFINED, Path_

__all__ = ["Leaf", "assemble", "leaves", "removals", "with_removals"]

_MAX_DEPTH = 64


@dataclass(frozen=True, slots=True)
class Leaf:
    """One expression of a layer. `path` is where its value goes; empty when the layer is that one
    expression."""

    path: Path_
    text: str

    @property
    def field(self) -> str:
        """The dotted path."""
        return ".".join(map(str, self.path))


def leaves(layer: Any, path: Path_ = ()) -> Iterator[Leaf]:
    """Every expression of a layer, in order. Raises ExpressionError (`layer`) for a layer that is neither a
    string nor a tree, or one too deep."""
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
        raise ExpressionError(f"a mapping cannot hold a {kind}", code="layer", at=".".join(map(str, path)))


def with_removals(layer: Any) -> Any:
    """An upper layer in which each null of an object stands for the removal of the field; lists are left alone."""
    if not isinstance(layer, dict):
        return layer
    return {key: REMOVE if value is None else with_removals(value) for key, value in layer.items()}


def removals(layer: Any, path: str = "") -> Iterator[str]:
    """The dotted fields that an upper layer takes away."""
    for key, value in layer.items() if isinstance(layer, dict) else ():
        here = f"{path}.{key}" if path else str(key)
        if value is REMOVE:
            yield here
        else:
            yield from removals(value, here)


def assemble(layer: Any, values: Mapping[Path_, Any]) -> Any:
    """The result of a layer, from the value (or UNDEFINED) of each of its leaves."""
    return _part(layer, (), values)


def _part(node: Any, path: Path_, values: Mapping[Path_, Any]) -> Any:
    if isinstance(node, str):
        return values[path]
    if isinstance(node, dict):
        made = {str(key): _part(value, (*path, str(key)), values) for key, value in node.items()}
        kept = {key: value for key, value in made.items() if value is not UNDEFINED}
        return UNDEFINED if node and not kept and path else kept
    if isinstance(node, list):
        items = [_part(value, (*path, index), values) for index, value in enumerate(node)]
        return [item for item in items if item is not UNDEFINED]
    return node
