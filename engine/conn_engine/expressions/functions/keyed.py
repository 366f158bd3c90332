"""Objects whose keys are data (ids, dates) as lists of records."""

from typing import Any

from conn_engine.expressions.functions.rows import Function

__all__ = ["ROWS"]


def _entries(value: dict[str, Any] | None, key: str | None = None) -> list[Any] | None:
    if value is None:
        return None
    name = "key" if key is None else key
    return [
        {**item, name: key_} if isinstance(item, dict) else {name: key_, "value": item} for key_, item in value.items()
    ]


ROWS: tuple[Function, ...] = (
    Function(
        "entries",
        _entries,
        "<o-s?:a>",
        "Turn an object's values into records with their key under a name (key); other values become {key, value}.",
        "$entries({'7': {'title': 'A'}, '9': {'title': 'B'}}, 'id')",
        [{"title": "A", "id": "7"}, {"title": "B", "id": "9"}],
    ),
)
