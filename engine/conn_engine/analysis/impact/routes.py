"""Find vendor operations whose URL or method a change modifies, or that it removes."""

from collections.abc import Collection
from typing import Any

from conn_engine.analysis.population import Digests, find_reachable_operations
from conn_engine.config import Effective, OperationName
from conn_engine.config.inheritance import resolve_settings

__all__ = ["find_rerouted"]

Route = tuple[Any, ...]
"""The base URL, the method and the path of an operation."""


def find_rerouted(
    before: Effective, after: Effective, recorded: Collection[str], digests: Digests
) -> set[OperationName]:
    """Return the vendor operations with a changed route, or without one, that no recorded operation calls."""
    parts = ("base_url", "resources")
    if all(digests.digest(before.data.get(key)) == digests.digest(after.data.get(key)) for key in parts):
        return set()
    old, new = _routes(before), _routes(after)
    moved = {name for name, route in old.items() if name.text not in recorded and new.get(name) != route}
    reached: set[tuple[str, str]] = set()
    for effective in (before, after) if moved else ():
        for name in effective.enabled_operations():
            pairs = find_reachable_operations(effective.data, name) if name.text in recorded else set()
            if pairs is None:
                return set()  # only a run shows which of them it calls
            reached |= pairs
    return {name for name in moved if (name.resource, name.method) not in reached}


def _routes(effective: Effective) -> dict[OperationName, Route]:
    routes: dict[OperationName, Route] = {}
    for name in effective.enabled_operations():
        if name.kind == "vendor":
            settings = resolve_settings(effective.data, name.resource, name.method)
            routes[name] = tuple(settings.get(key) for key in ("base_url", "method", "path"))
    return routes
