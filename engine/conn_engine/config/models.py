"""The documents of a workspace as typed models: connector, unified mappings, environment, account, workspace settings.

Each field's description is its documentation and part of the published JSON Schema. Strategies (pagination, credentials
…) declare their own settings and are only named here. Nothing here reads files, merges levels or inherits.
"""

from collections.abc import Mapping
from typing import Annotated, Any, ClassVar, Literal, TypeAlias

from msgspec import Meta, field

from conn_engine.auth import Authorization, Credentials
from conn_engine.auth.signatures import Signature
from conn_engine.bodies import BodyFormat, BodyOptions, QueryFormat, ResponseFormat, ResponseOptions
from conn_engine.config.delivery_models import ENDPOINT_HOST, AccountEndpoint, SyncEndpoint
from conn_engine.config.implied import OPERATION_PATH
from conn_engine.config.portal_models import PortalLoginSettings
from conn_engine.config.proxy_models import ProxySettings
from conn_engine.config.sync_models import TAG, SyncOverride
from conn_engine.config.verify import Verify
from conn_engine.listing.flows import KIND, PLACE, Chunk, Enrich, Parents, Recurse, Step, StepRequest
from conn_engine.listing.incremental import Incremental
from conn_engine.listing.jobs import Job
from conn_engine.listing.pagination import Pagination
from conn_engine.responses.failures import Rule
from conn_engine.responses.ratelimit import RateLimit
from conn_engine.roles import (
    HOST,
    REMARK,
    SECRETS,
    TEXT,
    base_url_over,
    expression_over,
    inner_over,
    mark_advanced,
    path_over,
    template_over,
)
from conn_engine.settings import Settings
from conn_engine.transport.ip_ranges import parse_network
from conn_engine.webhooks import Webhooks

__all__ = [
    "Account",
    "Allowance",
    "Configuration",
    "Connector",
    "Environment",
    "EnvironmentSettings",
    "Field",
    "LintSettings",
    "Operation",
    "Resource",
    "Step",
    "StepRequest",
    "UnifiedDocument",
    "UnifiedEvent",
    "UnifiedOperation",
    "UnifiedResource",
    "Verify",
    "WorkspaceSettings",
]

NAME = r"^[A-Za-z0-9][A-Za-z0-9._-]*$"
WORD = r"^[A-Za-z_][A-Za-z0-9_-]*$"
VARIABLE = r"^[A-Za-z_][A-Za-z0-9_]*$"
WORKSPACE_ID = r"^[A-Za-z0-9][A-Za-z0-9._-]{7,63}$"  # never looks like a path: logins are also stored under a folder
HOST_PATTERN = r"^[^\s/@?#]+$"
TRUSTED_HOST = (
    r"^((https?://)?([A-Za-z0-9._*-]+|\[[0-9A-Fa-f:.*]+\])(:([0-9]{1,5}|\*))?/?"  # as the gateway reads a pattern
    r"|[0-9.]+/[0-9]{1,2}|\[?[0-9A-Fa-f:.]+\]?/[0-9]{1,3})$"  # or a network
)
URL = r"^(https?://|\{\{)\S"
OPERATION = r"^[^.\s]+\.[^.\s]+$"
PLACEMENT = r"^(credentials|authorization|signature|resources\.[\w-]+)(\.[\w-]+)*$"
PATH_PREFIX = r"^/[^?#\s]*$"

Name = Annotated[str, Meta(pattern=NAME, max_length=100)]
Word = Annotated[str, Meta(pattern=WORD, max_length=100)]
EnvironmentVariable = Annotated[str, Meta(pattern=VARIABLE, max_length=200)]
WorkspaceId = Annotated[str, Meta(pattern=WORKSPACE_ID)]
HostPattern = Annotated[str, Meta(pattern=HOST_PATTERN, max_length=300)]
TrustedHost = Annotated[str, Meta(pattern=TRUSTED_HOST, max_length=300)]
OperationPath = Annotated[str, Meta(pattern=OPERATION, max_length=200)]
BaseUrl = Annotated[str, Meta(pattern=URL, max_length=2000)]
Placement = Annotated[str, Meta(pattern=PLACEMENT, max_length=500)]
PathPrefix = Annotated[str, Meta(pattern=PATH_PREFIX, max_length=500)]
RecordPlace = Annotated[str, Meta(pattern=PLACE, max_length=500)]
RecordKind: TypeAlias = KIND
Expression: TypeAlias = str  # JSONata
Template: TypeAlias = str  # text with {{…}}
Templates: TypeAlias = dict[str, Any]  # JSON data whose strings may hold {{…}}
Mapping_ = Annotated[Any, Meta(extra={"mapping": True})]  # an expression, an object of them, or merge.Layers
OverrideData = Annotated[dict[str, Any], Meta(extra={"override": True})]
HttpMethod = Literal[
    "get", "post", "put", "patch", "delete", "head", "options",
    "GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS",
]  # fmt: skip
RECORDING_AGE = r"^(P([0-9]{1,3}M|[0-9]{1,3}W|[0-9]{1,4}D)|never)$"
RecordingAge = Annotated[str, Meta(pattern=RECORDING_AGE)]
Seconds = Annotated[float, Meta(gt=0, le=3600)]
PartFailure: TypeAlias = Literal["stop", "continue"]


class Field(Settings, frozen=True, kw_only=True):
    """A value that an account must supply when it is connected."""

    name: Annotated[Word, Meta(description="Key of the value in the account's context, or in its credential.")]
    label: Annotated[str | None, Meta(description="Display name.", extra=REMARK)] = None
    description: Annotated[str | None, Meta(description="Where to find the value.", extra=REMARK)] = None
    secret: Annotated[bool, Meta(description="Whether it is stored with the credential and never in a file.")] = False
    required: Annotated[bool, Meta(description="Whether a connection needs it.")] = True
    pattern: Annotated[str | None, Meta(description="Regular expression that must match the complete value.")] = None
    options: Annotated[tuple[str, ...] | None, Meta(description="The allowed values.")] = None
    default: Annotated[Any, Meta(description="Value to use when the account sets none.")] = None


class Deprecation(Settings, frozen=True, kw_only=True):
    """Notice that an operation will be withdrawn, when, and what replaces it."""

    since: Annotated[str | None, Meta(description="Date of the vendor's notice.")] = None
    sunset: Annotated[str | None, Meta(description="Date from which the vendor may refuse it.")] = None
    use: Annotated[str | None, Meta(description="The operation to use instead.")] = None


class Inheritable(Settings, frozen=True, kw_only=True):
    """What the connector sets for all operations, and a resource or an operation can override. Null removes the
    inherited value."""

    base_url: Annotated[
        BaseUrl | None,
        Meta(
            description="Start of every URL, such as https://api.example.com/v2.",
            extra=base_url_over("context"),
        ),
    ] = None
    headers: Annotated[
        Templates | None,
        Meta(description="Request headers. A null value omits the header.", extra=template_over("page")),
    ] = None
    query: Annotated[
        Templates | None,
        Meta(description="Query parameters. A null value omits the parameter.", extra=template_over("page")),
    ] = None
    query_format: Annotated[
        QueryFormat | None, Meta(description="How arrays and objects are written in the query.")
    ] = None
    authorization: Annotated[
        Authorization | None, Meta(extra=SECRETS, description="How to add the credential to a request.")
    ] = None
    signature: Annotated[
        Signature | None, Meta(extra=SECRETS, description="How to sign the finished request, as the last step.")
    ] = None
    pagination: Annotated[Pagination | None, Meta(description="How a listing continues on its next page.")] = None
    response_path: Annotated[
        Expression | None,
        Meta(
            description="Where the record or the records are in the response. Only listings inherit it.",
            extra=expression_over("body"),
        ),
    ] = None
    incremental: Annotated[
        Incremental | None,
        Meta(
            description="How to read only what is new since the last run, and in which windows. Only listings "
            "inherit it."
        ),
    ] = None
    errors: Annotated[
        tuple[Rule, ...] | None,
        Meta(
            description="Rules for responses; the first match decides. They come before inherited and built-in rules."
        ),
    ] = None
    rate_limit: Annotated[
        RateLimit | None, Meta(description="Where responses report rate limits, and the limits to respect.")
    ] = None
    timeout_seconds: Annotated[Seconds | None, Meta(description="Timeout for one request in seconds. Default 30.")] = (
        None
    )
    part_failure: Annotated[
        PartFailure | None,
        Meta(
            description="What happens to the other parts of a listing (values of `parents`, windows) when the "
            "vendor permanently refuses one. `stop` (the default) stops the run; `continue` runs the "
            "other parts and then ends with the error. The state of a failed part does not advance."
        ),
    ] = None


class Operation(Inheritable, frozen=True, kw_only=True):
    """One request that the vendor offers."""

    text_form: ClassVar[tuple[str, str]] = ("path", OPERATION_PATH)
    """The key of a setting that may stand for the operation, and the pattern of its text."""
    method: Annotated[
        HttpMethod | None,
        Meta(description="HTTP method. Default: get for list and get, post for create, delete for delete."),
    ] = None
    path: Annotated[
        Template | None,
        Meta(
            description="Path after base_url. A {{…}} value is percent-encoded as one segment; a list becomes "
            "several segments, one per item. Default: the path of the resource for list and create, and "
            "the same with /{{id}} for get, update and delete.",
            extra=path_over("path"),
        ),
    ] = None
    description: Annotated[str | None, Meta(description="What the operation does.", extra=REMARK)] = None
    enabled: Annotated[
        bool,
        Meta(
            description="Whether the operation can be called. An environment or an account can disable an operation, "
            "or enable one that the connector disables."
        ),
    ] = True
    body: Annotated[Any, Meta(description="Request body; strings may contain {{…}}.", extra=template_over("page"))] = (
        None
    )
    body_format: Annotated[
        BodyFormat,
        Meta(
            description="Format of the body: data as json, form, multipart (fields and the caller's files), xml "
            "or graphql; raw sends text or a file unchanged."
        ),
    ] = "json"
    body_options: Annotated[BodyOptions | None, Meta(description="How to write the body, in detail.")] = None
    request_schema: Annotated[
        str | dict[str, Any] | None,
        Meta(
            description="JSON Schema of the request body, or its file, relative to connector.yaml "
            "(`schemas/a.json`, or a part of it: `schemas/a.json#/people`). A key of the caller's "
            "body that is unknown to it and to the mapping is an error.",
            extra=TEXT,
        ),
    ] = None
    query_schema: Annotated[
        str | dict[str, Any] | None,
        Meta(
            description="JSON Schema of the vendor's query parameters, or its file. They are offered to the "
            "caller, and lint reports a mapped parameter that is not among them.",
            extra=TEXT,
        ),
    ] = None
    response_schema: Annotated[
        str | dict[str, Any] | None,
        Meta(
            description="JSON Schema of the complete response, or its file: `conn test` compares recorded "
            "responses with it.",
            extra=TEXT,
        ),
    ] = None
    response_format: Annotated[
        ResponseFormat,
        Meta(
            description="Format of the response. jsonl, csv, tsv and sse are read row by row, whatever their "
            "size; binary returns the bytes."
        ),
    ] = "json"
    response_options: Annotated[
        ResponseOptions | None,
        Meta(description="How to read the response, in detail: character set, archive, columns."),
    ] = None
    record_filter: Annotated[
        Expression | None,
        Meta(
            description="Only records for which it is true are returned.",
            extra=expression_over("record"),
        ),
    ] = None
    record_mapping: Annotated[
        str | dict[str, Any] | None,
        Meta(
            description="What to return for a record; an object has an expression for each field. A list becomes "
            "several records; null or nothing becomes no record.",
            extra=expression_over("delivered"),
        ),
    ] = None
    record_types: Annotated[
        dict[RecordPlace, RecordKind] | None,
        Meta(
            description="Type of the value at a path of a returned record, such as `price: number` or "
            "`lines[].sku: text`. A value of another type is converted if possible; otherwise it is "
            "kept, and so is null."
        ),
    ] = None
    distinct: Annotated[
        Expression | None,
        Meta(
            description="Identifies a returned record, such as record.id. A record that was returned earlier in the "
            "same run (on another page, in another window, of another parent) is left out. If it returns "
            "nothing, complete records are compared. Default: every record is returned.",
            extra=expression_over("record"),
        ),
    ] = None
    complete: Annotated[
        Literal["error", "warn", "ignore"],
        Meta(
            description="What happens if a listing is incomplete (fewer records than `total_field` gives, "
            "`has_more` true at the end, a repeated page). `error`: `conn run` exits with 1, and the library "
            "raises IncompleteError after the last record. `warn`: a warning. `ignore`: nothing. "
            "With `error` and `warn`, a listing whose completeness is unknown gives a warning."
        ),
    ] = "error"
    parents: Annotated[
        Parents | tuple[Parents, ...] | None,
        Meta(
            description="The values that the operation is repeated for; with several, every combination of their "
            "values."
        ),
    ] = None
    recurse: Annotated[
        Recurse | None,
        Meta(
            description="How the operation runs again for its own records, such as folders in folders.",
            extra=mark_advanced(),
        ),
    ] = None
    enrich: Annotated[
        tuple[Enrich, ...], Meta(description="Additional requests that complete the records, in order.")
    ] = ()
    job: Annotated[
        Job | None,
        Meta(description="Set when the request only starts a job: how to poll it, and where its result is."),
    ] = None
    chunk: Annotated[
        Chunk | None,
        Meta(description="How to split a list that is too long for one request.", extra=mark_advanced()),
    ] = None
    idempotent: Annotated[
        bool | None,
        Meta(
            description="Whether it is safe to send it again after a failure. Default: true for every method "
            "except POST and PATCH, and for a GraphQL query."
        ),
    ] = None
    writes: Annotated[
        bool | None,
        Meta(
            description="Whether it changes something at the vendor. Default: true for every method except GET "
            "and HEAD, and except for a GraphQL query."
        ),
    ] = None
    deprecated: Annotated[Deprecation | None, Meta(description="Set when the vendor will withdraw the operation.")] = (
        None
    )

    def __post_init__(self) -> None:
        problem = (
            self.response_options.explain_misplaced(self.response_format) if self.response_options is not None else None
        )
        if problem is not None:
            raise ValueError(problem)
        if self.job is not None and self.chunk is not None:
            raise ValueError(
                "`chunk` sends several requests per page, which is impossible for a `job`: remove one of them"
            )


class Resource(Inheritable, frozen=True, kw_only=True):
    """Operations on one kind of object, by name, next to the settings that they inherit from the resource."""

    rest: ClassVar[str] = "operations"
    description: Annotated[str | None, Meta(description="What the resource contains.", extra=REMARK)] = None
    path: Annotated[
        Template | None,
        Meta(
            description="Path after base_url of list and create; get, update and delete have it with /{{id}}. An "
            "operation's own path takes precedence, and other operations need one.",
            extra=path_over("path"),
        ),
    ] = None
    operations: Annotated[
        dict[Word, Operation],
        Meta(description="Operations by name; list, get, create, update and delete are common."),
    ] = field(default_factory=dict)


class Connector(Inheritable, frozen=True, kw_only=True):
    """One vendor's HTTP contract: base URL, authentication, resources, pagination, response structure."""

    base_url: Annotated[
        BaseUrl,
        Meta(
            description="Start of every URL, such as https://api.example.com/v2.",
            extra=base_url_over("context"),
        ),
    ]
    name: Annotated[Name | None, Meta(description="Name of the connector. Default: its folder's name.")] = None
    label: Annotated[str | None, Meta(description="Display name.", extra=REMARK)] = None
    description: Annotated[str | None, Meta(description="What the connector connects to.", extra=REMARK)] = None
    docs_url: Annotated[str | None, Meta(description="URL of the vendor's reference.", extra=REMARK)] = None
    license: Annotated[
        str | None,
        Meta(
            description="License of the folder's documents and recordings, as an SPDX identifier. A recording can have "
            "another one.",
            extra=REMARK,
        ),
    ] = None
    fields: Annotated[tuple[Field, ...], Meta(description="Values that an account must supply.")] = ()
    hosts: Annotated[
        tuple[HostPattern, ...] | None,
        Meta(
            description="Hosts that may receive a credential, such as *.example.com. Default: the hosts of "
            "base_url and of the token requests. Environments and accounts cannot add hosts.",
            extra=HOST,
        ),
    ] = None
    env: Annotated[
        tuple[EnvironmentVariable, ...],
        Meta(description="Environment variables that credentials and authorization may read as env.NAME."),
    ] = ()
    credentials: Annotated[Credentials | None, Meta(extra=SECRETS, description="How an account gets its secrets.")] = (
        None
    )
    verify: Annotated[
        OperationPath | Verify | None,
        Meta(
            description="How to verify a credential: the cheapest operation (resource.method), or an operation "
            "and what its response must contain."
        ),
    ] = None
    connect: Annotated[
        tuple[Step, ...],
        Meta(
            description="Steps after a login, in order. The result of a step's `transform` is stored with the "
            "account under the step's name and available in every template (`{{context.cloud_id}}`). "
            "A step without `transform` only sends its request. Steps see `context` and "
            "`connect.<name>`.",
            extra=inner_over("connect"),
        ),
    ] = ()
    webhooks: Annotated[
        Webhooks | None, Meta(description="How to verify webhook deliveries, and which events they contain.")
    ] = None
    resources: Annotated[dict[Word, Resource], Meta(description="The vendor's operations, by resource.")]


FieldPolicy = Literal["empty", "fail"]
FailurePolicy = FieldPolicy | dict[str, FieldPolicy]


class UnifiedOperation(Settings, frozen=True, kw_only=True):
    """How a unified operation is done with the vendor's operations. The mappings of the levels are combined."""

    description: Annotated[str | None, Meta(description="Notes for readers.", extra=REMARK)] = None
    enabled: Annotated[
        bool,
        Meta(
            description="Whether the operation can be called. An environment or an account can disable an operation, "
            "or enable one that the connector disables. Events keep the mapping of a disabled operation."
        ),
    ] = True
    resource: Annotated[
        Template | None,
        Meta(
            description="Vendor resource that it uses. Default: the same name.",
            extra=template_over("caller"),
        ),
    ] = None
    method: Annotated[
        Template | None,
        Meta(
            description="Vendor operation that it uses. Default: the same name.",
            extra=template_over("caller"),
        ),
    ] = None
    record: Annotated[
        Word | None,
        Meta(
            description="Schema of the records in the model. Default: the resource's `record`, else its name in "
            "the singular."
        ),
    ] = None
    each: Annotated[
        Literal["record", "page"],
        Meta(description="What response_mapping is evaluated for: each record or each page."),
    ] = "record"
    query_mapping: Annotated[
        Mapping_, Meta(description="Maps the caller's query to the vendor's query.", extra=expression_over("caller"))
    ] = None
    path_mapping: Annotated[
        Mapping_,
        Meta(description="Values for the vendor's path, by name. Default: id.", extra=expression_over("caller")),
    ] = None
    request_body_mapping: Annotated[
        Mapping_, Meta(description="Maps the caller's body to the vendor's body.", extra=expression_over("caller"))
    ] = None
    request_header_mapping: Annotated[
        Mapping_, Meta(description="Additional request headers.", extra=expression_over("caller"))
    ] = None
    response_mapping: Annotated[
        Mapping_ | None,
        Meta(description="Maps a vendor record (`response`) to the unified record.", extra=expression_over("mapped")),
    ] = None
    on_error: Annotated[
        FailurePolicy | None,
        Meta(
            description="What happens if a field of response_mapping fails on a record: it is `empty` there, and the "
            "failure is reported, or the run must `fail`. For all fields, or by field (`custom_fields.score: fail`). "
            "`id` and fields that the model requires always fail the run. Default: that of the resource, else `empty`."
        ),
    ] = None
    response_header_mapping: Annotated[
        Mapping_, Meta(description="Headers that the caller receives.", extra=expression_over("mapped"))
    ] = None
    error_mapping: Annotated[
        Mapping_ | None,
        Meta(
            description="Maps an error response to what the caller receives: kind, message, details.",
            extra=expression_over("error"),
        ),
    ] = None
    before: Annotated[
        tuple[Step, ...], Meta(description="Steps before the request, in order.", extra=inner_over("caller"))
    ] = ()
    after: Annotated[
        tuple[Step, ...], Meta(description="Steps after the response, in order.", extra=inner_over("after"))
    ] = ()


class UnifiedEvent(Settings, frozen=True, kw_only=True):
    """Which of the vendor's events report that a record was created, changed or deleted.

    Expressions see `event` ({id, type, occurred_at, record, record_id, item}), the delivery and `context`.
    """

    when: Annotated[
        Expression,
        Meta(
            description='Condition that selects the event: `event.type = "contact.creation"`.',
            extra=expression_over("event"),
        ),
    ]
    record: Annotated[
        Expression | None,
        Meta(
            description='The vendor\'s record, which `method` maps, such as `{"id": event.record_id}` for a deleted '
            "record. Default: event.record, if there is one.",
            extra=expression_over("event"),
        ),
    ] = None
    fetch: Annotated[
        Expression | None,
        Meta(
            description="Instead of `record`: the ID of the record, which `method` fetches, such as event.record_id.",
            extra=expression_over("event"),
        ),
    ] = None
    method: Annotated[
        Word | None,
        Meta(
            description="The unified operation that maps or fetches the record. Default: get, or list if there "
            "is no get."
        ),
    ] = None

    def __post_init__(self) -> None:
        if self.record is not None and self.fetch is not None:
            raise ValueError("an event cannot have both `record` and `fetch`")


class UnifiedResource(Settings, frozen=True, kw_only=True):
    """The operations of one resource of a unified model, and the mappings that they share."""

    rest: ClassVar[str] = "operations"
    description: Annotated[str | None, Meta(description="Notes for readers.", extra=REMARK)] = None
    record: Annotated[
        Word | None,
        Meta(description="Schema of the records in the model. Default: the resource's name in the singular."),
    ] = None
    response_mapping: Annotated[
        Mapping_ | None,
        Meta(
            description="Maps a vendor record (`response`) to the unified record, for every operation except "
            "delete. An operation's own mapping is merged over it; null there opts out.",
            extra=expression_over("mapped"),
        ),
    ] = None
    on_error: Annotated[
        FailurePolicy | None,
        Meta(
            description="`on_error` of each operation that does not set its own: what happens if a field of "
            "response_mapping fails on a record."
        ),
    ] = None
    request_body_mapping: Annotated[
        Mapping_ | None,
        Meta(
            description="Maps the caller's body to the vendor's body, for create, update and every operation "
            "with a request_body_mapping, which is merged over it; null there opts out.",
            extra=expression_over("caller"),
        ),
    ] = None
    events: Annotated[
        dict[Word, UnifiedEvent],
        Meta(description="Events of the resource that deliveries report: created, updated, deleted, or another name."),
    ] = field(default_factory=dict)
    operations: Annotated[
        dict[Word, UnifiedOperation],
        Meta(description="Operations by name: list, get, create, update, delete, or another name."),
    ] = field(default_factory=dict)


class UnifiedDocument(Settings, frozen=True, kw_only=True):
    """A connector's mappings to one unified model. The file is named after the model."""

    description: Annotated[str | None, Meta(description="Notes for readers.", extra=REMARK)] = None
    resources: Annotated[dict[Word, UnifiedResource], Meta(description="Mappings by unified resource.")]


class Configuration(Connector, frozen=True, kw_only=True):
    """A connector with its mappings: the result of merging three levels. An override is a part of it."""

    unified: Annotated[
        dict[Word, dict[Word, UnifiedResource]],
        Meta(description="Mappings by model, resource and operation."),
    ] = field(default_factory=dict)


class Environment(Settings, frozen=True, kw_only=True):
    """Level two: what differs in one environment, per connector."""

    label: Annotated[str | None, Meta(description="Display name.", extra=REMARK)] = None
    description: Annotated[str | None, Meta(description="What the environment is for.", extra=REMARK)] = None
    endpoints: Annotated[
        dict[Name, SyncEndpoint],
        Meta(description="Endpoints by name; one with the name of an endpoint in conn.yaml replaces it."),
    ] = field(default_factory=dict)
    syncs: Annotated[
        dict[Name, SyncOverride],
        Meta(description="What differs for syncs in the environment, by the name of the sync."),
    ] = field(default_factory=dict)
    connectors: Annotated[
        dict[Name, OverrideData],
        Meta(
            description="Overrides by connector name: any part of a connector. The keys at its top may be dotted "
            "places, such as `crm.contacts.response_mapping.email`."
        ),
    ] = field(default_factory=dict)


class Account(Settings, frozen=True, kw_only=True):
    """Level three: one connected account, its values and its overrides."""

    connector: Annotated[Name, Meta(description="The connector that the account uses.")]
    environment: Annotated[Name | None, Meta(description="The account's environment. Default: the workspace's.")] = None
    enabled: Annotated[
        bool, Meta(description="Whether the account is used. Calls for a disabled one are refused, and no sync runs.")
    ] = True
    label: Annotated[str | None, Meta(description="Display name.", extra=REMARK)] = None
    description: Annotated[str | None, Meta(description="Whose account it is.", extra=REMARK)] = None
    tags: Annotated[
        tuple[Annotated[str, Meta(pattern=TAG, max_length=100)], ...],
        Meta(description="Words that select accounts, such as `eu` or `plan:trial`: of a sync, for example."),
    ] = ()
    context: Annotated[
        dict[str, Any],
        Meta(description="The account's own values, not secrets; expressions see them as `context`.", extra=TEXT),
    ] = field(default_factory=dict)
    syncs: Annotated[
        dict[Name, SyncOverride],
        Meta(description="What differs for syncs of the account, by the name of the sync."),
    ] = field(default_factory=dict)
    endpoints: Annotated[
        dict[Name, AccountEndpoint],
        Meta(
            description="Where events of the account are delivered, by name; one with the name of an endpoint of the "
            "environment or of conn.yaml replaces it."
        ),
    ] = field(default_factory=dict)
    override: Annotated[
        OverrideData,
        Meta(
            description="Any part of a connector, and `unified`. The keys at the top may be dotted places, such as "
            "`crm.contacts.response_mapping.email`."
        ),
    ] = field(default_factory=dict)


class LintSettings(Settings, frozen=True, kw_only=True):
    """How `conn lint` reports findings in this workspace."""

    severity: Annotated[
        Mapping[str, Literal["error", "warning", "info"]],
        Meta(description="Severity in this workspace, by diagnostic code."),
    ] = field(default_factory=dict)


def fault_of_trusted(entry: str) -> str:
    """Return what is wrong with an entry of `trusted_hosts` that matches its pattern; "" for a valid one."""
    if "/" not in entry.rpartition("://")[2].rstrip("/") or parse_network(entry) is not None:
        return ""
    return f'"{entry}" is not a network: write its first address and the prefix length, such as 10.0.0.0/8'


class Allowance(Settings, frozen=True, kw_only=True):
    """What overrides of one environment, and of its accounts, may do that is otherwise reserved to a connector. `conn
    lint` reports each use."""

    env: Annotated[
        tuple[EnvironmentVariable, ...],
        Meta(
            description="Environment variables that an override may read instead of the connector's, such as "
            "those of a sandbox with its own OAuth app."
        ),
    ] = ()
    placement: Annotated[
        tuple[Placement, ...],
        Meta(
            description="Settings, including everything below them, that may send a credential in a different "
            "place than the connector does, such as `credentials.config.client_authentication`."
        ),
    ] = ()
    verification: Annotated[
        bool, Meta(description="Whether `webhooks.verify` may be overridden, even with `none`.")
    ] = False
    paths: Annotated[
        tuple[PathPrefix, ...],
        Meta(description="Paths, such as `/sandbox/v3`, that a `base_url` may have instead of the connector's."),
    ] = ()


class EnvironmentSettings(Settings, frozen=True, kw_only=True):
    """What the workspace sets for one environment."""

    allow: Annotated[
        Allowance,
        Meta(
            description="Exceptions to the limits on overrides. Keep them few: each weakens the protection of secrets."
        ),
    ] = Allowance()


class RecordingSettings(Settings, frozen=True, kw_only=True):
    """What recordings of live accounts contain, and how long they are used."""

    personal_data: Annotated[
        Literal["replace", "keep"],
        Meta(
            description="What to do with personal data such as names, email addresses and phone numbers: "
            "`replace` it with pseudonyms, or `keep` it."
        ),
    ] = "replace"
    max_age: Annotated[
        RecordingAge,
        Meta(
            description="Age from which lint and `conn doctor` suggest to record again, as ISO 8601 duration such as "
            "P90D, or `never`. It applies to recordings of the live vendor only."
        ),
    ] = "P180D"


class AcceptedEffect(Settings, frozen=True, kw_only=True):
    """One intended effect of a change: what happens to one field, and for which accounts."""

    connector: Annotated[Name, Meta(description="The connector of the accounts.")]
    operation: Annotated[str, Meta(description="The operation; empty for all operations of the account.")] = ""
    field: Annotated[str, Meta(description="The field, or the part of a request; empty for complete records.")] = ""
    kind: Annotated[Word, Meta(description="What happens to it, such as `missing`, as `conn impact` reports it.")]
    accounts: Annotated[
        dict[Name, str],
        Meta(description="Digest of the effect, by account. An effect with another digest is not accepted."),
    ]


class AcceptedChange(Settings, frozen=True, kw_only=True):
    """changes/<name>.yaml: intended breaking effects, committed with the change that causes them. Written by `conn ci
    --accept --reason TEXT`."""

    version: Annotated[Literal[1], Meta(description="Version of this format.")] = 1
    reason: Annotated[str, Meta(description="Why the effects are intended.", min_length=1)]
    effects: Annotated[tuple[AcceptedEffect, ...], Meta(description="The accepted effects.")]


class ReportSettings(Settings, frozen=True, kw_only=True):
    """What reports that leave the machine may contain."""

    account_names: Annotated[
        bool,
        Meta(
            description="Whether Markdown reports, which become comments of pull requests and may be public, "
            "list account names. If not, they only count accounts. Text and JSON reports "
            "always list them."
        ),
    ] = False


class RolloutSettings(Settings, frozen=True, kw_only=True):
    """How the service watches a rollout, and when it halts it."""

    compare: Annotated[
        float,
        Meta(
            description="Share of the calls that are compared with the other release, on the same response of the "
            "vendor: from 0 (none) to 1 (all).",
            ge=0,
            le=1,
        ),
    ] = 0.1
    max_failed: Annotated[
        float, Meta(description="Share of its accounts' calls that may fail before it is halted.", ge=0, le=1)
    ] = 0.05
    max_missing: Annotated[
        float,
        Meta(
            description="Share of the compared calls in which a record or a field may now be missing, or fail, before "
            "it is halted.",
            ge=0,
            le=1,
        ),
    ] = 0.02
    min_calls: Annotated[
        int, Meta(description="Calls since the last change of the rollout before it can be halted.", ge=1)
    ] = 50


class WorkspaceSettings(Settings, frozen=True, kw_only=True):
    """conn.yaml: the settings of the complete workspace."""

    version: Annotated[Literal[1], Meta(description="Version of this format.")] = 1
    id: Annotated[
        WorkspaceId | None,
        Meta(
            description="Key under which logins are stored; `conn init` generates one. Another folder with this "
            "id can use them after `conn auth adopt`. Default: the path of the folder, so a workspace "
            "that is moved loses its logins."
        ),
    ] = None
    default_environment: Annotated[Name, Meta(description="Environment of accounts that set none.")] = "production"
    models: Annotated[tuple[str, ...], Meta(description="Folders with the workspace's own unified models.")] = (
        "models",
    )
    evaluator: Annotated[
        Literal["jlens", "jsonata-python"] | None,
        Meta(description="Evaluator of expressions. Default: jlens if it is installed."),
    ] = None
    trusted_hosts: Annotated[
        tuple[TrustedHost, ...],
        Meta(
            description="Host patterns, such as `localhost:4200` or `*.corp.example`: these hosts may be "
            "internal, and may receive credentials like the connectors' own hosts. Networks, such as "
            "`10.0.0.0/8`: hosts may have addresses in them.",
            extra=HOST,
        ),
    ] = ()
    trusted_certificates: Annotated[
        str | None,
        Meta(
            description="File with the certificates (PEM) of private authorities that servers may use, in "
            "addition to the public ones; relative to this document. A connector, environment or "
            "account cannot set it."
        ),
    ] = None
    env: Annotated[
        tuple[EnvironmentVariable, ...],
        Meta(description="Environment variables that every connector's credentials may read as env.NAME."),
    ] = ()
    environments: Annotated[dict[Name, EnvironmentSettings], Meta(description="Settings by environment name.")] = field(
        default_factory=dict
    )
    endpoints: Annotated[
        dict[Name, SyncEndpoint],
        Meta(description="Where events are delivered, by name. Syncs without `endpoint` use the one named `default`."),
    ] = field(default_factory=dict)
    endpoint_hosts: Annotated[
        tuple[Annotated[str, Meta(pattern=ENDPOINT_HOST, max_length=300)], ...],
        Meta(
            description="Host patterns, such as `*.example.com`: accounts may have endpoints there. `*` alone allows "
            "every public host. Default: accounts have no endpoints. An internal host must also be in `trusted_hosts`.",
            extra=HOST,
        ),
    ] = ()
    endpoint_secrets: Annotated[
        dict[Name, tuple[EnvironmentVariable, ...]],
        Meta(
            description="Environment variables with which the endpoints of an account may sign, by account. Default: "
            "none. What `conn endpoint rotate` makes needs no variable."
        ),
    ] = field(default_factory=dict)
    endpoints_per_account: Annotated[
        int, Meta(ge=0, le=1000, description="How many endpoints an account may have.")
    ] = 10
    proxy: Annotated[
        dict[Name, ProxySettings],
        Meta(
            description="Requests of their own that callers of the service may send to a vendor with an account's "
            "credential, by connector. Default: none."
        ),
    ] = field(default_factory=dict)
    portal_login: Annotated[
        PortalLoginSettings | None,
        Meta(
            description="How people log in to the pages of `conn serve --portal`, in addition to tokens. Default: with "
            "tokens only."
        ),
    ] = None
    store: Annotated[
        str | None,
        Meta(
            description="Where releases are stored: a SQLite file, relative to this document, or a Postgres URL "
            "without a password (set it with CONN_STORE, PGPASSWORD or a password file). Default "
            ".conn/releases.sqlite3.",
            extra=TEXT,
        ),
    ] = None
    lint: Annotated[LintSettings, Meta(description="How findings are reported.")] = LintSettings()
    recordings: Annotated[RecordingSettings, Meta(description="What recordings of live accounts contain.")] = (
        RecordingSettings()
    )
    reports: Annotated[ReportSettings, Meta(description="What reports of changes contain.")] = ReportSettings()
    rollout: Annotated[
        RolloutSettings, Meta(description="How the service watches a rollout, and when it halts it.")
    ] = RolloutSettings()

    def __post_init__(self) -> None:
        for entry in self.trusted_hosts:
            if fault := fault_of_trusted(entry):
                raise ValueError(f"trusted_hosts: {fault}")
