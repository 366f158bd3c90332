"""Remove the parts of data at certain paths, or everything else. Steps of paths may be patterns."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any, TypeAlias

from conn_engine.documents.wildcards import is_match
from conn_engine.expressions.functions.rows import FunctionFault

__all__ = ["only_paths", "without_paths"]

_DEEPEST = 200
Paths: TypeAlias = Sequence[tuple[str, ...]]
Places: TypeAlias = frozenset[tuple[int, int]]
"""Positions in paths: pairs of a path's number and the number of its next step."""


def without_paths(value: Any, pointers: Iterable[str]) -> Any:
    """Return a copy of the data without the parts that the JSON pointers lead to.

    In a step, `*` matches any characters; a step `**` matches any number of steps, including none. An item of a list
    becomes null, so that the others keep their positions.

    Each value is visited once, however many pointers lead to it. Raises FunctionFault for data that is too deep.
    """
    paths = _read(pointers)
    return _remove_places(value, _start(paths), paths, 0)


def only_paths(value: Any, pointers: Iterable[str]) -> Any:
    """Return a copy of the data with only the parts that the JSON pointers lead to, by the same rules. Items of a list
    that no pointer leads into are left out; the others keep their order."""
    paths = _read(pointers)
    return _select_places(value, _start(paths), paths, 0)[1]


def _read(pointers: Iterable[str]) -> list[tuple[str, ...]]:
    return [
        tuple(step.replace("~1", "/").replace("~0", "~") for step in pointer[1:].split("/")) for pointer in pointers
    ]


def _start(paths: Paths) -> Places:
    return _expand_places(paths, ((at, 0) for at in range(len(paths))))


def _expand_places(paths: Paths, places: Iterable[tuple[int, int]]) -> Places:
    """Return the places, and those after each `**`, because it also matches no step."""
    found: set[tuple[int, int]] = set()
    for at, place in places:
        step = place
        found.add((at, step))
        while step < len(paths[at]) and paths[at][step] == "**":
            step += 1
            found.add((at, step))
    return frozenset(found)


def _remove_places(value: Any, places: Places, paths: Paths, depth: int) -> Any:
    if depth > _DEEPEST:
        raise FunctionFault("the data is nested too deeply")
    if isinstance(value, list):
        return [_strip(str(at), item, places, paths, depth)[1] for at, item in enumerate(value)]
    if isinstance(value, dict):
        left = ((key, *_strip(key, inner, places, paths, depth)) for key, inner in value.items())
        return {key: inner for key, stays, inner in left if stays}
    return value


def _select_places(value: Any, places: Places, paths: Paths, depth: int) -> tuple[bool, Any]:
    """Return whether a path leads to the value or into it, and the part of it to keep."""
    if depth > _DEEPEST:
        raise FunctionFault("the data is nested too deeply")
    if any(step == len(paths[at]) for at, step in places):
        return True, value
    if not places or not isinstance(value, dict | list):
        return False, {} if depth == 0 else None
    inner = value.items() if isinstance(value, dict) else ((str(at), item) for at, item in enumerate(value))
    found = {
        key: one[1]
        for key, below in inner
        if (one := _select_places(below, _expand_places(paths, _onward(key, places, paths)), paths, depth + 1))[0]
    }
    return bool(found), found if isinstance(value, dict) else list(found.values())


def _strip(key: str, value: Any, places: Places, paths: Paths, depth: int) -> tuple[bool, Any]:
    """Return whether to keep the value at a key, and the part of it to keep."""
    further = _expand_places(paths, _onward(key, places, paths))
    if any(step == len(paths[at]) for at, step in further):
        return False, None
    return True, _remove_places(value, further, paths, depth + 1) if further else value


def _onward(key: str, places: Places, paths: Paths) -> Iterator[tuple[int, int]]:
    for at, step in places:
        if step < len(paths[at]):
            pattern = paths[at][step]
            if pattern == "**":
                yield at, step
            elif is_match(pattern, key):
                yield at, step + 1
