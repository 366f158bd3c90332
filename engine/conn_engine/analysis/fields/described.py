"""Fields as the vendor describes them: the records of an operation `describe` of the resource.

Such an operation is like any other: its `record_mapping` gives an object for each field, with `name` (its place in a
record, as JSONata: `properties.email`), and optionally `label`, `type` (in the vendor's words) and `custom`.
"""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from typing import Any

from conn_engine.analysis.fields.index import MAX_FIELDS, write_name
from conn_engine.analysis.fields.selection import DESCRIBE, find_behind
from conn_engine.config import Effective, OperationName
from conn_engine.diagnostics import pluralize
from conn_engine.expressions import find_tokens
from conn_engine.runtime.connection import Connection
from conn_engine.runtime.wiring import Wiring

__all__ = ["DescribedField", "Descriptions", "fetch_descriptions", "find_describe", "read_descriptions"]

_LONGEST_NAME = 500
_LONGEST_TEXT = 200
_LONGEST_SHOWN = 60
_SIGNS = frozenset({"", ".", "[", "]", "=", "and", "or"})
"""The operators of a place: `custom_fields[id=7].value`. A name is data from the vendor: it may select, not compute."""


@dataclass(frozen=True, slots=True)
class DescribedField:
    """A field that the vendor describes. `name` is its place in a record, and `path` the names in it, without the
    filters that `is_filtered` reports. Empty texts and a `custom` of None are unknown."""

    name: str
    path: tuple[str, ...]
    is_filtered: bool
    label: str = ""
    type: str = ""
    custom: bool | None = None


@dataclass(frozen=True, slots=True)
class Descriptions:
    """The fields that an operation describes, each once, and what is wrong with the others."""

    operation: OperationName
    fields: tuple[DescribedField, ...]
    problems: tuple[str, ...] = ()


def find_describe(effective: Effective, names: Sequence[OperationName]) -> OperationName | None:
    """Return the operation that describes the fields of these operations' records: `describe` of their vendor resource,
    if it lists records. None if there is none."""
    operations = effective.operations()
    for resource in dict.fromkeys(_find_resources(effective, names)):
        name = OperationName("vendor", "", resource, DESCRIBE)
        behind = find_behind(effective, name) if name in operations else None
        if behind is not None and behind.is_listing:
            return name
    return None


def read_descriptions(operation: OperationName, records: Iterable[Any]) -> Descriptions:
    """Return the fields that the records of a `describe` operation describe. A record without a usable name is a
    problem."""
    fields: dict[str, DescribedField] = {}
    nameless = 0
    unusable: list[str] = []
    is_complete = True
    for record in records:
        name = record.get("name") if isinstance(record, Mapping) else None
        if not isinstance(name, str) or not name or len(name) > _LONGEST_NAME:
            nameless += 1
            continue
        path, is_filtered = _find_path(name)
        if not path:
            unusable.append(name)
            continue
        name = name if is_filtered else write_name(path)
        if name in fields:
            continue
        if len(fields) >= MAX_FIELDS:
            is_complete = False
        else:
            custom = record.get("custom")
            label, type_name = _to_text(record.get("label")), _to_text(record.get("type"))
            is_custom = custom if isinstance(custom, bool) else None
            fields[name] = DescribedField(name, path, is_filtered, label, type_name, is_custom)
    problems = []
    if nameless:
        problems.append(f"{operation.text} returns {pluralize(nameless, 'record')} without a name")
    if unusable:
        names = ", ".join(json.dumps(name[:_LONGEST_SHOWN]) for name in unusable[:3])
        problems.append(f"{operation.text} returns {pluralize(len(unusable), 'name')} that cannot be a place: {names}")
    if not is_complete:
        problems.append(f"{operation.text} describes more than {MAX_FIELDS:,} fields: the others are left out")
    return Descriptions(operation, tuple(fields.values()), tuple(problems))


def fetch_descriptions(wiring: Wiring, operation: OperationName) -> Descriptions:
    """Request the descriptions from the vendor. Raises the errors of a run."""
    with Connection(wiring, wiring.live()) as connection, closing(connection.pages(operation)) as pages:
        return read_descriptions(operation, (record for page in pages for record in page.records))


def _find_resources(effective: Effective, names: Sequence[OperationName]) -> Iterator[str]:
    for name in names:
        behind = find_behind(effective, name)
        yield behind.resource if behind is not None else name.resource
    yield from (name.resource for name in names)


def _find_path(name: str) -> tuple[tuple[str, ...], bool]:
    """Return the names that lead to a place (none if it is not one), and whether it has filters, in brackets."""
    names: list[str] = []
    depth, is_name_next, is_filtered = 0, True, False
    for token in find_tokens(f"response.{name}")[2:]:
        sign = token.text if token.kind == "operator" else ""
        if token.kind in ("variable", "regex") or sign not in _SIGNS:
            return (), False
        if depth == 0 and sign != "[":
            if is_name_next != (sign == "") or sign not in ("", "."):
                return (), False
            names += [] if sign else [_read_name(token.text)]
            is_name_next = not is_name_next
        is_filtered = is_filtered or sign == "["
        depth += (sign == "[") - (sign == "]")
    return (() if is_name_next or "" in names else tuple(names)), is_filtered


def _read_name(text: str) -> str:
    """Return a name that may be quoted; "" for a number."""
    if text[0] == '"':
        try:
            return str(json.loads(text))
        except ValueError:
            return ""
    return text[1:-1] if text[0] in "`'" else "" if text[0].isdigit() else text


def _to_text(value: Any) -> str:
    return value[:_LONGEST_TEXT] if isinstance(value, str) else ""
