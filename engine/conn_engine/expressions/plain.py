"""Compute simple leaves without the evaluator, column by column: a path of names, and `$omit` or `$pick` of such a path
with constant names.

This is only done if the result is certain: the path leads through objects to JSON scalars. In any other case, the
evaluator computes the leaf, because JSONata has its own rules for lists on a path, and copies lists and objects within
limits.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from operator import itemgetter
from typing import Any

from conn_engine.conditions import EvaluationLimits
from conn_engine.expressions.functions import FUNCTIONS
from conn_engine.expressions.values import UNDEFINED, Undefined

__all__ = ["PageScopes", "Plain", "plain", "read_column"]

Names = tuple[str, ...]

_EXACT = 2**53
_KEYWORDS = frozenset({"and", "or", "in", "true", "false", "null", "function"})
_SCALARS = frozenset({str, int, float, bool, type(None), Undefined})
_NOTHING: dict[str, Any] = {}

_PATH = r"[A-Za-z_][A-Za-z0-9_]*(?:\.[A-Za-z_][A-Za-z0-9_]*)*"
_TEXT = r"""(?:"[^"\\]*"|'[^'\\]*')"""
_LEAF = re.compile(
    rf"\s*(?:(?P<path>{_PATH})"
    rf"|\$(?P<function>omit|pick)\(\s*(?P<of>{_PATH})\s*,\s*(?P<keys>{_TEXT}|\[\s*{_TEXT}(?:\s*,\s*{_TEXT})*\s*\])\s*\))\s*"
)
_QUOTED = re.compile(_TEXT)


@dataclass(frozen=True, slots=True)
class Plain:
    """A leaf that is a path of names; with `choose`, that function of the object found there."""

    names: Names
    choose: Callable[[dict[str, Any]], dict[str, Any]] | None = None


def plain(text: str) -> Plain | None:
    """Return the leaf that an expression consists of, if it needs no evaluator; None otherwise."""
    match = _LEAF.fullmatch(text)
    if match is None:
        return None
    names = tuple((match["path"] or match["of"]).split("."))
    if not _KEYWORDS.isdisjoint(names):
        return None
    if match["function"] is None:
        return Plain(names)
    keys = tuple(quoted[1:-1] for quoted in _QUOTED.findall(match["keys"]))
    implementation = FUNCTIONS[match["function"]].implementation
    return Plain(names, lambda value: implementation(value, keys))


class PageScopes:
    """The scopes of a page, and the objects in them that several leaves go through."""

    def __init__(self, scopes: Sequence[Mapping[str, Any]], limits: EvaluationLimits) -> None:
        self._objects: dict[Names, list[dict[str, Any]] | None] = {(): _objects(list(scopes))}
        self._left = limits.string_bytes

    def column(self, leaf: Plain) -> list[Any] | None:
        """Return the leaf's value (or UNDEFINED) in each scope, as the evaluator would return it; None if only the
        evaluator can compute it."""
        parents = self._follow(leaf.names[:-1])
        if parents is None:
            return None
        name = leaf.names[-1]
        values = read_column(parents, name)
        return self._scalars(values) if leaf.choose is None else self._choose(values, leaf.choose)

    def _follow(self, names: Names) -> list[dict[str, Any]] | None:
        if names not in self._objects:
            parents = self._follow(names[:-1])
            self._objects[names] = parents and _objects(read_column(parents, names[-1]))
        return self._objects[names]

    def _scalars(self, values: list[Any]) -> list[Any] | None:
        kinds = set(map(type, values))
        if not kinds <= _SCALARS:
            return None
        if str in kinds:
            texts = values if len(kinds) == 1 else [value for value in values if type(value) is str]
            if not self._may_hold(texts):
                return None
        if int in kinds and not all(-_EXACT < value < _EXACT for value in values if type(value) is int):
            return None
        if float in kinds:  # there is one kind of number: 2.0 is 2
            floats = [value for value in values if type(value) is float]
            if not all(-_EXACT < value < _EXACT for value in floats):
                return None
            return [int(value) if type(value) is float and value.is_integer() else value for value in values]
        return values

    def _choose(self, values: list[Any], choose: Callable[[dict[str, Any]], dict[str, Any]]) -> list[Any] | None:
        if not set(map(type, values)) <= {dict, Undefined}:
            return None
        chosen = [value if isinstance(value, Undefined) else choose(value) for value in values]
        objects = [value for value in chosen if type(value) is dict]
        items = list(chain.from_iterable(map(dict[str, Any].values, objects)))
        names = list(set[Any]().union(*objects))
        return chosen if self._scalars(items) is items and self._scalars(names) is names else None

    def _may_hold(self, texts: list[str]) -> bool:
        """Return whether the evaluator would give the strings as they are, and none of its bounds is near."""
        try:
            self._left -= len("".join(texts).encode())
        except UnicodeEncodeError:  # half a character: each evaluator repairs it
            return False
        return self._left >= 0


def read_column(objects: Sequence[Mapping[str, Any]], name: str) -> list[Any]:
    """Return the value of a field in each object, or UNDEFINED."""
    try:
        return list(map(itemgetter(name), objects))
    except KeyError:
        return [item.get(name, UNDEFINED) for item in objects]


def _objects(values: list[Any]) -> list[dict[str, Any]] | None:
    """Return the values as objects to read fields from; a scalar has no fields. None if a value is something else."""
    kinds = set(map(type, values))
    if kinds <= {dict}:
        return values
    return [value if type(value) is dict else _NOTHING for value in values] if kinds - {dict} <= _SCALARS else None
