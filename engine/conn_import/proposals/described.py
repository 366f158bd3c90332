"""What is known of a vendor's records: their fields by place, with kinds, formats, descriptions and values.

Of a schema, or of records that were seen.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from conn_engine.analysis.drift.contract import Shape, shape_of_examples
from conn_engine.documents.pointers import get_at

__all__ = ["VendorField", "fields_of_records", "fields_of_shape"]

_DEEPEST = 3
_MOST = 600
_MOST_RECORDS = 50
_MOST_VALUES = 20
_LONGEST_VALUE = 200


@dataclass(frozen=True, slots=True)
class VendorField:
    """A field of a vendor's record. `path` are the names that lead to it; `values` are those that it may have
    (`closed`: all of them) or that were seen; `inner` are the fields of an object, or of the objects in a list."""

    path: tuple[str, ...]
    kind: str
    format: str = ""
    description: str = ""
    values: tuple[Any, ...] = ()
    closed: bool = False
    item_kind: str = ""
    inner: tuple["VendorField", ...] = field(default=(), repr=False)
    read_only: bool = False


def fields_of_shape(shape: Shape) -> list[VendorField]:
    """The fields of a record that a schema describes, at most three names deep, in its order."""
    return list(_walk(shape, (), [_MOST]))


def fields_of_records(records: Sequence[Any]) -> list[VendorField]:
    """The fields of records that were seen, with values of the first ones."""
    seen = [record for record in records[:_MOST_RECORDS] if isinstance(record, dict)]
    return [_with_values(one, seen) for one in fields_of_shape(shape_of_examples(seen))]


def _walk(shape: Shape, before: tuple[str, ...], left: list[int]) -> Iterator[VendorField]:
    for name, inner in shape.properties().items():
        left[0] -= 1
        if left[0] < 0:
            return
        path = (*before, name)
        items = inner.items() if inner.type == "array" else None
        holder = items or inner
        below = tuple(_walk(holder, (), left)) if holder.type == "object" and len(path) < _DEEPEST else ()
        choices = inner.said("enum")
        closed = isinstance(choices, list)
        yield VendorField(
            path,
            inner.type,
            _text(inner.said("format")),
            _text(inner.said("description")),
            _values(choices if closed else [inner.said("example"), *_list(inner.said("examples"))]),
            closed,
            items.type if items is not None else "",
            below,
            inner.said("readOnly") is True,
        )
        if inner.type == "object" and len(path) < _DEEPEST:
            yield from _walk(inner, path, left)


def _with_values(one: VendorField, records: Sequence[dict[str, Any]]) -> VendorField:
    found = [value for record in records if (value := get_at(record, one.path)) is not None]
    inner = tuple(_with_values(below, _objects(found)) for below in one.inner)
    return VendorField(one.path, one.kind, one.format, one.description, _values(found), False, one.item_kind, inner)


def _objects(values: Sequence[Any]) -> list[dict[str, Any]]:
    flat = [item for value in values for item in (value if isinstance(value, list) else [value])]
    return [item for item in flat if isinstance(item, dict)]


def _values(values: Sequence[Any]) -> tuple[Any, ...]:
    plain = [one for one in values if isinstance(one, str | int | float) and len(str(one)) <= _LONGEST_VALUE]
    return tuple(dict.fromkeys(plain))[:_MOST_VALUES]


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""
