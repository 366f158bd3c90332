"""Find the settings of other operations that read an operation's records: `parents`, `enrich` and `chunk`."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from conn_engine.analysis.drift.endpoints import normalize_path
from conn_engine.analysis.drift.paths import FieldRead, Path, find_expression_paths, find_record_places, find_text_paths
from conn_engine.analysis.population import find_route
from conn_engine.config import Effective, OperationName, Path_, VendorOperation, lookup
from conn_engine.config.reads import find_texts
from conn_engine.documents import format_path, iterate_texts
from conn_engine.listing.flows import Enrich
from conn_engine.runtime.places import origin_of

__all__ = [
    "find_enrichment_readers",
    "find_flow_operations",
    "find_flow_readers",
    "find_own_flow_readers",
    "is_same_request",
]

_OF_RECORD = ("record", "records", "response")


def find_flow_operations(effective: Effective) -> list[VendorOperation]:
    """Return the operations that send additional requests, or take values from another operation."""
    return [
        operation
        for operation in effective.vendor_operations()
        if operation.parents or operation.enrich or operation.chunk
    ]


def is_same_request(request: Mapping[str, Any], operation: VendorOperation) -> bool:
    """Return whether an additional request calls this operation, or has the same method and path."""
    if request.get("path") is None:
        return (request.get("resource"), request.get("method", "get")) == (operation.resource, operation.name)
    method = str(request.get("method") or "get").upper()
    return method == operation.method and normalize_path(str(request["path"])) == normalize_path(operation.path)


def find_own_flow_readers(effective: Effective, operation: VendorOperation) -> Iterator[FieldRead]:
    """Yield what `recurse` and `chunk` of an operation read from the records of its response."""
    starts = find_record_places(operation.response_path)
    recurse, chunk = operation.recurse, operation.chunk
    rows: list[tuple[Path, str]] = []
    if recurse is not None:
        rows += [(path, "recurse") for path in _key(recurse.key)]
        rows += [(path[1:], "recurse") for path in find_expression_paths(recurse.when) if path[:1] == ("record",)]
    if chunk is not None:
        rows += [(path, "chunk") for path in _key(chunk.key)]
    for path, key in rows:
        for start in starts:
            yield FieldRead((*start, *path), f"{operation.text} {key}", origin_of(effective, operation.get_path(key)))


def find_flow_readers(
    effective: Effective, operation: VendorOperation, operations: Iterable[VendorOperation]
) -> Iterator[FieldRead]:
    """Yield what reads the records of an operation, with paths in the record: its own `enrich`, and the operations (of
    `known`) that use them in `parents` or `chunk`."""
    for index, settings in enumerate(_list(_get_setting(effective, operation, "enrich"))):
        place = (*operation.get_path("enrich"), index)
        label = f"{operation.text} enrich {settings.get('name')}"
        for text in find_texts(Enrich, settings, place):
            for path in find_text_paths(text.text):
                if text.over == "item":
                    yield FieldRead(path, label, origin_of(effective, text.path))
                elif len(path) > 1 and path[0] in _OF_RECORD[:2]:
                    yield FieldRead(path[1:], label, origin_of(effective, text.path))
        if settings.get("batch") is not None and settings.get("key") is None:
            yield FieldRead(("id",), label, origin_of(effective, (*place, "batch")))
    for consumer in operations:
        for name, place, source in _sources(effective, consumer):
            if source.get("from") == operation.text:
                yield from _source(effective, consumer, name, place, source)


def _source(
    effective: Effective, operation: VendorOperation, name: str, place: Path_, source: Mapping[str, Any]
) -> Iterator[FieldRead]:
    """Yield what a source reads from its records, and what the operation reads from its `parent`."""
    label = f"{operation.text} {'parents ' + name if name else 'chunk'}"
    for path in _key(source.get("key")):
        yield FieldRead(path, label, origin_of(effective, (*place, "key" if source.get("key") else "from")))
    for path in find_expression_paths(source.get("when")):
        if path[:1] and path[0] in _OF_RECORD:
            yield FieldRead(path[1:], label, origin_of(effective, (*place, "when")))
    if not name:
        return
    holders: list[tuple[Path_, str]] = [(operation.place, operation.text)]
    holders += [(unified.path, unified.text) for unified in _find_unified_names(effective, operation)]
    for start, title in holders:
        for inner, text in iterate_texts(lookup(effective.data, start)):
            for path in find_text_paths(text):
                if path[:2] == ("parent", name):
                    yield FieldRead(path[2:], f"{title} {_field(inner)}", origin_of(effective, (*start, *inner)))


def find_enrichment_readers(
    effective: Effective, enriching: VendorOperation, operation: VendorOperation, consumers: Iterable[FieldRead]
) -> Iterator[FieldRead]:
    """Yield what reads the responses of an operation that enriches the records of `one`: the enrichment itself, and
    those `consumers` of the records that read the enriched field. Paths are in the response's body."""
    readers: list[FieldRead] | None = None
    for index, settings in enumerate(_list(_get_setting(effective, enriching, "enrich"))):
        if not is_same_request(settings.get("request") or {}, operation):
            continue
        place = (*enriching.get_path("enrich"), index)
        label = f"{enriching.text} enrich {settings.get('name')}"
        starts = find_record_places(settings.get("response_path"))
        for start in starts:
            key = "response_path" if settings.get("response_path") else "request"
            yield FieldRead(start, label, origin_of(effective, (*place, key)), holder=True)
            for path, key in _list_response_reads(settings):
                yield FieldRead((*start, *path), label, origin_of(effective, (*place, key)))
        if settings.get("transform") is not None:
            continue
        into = settings.get("into") or settings.get("name")
        readers = list(consumers) if readers is None else readers
        for reader in readers:
            if reader.path[:1] == (into,):
                for start in starts:
                    yield reader._replace(path=(*start, *reader.path[1:]))


def _list_response_reads(settings: Mapping[str, Any]) -> Iterator[tuple[Path, str]]:
    """Yield what an enrichment reads from its response, with the key that reads it."""
    for path in find_expression_paths(settings.get("transform")):
        if path[:1] == ("response",):
            yield path[1:], "transform"
    if settings.get("batch") is not None and (key := settings.get("match") or settings.get("key")):
        for path in find_expression_paths(key):
            yield path, "match" if settings.get("match") else "key"


def _sources(effective: Effective, operation: VendorOperation) -> Iterator[tuple[str, Path_, Mapping[str, Any]]]:
    """Yield the sources of an operation's values: the name ("" for `chunk`), the path and the settings."""
    parent_settings = _get_setting(effective, operation, "parents")
    several = isinstance(parent_settings, list)
    for index, parents in enumerate(_list(parent_settings) if several else _list([parent_settings])):
        place: Path_ = (*operation.get_path("parents"), index) if several else operation.get_path("parents")
        name = str(parents.get("as"))
        yield name, place, parents
        for number, source in enumerate(_list(parents.get("union"))):
            yield name, (*place, "union", number), source
    values = lookup(effective.data, (*operation.get_path("chunk"), "values"))
    if isinstance(values, Mapping):
        yield "", (*operation.get_path("chunk"), "values"), values


def _get_setting(effective: Effective, operation: VendorOperation, key: str) -> Any:
    return lookup(effective.data, operation.get_path(key))


def _find_unified_names(effective: Effective, operation: VendorOperation) -> Iterator[OperationName]:
    for name in effective.operations():
        if name.kind == "unified" and find_route(effective.data, name) == (operation.resource, operation.name):
            yield name


def _key(key: str | None) -> list[Path]:
    """Return the paths in a record that its key is read from."""
    return [("id",)] if key is None else list(find_expression_paths(key))


def _field(place: Path_) -> str:
    """Return a place in an operation as reports show it: a mapping by its field only."""
    return format_path(place[1:]) if place[:1] == ("response_mapping",) and len(place) > 1 else format_path(place)


def _list(value: Any) -> list[Mapping[str, Any]]:
    return [item for item in value if isinstance(item, Mapping)] if isinstance(value, list) else []
