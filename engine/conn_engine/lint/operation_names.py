"""The names that an operation defines for its own expressions and templates."""

from collections.abc import Iterator, Mapping
from typing import Any

from conn_engine.config import Path_, lookup
from conn_engine.config.implied import find_method, find_path
from conn_engine.errors import ExpressionError
from conn_engine.expressions import expression, template
from conn_engine.roles import Names

__all__ = ["find_operation_names", "find_restart_names", "find_window_names"]

_WINDOW = frozenset({"window", "state"})


def find_operation_names(data: Mapping[str, Any], resource: str, method: str) -> Names:
    """Return the names that an operation defines: of its path, its parents and their parents, its recursion, its chunks
    and its windows. Return None when a parent is in another document, so that the names are unknown."""
    holder = data["resources"][resource]
    operation = holder[method]
    path = find_path(method, operation, holder)
    is_complete = path is not None and find_method(method, operation) is not None
    names = set(_find_path_names(path)) | find_window_names(data, holder, operation)
    if not is_complete or not ({"method", "path"} <= operation.keys() or "base_url" in data):
        names |= _WINDOW  # an override may belong to an incremental operation
    if isinstance(operation.get("chunk"), Mapping):
        names.add("chunk")
    recurse = operation.get("recurse")
    if isinstance(recurse, Mapping) and isinstance(recurse.get("as"), str):
        names.add(recurse["as"])
    visited: set[str] = set()
    waiting = [operation]
    while waiting:
        for source, _ in _iterate_sources(waiting.pop().get("parents"), ()):
            if isinstance(source.get("as"), str):
                names.add(source["as"])
            name = source.get("from")
            if not isinstance(name, str) or name in visited:
                continue
            visited.add(name)
            above = lookup(data, ("resources", *name.split(".")))
            if not isinstance(above, Mapping):
                return None
            waiting.append(above)
    return frozenset(names)


def _find_path_names(path: Any) -> frozenset[str]:
    if not isinstance(path, str) or "{{" not in path:
        return frozenset()
    try:
        roots = [expression(text).roots() or () for text, _ in template(path).expressions]
    except ExpressionError:
        return frozenset()
    return frozenset(str(root) for some in roots for root in some)


def find_restart_names(*holders: Mapping[str, Any]) -> frozenset[str]:
    """Return the names that `pagination.restart` sets for templates, at any of the levels."""
    names: set[str] = set()
    for holder in holders:
        node: Any = holder.get("pagination")
        for key in ("config", "restart", "set", "params"):
            node = node.get(key) if isinstance(node, Mapping) else None
        names |= set(map(str, node)) if isinstance(node, Mapping) else set()
    return frozenset(names)


def find_window_names(*holders: Mapping[str, Any]) -> frozenset[str]:
    """Return the names that `incremental` sets for templates and expressions, at any of the levels."""
    return _WINDOW if any("incremental" in holder for holder in holders) else frozenset()


def _iterate_sources(parents: Any, path: Path_) -> Iterator[tuple[Mapping[str, Any], Path_]]:
    """Yield every source of values with its path, including those inside a `union`."""
    for index, source in enumerate(parents) if isinstance(parents, list) else ((None, parents),):
        source_path = path if index is None else (*path, index)
        if isinstance(source, Mapping):
            yield source, source_path
            union = source.get("union")
            for number, inner in enumerate(union if isinstance(union, list) else ()):
                if isinstance(inner, Mapping):
                    yield inner, (*source_path, "union", number)
