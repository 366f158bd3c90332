"""What is empty or missing, and values put in its place. Lists and objects otherwise are in `collections`."""

import math
from typing import Any

from conn_engine.expressions.functions.rows import NULL, Function, FunctionFault

__all__ = ["ROWS"]

_DEEPEST = 100


def _first_non_empty(*values: Any) -> Any:
    return next((value for value in values if value is not None), None)


def _compact(items: Any) -> list[Any] | None:
    if items is None:
        return None
    whole = items if isinstance(items, list) else [items]
    return [item for item in whole if isinstance(item, list | dict) or item]


def _without_empty(value: Any) -> Any:
    """Remove empty fields; None if nothing is left."""
    if isinstance(value, list):
        return value if _compact(value) else None
    if isinstance(value, dict):
        return {key: item for key, item in value.items() if item not in (None, "", [], {})} or None
    return None if value in (None, "") else value


def _remove_empty_items(items: Any) -> Any:
    if not isinstance(items, list):
        return items
    return [item for item in items if item not in (None, [], {})]


def _map_values(value: Any, table: dict[str, Any] | None, lower: bool | None = None, default: Any = None) -> Any:
    if value is None:
        return default
    if table is None:
        return value
    if not isinstance(table, dict):
        raise FunctionFault("the table of $mapValues must be an object that maps values to their replacements")
    return _replace_values(value, table if lower else {key.lower(): item for key, item in table.items()}, 0)


def _replace_values(value: Any, table: dict[str, Any], depth: int) -> Any:
    if depth > _DEEPEST:
        raise FunctionFault(f"the value is nested deeper than {_DEEPEST}", "D1011")
    if isinstance(value, list):
        return [_replace_values(item, table, depth + 1) for item in value]
    if isinstance(value, dict):
        return {key: _replace_values(item, table, depth + 1) for key, item in value.items()}
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        return value
    text = value if isinstance(value, str) else str(value)
    replacement = table.get(text.lower())
    return value if replacement is None else replacement


def _to_number(value: Any) -> Any:
    """Convert to a number; null when that fails, as JSON writes NaN."""
    if isinstance(value, bool):
        return int(value)
    if isinstance(value, int | float):
        return value
    if not isinstance(value, str):
        return None if value is None else NULL
    text = value.strip()
    if not text:
        return 0
    try:
        number = float(text.replace("_", "x") if text.isascii() else "x")
    except ValueError:
        return NULL
    if not math.isfinite(number):
        return NULL
    return int(text) if text.lstrip("+-").isdecimal() and len(text) < 20 else number


ROWS: tuple[Function, ...] = (
    Function(
        "firstNonEmpty",
        _first_non_empty,
        "<x+:x>",
        "Return the first argument that is neither null nor undefined. Empty text and 0 count as values.",
        "$firstNonEmpty(null, '', 'x')",
        "",
    ),
    Function(
        "compact",
        _compact,
        "<a:a>",
        "Remove false, null, 0 and empty text from a list.",
        "$compact([0, 1, false, 2, '', 3])",
        [1, 2, 3],
    ),
    Function(
        "removeEmpty",
        _without_empty,
        "<x:x>",
        "Remove empty fields from an object. Returns a list unchanged, and undefined if nothing is left.",
        "$removeEmpty({'a': 1, 'b': null, 'c': '', 'd': []})",
        {"a": 1},
    ),
    Function(
        "removeEmptyItems",
        _remove_empty_items,
        "<x:x>",
        "Remove nulls, empty objects and empty lists from a list. Returns other values unchanged.",
        "$removeEmptyItems([{}, {'a': 1}, []])",
        [{"a": 1}],
    ),
    Function(
        "mapValues",
        _map_values,
        "<xo?b?x?:x>",
        "Replace values with a table, at any depth, ignoring case. With true: lowercase the keys. Last: a default.",
        "$mapValues({'role': 'ADMIN', 'other': 'x'}, {'admin': 'owner'})",
        {"role": "owner", "other": "x"},
    ),
    Function(
        "toNumber",
        _to_number,
        "<x:n>",
        "Convert text to a number. Returns 0 for empty text, and null for text that is not a number.",
        "$toNumber('3.5')",
        3.5,
    ),
)
