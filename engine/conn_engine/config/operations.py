"""Operations as the engine runs them: their names, and a vendor operation with everything inherited resolved.

`inheritance` finds what an operation inherits.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from conn_engine.auth import Authorization, Credentials, NoAuthorization
from conn_engine.auth.signatures import NoSignature, Signature
from conn_engine.bodies import BodyFormat, BodyOptions, QueryFormat, ResponseFormat, ResponseOptions
from conn_engine.config.convert import ConversionError, convert
from conn_engine.config.inheritance import (
    CREDENTIALS,
    find_places,
    is_graphql_query,
    lists_records,
    resolve_settings,
    writes_by_default,
)
from conn_engine.config.merge import Path_, lookup
from conn_engine.config.models import Deprecation, Operation, Resource, UnifiedResource
from conn_engine.diagnostics import did_you_mean
from conn_engine.errors import InternalError, UsageError
from conn_engine.listing.flows import Chunk, Enrich, Parents, Recurse
from conn_engine.listing.incremental import Incremental
from conn_engine.listing.jobs import Job
from conn_engine.listing.pagination import NoPagination, Pagination, Range
from conn_engine.responses.failures import Rule
from conn_engine.responses.ratelimit import RateLimit

__all__ = [
    "EventName",
    "OperationName",
    "VendorOperation",
    "event_names",
    "find_implied_authorization",
    "operation_names",
    "resolve_name",
    "singular",
    "vendor_operation",
]

_SINGLE_METHODS = ("POST", "PATCH")  # not sent again unless the author declares them idempotent
_DEFAULT_TIMEOUT = 30.0
_RESOURCE_KEYS = frozenset(entry for entry in Resource.__struct_fields__ if entry != "operations")
_UNIFIED_KEYS = frozenset(entry for entry in UnifiedResource.__struct_fields__ if entry != "operations")


@dataclass(frozen=True, slots=True)
class OperationName:
    """`crm.contacts.list` (unified) or `contacts.list` (vendor operation; `model` is empty). Names sort with those of
    deliveries and syncs."""

    kind: Literal["unified", "vendor"]
    model: str
    resource: str
    method: str

    def __lt__(self, other: "OperationName") -> bool:
        mine = (self.kind, self.model, self.resource, self.method)
        return mine < (other.kind, other.model, other.resource, other.method)

    @property
    def text(self) -> str:
        """The name as people write it."""
        return ".".join(part for part in (self.model, self.resource, self.method) if part)

    @property
    def path(self) -> Path_:
        """The path in the configuration."""
        if self.kind == "unified":
            return ("unified", self.model, self.resource, self.method)
        return ("resources", self.resource, self.method)


@dataclass(frozen=True, slots=True, order=True)
class EventName:
    """An event of a unified resource: `crm.contacts.events.updated`."""

    model: str
    resource: str
    action: str

    @property
    def path(self) -> Path_:
        """The path in the configuration."""
        return ("unified", self.model, self.resource, "events", self.action)


@dataclass(frozen=True, slots=True, kw_only=True)
class VendorOperation:
    """One complete request of the vendor. `method` is upper case; `query`, `headers` and `body` may contain
    templates."""

    resource: str
    name: str
    method: str
    path: str
    base_url: str
    headers: Mapping[str, Any]
    query: Mapping[str, Any]
    query_format: QueryFormat | None
    body: Any
    body_format: BodyFormat
    body_options: BodyOptions | None
    request_schema: str | dict[str, Any] | None
    query_schema: str | dict[str, Any] | None
    response_schema: str | dict[str, Any] | None
    response_format: ResponseFormat
    response_options: ResponseOptions | None
    response_path: str | None
    record_filter: str | None
    record_mapping: Any
    record_types: Mapping[str, Any]
    distinct: str | None
    complete: Literal["error", "warn", "ignore"]
    parents: tuple[Parents, ...]
    recurse: Recurse | None
    enrich: tuple[Enrich, ...]
    chunk: Chunk | None
    incremental: Incremental | None
    job: Job | None
    pagination: Pagination
    errors: tuple[Rule, ...]
    rate_limit: RateLimit | None
    credentials: Credentials
    authorization: Authorization
    signature: Signature
    idempotent: bool
    writes: bool
    deprecated: Deprecation | None
    timeout_seconds: float
    part_failure: Literal["stop", "continue"]
    places: Mapping[str, Path_] = field(default_factory=dict, repr=False, compare=False)

    def get_pagination(self) -> Pagination:
        """Return how the operation continues from page to page."""
        is_own = self.get_path("pagination") == (*self.place, "pagination")
        return self.pagination if is_own or self.is_listing else NoPagination()

    @property
    def is_listing(self) -> bool:
        """Whether it lists records. Only such an operation inherits `pagination`, `response_path` and `incremental`."""
        return lists_records(self.path, self.writes, self.job)

    @property
    def follows_credentials(self) -> bool:
        """Whether its authorization follows from the credentials, because nothing sets one, or a signature."""
        return self.get_path("authorization") == CREDENTIALS

    def with_credentials(self, credentials: Credentials) -> "VendorOperation":
        """Return the operation with other credentials, and with the authorization that follows from them."""
        if not self.follows_credentials:
            return replace(self, credentials=credentials)
        return replace(self, credentials=credentials, authorization=_follow(credentials))

    @property
    def text(self) -> str:
        """The name as people write it: `contacts.list`."""
        return f"{self.resource}.{self.name}"

    @property
    def operation_name(self) -> OperationName:
        """The name of the operation in its connector."""
        return OperationName("vendor", "", self.resource, self.name)

    @property
    def place(self) -> Path_:
        """The path in the configuration."""
        return ("resources", self.resource, self.name)

    def get_path(self, key: str) -> Path_:
        """Return the configuration path of a key's effective value."""
        return self.places.get(key, (*self.place, key))


def operation_names(data: Mapping[str, Any]) -> list[OperationName]:
    """Return every operation of a configuration, unified ones first, in the order of the documents."""
    found: list[OperationName] = []
    for model, resources in _objects(data.get("unified")):
        for resource, methods in _objects(resources):
            names = (method for method, _ in _objects(methods) if method not in _UNIFIED_KEYS)
            found.extend(OperationName("unified", model, resource, method) for method in names)
    for resource, methods in _objects(data.get("resources")):
        names = (method for method, _ in _objects(methods) if method not in _RESOURCE_KEYS)
        found.extend(OperationName("vendor", "", resource, method) for method in names)
    return found


def event_names(data: Mapping[str, Any]) -> list[EventName]:
    """Return every unified event of a configuration, in the order of the documents."""
    return [
        EventName(model, resource, action)
        for model, resources in _objects(data.get("unified"))
        for resource, said in _objects(resources)
        for action, _ in _objects(said.get("events"))
    ]


def _objects(value: Any) -> Iterable[tuple[str, dict[str, Any]]]:
    return [(key, item) for key, item in value.items() if isinstance(item, dict)] if isinstance(value, dict) else []


def resolve_name(names: list[OperationName], text: str, *, connector: str, raw: bool = False) -> OperationName:
    """Return the operation that a string refers to: `contacts.list`, `crm.contacts.list`, or `vendor:contacts.list` for
    the vendor operation.

    Raises UsageError for an unknown or ambiguous name, and lists the known ones.
    """
    prefix, colon, rest = text.rpartition(":")
    if colon and prefix != connector:
        raise UsageError(
            f'"{text}" refers to the connector "{prefix}", but this is "{connector}"',
            hint=f"write {rest}, or pass an account or a connector of {prefix}",
        )
    raw = raw or bool(colon)
    wanted = rest.split(".")
    matches = [
        name
        for name in names
        if (name.kind == "vendor" or not raw) and wanted in ([name.resource, name.method], name.text.split("."))
    ]
    unified = [name for name in matches if name.kind == "unified"]
    if len(unified) > 1:
        listed = ", ".join(name.text for name in unified)
        raise UsageError(f'"{text}" is ambiguous: {listed}', hint=f"use one of: {listed}")
    if matches:
        return (unified or matches)[0]
    known = [name.text for name in names if name.kind == "vendor" or not raw]
    short = [f"{name.resource}.{name.method}" for name in names if name.kind == "vendor" or not raw]
    hint = did_you_mean(rest, [*known, *short])
    raise UsageError(
        f'connector "{connector}" has no {"vendor " if raw else ""}operation "{rest}"',
        hint=hint
        or ("use one of: " + ", ".join(known[:12]) if known else "add an operation to its connector.yaml: it has none"),
        category="unknown",
    )


def vendor_operation(data: Mapping[str, Any], resource: str, method: str, *, connector: str) -> VendorOperation:
    """Return the vendor operation of a configuration. Raises UsageError when it does not exist, and ConversionError
    when it is invalid."""
    own = lookup(data, ("resources", resource, method))
    if not isinstance(own, dict) or method in _RESOURCE_KEYS:
        resolve_name(operation_names(data), f"{resource}.{method}", connector=connector, raw=True)
        raise InternalError(f'"{resource}.{method}" is and is not an operation of "{connector}"')
    typed = convert(resolve_settings(data, resource, method), Operation, at=f"resources.{resource}.{method}")
    for key in ("method", "path"):
        if getattr(typed, key) is None:
            reason = f"Object missing required field `{key}`"
            raise ConversionError(f"resources.{resource}.{method}: {reason}", reason=reason, place=())
    return _vendor_operation(typed, data, resource, method)


def _vendor_operation(typed: Operation, data: Mapping[str, Any], resource: str, name: str) -> VendorOperation:
    method, path = (typed.method or "").upper(), typed.path or ""
    writes = typed.writes if typed.writes is not None else writes_by_default(method, typed.body_format, typed.body)
    places = find_places(data, resource, name, is_listing=lists_records(path, writes, typed.job))
    credentials = _convert_credentials(data)
    authorization = typed.authorization
    if authorization is None:
        authorization = _follow(credentials) if places["authorization"] == CREDENTIALS else NoAuthorization()
    return VendorOperation(
        resource=resource,
        name=name,
        method=method,
        path=path,
        base_url=typed.base_url or "",
        headers=typed.headers or {},
        query=typed.query or {},
        query_format=typed.query_format,
        body=typed.body,
        body_format=typed.body_format,
        body_options=typed.body_options,
        request_schema=typed.request_schema,
        query_schema=typed.query_schema,
        response_schema=typed.response_schema,
        response_format=typed.response_format,
        response_options=typed.response_options,
        response_path=typed.response_path,
        record_filter=typed.record_filter,
        record_mapping=typed.record_mapping,
        record_types=typed.record_types or {},
        distinct=typed.distinct,
        complete=typed.complete,
        parents=(typed.parents,) if isinstance(typed.parents, Parents) else typed.parents or (),
        recurse=typed.recurse,
        enrich=typed.enrich,
        chunk=typed.chunk,
        incremental=typed.incremental,
        job=typed.job,
        pagination=typed.pagination if typed.pagination is not None else NoPagination(),
        errors=(*(typed.errors or ()), *_build_page_rules(typed.pagination)),  # the built-in ones: `responses.failures`
        rate_limit=typed.rate_limit,
        credentials=credentials,
        authorization=authorization,
        signature=typed.signature if typed.signature is not None else NoSignature(),
        idempotent=typed.idempotent
        if typed.idempotent is not None
        else method not in _SINGLE_METHODS or is_graphql_query(typed.body_format, typed.body),
        writes=writes,
        deprecated=typed.deprecated,
        timeout_seconds=typed.timeout_seconds or _DEFAULT_TIMEOUT,
        part_failure=typed.part_failure or "stop",
        places=places,
    )


def find_implied_authorization(data: Mapping[str, Any]) -> Authorization:
    """Return the authorization that follows from the credentials, whether or not something sets another. Raises
    ConversionError when the credentials are invalid."""
    return _follow(_convert_credentials(data))


def _convert_credentials(data: Mapping[str, Any]) -> Credentials:
    kind: Any = Credentials
    credentials: Credentials = convert(data.get("credentials") or {"format": "none"}, kind, at="credentials")
    return credentials


def _follow(credentials: Credentials) -> Authorization:
    implied = credentials.imply_authorization()
    return implied if implied is not None else NoAuthorization()


def _build_page_rules(pagination: Pagination | None) -> tuple[Rule, ...]:
    """Return the error rules of a pagination, which come after the author's: a range that does not exist is the end."""
    return (Rule(when="status = 416", then="empty"),) if isinstance(pagination, Range) else ()


def singular(resource: str) -> str:
    """Return the record name of a resource: contacts -> contact, companies -> company, addresses -> address."""
    if resource.endswith("ies") and len(resource) > 4:
        return resource[:-3] + "y"
    if resource.endswith(("sses", "xes", "ches", "shes", "uses")):
        return resource[:-2]
    if resource.endswith("s") and not resource.endswith("ss"):
        return resource[:-1]
    return resource
