"""Find the path and query parameters that a caller may pass to an operation, as far as its configuration shows."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from conn_engine.config import Effective, OperationName, VendorOperation, lookup
from conn_engine.config.models import Operation, UnifiedOperation
from conn_engine.config.reads import find_note
from conn_engine.diagnostics import did_you_mean
from conn_engine.documents import iterate_texts
from conn_engine.errors import ConnError
from conn_engine.expressions import template
from conn_engine.roles import SCOPES, read_roles
from conn_engine.runtime.body_schemas import SchemaPlace
from conn_engine.runtime.call import Call
from conn_engine.runtime.partitions import find_partition_names
from conn_engine.runtime.scope_reads import read_paths
from conn_engine.runtime.unified import vendor_behind

__all__ = ["Parameters", "declared_parameters", "parameters"]

_OWN = frozenset({
    "body", "chunk", "context", "env", "headers", "id", "job", "page", "params", "parent", "partition", "query",
    "raw_query", "state", "window", "before",
})  # fmt: skip
"""Names in a path that the caller does not pass, or not with `params`."""
_AFTERWARDS = frozenset(
    key for _, key, note in read_roles(UnifiedOperation) if "response" in (SCOPES.get(note.over or note.inner) or ())
)
"""Settings in which `query` is the query sent to the vendor; the caller's query is `raw_query`."""
_MOST_VALUES = 12


@dataclass(frozen=True, slots=True)
class Parameters:
    """The parameters of an operation: `names` of the path, `params` and parents, and `query` parameters.

    `open` means that others are accepted too: they are sent to the vendor, or an expression reads all of them.
    """

    names: frozenset[str]
    query: frozenset[str]
    open: bool

    def unknown(self, values: Mapping[str, Any]) -> list[str]:
        """Return the given names that are not parameters, in order."""
        return [name for name in values if name not in self.names | self.query]

    def suggest(self, name: str, values: Mapping[str, Any]) -> str:
        """Return the parameter that a name is probably a typo of, as a sentence; "" if none is near."""
        candidates = sorted(self.names | self.query | {"id"})
        return did_you_mean(name, (candidate for candidate in candidates if candidate not in values))

    def build_call(self, values: Mapping[str, Any], body: Any = None, cursor: str | None = None) -> Call:
        """Return the call with these values by name. `id` and path parameters fill the path, names that a template
        reads as `params.NAME` are passed as parameters, and all others become query parameters."""
        named = {key: value for key, value in values.items() if key != "id"}
        identifier = values.get("id")
        several = {"id": identifier} if isinstance(identifier, list) else {}
        return Call(
            query={key: value for key, value in named.items() if key not in self.names or key in self.query},
            body=body,
            id=None if several or identifier is None else str(identifier),
            params={key: value for key, value in named.items() if key in self.names} | several,
            cursor=cursor,
        )


def parameters(effective: Effective, name: OperationName) -> Parameters:
    """Find the parameters of an operation. Raises UsageError for an unknown operation."""
    try:
        vendor = vendor_behind(effective, name)
    except ConnError:
        if name.kind == "vendor":
            raise
        vendor = None  # the vendor operation is only known at run time
    names = set(find_partition_names(effective, vendor)) | set(_path_names(vendor)) if vendor is not None else set()
    if name.kind == "vendor":
        return Parameters(
            frozenset(names),
            frozenset(_find_sent_parameters(effective, vendor) if vendor is not None else ()),
            open=True,
        )
    mapped = lookup(effective.data, (*name.path, "path_mapping"))
    names -= set(mapped) if isinstance(mapped, Mapping) else set()
    query: set[str] = set()
    whole = vendor is None or isinstance(mapped, str)
    for path in _caller_reads(effective, name, vendor):
        whole |= len(path) == 1
        if path[0] == "params":
            names.update(path[1:2])
        else:
            query.update(path[1:2])
    return Parameters(frozenset(names), frozenset(query), open=whole)


def declared_parameters(effective: Effective, vendor: VendorOperation) -> dict[str, str]:
    """Return the query parameters of the operation's `query_schema`, each with its type, description and values."""
    schema = effective.schemas.find_schema(vendor.query_schema, "query_schema")
    descriptions: dict[str, str] = {}
    for name in SchemaPlace(schema, schema).names() if schema is not None else ():
        node = next((place.node for place in SchemaPlace(schema, schema).find_children(name)), None)
        node = node if isinstance(node, Mapping) else {}
        choices = node.get("enum")
        values = ", ".join(map(str, choices[:_MOST_VALUES])) if isinstance(choices, list) else ""
        details = [str(node.get(key) or "") for key in ("type", "description")]
        descriptions[name] = "; ".join(filter(None, (*details, values)))
    return descriptions


def _path_names(vendor: VendorOperation) -> Iterator[str]:
    for text, _ in template(vendor.path).expressions:
        for path in read_paths(text):
            if path and path[0] not in _OWN:
                yield path[0]
    for _, text in iterate_texts([vendor.path, vendor.query, vendor.headers, vendor.body]):
        for path in read_paths(text):
            if path[:1] == ("params",):
                yield from path[1:2]


def _find_sent_parameters(effective: Effective, vendor: VendorOperation) -> Iterator[str]:
    """Find the query parameters that a vendor operation sends: fixed ones, and those of pagination and fan-out."""
    yield from vendor.query
    yield from declared_parameters(effective, vendor)
    for key in ("pagination", "incremental", "parents", "chunk", "recurse"):
        for place, text in iterate_texts(lookup(effective.data, vendor.get_path(key))):
            if "{{" not in text and find_note(Operation, (key, *place)).role == "parameter":
                yield text


def _caller_reads(
    effective: Effective, name: OperationName, vendor: VendorOperation | None
) -> Iterator[tuple[str, ...]]:
    """Find the paths of the caller's query and params that a unified operation reads."""
    for place, text in iterate_texts(lookup(effective.data, name.path)):
        roots = ("raw_query", "params") if place[0] in _AFTERWARDS else ("query", "raw_query", "params")
        paths = (path or ("query",) for path in read_paths(text))  # an empty path reads everything, also the query
        yield from (path for path in paths if path[0] in roots)
    if vendor is not None:
        for _, text in iterate_texts(lookup(effective.data, vendor.place)):
            yield from (path for path in read_paths(text) if path[:1] == ("raw_query",))
