"""The columns of records: one type for each field, over all records."""

import json
from collections.abc import Iterable, Mapping
from itertools import chain, islice
from typing import Any

import pyarrow as pa

__all__ = ["build_table", "find_columns"]

_LARGEST = 2**63
_LARGEST_EXACT = 2**53
"""The largest integer up to which a float has all of them."""
_PART = 1000
_KINDS = {bool: "bool", float: "float", str: "text"}


def find_columns(records: Iterable[Any]) -> dict[str, pa.DataType]:
    """Return the type of each field. Integers and floats are floats together; anything else that is mixed, nested, or
    too large for a column is text."""
    kinds: dict[str, set[str]] = {}
    every = iter(records)
    while part := [_to_fields(record) for record in islice(every, _PART)]:
        for name in dict.fromkeys(chain.from_iterable(part)):
            kinds.setdefault(name, set()).update(_find_kinds([fields.get(name) for fields in part]))
    return {name: _choose_type(found) for name, found in kinds.items()}


def _to_fields(record: Any) -> dict[str, Any]:
    return record if isinstance(record, dict) else {"value": record}


def _find_kinds(values: list[Any]) -> set[str]:
    types = set(map(type, values))
    kinds = {_KINDS.get(one, "json") for one in types - {int, type(None)}}
    if int in types:
        numbers = [value for value in values if type(value) is int]
        kinds |= {_name_size(min(numbers)), _name_size(max(numbers))}
    return kinds


def _name_size(value: int) -> str:
    if abs(value) <= _LARGEST_EXACT:
        return "int"
    return "large" if -_LARGEST <= value < _LARGEST else "text"


def _choose_type(kinds: set[str]) -> pa.DataType:
    if kinds == {"bool"}:
        return pa.bool_()
    if kinds and kinds <= {"int", "large"}:
        return pa.int64()
    if kinds and kinds <= {"int", "float"}:
        return pa.float64()
    return pa.string()


def build_table(records: Iterable[Any], columns: Mapping[str, pa.DataType]) -> pa.Table:
    """Return records as a table with these columns."""
    rows = [_to_fields(record) for record in records]
    arrays = [_build_array([row.get(name) for row in rows], kind) for name, kind in columns.items()]
    return pa.table(arrays, names=list(columns))


def _build_array(values: list[Any], kind: pa.DataType) -> pa.Array:
    if kind == pa.string() and not {str, type(None)}.issuperset(map(type, values)):
        values = [value if value is None or isinstance(value, str) else _to_json(value) for value in values]
    return pa.array(values, kind)


def _to_json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))
