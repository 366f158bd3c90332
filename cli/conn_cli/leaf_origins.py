"""Find the origins of the leaves of an effective configuration, including fields of composed mappings."""

from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from conn_engine.config import Effective, Origin

__all__ = ["LEVELS", "leaf_origins"]

LEVELS: tuple[Literal["account", "environment", "base"], ...] = ("account", "environment", "base")
"""The levels of the configuration, the most specific first."""


def leaf_origins(effective: "Effective") -> "dict[tuple[str | int, ...], list[Origin]]":
    """Return the origins of each leaf, top level first.

    A mapping whose levels could not be merged as data is listed by field, as far as its levels are objects. A level
    that is an expression is an origin of every field that it can set.
    """
    from conn_engine.config import Layers, lookup

    origins: dict[tuple[str | int, ...], list[Origin]] = {}
    for path in effective.provenance():
        value = lookup(effective.data, path)
        fields = _fields(value, path) if isinstance(value, Layers) else [path]
        for field in fields or [path]:
            origins[field] = effective.origins(field)
    return origins


def _fields(layers: "tuple[object, ...]", path: tuple[str | int, ...]) -> list[tuple[str | int, ...]]:
    from conn_engine.config import leaves

    paths: dict[tuple[str | int, ...], None] = {}
    for layer in layers:
        if isinstance(layer, dict) and set(layer) != {"replace"}:
            for leaf, _ in leaves(layer):
                paths[(*path, *leaf)] = None
    return list(paths)
