"""Find the mappings of all accounts and the connector's expressions that read a path of a response, with their lines.

`flows` finds the settings of other operations that read it (`parents`, `enrich`).
"""

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

import msgspec

from conn_engine.analysis.drift.flows import (
    find_enrichment_readers,
    find_flow_operations,
    find_flow_readers,
    find_own_flow_readers,
    is_same_request,
)
from conn_engine.analysis.drift.forms import ERROR, HEADERS
from conn_engine.analysis.drift.paths import (
    FieldRead,
    Path,
    find_expression_paths,
    find_record_places,
    find_response_places,
    find_text_paths,
)
from conn_engine.analysis.population import AccountGroup, find_route
from conn_engine.config import (
    MISSING,
    Effective,
    OperationName,
    Origin,
    Path_,
    VendorOperation,
    lookup,
)
from conn_engine.config.inheritance import find_setting_path
from conn_engine.config.models import Inheritable, Operation
from conn_engine.config.reads import Text, find_texts
from conn_engine.diagnostics import Span
from conn_engine.documents import format_path, iterate_texts
from conn_engine.errors import ConnError
from conn_engine.listing.flows import ACCEPTED, steps_of
from conn_engine.roles import ANSWER_SCOPES, read_roles
from conn_engine.runtime.places import origin_of

__all__ = ["Reader", "Readers"]


@dataclass(frozen=True, slots=True)
class Reader:
    """One expression that reads `path` of the body: the setting (`what`), its level and line, and its accounts.

    A `holder` reads fields below the path, so that other fields there do not affect it. `kind` is the type that
    `record_types` converts the value to; a `delivered` reader reads the converted value. A `required` reader breaks if
    the path is missing, even if it was not in every response.
    """

    path: Path
    what: str
    level: str
    span: Span | None
    accounts: tuple[str, ...]
    holder: bool = False
    kind: str = ""
    delivered: bool = False
    required: bool = False

    def absorbs(self, types: Collection[str]) -> bool:
        """Return whether it converts values of all these types to the same type."""
        return bool(types) and bool(self.kind) and ACCEPTED[self.kind].issuperset(types)


class Readers:
    """Finds the readers of vendor operations' responses among accounts."""

    def __init__(self, groups: Iterable[AccountGroup]) -> None:
        self._groups = [
            (group.effective, group.accounts, find_flow_operations(group.effective))
            for group in groups
            if group.effective is not None
        ]

    def find_readers(self, resource: str, method: str) -> list[Reader]:
        """Return the readers of one operation in all groups. The same line is one reader for all its accounts."""
        accounts_by_reader: dict[Reader, set[str]] = {}
        for effective, accounts, operations in self._groups:
            for found_reader in _readers(effective, operations, resource, method):
                level, span = (
                    (found_reader.origin.level, found_reader.origin.span)
                    if found_reader.origin is not None
                    else ("base", None)
                )
                reader = Reader(
                    found_reader.path,
                    found_reader.what,
                    level,
                    span,
                    (),
                    found_reader.holder,
                    found_reader.kind,
                    found_reader.delivered,
                    found_reader.required,
                )
                accounts_by_reader.setdefault(reader, set()).update(accounts)
        return [replace(reader, accounts=tuple(sorted(accounts))) for reader, accounts in accounts_by_reader.items()]


def _readers(
    effective: Effective, operations: Iterable[VendorOperation], resource: str, method: str
) -> Iterator[FieldRead]:
    try:
        operation = effective.vendor(resource, method)
    except ConnError:
        return
    yield from _read_by_operation(effective, operation)
    for reader in _consumers(effective, operation, operations):
        for place in find_response_places(operation, reader.path):
            yield reader._replace(path=place, delivered=True)
    for name in effective.operations():
        if name.kind == "unified":
            if _is_routed_here(effective, name, operation):
                yield from _read_by_mapping(effective, name, "page")
            yield from _steps(effective, name, operation)
    for candidate in operations:
        yield from find_enrichment_readers(
            effective, candidate, operation, _consumers(effective, candidate, operations)
        )


def _read_by_operation(effective: Effective, operation: VendorOperation) -> Iterator[FieldRead]:
    """Yield what an operation itself reads from its response."""
    prefixes = find_record_places(operation.response_path)
    if operation.response_path:
        for prefix in prefixes:
            place = operation.get_path("response_path")
            yield FieldRead(
                prefix, f"{operation.text} response_path", _origin(effective, place), holder=True, required=True
            )
    distinct = operation.distinct if operation.record_mapping is None else None  # otherwise it reads the mapped record
    for text, key in ((operation.record_filter, "record_filter"), (distinct, "distinct")):
        yield from _records(effective, text, f"{operation.text} {key}", operation.get_path(key), prefixes)
    for inner, text in iterate_texts(operation.record_mapping):
        label = ".".join(map(str, (f"{operation.text} record_mapping", *inner)))
        yield from _records(effective, text, label, (*operation.get_path("record_mapping"), *inner), prefixes)
    yield from _types(effective, operation)
    yield from find_own_flow_readers(effective, operation)
    yield from _connector(effective, operation)


def _types(effective: Effective, operation: VendorOperation) -> Iterator[FieldRead]:
    """Yield the fields of a record that `record_types` converts."""
    for place, kind in operation.record_types.items():
        path = tuple(step for step in steps_of(place) if step is not None)
        origin = _origin(effective, (*operation.get_path("record_types"), place))
        for where in find_response_places(operation, path):
            yield FieldRead(where, f"{operation.text} record_types.{place}", origin, kind=kind)


def _consumers(
    effective: Effective, operation: VendorOperation, operations: Iterable[VendorOperation]
) -> Iterator[FieldRead]:
    """Yield what reads the records of an operation, with paths in the record."""
    for name in effective.operations():
        if name.kind == "unified" and _is_routed_here(effective, name, operation):
            yield from _read_by_mapping(effective, name, "record")
    yield from find_flow_readers(effective, operation, operations)


def _is_routed_here(effective: Effective, name: OperationName, operation: VendorOperation) -> bool:
    return find_route(effective.data, name) in ((operation.resource, operation.name), None)


def _read_by_mapping(effective: Effective, name: OperationName, each: str) -> Iterator[FieldRead]:
    """Yield what a response mapping reads from its input, a record or a page."""
    operation = effective.get_unified(name.model, name.resource, name.method)
    if operation is None or operation.response_mapping is None or operation.each != each:
        return
    try:
        mapping = effective.response_mapping(name.model, name.resource, name.method)
    except ConnError:
        return
    reads = mapping.reads() if mapping is not None else {}
    start = (*name.path, "response_mapping")
    for field, paths in reads.items():
        # Every level that sets the field reads it: the levels below are extended, or evaluated anyway.
        origins = effective.origins((*start, *field.split("."))) if field else effective.origins(start)
        for path in paths:
            names = tuple(part for part in path if isinstance(part, str))
            if names[:1] != ("response",):
                continue
            holders: list[Origin | None] = [*origins] if origins else [None]
            for origin in holders:
                if origin is not None and not _reads(origin.value, names):
                    continue
                yield FieldRead(names[1:], f"{name.text} {field or '(entire mapping)'}", origin)


def _steps(effective: Effective, name: OperationName, operation: VendorOperation) -> Iterator[FieldRead]:
    """Yield what reads the response to a step's request: its own `transform`, else every use of `before.<step>`."""
    data = lookup(effective.data, name.path)
    for into in ("before", "after"):
        for index, step in enumerate(_list(lookup(data, (into,)))):
            request = step.get("request") if isinstance(step, Mapping) else None
            if not isinstance(request, Mapping) or not is_same_request(request, operation):
                continue
            label = f"{name.text} {into}.{step.get('name')}"
            yield FieldRead((), label, origin_of(effective, (*name.path, into, index, "request")), holder=True)
            transform_place = (*name.path, into, index, "transform")
            for path in find_expression_paths(step.get("transform")):
                if path[:1] == ("response",):
                    yield FieldRead(path[1:], label, _origin(effective, transform_place))
            for place, text in iterate_texts(data) if step.get("transform") is None else ():
                for path in find_text_paths(text):
                    if path[:2] == (into, step.get("name")) and len(path) > 2:
                        yield FieldRead(
                            path[2:], f"{name.text} {format_path(place)}", origin_of(effective, (*name.path, *place))
                        )


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def _reads(value: Any, path: Path) -> bool:
    """Return whether a value of a level reads the path: an expression, or an object with such an expression."""
    if isinstance(value, Mapping):
        return any(_reads(item, path) for item in value.values())
    return path in list(find_expression_paths(value))


def _records(
    effective: Effective, text: str | None, label: str, place: tuple[Any, ...], prefixes: list[Path]
) -> Iterator[FieldRead]:
    for path in find_expression_paths(text):
        if path[:1] in (("record",), ("response",)):
            for prefix in prefixes:
                yield FieldRead((*prefix, *path[1:]), label, _origin(effective, place))


def _connector(effective: Effective, operation: VendorOperation) -> Iterator[FieldRead]:
    """Yield what pagination, tokens, error rules and rate limits read from the body, the records and the headers. All
    of it is required in a response, except what error rules and `expired` read, which is in error responses."""
    starts = find_record_places(operation.response_path)
    for key in ("pagination", "incremental", "errors", "rate_limit"):
        for text in _inherited_texts(effective, operation, key):
            name = next(str(part) for part in reversed(text.path) if isinstance(part, str))
            label, origin = f"{operation.text} {key} {name}", _origin(effective, text.path)
            of_errors = key == "errors" or (key == "incremental" and name == "expired")
            if text.role == "header":
                for path in _of_header(text.text):
                    yield FieldRead(path, label, origin, required=not of_errors)
                continue
            for read_path in find_expression_paths(text.text):
                if read_path[:1] == ("headers",) and text.over in ANSWER_SCOPES:
                    for path in _of_header(".".join(read_path[1:])):
                        yield FieldRead(path, label, origin, required=not of_errors)
                for path in _in_body(text, read_path, starts):
                    yield FieldRead(path, label, origin, required=not of_errors)
                    if of_errors:
                        yield FieldRead((ERROR, *path), label, origin)
    yield from _usual_headers(effective, operation)
    yield from _job(effective, operation)
    yield from _cursor_of_state(effective, operation)


def _of_header(text: str) -> Iterator[Path]:
    """Yield the paths of a header in a response and in an error. A number instead of a name is the value itself."""
    name = text.strip().lower()
    if name and not name.replace(".", "").isdigit():
        yield (HEADERS, name)
        yield (ERROR, HEADERS, name)


def _usual_headers(effective: Effective, operation: VendorOperation) -> Iterator[FieldRead]:
    """Yield the headers that pagination reads by default, without a setting."""
    settings, place = lookup(effective.data, operation.get_path("pagination")), operation.get_path("pagination")
    for key, value in _default_headers(operation.get_pagination(), settings):
        label = f"{operation.text} pagination {key}"
        yield FieldRead((HEADERS, value.lower()), label, _origin(effective, place), required=True)


def _default_headers(settings: msgspec.Struct, data: Any) -> Iterator[tuple[str, str]]:
    """Yield the default header names of settings and nested settings, with their keys. `said` is the document's part
    for these settings."""
    config = data.get("config", data) if isinstance(data, Mapping) else {}
    for attribute, key, note in read_roles(type(settings)):
        value = getattr(settings, attribute)
        if isinstance(value, msgspec.Struct):
            yield from _default_headers(value, config.get(key))
        elif note.role == "header" and isinstance(value, str) and key not in config:
            yield key, value


def _job(effective: Effective, operation: VendorOperation) -> Iterator[FieldRead]:
    """Yield what polling a job and fetching its result read from the response that started it."""
    for text in find_texts(Operation, {"job": lookup(effective.data, operation.get_path("job"))}, operation.place):
        for path in find_text_paths(text.text):
            if path[:3] == ("job", "created", "body"):
                name = next(str(part) for part in reversed(text.path) if isinstance(part, str))
                yield FieldRead(path[3:], f"{operation.text} job {name}", _origin(effective, text.path), required=True)


def _cursor_of_state(effective: Effective, operation: VendorOperation) -> Iterator[FieldRead]:
    """Yield what an incremental listing reads from each record to store its cursor."""
    for path in find_expression_paths(operation.incremental.record_cursor) if operation.incremental is not None else ():
        at = find_setting_path(effective.data, operation.place, "incremental", "config", "record_cursor")
        origin = _origin(effective, at)
        for place in find_response_places(operation, path):
            yield FieldRead(place, f"{operation.text} incremental record_cursor", origin, delivered=True, required=True)


def _in_body(text: Text, path: Path, starts: list[Path]) -> Iterator[Path]:
    """Yield the paths in the body that an expression reads."""
    if text.over == "body":
        yield path
    elif path[:1] == ("record",) or (path[:1] == ("records",) and len(path) > 1):
        yield from ((*start, *path[1:]) for start in starts)
    elif len(path) > 1 and (path[0] == "response" or (path[0] == "body" and text.over in ANSWER_SCOPES)):
        yield path[1:]


def _inherited_texts(effective: Effective, operation: VendorOperation, key: str) -> Iterator[Text]:
    """Yield the expressions and header names of an inherited key that are effective for the operation: its own, then
    those of its resource and of the connector.
    """
    paths: set[Path_] = set()
    kind: object = None
    for holder in (("resources", operation.resource, operation.name), ("resources", operation.resource), ()):
        value = lookup(effective.data, (*holder, key))
        if value is MISSING:
            continue
        format_name = value.get("format") if isinstance(value, Mapping) else None
        if value is None or (kind and format_name and format_name != kind):
            return  # removed, or a different strategy, to which the inherited settings do not apply
        kind = kind or format_name
        for text in find_texts(Inheritable, {key: value}, holder):
            place = text.path[len(holder) :]
            if place not in paths or key == "errors":
                yield text  # rules are concatenated, other settings are overridden
            paths.add(place)


def _origin(effective: Effective, place: tuple[Any, ...]) -> Origin | None:
    origins = effective.origins(place)
    return origins[0] if origins else None
