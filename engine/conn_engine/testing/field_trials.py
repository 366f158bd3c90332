"""Find the parts of a record that an expression uses, by a few evaluations with changed records."""

import json
import re
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from typing import Any, TypeAlias

from conn_engine.conditions import Conditions
from conn_engine.errors import ExpressionError
from conn_engine.expressions import EvaluationLimits, Expression
from conn_engine.testing.vendor_records import VendorRecords

__all__ = ["FieldTrials"]

Path: TypeAlias = tuple[str, ...]
Tree: TypeAlias = dict[str | None, Any]
"""Paths by their first name, and so on. The key None has the path that ends here."""
_MOST_EVALUATIONS = 2_000
_MOST_RECORDS = 100
"""How many records of a recording are looked at."""
_LIMITS = EvaluationLimits(seconds=1.0)
_MARK = re.compile(r"conn-field-(\d+)\.", re.IGNORECASE)
_REMOVED = object()


class FieldTrials:
    """Tries expressions on records. A field is used if the expression passes its value on, or gives another value
    without it, on the first record that has the field.

    The number of evaluations does not depend on that of the fields, except if many fields affect the result although
    their values are not part of it. It is limited: then, all other fields count as used.
    """

    def __init__(self) -> None:
        self._left = _MOST_EVALUATIONS

    def find_used(self, compiled: Expression, paths: Iterable[Path], recordings: Sequence[VendorRecords]) -> set[Path]:
        """Return the paths whose values an expression uses. If a field is empty in all records, the first one gets a
        value. Without a record, all are used."""
        used: set[Path] = set()
        remaining = dict.fromkeys(paths)
        for records in recordings:
            for scope in records.scopes[:_MOST_RECORDS]:
                present = list(_find_present(scope["response"], _build_tree(remaining))) if remaining else []
                if present:
                    used |= self._try_paths(compiled, scope, records.conditions, present)
                    remaining = {path: None for path in remaining if path not in set(present)}
        first = next((records for records in recordings if records.scopes), None)
        if not remaining or first is None:
            return used | remaining.keys()
        scope = first.scopes[0]
        filled = {**scope, "response": _insert(scope["response"], _build_tree(remaining))}
        return used | self._try_paths(compiled, filled, first.conditions, list(remaining))

    def _try_paths(
        self, compiled: Expression, scope: Mapping[str, Any], conditions: Conditions, paths: Collection[Path]
    ) -> set[Path]:
        above = {path[:length] for path in paths for length in range(1, len(path))}
        used: set[Path] = set()
        for group in ([path for path in paths if path not in above], [path for path in paths if path in above]):
            used |= self._try_group(compiled, scope, conditions, group) if group else set()
        return used

    def _try_group(
        self, compiled: Expression, scope: Mapping[str, Any], conditions: Conditions, paths: list[Path]
    ) -> set[Path]:
        """Return the paths that are used, none of which is a part of another one."""

        def evaluate(change: Callable[[Path], Any], changed: Iterable[Path]) -> Any:
            return self._evaluate(compiled, scope, conditions, change, changed)

        try:
            value = evaluate(lambda _: _REMOVED, ())
        except ExpressionError:
            return set(paths)
        used = self._find_passed_on(evaluate, paths)
        waiting = [[path for path in paths if path not in used]]
        while waiting:
            group = waiting.pop()
            if not group or not self._affects(evaluate, value, group):
                continue
            if len(group) == 1 or not self._left:
                used.update(group)
            else:
                waiting += [group[: len(group) // 2], group[len(group) // 2 :]]
        return used

    @staticmethod
    def _find_passed_on(evaluate: Callable[..., Any], paths: list[Path]) -> set[Path]:
        numbers = {path: number for number, path in enumerate(paths)}
        try:
            value = evaluate(lambda path: f"conn-field-{numbers[path]}.", paths)
        except ExpressionError:
            return set()
        text = json.dumps(value, ensure_ascii=True, default=str)
        return {paths[int(number)] for number in _MARK.findall(text) if int(number) < len(paths)}

    @staticmethod
    def _affects(evaluate: Callable[..., Any], value: Any, group: list[Path]) -> bool:
        try:
            return bool(evaluate(lambda _: _REMOVED, group) != value)
        except ExpressionError:
            return True

    def _evaluate(
        self,
        compiled: Expression,
        scope: Mapping[str, Any],
        conditions: Conditions,
        change: Callable[[Path], Any],
        changed: Iterable[Path],
    ) -> Any:
        """Return the value after `change` replaces the values of some paths. Raises ExpressionError, also when there
        are no evaluations left."""
        if not self._left:
            raise ExpressionError("no evaluations are left", code="steps")
        self._left -= 1
        record = _change(scope["response"], _build_tree(changed), change)
        try:
            return compiled.evaluate({**scope, "response": record}, conditions, limits=_LIMITS)
        except ExpressionError as error:
            self._left = 0 if error.code == "timeout" else self._left
            raise


def _build_tree(paths: Iterable[Path]) -> Tree:
    tree: Tree = {}
    for path in paths:
        place = tree
        for name in path:
            place = place.setdefault(name, {})
        place[None] = path
    return tree


def _find_present(value: Any, tree: Tree) -> Iterator[Path]:
    """Yield the paths that have a value."""
    found: dict[Path, None] = {}
    waiting = [(value, tree)]
    while waiting:
        place, names = waiting.pop()
        if isinstance(place, list):
            waiting += [(item, names) for item in place]
        elif isinstance(place, dict):
            for name, below in names.items():
                item = place.get(name) if name is not None else None
                if item is not None and item not in ("", [], {}):
                    found |= {below[None]: None} if None in below else {}
                    waiting.append((item, below))
    yield from found


def _change(value: Any, tree: Tree, change: Callable[[Path], Any]) -> Any:
    """Return a value in which `change` replaces what is at the paths of a tree."""
    if isinstance(value, list):
        return [_change(item, tree, change) for item in value]
    if not isinstance(value, dict) or not tree:
        return value
    changed = dict(value)
    for name, below in tree.items():
        if name is None or name not in value:
            continue
        changed[name] = change(below[None]) if None in below else _change(value[name], below, change)
        if changed[name] is _REMOVED:
            del changed[name]
    return changed


def _insert(value: Any, tree: Tree) -> Any:
    """Return a value with a text at the paths of a tree."""
    if tree.keys() <= {None}:
        return "example"
    inserted = dict(value) if isinstance(value, dict) else {}
    return inserted | {name: _insert(inserted.get(name), below) for name, below in tree.items() if name is not None}
