"""The columns of records: one type for each field, over all records."""

import json
from collections.abc import Iterable, Mapping
from typing import Any

import pyarrow as pa

__all__ = ["build_table", "find_columns"]

_LARGEST = 2**63
_LARGEST_EXACT = 2**53
"""The largest integer up to which a float has all of them."""


def find_columns(records: Iterable[Any]) -> dict[str, pa.DataType]:
    """Return the type of each field. Integers and floats are floats together; anything else that is mixed, nested, or
    too large for a column is text."""
    kinds: dict[str, set[str]] = {}
    for record in records:
        for name, value in (record if isinstance(record, dict) else {"value": record}).items():
            kinds.setdefault(name, set()).add(_name_kind(value))
    return {name: _choose_type(found - {"null"}) for name, found in kinds.items()}


def _name_kind(value: Any) -> str:
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "bool"
    if isinstance(value, int):
        if abs(value) <= _LARGEST_EXACT:
            return "int"
        return "large" if -_LARGEST <= value < _LARGEST else "text"
    if isinstance(value, float):
        return "float"
    return "text" if isinstance(value, str) else "json"


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
    rows = [record if isinstance(record, dict) else {"value": record} for record in records]
    arrays = [pa.array([_fit(row.get(name), kind) for row in rows], kind) for name, kind in columns.items()]
    return pa.table(arrays, names=list(columns))


def _fit(value: Any, kind: pa.DataType) -> Any:
    if value is None or kind != pa.string() or isinstance(value, str):
        return value
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))
