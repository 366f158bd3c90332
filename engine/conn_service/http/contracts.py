"""What each operation of an account takes and returns: its path, parameters, body and records.

A request is checked against the contract, and the OpenAPI document is written from it, so that they cannot differ.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final, TypeAlias
from weakref import WeakKeyDictionary

from conn_engine.config import Effective, OperationName, VendorOperation, compile_part, find_own_fields, lookup
from conn_engine.documents import iterate_texts
from conn_engine.errors import ConfigurationError
from conn_engine.runtime.body_keys import find_body_reads
from conn_engine.runtime.parameters import Parameters, parameters
from conn_engine.runtime.plans import counts_as_write
from conn_engine.runtime.scope_reads import read_paths
from conn_engine.runtime.unified import find_operation_behind

__all__ = [
    "FIELD_PATTERN",
    "ID_PATTERN",
    "LISTED",
    "LONGEST_ID",
    "MOST_PER_PAGE",
    "NOT_WRITTEN",
    "SINGLE",
    "STANDARD",
    "TEXT_PATTERN",
    "OperationContract",
    "RecordShape",
    "find_contract",
    "list_contracts",
]

Schema: TypeAlias = Mapping[str, Any]
LISTED: Final = {"GET": "list", "POST": "create"}
SINGLE: Final = {"GET": "get", "PATCH": "update", "DELETE": "delete"}
STANDARD: Final = frozenset({*LISTED.values(), *SINGLE.values()})
"""The operations that have an HTTP method of their own. Others are called by POST under `/-/{method}`."""
MOST_PER_PAGE: Final = 1_000
TEXT_PATTERN: Final = r"^[^\u0000-\u001f\u007f-\u009f]*$"
LONGEST_ID: Final = 500
FIELD_PATTERN: Final = r"^[^ ,\u0000-\u001f\u007f-\u009f]+$"
ID_PATTERN: Final = (
    r"^([^.\u0000-\u001f\u007f-\u009f][^\u0000-\u001f\u007f-\u009f]*"
    r"|\.[^.\u0000-\u001f\u007f-\u009f][^\u0000-\u001f\u007f-\u009f]*"
    r"|\.\.[^\u0000-\u001f\u007f-\u009f]+)$"
)
"""Anything but `.` and `..`, which paths use for themselves, without control characters."""
_BODIES: Final = frozenset({"create", "update"})
NOT_WRITTEN: Final = "No mapping of the account reads it, so it is not sent."


@dataclass(frozen=True, slots=True)
class RecordShape:
    """The records that an operation returns. `schema` is None if nothing is known of them.

    `fields` are all that there can be, None if there may be others. `required` are those that each record has.
    """

    name: str
    schema: Schema | None = None
    fields: tuple[str, ...] | None = None
    required: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class OperationContract:
    """What one operation takes and returns.

    `query` has the names that it reads, and `needed` those without which it cannot run. `body` is the schema of the
    body, None if it takes none; `check` finds what differs from it. `is_write` is set if it may change something.
    """

    name: OperationName
    http_method: str
    has_id: bool
    query: Parameters
    needed: frozenset[str]
    record: RecordShape
    body: Schema | None
    check: Any = None
    is_write: bool = True

    @property
    def is_list(self) -> bool:
        """Whether the operation returns pages."""
        return self.name.method == "list"

    @property
    def is_custom(self) -> bool:
        """Whether the operation has a name of its own."""
        return self.name.method not in STANDARD

    @property
    def needs_body(self) -> bool:
        """Whether a request without a body is refused."""
        return bool(self.body) and self.name.method in _BODIES

    @property
    def path(self) -> str:
        """The path below `/unified`."""
        record = "/{id}" if self.has_id else ""
        custom = f"/-/{self.name.method}" if self.is_custom else ""
        return f"/{self.name.model}/{self.name.resource}{record}{custom}"

    @property
    def filters(self) -> tuple[str, ...]:
        """The names in the query that mappings read, sorted."""
        return tuple(sorted((self.query.names | self.query.query) - {"limit", "cursor"}))


_KNOWN: WeakKeyDictionary[Effective, dict[OperationName, OperationContract]] = WeakKeyDictionary()
"""The contracts of each configuration, as long as it is in use."""


def find_contract(effective: Effective, name: OperationName) -> OperationContract:
    """Return the contract of a unified operation. It is made once for each configuration."""
    known = _KNOWN.setdefault(effective, {})
    if name not in known:
        known[name] = _make_contract(effective, name)
    return known[name]


def list_contracts(effective: Effective) -> Iterator[OperationContract]:
    """Yield the contract of each unified operation that can be called."""
    for name in effective.enabled_operations():
        if name.kind == "unified":
            yield find_contract(effective, name)


def _make_contract(effective: Effective, name: OperationName) -> OperationContract:
    verbs = {method: verb for table in (LISTED, SINGLE) for verb, method in table.items()}
    accepted = parameters(effective, name)
    if name.method != "list":
        accepted = Parameters(accepted.names, accepted.query - {"limit", "cursor"}, accepted.open)
    custom = name.method not in STANDARD
    body, check = _compile_body(name, _find_body(effective, name))
    http_method = verbs.get(name.method, "POST")
    return OperationContract(
        name,
        http_method,
        has_id=_reads_id(effective, name) if custom else name.method in SINGLE.values(),
        query=accepted,
        needed=frozenset(_find_needed(effective, name)) & accepted.names,
        record=_find_record(effective, name),
        body=body,
        check=check,
        is_write=counts_as_write(effective, name) if custom else http_method != "GET",
    )


def _compile_body(name: OperationName, schema: Schema | None) -> tuple[Schema | None, Any]:
    if schema is None:
        return None, None
    try:
        return schema, compile_part(dict(schema), f"the body of {name.text}", formats=True)
    except ConfigurationError:  # lint reports the model or the request_schema: any body is taken
        return {}, None


def _texts(effective: Effective, name: OperationName) -> Iterator[str]:
    """Yield the texts of an operation and of the vendor's operation behind it."""
    yield from (text for _, text in iterate_texts(lookup(effective.data, name.path)))
    vendor = find_operation_behind(effective, name)
    if vendor is not None:
        yield from (text for _, text in iterate_texts([vendor.path, vendor.query, vendor.headers, vendor.body]))


def _reads_id(effective: Effective, name: OperationName) -> bool:
    return any(path[:1] == ("id",) for text in _texts(effective, name) for path in read_paths(text))


def _find_needed(effective: Effective, name: OperationName) -> Iterator[str]:
    """Find the names that the vendor's path has, and that neither a mapping nor a list of parents provides."""
    vendor = find_operation_behind(effective, name)
    if vendor is None:
        return
    provided = {parents.as_ for parents in vendor.parents}
    for path in read_paths(vendor.path):
        names = path[1:2] if path[:1] == ("params",) else path[:1]
        yield from (part for part in names if part not in provided)


# --- records ---


def _find_record(effective: Effective, name: OperationName) -> RecordShape:
    operation = effective.get_unified(name.model, name.resource, name.method)
    record = str(operation.record) if operation is not None else name.resource
    title = f"{name.model}.{record}"
    if name.method not in STANDARD - {"delete"}:
        return RecordShape(title)
    schema = effective.schemas.find_record(name.model, record)
    if schema is None or effective.response_mapping(name.model, name.resource, name.method) is None:
        return RecordShape(title)
    own = {field: {"description": "A field of this account."} for field in sorted(find_own_fields(effective, name))}
    remote = {"remote_data": {"description": "The vendor's own record, if the request asks for it."}}
    properties = {**schema.get("properties", {}), **own, **remote}
    closed = schema.get("additionalProperties", True) is False
    return RecordShape(
        title,
        {**schema, "properties": properties},
        tuple(properties) if closed else None,
        frozenset(schema.get("required", ())),
    )


# --- bodies ---


def _find_body(effective: Effective, name: OperationName) -> Schema | None:
    """Return the schema of the body; None if the operation takes none, and an empty one if it takes any."""
    vendor = find_operation_behind(effective, name)
    operation = effective.get_unified(name.model, name.resource, name.method)
    reads = find_body_reads(effective, name, vendor)
    mapped = operation is not None and operation.request_body_mapping is not None
    if name.method in ("list", "get", "delete") and not mapped:
        return None
    if () in reads:
        return _find_vendor_body(effective, vendor)
    model = effective.schemas.find_record(name.model, str(operation.record)) if operation is not None else None
    names = {path[0] for path in reads}
    if not names and name.method not in _BODIES:
        return None
    known = model.get("properties", {}) if model is not None else {}
    properties = {field: schema if field in names else _describe_unread(schema) for field, schema in known.items()} | {
        field: {} for field in sorted(names - known.keys())
    }
    definitions = {"$defs": model["$defs"]} if model is not None and "$defs" in model else {}
    return {"type": "object", "properties": properties, "additionalProperties": False, **definitions}


def _describe_unread(schema: Any) -> Any:
    if not isinstance(schema, Mapping):
        return schema
    return {**schema, "description": f"{schema.get('description', '')} {NOT_WRITTEN}".strip()}


def _find_vendor_body(effective: Effective, vendor: VendorOperation | None) -> Schema:
    try:
        return (effective.schemas.find_schema(vendor.request_schema) if vendor is not None else None) or {}
    except ConfigurationError:
        return {}
