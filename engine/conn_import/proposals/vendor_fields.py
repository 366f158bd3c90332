"""The fields of a vendor's records by path, with kinds, formats, descriptions and values: from a schema, or from
observed records.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from conn_engine.analysis.drift.contract import Shape, shape_of_examples
from conn_engine.documents.pointers import get_at

__all__ = ["VendorField", "list_record_fields", "list_shape_fields"]

_DEEPEST = 3
_MOST = 600
_MOST_RECORDS = 50
_MOST_VALUES = 20
_LONGEST_VALUE = 200


@dataclass(frozen=True, slots=True)
class VendorField:
    """A field of a vendor's record. `path` has the names that lead to it. `values` are its allowed values (if `closed`)
    or observed ones. `inner` has the fields of an object, or of the objects in a list."""

    path: tuple[str, ...]
    kind: str
    format: str = ""
    description: str = ""
    values: tuple[Any, ...] = ()
    closed: bool = False
    item_kind: str = ""
    inner: tuple["VendorField", ...] = field(default=(), repr=False)
    read_only: bool = False
    required: bool = False


def list_shape_fields(shape: Shape) -> list[VendorField]:
    """Return the fields of a record that a schema describes, at most three names deep, in its order."""
    return list(_walk(shape, (), [_MOST]))


def list_record_fields(records: Sequence[Any]) -> list[VendorField]:
    """Return the fields of records that were seen, with values of the first ones."""
    seen = [record for record in records[:_MOST_RECORDS] if isinstance(record, dict)]
    return [_add_values(one, seen) for one in list_shape_fields(shape_of_examples(seen))]


def _walk(shape: Shape, before: tuple[str, ...], left: list[int]) -> Iterator[VendorField]:
    required = shape.required_names()
    for name, inner in shape.properties().items():
        left[0] -= 1
        if left[0] < 0:
            return
        path = (*before, name)
        items = inner.items() if inner.type == "array" else None
        holder = items or inner
        below = tuple(_walk(holder, (), left)) if holder.type == "object" and len(path) < _DEEPEST else ()
        choices = inner.get("enum")
        closed = isinstance(choices, list)
        yield VendorField(
            path,
            inner.type,
            _as_text(inner.get("format")),
            _as_text(inner.get("description")),
            _choose_values(choices if closed else [inner.get("example"), *_as_list(inner.get("examples"))]),
            closed,
            items.type if items is not None else "",
            below,
            inner.get("readOnly") is True,
            name in required,
        )
        if inner.type == "object" and len(path) < _DEEPEST:
            yield from _walk(inner, path, left)


def _add_values(one: VendorField, records: Sequence[dict[str, Any]]) -> VendorField:
    found = [value for record in records if (value := get_at(record, one.path)) is not None]
    inner = tuple(_add_values(below, _list_objects(found)) for below in one.inner)
    return VendorField(
        one.path, one.kind, one.format, one.description, _choose_values(found), False, one.item_kind, inner
    )


def _list_objects(values: Sequence[Any]) -> list[dict[str, Any]]:
    flat = [item for value in values for item in (value if isinstance(value, list) else [value])]
    return [item for item in flat if isinstance(item, dict)]


def _choose_values(values: Sequence[Any]) -> tuple[Any, ...]:
    plain = [one for one in values if isinstance(one, str | int | float) and len(str(one)) <= _LONGEST_VALUE]
    return tuple(dict.fromkeys(plain))[:_MOST_VALUES]


def _as_list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def _as_text(value: Any) -> str:
    return value if isinstance(value, str) else ""
