"""Find where an override sets a field of a mapping, or where to write it, in the form that its document already uses.

A new field goes into the object of its mapping if there is one. Otherwise it becomes a dotted place, unless the
document has this part in the nested form only.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from conn_engine.config.dotted_places import find_place, format_place
from conn_engine.config.merge import MISSING, Path_, is_replacement, mapping_end
from conn_engine.errors import UsageError

__all__ = ["OverridePlace", "find_override_place"]


@dataclass(frozen=True, slots=True)
class OverridePlace:
    """Where an override sets a value, or has to set it. `path` is the path in the override as written, and `value` what
    is there (MISSING for nothing).

    `blocking` is the path of a single value above it, such as a mapping that is one expression. `inner` are the places
    of values below it that have dotted places of their own.
    """

    path: Path_
    value: Any = MISSING
    blocking: Path_ | None = None
    inner: tuple[str, ...] = ()


def find_override_place(override: Mapping[str, Any], path: Path_) -> OverridePlace:
    """Return the place of a mapping, or of a field of one, by its path in the configuration: `("unified", "crm",
    "contacts", "response_mapping", "email")`."""
    deepest, found, inner = 0, OverridePlace((format_place(path),)), []
    for key, value in override.items():
        try:
            start = find_place(key, value)
        except UsageError:
            continue  # it is not a place, which loading reports
        if len(start) > len(path) and start[: len(path)] == path:
            inner.append(format_place(start[len(path) :]))
        if path[: len(start)] != start:
            continue
        depth, place = _descend(value, (key,), path, len(start))
        if depth > deepest:
            deepest, found = depth, place
    is_in_mapping = deepest >= mapping_end(path) or found.blocking is not None
    if not is_in_mapping and any("." in key for key in override):
        found = OverridePlace((format_place(path),))
    return OverridePlace(found.path, found.value, found.blocking, tuple(inner)) if inner else found


def _descend(node: Any, written: Path_, path: Path_, depth: int) -> tuple[int, OverridePlace]:
    """Follow a path from what an override has at its first `depth` names. Return how many of its names exist, and the
    place."""
    while depth < len(path):
        if depth == mapping_end(path) and is_replacement(node):
            node, written = node["replace"], (*written, "replace")
        if not isinstance(node, dict):
            return depth, OverridePlace((*written, *path[depth:]), blocking=written)
        if path[depth] not in node:
            return depth, OverridePlace((*written, *path[depth:]))
        node, written, depth = node[str(path[depth])], (*written, path[depth]), depth + 1
    return depth, OverridePlace(written, node)
