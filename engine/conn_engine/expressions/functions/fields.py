"""Functions that pick fields of an object, or leave fields out."""

import re
from collections.abc import Iterable
from functools import lru_cache
from typing import Any, TypeAlias

from conn_engine.documents.pointers import to_pointer
from conn_engine.expressions.functions.collections import as_list
from conn_engine.expressions.functions.removal import only_paths, without_paths
from conn_engine.expressions.functions.rows import Function

__all__ = ["ROWS"]

_STEP = re.compile(r"[^.\[\]]+")
_INDEX = re.compile(r"0|[1-9][0-9]{0,8}")
Steps: TypeAlias = tuple[str, ...]


def _pick(value: dict[str, Any] | None, keys: Any) -> dict[str, Any] | None:
    if value is None:
        return None
    names = _texts(keys)
    paths = _paths(names)
    if _split(names)[0]:
        return _pick_by_pointers(value, names, paths)
    if any(name.endswith("*") for name in names):
        names = (*_among(tuple(value), names, True), *paths)
    if not paths:
        return {name: value[name] for name in names if name in value}
    return _pick_paths(value, {name: () if name in value else paths.get(name) for name in names})


def _pick_by_pointers(value: dict[str, Any], names: Steps, paths: dict[str, Steps]) -> dict[str, Any]:
    """Return the fields in the order of the object: a path such as `/a/*/b` does not specify one."""
    pointers = [name for name in names if name.startswith("/")]
    pointers += [to_pointer(*steps) for name, steps in paths.items() if name not in value and not name.startswith("/")]
    picked = only_paths(value, pointers)
    whole = frozenset(_among(tuple(value), tuple(name for name in names if not name.startswith("/")), True))
    return {key: value[key] if key in whole else picked[key] for key in value if key in whole or key in picked}


def _pick_paths(value: dict[str, Any], paths: dict[str, Steps | None]) -> dict[str, Any]:
    """Return the fields of an object that are named (no steps) or that the steps lead into."""
    picked: dict[str, Any] = {}
    behind = _group(steps for steps in paths.values() if steps)
    for name, steps in paths.items():
        if steps == ():
            picked[name] = value[name]
        elif steps and steps[0] in value and steps[0] not in picked:
            is_found, part = _pick_part(value[steps[0]], behind[steps[0]])
            picked |= {steps[0]: part} if is_found else {}
    return picked


def _pick_part(value: Any, paths: list[Steps]) -> tuple[bool, Any]:
    """Return whether a path leads to a value, and the value with only the parts that the paths lead to. In a list, null
    replaces the items before a picked one, so that it keeps its position."""
    if () in paths:
        return True, value
    if isinstance(value, dict):
        part = _pick_paths(value, {".".join(path): path for path in paths})
        return bool(part), part
    items: dict[int, Any] = {}
    for step, inner in _group(paths).items() if isinstance(value, list) else ():
        if _INDEX.fullmatch(step) and int(step) < len(value):
            is_found, part = _pick_part(value[int(step)], inner)
            items |= {int(step): part} if is_found else {}
    return bool(items), [items.get(index) for index in range(max(items, default=-1) + 1)]


def _leave_out(value: Any, paths: list[Steps]) -> Any:
    """Return the value without the parts that the paths lead to. List items become null, so that the others keep their
    positions."""
    groups = _group(paths) if paths and isinstance(value, dict | list) else {}
    if not groups:
        return value
    if isinstance(value, dict):
        remaining = (key for key in value if () not in groups.get(key, ()))
        return {key: _leave_out(value[key], groups[key]) if key in groups else value[key] for key in remaining}
    elements = list(value)
    for step, inner in groups.items():
        if _INDEX.fullmatch(step) and int(step) < len(elements):
            elements[int(step)] = None if () in inner else _leave_out(elements[int(step)], inner)
    return elements


def _group(paths: Iterable[Steps]) -> dict[str, list[Steps]]:
    """Group paths by their first step, and remove it from them."""
    groups: dict[str, list[Steps]] = {}
    for path in paths:
        groups.setdefault(path[0], []).append(path[1:])
    return groups


def _omit(value: dict[str, Any] | None, keys: Any) -> dict[str, Any] | None:
    if value is None:
        return None
    pointers, flat = _split(_texts(keys))
    remaining = {key: value[key] for key in _among(tuple(value), flat, False)}
    if paths := _paths(flat):
        remaining = _leave_out(remaining, [steps for name, steps in paths.items() if name not in value])
    return without_paths(remaining, pointers) if pointers else remaining


@lru_cache(maxsize=32)
def _split(names: Steps) -> tuple[Steps, Steps]:
    """Return the names that are pointers, and the others."""
    pointers = tuple(name for name in names if name.startswith("/"))
    return pointers, tuple(name for name in names if not name.startswith("/")) if pointers else names


def _texts(keys: Any) -> Steps:
    """Return the names in a list of keys. A tuple has names already."""
    return keys if isinstance(keys, tuple) else tuple([key for key in as_list(keys) if isinstance(key, str)])


@lru_cache(maxsize=32)
def _paths(names: Steps) -> dict[str, Steps]:
    """Return the steps of the names that are paths: `a.b` or `a[0].b`. Callers must not change the result."""
    dotted = (name for name in names if ("." in name or "[" in name) and not name.startswith("/"))
    steps_by_name = {name: tuple(_STEP.findall(name)) for name in dotted}
    return {name: steps for name, steps in steps_by_name.items() if steps}


@lru_cache(maxsize=32)  # the objects of a list usually have the same keys
def _among(keys: Steps, names: Steps, matching: bool) -> Steps:
    """Return the keys that are named, or those that are not. A name may be a prefix of keys: `home_*`."""
    whole = frozenset(names)
    beginnings = tuple(name[:-1] for name in names if name.endswith("*"))
    return tuple(key for key in keys if (key in whole or key.startswith(beginnings)) is matching)


ROWS: tuple[Function, ...] = (
    Function(
        "pick",
        _pick,
        "<o(as):o>",
        "Keep only the named keys of an object: `x_*` is a prefix; `a.b`, `a[0].b` and `/a/*/b` are paths.",
        "$pick({'name': 'A', 'age': 3, 'lines': [{'id': 1, 'n': 2}]}, ['name', 'email', '/lines/*/id'])",
        {"name": "A", "lines": [{"id": 1}]},
    ),
    Function(
        "omit",
        _omit,
        "<o(as):o>",
        "Remove the named keys from an object: `x_*` is a prefix; `a.b`, `a[0].b` and `/a/*/b` are paths.",
        "$omit({'name': 'A', 'x_1': 0, 'lines': [{'id': 1, 'secret': 2}]}, ['x_*', '/lines/*/secret'])",
        {"name": "A", "lines": [{"id": 1}]},
    ),
)
