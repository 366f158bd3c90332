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
    return [one for one in effective.vendor_operations() if one.parents or one.enrich or one.chunk]


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
    effective: Effective, operation: VendorOperation, known: Iterable[VendorOperation]
) -> Iterator[FieldRead]:
    """Yield what reads the records of an operation, with paths in the record: its own `enrich`, and the operations (of
    `known`) that use them in `parents` or `chunk`."""
    for index, settings in enumerate(_list(_get_setting(effective, operation, "enrich"))):
        place = (*operation.get_path("enrich"), index)
        what = f"{operation.text} enrich {settings.get('name')}"
        for found in find_texts(Enrich, settings, place):
            for path in find_text_paths(found.text):
                if found.over == "item":
                    yield FieldRead(path, what, origin_of(effective, found.path))
                elif len(path) > 1 and path[0] in _OF_RECORD[:2]:
                    yield FieldRead(path[1:], what, origin_of(effective, found.path))
        if settings.get("batch") is not None and settings.get("key") is None:
            yield FieldRead(("id",), what, origin_of(effective, (*place, "batch")))
    for one in known:
        for name, place, source in _sources(effective, one):
            if source.get("from") == operation.text:
                yield from _source(effective, one, name, place, source)


def _source(
    effective: Effective, one: VendorOperation, name: str, place: Path_, source: Mapping[str, Any]
) -> Iterator[FieldRead]:
    """Yield what a source reads from its records, and what the operation reads from its `parent`."""
    what = f"{one.text} {'parents ' + name if name else 'chunk'}"
    for path in _key(source.get("key")):
        yield FieldRead(path, what, origin_of(effective, (*place, "key" if source.get("key") else "from")))
    for path in find_expression_paths(source.get("when")):
        if path[:1] and path[0] in _OF_RECORD:
            yield FieldRead(path[1:], what, origin_of(effective, (*place, "when")))
    if not name:
        return
    own: list[tuple[Path_, str]] = [(one.place, one.text)]
    own += [(unified.path, unified.text) for unified in _find_unified_names(effective, one)]
    for start, title in own:
        for inner, text in iterate_texts(lookup(effective.data, start)):
            for path in find_text_paths(text):
                if path[:2] == ("parent", name):
                    yield FieldRead(path[2:], f"{title} {_field(inner)}", origin_of(effective, (*start, *inner)))


def find_enrichment_readers(
    effective: Effective, one: VendorOperation, operation: VendorOperation, consumers: Iterable[FieldRead]
) -> Iterator[FieldRead]:
    """Yield what reads the responses of an operation that enriches the records of `one`: the enrichment itself, and
    those `consumers` of the records that read the enriched field. Paths are in the response's body."""
    readers: list[FieldRead] | None = None
    for index, settings in enumerate(_list(_get_setting(effective, one, "enrich"))):
        if not is_same_request(settings.get("request") or {}, operation):
            continue
        place = (*one.get_path("enrich"), index)
        what = f"{one.text} enrich {settings.get('name')}"
        starts = find_record_places(settings.get("response_path"))
        for start in starts:
            key = "response_path" if settings.get("response_path") else "request"
            yield FieldRead(start, what, origin_of(effective, (*place, key)), holder=True)
            for path, key in _list_response_reads(settings):
                yield FieldRead((*start, *path), what, origin_of(effective, (*place, key)))
        if settings.get("transform") is not None:
            continue
        into = settings.get("into") or settings.get("name")
        readers = list(consumers) if readers is None else readers
        for read in readers:
            if read.path[:1] == (into,):
                for start in starts:
                    yield read._replace(path=(*start, *read.path[1:]))


def _list_response_reads(settings: Mapping[str, Any]) -> Iterator[tuple[Path, str]]:
    """Yield what an enrichment reads from its response, with the key that reads it."""
    for path in find_expression_paths(settings.get("transform")):
        if path[:1] == ("response",):
            yield path[1:], "transform"
    if settings.get("batch") is not None and (key := settings.get("match") or settings.get("key")):
        for path in find_expression_paths(key):
            yield path, "match" if settings.get("match") else "key"


def _sources(effective: Effective, one: VendorOperation) -> Iterator[tuple[str, Path_, Mapping[str, Any]]]:
    """Yield the sources of an operation's values: the name ("" for `chunk`), the path and the settings."""
    said = _get_setting(effective, one, "parents")
    several = isinstance(said, list)
    for index, parents in enumerate(_list(said) if several else _list([said])):
        place: Path_ = (*one.get_path("parents"), index) if several else one.get_path("parents")
        name = str(parents.get("as"))
        yield name, place, parents
        for number, source in enumerate(_list(parents.get("union"))):
            yield name, (*place, "union", number), source
    values = lookup(effective.data, (*one.get_path("chunk"), "values"))
    if isinstance(values, Mapping):
        yield "", (*one.get_path("chunk"), "values"), values


def _get_setting(effective: Effective, operation: VendorOperation, key: str) -> Any:
    return lookup(effective.data, operation.get_path(key))


def _find_unified_names(effective: Effective, one: VendorOperation) -> Iterator[OperationName]:
    for name in effective.operations():
        if name.kind == "unified" and find_route(effective.data, name) == (one.resource, one.name):
            yield name


def _key(key: str | None) -> list[Path]:
    """Return the paths in a record that its key is read from."""
    return [("id",)] if key is None else list(find_expression_paths(key))


def _field(place: Path_) -> str:
    """Return a place in an operation as reports show it: a mapping by its field only."""
    return format_path(place[1:]) if place[:1] == ("response_mapping",) and len(place) > 1 else format_path(place)


def _list(value: Any) -> list[Mapping[str, Any]]:
    return [item for item in value if isinstance(item, Mapping)] if isinstance(value, list) else []
