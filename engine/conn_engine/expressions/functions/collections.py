"""Objects and lists: grouping, ordering, merging. JSONata's own $map, $filter, $sort and $merge are not repeated here;
what is empty or missing is in `presence`, picking and leaving out fields in `fields`.

A single value stands for the list of it, as everywhere in JSONata. Two values are equal when their JSON is.
"""

import json
from functools import partial
from typing import Any

from conn_engine.expressions.functions.rows import Function, FunctionFault

__all__ = ["ROWS"]

_DEEPEST = 100


def as_list(value: Any) -> list[Any]:
    """Return a value as a list; an empty list for a missing value."""
    if value is None:
        return []
    return value if isinstance(value, list) else [value]


def _text(value: Any) -> str:
    """Return a string that is equal only for equal values: their JSON with sorted keys."""
    return json.dumps(value, ensure_ascii=False, sort_keys=True, separators=(",", ":"))


def _field(item: Any, path: str | None) -> Any:
    """Return the value at a dotted path of an item; a key that contains the dots itself is preferred."""
    if path is None or not isinstance(item, dict):
        return None
    if path in item:
        return item[path]
    for name in path.split("."):
        if not isinstance(item, dict) or name not in item:
            return None
        item = item[name]
    return item


def _key(item: Any, field: str | None) -> str | None:
    """Return the item's key as text, written as in JSON; None if it has no key."""
    value = _field(item, field)
    return value if value is None or isinstance(value, str) else _text(value)


def _group_by(items: Any, field: str | None) -> dict[str, Any] | None:
    if items is None:
        return None
    groups: dict[str, Any] = {}
    for item in as_list(items):
        key = _key(item, field)
        if key is not None:
            groups.setdefault(key, []).append(item)
    return groups


def _key_by(items: Any, field: str | None) -> dict[str, Any] | None:
    if items is None:
        return None
    pairs = ((_key(item, field), item) for item in as_list(items))
    return {key: item for key, item in pairs if key is not None}


def _rank(value: Any) -> tuple[int, Any]:
    """Return a sort key for values of any kind: numbers, then strings, then others, then missing values."""
    if isinstance(value, bool):
        return 2, value
    if isinstance(value, int | float):
        return 0, value
    if isinstance(value, str):
        return 1, value
    return (9, 0) if value is None else (3, _text(value))


def _rank_item(field: str, item: Any) -> tuple[int, Any]:
    return _rank(_field(item, field))


def _order_by(items: Any, fields: Any, orders: Any = None) -> list[Any] | None:
    if items is None:
        return None
    directions = [str(order).lower() for order in as_list(orders)]
    if wrong := [order for order in directions if order not in ("asc", "desc")]:
        raise FunctionFault(f'"{wrong[0]}" is not an order: use asc or desc')
    names = as_list(fields)
    if other := [field for field in names if not isinstance(field, str)]:
        raise FunctionFault(f"a field to order by must be a name, not {_text(other[0])[:40]}")
    ordered = list(as_list(items))
    for index, field in reversed(list(enumerate(names))):
        descending = index < len(directions) and directions[index] == "desc"
        ordered.sort(key=partial(_rank_item, field), reverse=descending)
    return ordered


def _chunk(items: Any, size: Any = None) -> list[Any] | None:
    if items is None:
        return None
    length = 1 if size is None else int(size)
    if length < 1:
        raise FunctionFault(f"a chunk must have at least one item, not {size:g}")
    whole = as_list(items)
    return [whole[start : start + length] for start in range(0, len(whole), length)]


def _unique_by(items: Any, field: str | None = None) -> list[Any] | None:
    if items is None:
        return None
    unique: dict[str, Any] = {}
    for item in as_list(items):
        unique.setdefault(_text(item if field is None else _field(item, field)), item)
    return list(unique.values())


def _difference(items: Any, others: Any) -> list[Any] | None:
    if items is None:
        return None
    left_out = {_text(item) for item in as_list(others)}
    return [item for item in as_list(items) if _text(item) not in left_out]


def _intersection(items: Any, others: Any) -> list[Any] | None:
    if items is None:
        return None
    texts = {_text(item) for item in as_list(others)}
    return _unique_by([item for item in as_list(items) if _text(item) in texts])


def _flatten(items: Any, depth: Any = None) -> list[Any] | None:
    if items is None:
        return None
    return _flat(as_list(items), 1 if depth is None else int(depth))


def _flatten_deep(items: Any) -> list[Any] | None:
    return None if items is None else _flat(as_list(items), _DEEPEST)


def _flat(items: list[Any], depth: int) -> list[Any]:
    if depth < 1:
        return items
    flat: list[Any] = []
    for item in items:
        if isinstance(item, list):
            flat.extend(_flat(item, min(depth, _DEEPEST) - 1))
        else:
            flat.append(item)
    return flat


def _merge_deep(*objects: Any) -> dict[str, Any] | None:
    items = [item for part in objects for item in as_list(part)]
    if not items:
        return None
    result: Any = {}
    for item in items:
        if not isinstance(item, dict):
            raise FunctionFault("$mergeDeep takes objects")
        result = _merge_values(result, item, 0)
    return result if isinstance(result, dict) else None


def _merge_values(below: Any, above: Any, depth: int) -> Any:
    if not isinstance(below, dict) or not isinstance(above, dict):
        return above
    if depth > _DEEPEST:
        raise FunctionFault(f"the objects are nested deeper than {_DEEPEST}", "D1011")
    added = {
        key: _merge_values(below[key], value, depth + 1) if key in below else value for key, value in above.items()
    }
    return {**below, **added}


def _holds(item: Any, criteria: Any) -> bool:
    if isinstance(criteria, dict):
        return all(_text(_field(item, key)) == _text(value) for key, value in criteria.items())
    return bool(_field(item, criteria))


def _find(items: Any, criteria: Any) -> Any:
    return next((item for item in as_list(items) if _holds(item, criteria)), None)


def _filter(items: Any, criteria: Any) -> list[Any] | None:
    return None if items is None else [item for item in as_list(items) if _holds(item, criteria)]


def _values(value: dict[str, Any] | None) -> list[Any] | None:
    return None if value is None else list(value.values())


def _name(column: Any) -> str | None:
    return column if column is None or isinstance(column, str) else _text(column)


def _zip(columns: Any, rows: Any, key: str | None = None) -> list[Any] | None:
    if columns is None or rows is None:
        return None
    names = [_key(column, key) if isinstance(column, dict) else _name(column) for column in as_list(columns)]
    return [
        {name: cell for name, cell in zip(names, as_list(row), strict=False) if name is not None}
        for row in as_list(rows)
    ]


def _sort_nodes(nodes: Any, id_key: Any = None, parent_key: Any = None, order_key: Any = None) -> list[Any] | None:
    if nodes is None:
        return None
    name, parent, order = id_key or "id", parent_key or "parent_id", order_key or "sequence"
    identifiers = {_key(node, name) for node in as_list(nodes)} - {None}
    below: dict[str | None, list[Any]] = {}
    for node in as_list(nodes):
        above = _key(node, parent)
        below.setdefault(above if above in identifiers and above != _key(node, name) else None, []).append(node)
    for children in below.values():
        children.sort(key=lambda node: _rank(_field(node, order)))
    result: list[Any] = []
    waiting = list(reversed(below.pop(None, [])))
    while waiting:
        result.append(waiting.pop())
        waiting.extend(reversed(below.pop(_key(result[-1], name), [])))
    result.extend(node for children in below.values() for node in children)  # parents in a circle: nothing is lost
    return result


ROWS: tuple[Function, ...] = (
    Function(
        "groupBy",
        _group_by,
        "<as:o>",
        "Group items into lists by the value of a field. Items without the field are dropped.",
        "$groupBy([{'t': 'f', 'n': 1}, {'t': 'v', 'n': 2}, {'t': 'f', 'n': 3}], 't')",
        {"f": [{"t": "f", "n": 1}, {"t": "f", "n": 3}], "v": [{"t": "v", "n": 2}]},
    ),
    Function(
        "keyBy",
        _key_by,
        "<as:o>",
        "Index items by the value of a field. If several have the same value, the last one is used.",
        "$keyBy([{'id': 'a', 'v': 1}, {'id': 'b', 'v': 2}], 'id').b.v",
        2,
    ),
    Function(
        "orderBy",
        _order_by,
        "<a(as)(as)?:a>",
        "Sort items by fields, each asc (default) or desc. A missing value counts as the greatest.",
        "$orderBy([{'n': 1}, {'n': 3}, {'n': 2}], 'n', 'desc').n",
        [3, 2, 1],
    ),
    Function(
        "sortBy",
        _order_by,
        "<a(as):a>",
        "Sort items by one or more fields, in ascending order.",
        "$sortBy([{'n': 2}, {'n': 1}], 'n').n",
        [1, 2],
    ),
    Function("chunk", _chunk, "<an?:a>", "Split a list into lists of N items.", "$chunk([1, 2, 3], 2)", [[1, 2], [3]]),
    Function(
        "uniqueBy",
        _unique_by,
        "<as?:a>",
        "Keep the first item for each value of a field, or of the item itself.",
        "$uniqueBy([{'a': 1, 'b': 1}, {'a': 1, 'b': 2}, {'a': 2}], 'a')",
        [{"a": 1, "b": 1}, {"a": 2}],
    ),
    Function(
        "difference",
        _difference,
        "<aa:a>",
        "Return the items of the first list that are not in the second.",
        "$difference([1, 2, 3], [2, 3])",
        [1],
    ),
    Function(
        "intersection",
        _intersection,
        "<aa:a>",
        "Return the items of the first list that are also in the second, without duplicates.",
        "$intersection([1, 2, 2, 3], [2, 3])",
        [2, 3],
    ),
    Function(
        "flatten",
        _flatten,
        "<a:a>",
        "Flatten nested lists one level deep.",
        "$flatten([1, [2, [3]]])",
        [1, 2, [3]],
    ),
    Function(
        "flattenDepth",
        _flatten,
        "<an?:a>",
        "Flatten nested lists N levels deep (default 1).",
        "$flattenDepth([1, [2, [3, [4]]]], 2)",
        [1, 2, 3, [4]],
    ),
    Function(
        "flattenDeep",
        _flatten_deep,
        "<a:a>",
        "Flatten nested lists at all levels.",
        "$flattenDeep([1, [2, [3, [4]]]])",
        [1, 2, 3, 4],
    ),
    Function(
        "mergeDeep",
        _merge_deep,
        "<x+:o>",
        "Merge objects field by field at every level; later ones win. Lists are replaced.",
        "$mergeDeep({'a': {'x': 1, 'y': 2}}, {'a': {'y': 3}})",
        {"a": {"x": 1, "y": 3}},
    ),
    Function(
        "find",
        _find,
        "<a(so):x>",
        "Return the first item whose field is true, or that has the given fields.",
        "$find([{'id': 1}, {'id': 2, 'main': true}], 'main')",
        {"id": 2, "main": True},
    ),
    Function(
        "lofilter",
        _filter,
        "<a(so):a>",
        "Return the items whose field is true, or that have the given fields.",
        "$lofilter([{'id': 1, 'main': true}, {'id': 2}], {'id': 2})",
        [{"id": 2}],
    ),
    Function("values", _values, "<o:a>", "Return the values of an object.", "$values({'a': 1, 'b': 2})", [1, 2]),
    Function(
        "zipSqlResponse",
        _zip,
        "<aas?:a>",
        "Turn rows of cells into objects. Columns are names, or objects that contain the name under a key.",
        "$zipSqlResponse([{'name': 'id'}, {'name': 'n'}], [[1, 'A'], [2, 'B']], 'name')",
        [{"id": 1, "n": "A"}, {"id": 2, "n": "B"}],
    ),
    Function(
        "sortNodes",
        _sort_nodes,
        "<as?s?s?:a>",
        "Sort the nodes of a tree, parents first. Arguments: keys of ID, parent (parent_id) and order (sequence).",
        "$sortNodes([{'id': 1, 'sequence': 2}, {'id': 2, 'parent_id': 1}, {'id': 3, 'sequence': 1}]).id",
        [3, 1, 2],
    ),
)
