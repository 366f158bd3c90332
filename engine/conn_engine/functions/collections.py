"""Objects and lists: picking, leaving out, grouping. JSONata's own $map, $filter, $sort and $merge are not
repeated here."""

import json
from typing import Any

from conn_engine.functions.rows import Function

__all__ = ["ROWS"]


def _list(value: Any) -> list[Any]:
    if value is None:
        return []
    return value if isinstance(value, list) else [value]


def _pick(value: dict[str, Any] | None, keys: Any) -> dict[str, Any] | None:
    if value is None:
        return None
    return {key: value[key] for key in _list(keys) if key in value}


def _omit(value: dict[str, Any] | None, keys: Any) -> dict[str, Any] | None:
    if value is None:
        return None
    left_out = set(_list(keys))
    return {key: item for key, item in value.items() if key not in left_out}


def _key(item: Any, field: str | None) -> str | None:
    """The item's key as text, as JSON writes it; None when it has none."""
    value = item.get(field) if isinstance(item, dict) and field is not None else None
    if value is None or isinstance(value, str):
        return value
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def _group_by(items: Any, field: str | None) -> dict[str, Any] | None:
    if items is None:
        return None
    groups: dict[str, Any] = {}
    for item in _list(items):
        key = _key(item, field)
        if key is not None:
            groups.setdefault(key, []).append(item)
    return groups


def _key_by(items: Any, field: str | None) -> dict[str, Any] | None:
    if items is None:
        return None
    pairs = ((_key(item, field), item) for item in _list(items))
    return {key: item for key, item in pairs if key is not None}


ROWS: tuple[Function, ...] = (
    Function(
        "pick",
        _pick,
        "<o(as):o>",
        "The object with only the named keys.",
        "$pick({'name': 'A', 'age': 3}, ['name', 'email'])",
        {"name": "A"},
    ),
    Function(
        "omit",
        _omit,
        "<o(as):o>",
        "The object without the named keys.",
        "$omit({'name': 'A', 'age': 3}, 'age')",
        {"name": "A"},
    ),
    Function(
        "groupBy",
        _group_by,
        "<as:o>",
        "Lists of the items by the value of one of their fields; items without it are left out.",
        "$groupBy([{'t': 'f', 'n': 1}, {'t': 'v', 'n': 2}, {'t': 'f', 'n': 3}], 't')",
        {"f": [{"t": "f", "n": 1}, {"t": "f", "n": 3}], "v": [{"t": "v", "n": 2}]},
    ),
    Function(
        "keyBy",
        _key_by,
        "<as:o>",
        "The items by the value of one of their fields; of several with one value the last.",
        "$keyBy([{'id': 'a', 'v': 1}, {'id': 'b', 'v': 2}], 'id').b.v",
        2,
    ),
)
