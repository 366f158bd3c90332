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
    return _expand_places(paths, ((number, 0) for number in range(len(paths))))


def _expand_places(paths: Paths, places: Iterable[tuple[int, int]]) -> Places:
    """Return the places, and those after each `**`, because it also matches no step."""
    expanded: set[tuple[int, int]] = set()
    for number, place in places:
        step = place
        expanded.add((number, step))
        while step < len(paths[number]) and paths[number][step] == "**":
            step += 1
            expanded.add((number, step))
    return frozenset(expanded)


def _remove_places(value: Any, places: Places, paths: Paths, depth: int) -> Any:
    if depth > _DEEPEST:
        raise FunctionFault("the data is nested too deeply")
    if isinstance(value, list):
        return [_strip(str(index), item, places, paths, depth)[1] for index, item in enumerate(value)]
    if isinstance(value, dict):
        remaining = ((key, *_strip(key, inner, places, paths, depth)) for key, inner in value.items())
        return {key: inner for key, stays, inner in remaining if stays}
    return value


def _select_places(value: Any, places: Places, paths: Paths, depth: int) -> tuple[bool, Any]:
    """Return whether a path leads to the value or into it, and the part of it to keep."""
    if depth > _DEEPEST:
        raise FunctionFault("the data is nested too deeply")
    if any(step == len(paths[number]) for number, step in places):
        return True, value
    if not places or not isinstance(value, dict | list):
        return False, {} if depth == 0 else None
    inner = value.items() if isinstance(value, dict) else ((str(number), item) for number, item in enumerate(value))
    selected = {
        key: selection[1]
        for key, below in inner
        if (selection := _select_places(below, _expand_places(paths, _onward(key, places, paths)), paths, depth + 1))[0]
    }
    return bool(selected), selected if isinstance(value, dict) else list(selected.values())


def _strip(key: str, value: Any, places: Places, paths: Paths, depth: int) -> tuple[bool, Any]:
    """Return whether to keep the value at a key, and the part of it to keep."""
    further = _expand_places(paths, _onward(key, places, paths))
    if any(step == len(paths[number]) for number, step in further):
        return False, None
    return True, _remove_places(value, further, paths, depth + 1) if further else value


def _onward(key: str, places: Places, paths: Paths) -> Iterator[tuple[int, int]]:
    for number, step in places:
        if step < len(paths[number]):
            pattern = paths[number][step]
            if pattern == "**":
                yield number, step
            elif is_match(pattern, key):
                yield number, step + 1
