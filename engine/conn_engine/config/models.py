"""The documents of a workspace as typed models: connector, unified mappings, environment, account, workspace
settings.

Each field's description is its documentation and goes into the published JSON Schema. Strategies (pagination,
credentials …) bring their own settings and are only named here. Nothing here reads files, merges levels or
inherits.
"""

from collections.abc import Mapping
from typing import Annotated, Any, ClassVar, Literal, TypeAlias

from msgspec import Meta, field

from conn_engine.auth import Authorization, Credentials
from conn_engine.auth.signatures import Signature
from conn_engine.bodies import BodyFormat, BodyOptions, QueryFormat, ResponseFormat, ResponseOptions
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
WORKSPACE_ID = r"^[A-Za-z0-9][A-Za-z0-9._-]{7,63}$"  # no path can be one: log-ins are filed under a folder too
HOST_PATTERN = r"^[^\s/@?#]+$"
TRUSTED_HOST = (
    r"^((https?://)?([A-Za-z0-9._*-]+|\[[0-9A-Fa-f:.*]+\])(:([0-9]{1,5}|\*))?/?"  # as the door reads a pattern
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
Seconds = Annotated[float, Meta(gt=0, le=3600)]
PartFailure: TypeAlias = Literal["stop", "continue"]


class Field(Settings, frozen=True, kw_only=True):
    """Something an account must supply when it is connected."""

    name: Annotated[Word, Meta(description="Key of the value in the account's context, or in its credential.")]
    label: Annotated[str | None, Meta(description="What people are shown.", extra=REMARK)] = None
    description: Annotated[str | None, Meta(description="Where the value is found.", extra=REMARK)] = None
    secret: Annotated[bool, Meta(description="Kept with the credential and never in a file. Default false.")] = False
    required: Annotated[bool, Meta(description="Whether a connection needs it. Default true.")] = True
    pattern: Annotated[str | None, Meta(description="Regular expression that the whole value matches.")] = None
    options: Annotated[tuple[str, ...] | None, Meta(description="The values it may have.")] = None
    default: Annotated[Any, Meta(description="Value when the account says none.")] = None


class Deprecation(Settings, frozen=True, kw_only=True):
    """That an operation will go, when, and what replaces it."""

    since: Annotated[str | None, Meta(description="Date of the vendor's notice.")] = None
    sunset: Annotated[str | None, Meta(description="Date from which the vendor may refuse it.")] = None
    use: Annotated[str | None, Meta(description="The operation to use instead.")] = None


class Inheritable(Settings, frozen=True, kw_only=True):
    """What the connector says for all operations, and a resource or an operation may say again. Null removes
    it.
    """

    base_url: Annotated[
        BaseUrl | None,
        Meta(
            description="Start of every URL, such as https://api.example.com/v2. May hold {{…}}.",
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
        Authorization | None, Meta(extra=SECRETS, description="How a request carries the credential.")
    ] = None
    signature: Annotated[
        Signature | None, Meta(extra=SECRETS, description="How the finished request is signed, after everything else.")
    ] = None
    pagination: Annotated[Pagination | None, Meta(description="How a listing goes on to its next page.")] = None
    errors: Annotated[
        tuple[Rule, ...] | None,
        Meta(
            description="Rules over answers; the first that matches decides. They come before inherited and "
            "built-in ones."
        ),
    ] = None
    rate_limit: Annotated[RateLimit | None, Meta(description="Where answers say how much may still be asked.")] = None
    timeout_seconds: Annotated[Seconds | None, Meta(description="Longest time for one exchange. Default 30.")] = None
    part_failure: Annotated[
        PartFailure | None,
        Meta(
            description="What becomes of the other parts of a listing (values of `parents`, windows) when the vendor "
            "refuses one for good: the run stops (the default), or goes through them and ends with the error. The "
            "state of a part that failed does not move."
        ),
    ] = None


class Operation(Inheritable, frozen=True, kw_only=True):
    """One request that the vendor offers."""

    method: Annotated[HttpMethod, Meta(description="HTTP method.")]
    path: Annotated[
        Template,
        Meta(
            description="Path after base_url. {{…}} values are percent-encoded as one segment; a list is several, one "
            "for each item.",
            extra=path_over("path"),
        ),
    ]
    description: Annotated[str | None, Meta(description="What it does.", extra=REMARK)] = None
    body: Annotated[Any, Meta(description="Request body; strings may hold {{…}}.", extra=template_over("page"))] = None
    body_format: Annotated[
        BodyFormat,
        Meta(
            description="How the body is written: data as json, form, multipart (fields, and files that the caller "
            "gives), xml or graphql; raw is a text or a file as it is. Default json."
        ),
    ] = "json"
    body_options: Annotated[BodyOptions | None, Meta(description="Details of how the body is written.")] = None
    request_schema: Annotated[
        str | dict[str, Any] | None,
        Meta(
            description="JSON Schema of the request body, or its file, relative to connector.yaml "
            "(`schemas/a.json`, or a part of it: `schemas/a.json#/people`): a key of a caller's body that neither it "
            "nor anything else knows is an error.",
            extra=TEXT,
        ),
    ] = None
    query_schema: Annotated[
        str | dict[str, Any] | None,
        Meta(
            description="JSON Schema of the query parameters that the vendor takes, or its file: they are offered to "
            "the caller, and lint reports a mapped parameter that it does not have.",
            extra=TEXT,
        ),
    ] = None
    response_schema: Annotated[
        str | dict[str, Any] | None,
        Meta(
            description="JSON Schema of the whole answer, or its file: `conn test` compares recorded answers with it.",
            extra=TEXT,
        ),
    ] = None
    response_format: Annotated[
        ResponseFormat,
        Meta(
            description="How the answer is read. jsonl, csv, tsv and sse are read row by row, however long they are; "
            "binary gives the bytes. Default json."
        ),
    ] = "json"
    response_options: Annotated[
        ResponseOptions | None, Meta(description="Details of how the answer is read: character set, archive, columns.")
    ] = None
    response_path: Annotated[
        Expression | None,
        Meta(
            description="Where the record or the records are in the answer, as an expression over its body.",
            extra=expression_over("body"),
        ),
    ] = None
    record_filter: Annotated[
        Expression | None,
        Meta(
            description="Condition over `record`; only records for which it is true are kept.",
            extra=expression_over("record"),
        ),
    ] = None
    record_mapping: Annotated[
        str | dict[str, Any] | None,
        Meta(
            description="What is delivered of a record: an expression over `record`, or an object whose leaves are "
            "expressions. A list gives several records, null or nothing none.",
            extra=expression_over("delivered"),
        ),
    ] = None
    record_types: Annotated[
        dict[RecordPlace, RecordKind] | None,
        Meta(
            description="What kind of value stands at a place of a delivered record, such as `price: number` or "
            "`lines[].sku: text`: one of another kind becomes it where it can, else it stays as it is, as null does."
        ),
    ] = None
    distinct: Annotated[
        Expression | None,
        Meta(
            description="What a delivered record is known by: an expression over `record`, such as record.id. One that "
            "came before in the same run, on another page, in another window or of another parent, is left out. "
            "Where it gives nothing, the whole record is compared. Default: every record is delivered.",
            extra=expression_over("record"),
        ),
    ] = None
    complete: Annotated[
        Literal["error", "warn", "ignore"],
        Meta(
            description="What an incomplete listing is (fewer records than `total_field` says, `has_more` true at the "
            "end, a page that repeats): an error, for which `conn run` exits with 1 and the library raises "
            "IncompleteError after the last record; a warning; or nothing. That it is unknown whether a listing is "
            "complete is a warning, unless it is ignore."
        ),
    ] = "error"
    parents: Annotated[
        Parents | tuple[Parents, ...] | None,
        Meta(description="Over what the operation is repeated; several give every combination of their values."),
    ] = None
    recurse: Annotated[
        Recurse | None, Meta(description="Records of the operation that are parents of more of its records.")
    ] = None
    enrich: Annotated[
        tuple[Enrich, ...], Meta(description="Further requests that complete the records, in order.")
    ] = ()
    incremental: Annotated[
        Incremental | None, Meta(description="How only what is new since the last run is read, and in which windows.")
    ] = None
    job: Annotated[
        Job | None,
        Meta(description="That the request only begins a job: how it is asked about, and where its result is."),
    ] = None
    chunk: Annotated[Chunk | None, Meta(description="A list that is too long for one request, over several.")] = None
    idempotent: Annotated[
        bool | None,
        Meta(
            description="May it be sent again after a fault. Default: every method but POST and PATCH, and a GraphQL "
            "query."
        ),
    ] = None
    writes: Annotated[
        bool | None,
        Meta(
            description="Does it change something at the vendor. Default: every method but GET and HEAD, except a "
            "GraphQL query that is no mutation."
        ),
    ] = None
    deprecated: Annotated[Deprecation | None, Meta(description="Set when the vendor will withdraw it.")] = None

    def __post_init__(self) -> None:
        wrong = (
            self.response_options.explain_misplaced(self.response_format) if self.response_options is not None else None
        )
        if wrong is not None:
            raise ValueError(wrong)
        if self.job is not None and self.chunk is not None:
            raise ValueError("`chunk` asks for each page several times, which a `job` is not: leave one of them out")


class Resource(Inheritable, frozen=True, kw_only=True):
    """Operations of one kind of thing: operation name to operation, besides what they inherit from the
    resource.
    """

    rest: ClassVar[str] = "operations"
    description: Annotated[str | None, Meta(description="What the resource holds.", extra=REMARK)] = None
    operations: Annotated[
        dict[Word, Operation],
        Meta(description="Any name; list, get, create, update and delete are the usual ones."),
    ] = field(default_factory=dict)


class Connector(Inheritable, frozen=True, kw_only=True):
    """One vendor's HTTP contract: base URL, authentication, resources, pagination, response shape."""

    base_url: Annotated[
        BaseUrl,
        Meta(
            description="Start of every URL, such as https://api.example.com/v2. May hold {{…}}.",
            extra=base_url_over("context"),
        ),
    ]
    name: Annotated[Name | None, Meta(description="The connector's name. Default: its folder.")] = None
    label: Annotated[str | None, Meta(description="What people are shown.", extra=REMARK)] = None
    description: Annotated[str | None, Meta(description="What the connector reaches.", extra=REMARK)] = None
    docs_url: Annotated[str | None, Meta(description="The vendor's reference.", extra=REMARK)] = None
    fields: Annotated[tuple[Field, ...], Meta(description="What an account must supply.")] = ()
    hosts: Annotated[
        tuple[HostPattern, ...] | None,
        Meta(
            description="Hosts that may receive a credential, such as *.example.com. Default: the hosts of "
            "base_url and of the token requests. Environments and accounts cannot widen it.",
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
        Meta(description="What proves a credential: the cheapest operation (resource.method), or what it must answer."),
    ] = None
    connect: Annotated[
        tuple[Step, ...],
        Meta(
            description="Steps after a log-in, in order. What a step's `transform` finds is kept with the account, by "
            "the step's name: `{{context.cloud_id}}` in every template from then on; a step without one is run for its "
            "effect alone. Steps see `context` and `connect.<name>`.",
            extra=inner_over("connect"),
        ),
    ] = ()
    webhooks: Annotated[
        Webhooks | None, Meta(description="What comes to us: how deliveries are proved, and which events they hold.")
    ] = None
    resources: Annotated[dict[Word, Resource], Meta(description="The vendor's operations, by resource.")]


class UnifiedOperation(Settings, frozen=True, kw_only=True):
    """How one operation of a unified model is done with the vendor's operations. Mappings of the levels
    compose.
    """

    description: Annotated[str | None, Meta(description="What is particular about it.", extra=REMARK)] = None
    resource: Annotated[
        Template | None,
        Meta(
            description="Vendor resource behind it; may hold {{…}}. Default: the same name.",
            extra=template_over("caller"),
        ),
    ] = None
    method: Annotated[
        Template | None,
        Meta(
            description="Vendor operation behind it; may hold {{…}}. Default: the same name.",
            extra=template_over("caller"),
        ),
    ] = None
    record: Annotated[
        Word | None,
        Meta(description="Schema of the records in the model. Default: the resource's, in the singular."),
    ] = None
    each: Annotated[Literal["record", "page"], Meta(description="What response_mapping runs over. Default record.")] = (
        "record"
    )
    query_mapping: Annotated[
        Mapping_, Meta(description="Caller's query to the vendor's query.", extra=expression_over("caller"))
    ] = None
    path_mapping: Annotated[
        Mapping_, Meta(description="Names that the vendor's path uses. Default: id.", extra=expression_over("caller"))
    ] = None
    request_body_mapping: Annotated[
        Mapping_, Meta(description="Caller's body to the vendor's body.", extra=expression_over("caller"))
    ] = None
    request_header_mapping: Annotated[
        Mapping_, Meta(description="Further request headers.", extra=expression_over("caller"))
    ] = None
    response_mapping: Annotated[
        Mapping_ | None,
        Meta(description="A vendor record (`response`) to the unified record.", extra=expression_over("mapped")),
    ] = None
    response_header_mapping: Annotated[
        Mapping_, Meta(description="Headers that the caller gets.", extra=expression_over("mapped"))
    ] = None
    error_mapping: Annotated[
        Mapping_ | None,
        Meta(
            description="An error answer to what the caller gets: kind, message, details.",
            extra=expression_over("error"),
        ),
    ] = None
    before: Annotated[
        tuple[Step, ...], Meta(description="Steps before the request, in order.", extra=inner_over("caller"))
    ] = ()
    after: Annotated[
        tuple[Step, ...], Meta(description="Steps after the answer, in order.", extra=inner_over("after"))
    ] = ()


class UnifiedEvent(Settings, frozen=True, kw_only=True):
    """Which of the vendor's events tell that a record came to be, changed, or is gone.

    Expressions see `event` ({id, type, occurred_at, record, record_id, item}), the delivery and `context`.
    """

    when: Annotated[
        Expression,
        Meta(
            description='Condition by which it is known: `event.type = "contact.creation"`.',
            extra=expression_over("event"),
        ),
    ]
    record: Annotated[
        Expression | None,
        Meta(
            description='The vendor\'s record, which `method` maps, such as `{"id": event.record_id}` of one that is '
            "gone. Default: event.record, when there is one.",
            extra=expression_over("event"),
        ),
    ] = None
    fetch: Annotated[
        Expression | None,
        Meta(
            description="Instead: the id of the record, which `method` then fetches, such as event.record_id.",
            extra=expression_over("event"),
        ),
    ] = None
    method: Annotated[
        Word | None,
        Meta(description="The unified operation that maps or fetches it. Default: get, or list where there is no get."),
    ] = None

    def __post_init__(self) -> None:
        if self.record is not None and self.fetch is not None:
            raise ValueError("an event has either `record` or `fetch`")


class UnifiedResource(Settings, frozen=True, kw_only=True):
    """The operations of one resource of a unified model, and the mappings that they have in common."""

    rest: ClassVar[str] = "operations"
    description: Annotated[str | None, Meta(description="What is particular about it.", extra=REMARK)] = None
    record: Annotated[
        Word | None,
        Meta(description="Schema of the records in the model. Default: the resource's name in the singular."),
    ] = None
    response_mapping: Annotated[
        Mapping_ | None,
        Meta(
            description="A vendor record (`response`) to the unified record, for every operation except delete. An "
            "operation's own mapping is merged over it; null there opts out.",
            extra=expression_over("mapped"),
        ),
    ] = None
    request_body_mapping: Annotated[
        Mapping_ | None,
        Meta(
            description="Caller's body to the vendor's body, for create, update and every operation that has a "
            "request_body_mapping, which is merged over it; null there opts out.",
            extra=expression_over("caller"),
        ),
    ] = None
    events: Annotated[
        dict[Word, UnifiedEvent],
        Meta(description="What deliveries tell of it: created, updated, deleted, or another name."),
    ] = field(default_factory=dict)
    operations: Annotated[
        dict[Word, UnifiedOperation], Meta(description="list, get, create, update, delete, or another name.")
    ] = field(default_factory=dict)


class UnifiedDocument(Settings, frozen=True, kw_only=True):
    """A connector's mappings to one unified model; the file's name is the model's."""

    description: Annotated[str | None, Meta(description="What is particular about these mappings.", extra=REMARK)] = (
        None
    )
    resources: Annotated[dict[Word, UnifiedResource], Meta(description="Mappings by unified resource.")]


class Configuration(Connector, frozen=True, kw_only=True):
    """A connector with its mappings: what three levels merge into, and what an override is a part of."""

    unified: Annotated[
        dict[Word, dict[Word, UnifiedResource]],
        Meta(description="Mappings by model, resource and operation."),
    ] = field(default_factory=dict)


class Environment(Settings, frozen=True, kw_only=True):
    """Level two: what differs in one environment, per connector."""

    label: Annotated[str | None, Meta(description="What people are shown.", extra=REMARK)] = None
    description: Annotated[str | None, Meta(description="What the environment is for.", extra=REMARK)] = None
    connectors: Annotated[
        dict[Name, OverrideData], Meta(description="Connector name to its override: any part of a connector.")
    ] = field(default_factory=dict)


class Account(Settings, frozen=True, kw_only=True):
    """Level three: one connected account, its values and what differs for it."""

    connector: Annotated[Name, Meta(description="The connector it uses.")]
    environment: Annotated[Name | None, Meta(description="Its environment. Default: the workspace's.")] = None
    label: Annotated[str | None, Meta(description="What people are shown.", extra=REMARK)] = None
    description: Annotated[str | None, Meta(description="Whose account it is.", extra=REMARK)] = None
    context: Annotated[
        dict[str, Any],
        Meta(description="The account's own values, no secrets; expressions see them as `context`.", extra=TEXT),
    ] = field(default_factory=dict)
    override: Annotated[OverrideData, Meta(description="Any part of a connector, and `unified`.")] = field(
        default_factory=dict
    )


class LintSettings(Settings, frozen=True, kw_only=True):
    """How `conn lint` judges this workspace."""

    severity: Annotated[
        Mapping[str, Literal["error", "warning", "info"]],
        Meta(description="Diagnostic code to the severity it has here."),
    ] = field(default_factory=dict)


def fault_of_trusted(entry: str) -> str:
    """What is wrong with an entry of `trusted_hosts` that its pattern lets pass; "" for a good one."""
    if "/" not in entry.rpartition("://")[2].rstrip("/") or parse_network(entry) is not None:
        return ""
    return f'"{entry}" is not a network: write its first address and the length of its prefix, such as 10.0.0.0/8'


class Allowance(Settings, frozen=True, kw_only=True):
    """What overrides of one environment, and of its accounts, may do that otherwise only a connector may. `conn lint`
    reports each use."""

    env: Annotated[
        tuple[EnvironmentVariable, ...],
        Meta(
            description="Environment variables that an override may read in place of the connector's: those of a "
            "sandbox with an OAuth app of its own."
        ),
    ] = ()
    placement: Annotated[
        tuple[Placement, ...],
        Meta(
            description="Settings that may put a credential elsewhere than the connector does, each with all below it, "
            "such as `credentials.config.client_authentication`."
        ),
    ] = ()
    verification: Annotated[
        bool, Meta(description="Whether `webhooks.verify` may be overridden, even with `none`. Default false.")
    ] = False
    paths: Annotated[
        tuple[PathPrefix, ...],
        Meta(description="Paths, such as `/sandbox/v3`, that a `base_url` may have instead of the connector's."),
    ] = ()


class EnvironmentSettings(Settings, frozen=True, kw_only=True):
    """What the workspace sets for one environment."""

    allow: Annotated[
        Allowance,
        Meta(description="Exceptions from what overrides may not do. Keep them few: each is a way for secrets."),
    ] = Allowance()


class RecordingSettings(Settings, frozen=True, kw_only=True):
    """What recordings of live accounts hold."""

    personal_data: Annotated[
        Literal["replace", "keep"],
        Meta(
            description="Names, e-mail addresses, telephone numbers and the like of people: replaced by pseudonyms, or "
            "recorded as they come."
        ),
    ] = "replace"


class AcceptedEffect(Settings, frozen=True, kw_only=True):
    """One effect that a change is meant to have: what becomes of one field, for whom."""

    connector: Annotated[Name, Meta(description="The connector of the accounts.")]
    operation: Annotated[str, Meta(description="The operation; empty for all of the account.")] = ""
    field: Annotated[str, Meta(description="The field, or part of a request; empty for whole records.")] = ""
    kind: Annotated[Word, Meta(description="What becomes of it, such as `missing`, as `conn impact` reports it.")]
    accounts: Annotated[
        dict[Name, str],
        Meta(description="Account to a digest of the effect on it. An effect with another digest is not accepted."),
    ]


class AcceptedChange(Settings, frozen=True, kw_only=True):
    """changes/<name>.yaml: breaking effects that are meant, committed with the change that has them.
    `conn ci --accept --reason TEXT` writes it."""

    version: Annotated[Literal[1], Meta(description="Version of this format.")] = 1
    reason: Annotated[str, Meta(description="Why the effects are meant.", min_length=1)]
    effects: Annotated[tuple[AcceptedEffect, ...], Meta(description="The effects, and no others.")]


class ReportSettings(Settings, frozen=True, kw_only=True):
    """What reports that leave the machine may hold."""

    account_names: Annotated[
        bool,
        Meta(
            description="Whether Markdown, which becomes the comment of a pull request and may be public, names "
            "accounts. Default false: it counts them. Text and JSON name them."
        ),
    ] = False


class WorkspaceSettings(Settings, frozen=True, kw_only=True):
    """conn.yaml: what holds for the whole workspace."""

    version: Annotated[Literal[1], Meta(description="Version of this format.")] = 1
    id: Annotated[
        WorkspaceId | None,
        Meta(
            description="What stored log-ins are filed under; `conn init` makes one. A folder that is new to it may "
            "use them after `conn auth adopt`. Default: the folder, so that a moved workspace has none of its log-ins."
        ),
    ] = None
    default_environment: Annotated[Name, Meta(description="For accounts that name none. Default production.")] = (
        "production"
    )
    models: Annotated[
        tuple[str, ...], Meta(description="Folders with the workspace's own unified models. Default: models.")
    ] = ("models",)
    evaluator: Annotated[
        Literal["jlens", "jsonata-python"] | None,
        Meta(description="What evaluates expressions. Default: jlens where it is installed."),
    ] = None
    trusted_hosts: Annotated[
        tuple[TrustedHost, ...],
        Meta(
            description="Host patterns, such as `localhost:4200` or `*.corp.example`: these hosts may be internal, and "
            "may receive credentials as the connectors' own do. Networks, such as `10.0.0.0/8`: hosts may have "
            "addresses in them.",
            extra=HOST,
        ),
    ] = ()
    trusted_certificates: Annotated[
        str | None,
        Meta(
            description="File with the certificates (PEM) of private authorities that vouch for servers, besides the "
            "public ones; relative to this document. Only here: no connector, environment or account can say it."
        ),
    ] = None
    env: Annotated[
        tuple[EnvironmentVariable, ...],
        Meta(description="Environment variables that every connector's credentials may read as env.NAME."),
    ] = ()
    environments: Annotated[
        dict[Name, EnvironmentSettings], Meta(description="Environment name to what the workspace sets for it.")
    ] = field(default_factory=dict)
    store: Annotated[
        str | None,
        Meta(
            description="Where releases are kept: a SQLite file, relative to this document, or a Postgres URL without "
            "a password (CONN_STORE, PGPASSWORD or a password file give one). Default .conn/releases.sqlite3.",
            extra=TEXT,
        ),
    ] = None
    lint: Annotated[LintSettings, Meta(description="How findings are judged.")] = LintSettings()
    recordings: Annotated[RecordingSettings, Meta(description="What recordings of live accounts hold.")] = (
        RecordingSettings()
    )
    reports: Annotated[ReportSettings, Meta(description="What reports of changes hold.")] = ReportSettings()

    def __post_init__(self) -> None:
        for entry in self.trusted_hosts:
            if fault := fault_of_trusted(entry):
                raise ValueError(f"trusted_hosts: {fault}")
