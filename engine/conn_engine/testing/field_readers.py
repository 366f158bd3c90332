"""Find the model fields that read a field of the vendor."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from conn_engine.conditions import Conditions
from conn_engine.config import Effective, OperationName, mapping_layers
from conn_engine.errors import ConnError, ExpressionError
from conn_engine.expressions import EvaluationLimits, Expression, expression, find_effective_leaves
from conn_engine.testing.vendor_records import VendorRecords

__all__ = ["FieldReaders"]

_MOST_WORK = 100_000
_WORK_OF_TRIAL = 20
"""How much work may find out whether expressions use a part of what they read: records to look at, and evaluations,
each of which costs as much as this number of records."""
_MOST_RECORDS = 100
"""How many records of a recording are looked at."""
_EXAMPLE = "example"
_LIMITS = EvaluationLimits(seconds=1.0)


class FieldReaders:
    """The expressions of some operations' response mappings, by the path of the vendor's record that they read.

    An expression that reads an object may use any part of it, or leave some parts out. Whether it uses a field is found
    by an evaluation without the field, on the first record that has it.
    """

    def __init__(self, effective: Effective, names: Iterable[OperationName]) -> None:
        """`names` are the operations; those without a response mapping are ignored."""
        self._readers: dict[tuple[str, ...], dict[str, Expression]] = {}
        self._readers_below: dict[tuple[str, ...], dict[str, None]] = {}
        self._work = 0
        for name in names:
            for leaf_field, compiled in _find_expressions(effective, name):
                for path in compiled.reads():
                    if path[:1] == ("response",):
                        names_in_path = tuple(part for part in path[1:] if isinstance(part, str))
                        self._readers.setdefault(names_in_path, {})[leaf_field] = compiled
                        for length in range(1, len(names_in_path)):
                            self._readers_below.setdefault(names_in_path[:length], {})[leaf_field] = None

    def find(
        self, path: tuple[str, ...], recordings: Sequence[VendorRecords] = (), *, is_recorded: bool = True
    ) -> list[str]:
        """Return the model fields that read a path, or a part of its value, in the order of the mapping. Without
        recordings, an expression that reads an object uses all parts of it. If `is_recorded` is false, no record has
        the field, so that only an expression that names it counts."""
        found = dict.fromkeys([*self._readers.get(path, ()), *self._readers_below.get(path, ())])
        for leaf_field, compiled in self._iterate_readers_above(path) if is_recorded else ():
            if leaf_field not in found and self._uses(compiled, path, recordings):
                found[leaf_field] = None
        return list(found)

    def is_read(self, path: tuple[str, ...], recordings: Sequence[VendorRecords] = ()) -> bool:
        """Return whether `find` returns a model field."""
        if path in self._readers or path in self._readers_below:
            return True
        return any(self._uses(compiled, path, recordings) for _, compiled in self._iterate_readers_above(path))

    def _iterate_readers_above(self, path: tuple[str, ...]) -> Iterator[tuple[str, Expression]]:
        for length in range(len(path)):
            yield from self._readers.get(path[:length], {}).items()

    def _uses(self, compiled: Expression, path: tuple[str, ...], recordings: Sequence[VendorRecords]) -> bool:
        """Return whether an expression gives another value without a field. If it is empty in the first records, the
        first one gets a value."""
        if "base" in compiled.analysis.variables:
            return True
        for records in recordings:
            for scope in records.scopes[:_MOST_RECORDS]:
                if self._work >= _MOST_WORK:
                    return True
                self._work += 1
                without = _remove(scope["response"], path)
                if without is not scope["response"]:
                    return self._differs(compiled, records.conditions, scope, {**scope, "response": without})
        first = next((records for records in recordings if records.scopes), None)
        if first is None:
            return True
        scope = first.scopes[0]
        filled = {**scope, "response": _insert(scope["response"], path)}
        return self._differs(compiled, first.conditions, scope, filled)

    def _differs(self, compiled: Expression, conditions: Conditions, *scopes: Mapping[str, Any]) -> bool:
        """Return whether an expression has different results for two scopes, or fails."""
        self._work += _WORK_OF_TRIAL
        try:
            first, second = (compiled.evaluate(scope, conditions, limits=_LIMITS) for scope in scopes)
        except ExpressionError as error:
            self._work = _MOST_WORK if error.code == "timeout" else self._work
            return True
        return bool(first != second)


def _find_expressions(effective: Effective, name: OperationName) -> Iterator[tuple[str, Expression]]:
    if name.kind != "unified":
        return
    try:
        operation = effective.get_unified(name.model, name.resource, name.method)
    except ConnError:
        return
    for leaf in find_effective_leaves(mapping_layers(operation.response_mapping) if operation is not None else []):
        try:
            yield leaf.field, expression(leaf.text)
        except ExpressionError:
            continue


def _remove(value: Any, path: tuple[str, ...]) -> Any:
    """Return a value without a path that has a value; the same object if there is none."""
    if isinstance(value, list):
        items = [_remove(item, path) for item in value]
        return value if all(map(_is_same, items, value)) else items
    if not isinstance(value, dict) or value.get(path[0]) in (None, "", [], {}):
        return value
    if len(path) == 1:
        return {key: item for key, item in value.items() if key != path[0]}
    inner = _remove(value[path[0]], path[1:])
    return value if inner is value[path[0]] else {**value, path[0]: inner}


def _insert(value: Any, path: tuple[str, ...]) -> Any:
    """Return a value with a text at a path."""
    if not path:
        return _EXAMPLE
    return {**(value if isinstance(value, dict) else {}), path[0]: _insert(_get(value, path[0]), path[1:])}


def _get(value: Any, key: str) -> Any:
    return value.get(key) if isinstance(value, dict) else None


def _is_same(one: Any, other: Any) -> bool:
    return one is other
