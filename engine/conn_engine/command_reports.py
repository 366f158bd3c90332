"""The reports of commands that do one thing: create a folder, store a credential, evaluate an expression.

The reports of analyses and tests are in the packages of the analyses and tests.
"""

from typing import Any, ClassVar, Literal

import msgspec

from conn_engine.reports import Finding, FindingSpan, Report

__all__ = [
    "AccountChangeReport",
    "AccountEffect",
    "AccountsReport",
    "AdoptReport",
    "AdoptableLogIn",
    "CredentialReport",
    "CredentialState",
    "CredentialsReport",
    "DeliveryRecordReport",
    "DoctorReport",
    "ErrorReport",
    "EvalReport",
    "ExplainReport",
    "ExplainedWord",
    "ExportReport",
    "FormattingReport",
    "HarReport",
    "ImportReport",
    "ImportSummary",
    "InitReport",
    "ListedAccount",
    "MachineCheck",
    "MapReport",
    "NewReport",
    "NotImported",
    "OpenApiReport",
    "ReadsReport",
    "RecordReport",
    "ReplacedValues",
    "RotatedKeyReport",
    "SchemaReport",
    "SchemasReport",
    "SchemeReport",
    "SchemesReport",
    "TokenReport",
    "TokenState",
    "TokensReport",
]


class _Data(msgspec.Struct, frozen=True, kw_only=True):
    """A part of a report."""


# --- workspaces and connectors ---


class InitReport(Report, frozen=True, kw_only=True):
    """The workspace that `conn init` created, and its files."""

    kind: ClassVar[str] = "init"
    folder: str
    example: bool
    files: list[str]


class NewReport(Report, frozen=True, kw_only=True):
    """The connector that `conn new` added. `workspace` is the folder of a workspace created for it, or null. `revision`
    is the commit that it was copied from, or null. Without `files`, nobody confirmed it, and nothing was added."""

    kind: ClassVar[str] = "new"
    workspace: str | None
    connector: str
    folder: str
    bundled: bool
    revision: str | None
    files: list[str]


class NotImported(_Data, frozen=True, kw_only=True):
    """The parts of a document that an import left out for one reason."""

    reason: str
    places: list[str]


class MissingPart(_Data, frozen=True, kw_only=True):
    """What a connector lacks, the command or edit that adds it, and the points that it would add to the score."""

    missing: str
    do: str
    points: float


class ReplayedProposals(_Data, frozen=True, kw_only=True):
    """The unified operations that were recorded from samples, with goldens, and those that were not with the reason.
    `score` is the connector's from 0 to 100, or null if it has none yet. `next_steps` has the first three."""

    recorded: list[str]
    failed: dict[str, str]
    score: int | None
    next_steps: list[MissingPart]


class ImportSummary(_Data, frozen=True, kw_only=True):
    """One imported connector. `found` counts the operations of the document, `left_out` those that --only excludes or
    that no proposed mapping uses; `unused_resources` has the vendor's resources with the latter. `guesses` counts the
    marks to check in connector.yaml; `proposed` has the number of mapped fields for each model. `replayed` is null
    without proposals and samples."""

    connector: str
    folder: str
    format: str
    operations: int
    resources: int
    found: int
    left_out: int
    unused_resources: list[str]
    recordings: list[str]
    guesses: int
    proposed: dict[str, int]
    replayed: ReplayedProposals | None
    not_imported: list[NotImported]


class ImportReport(Report, frozen=True, kw_only=True):
    """The connectors that `conn import` created. `workspace` is the folder of a workspace created for them, or null."""

    kind: ClassVar[str] = "import"
    workspace: str | None
    connectors: list[ImportSummary]


class HarReport(Report, frozen=True, kw_only=True):
    """A HAR file converted to a recording, or the reverse. `unanswered` has the requests without a response, which are
    skipped."""

    kind: ClassVar[str] = "har"
    source: str
    written: str
    exchanges: int
    unanswered: list[str]


class ReplacedValues(_Data, frozen=True, kw_only=True):
    """The number of replaced values for each kind of personal data, and of unchanged ones for each reason."""

    replaced: dict[str, int]
    left: dict[str, int]


class RecordReport(Report, frozen=True, kw_only=True):
    """A recording of an operation. `account` is null if it was made from sample responses without an account.

    `error` is the vendor error that ended the run; `difference` describes how a replay differs from the run. `state` is
    whether the listing is complete, or null if its end was not reached; `reason` is why it is not complete. `personal`
    is null if personal data is unchanged.
    """

    kind: ClassVar[str] = "record"
    operation: str
    account: str | None
    recording: str
    exchanges: int
    records: int
    error: str | None
    fix: str
    difference: str
    state: str | None
    reason: str
    notes: list[str]
    personal: ReplacedValues | None


class DeliveryRecordReport(Report, frozen=True, kw_only=True):
    """A recorded webhook delivery. `verified_by` is null if nothing verifies it, `error` is the error of a replay, and
    `signed` is whether a replay can check the signature."""

    kind: ClassVar[str] = "delivery-record"
    recording: str
    events: list[str]
    challenge: int | None
    verified_by: str | None
    error: str | None
    signed: bool
    personal: ReplacedValues | None


# --- accounts and credentials ---


class ListedAccount(_Data, frozen=True, kw_only=True):
    """One account. `overrides` is the number of settings that it overrides itself, without its environment's.
    `needs_login_since` is when its login stopped working (ISO 8601 in UTC), null if it works or no store is asked."""

    account: str
    connector: str
    environment: str | None
    overrides: int
    label: str
    enabled: bool
    needs_login_since: str | None


class AccountEffect(_Data, frozen=True, kw_only=True):
    """An effect of a change on recordings: a field of an operation ("": all of it), and how many records changed."""

    operation: str
    field: str
    kind: str
    records: int
    breaking: bool


class AccountChangeReport(Report, frozen=True, kw_only=True):
    """A change of an account. `revision` is its number in a store, null for a file of the workspace. `written` is false
    for a dry run, and if nothing differs. `difference` is a unified diff. `credential` is what became of the credential
    of a deleted account, null for other changes."""

    kind: ClassVar[str] = "account-change"
    action: Literal["create", "change", "disable", "enable", "delete", "import"]
    account: str
    file: str
    revision: int | None
    changed: bool
    written: bool
    difference: str
    credential: Literal["deleted", "absent", "kept"] | None
    findings: list[Finding]
    effects: list[AccountEffect]


class AccountsReport(Report, frozen=True, kw_only=True):
    """The accounts of the workspace."""

    kind: ClassVar[str] = "accounts"
    accounts: list[ListedAccount]


class CredentialState(_Data, frozen=True, kw_only=True):
    """The state of one account's credential, without its values.

    `usable` is null for an account that needs no credential, `expired` and `renewable` are null for one without a
    credential, and `accepted` is null unless the vendor was asked (--verify). `store` is the store that has the
    credential, or that it is missing in.
    """

    account: str
    state: Literal["not_needed", "absent", "incomplete", "present"]
    usable: bool | None
    store: str
    verified_at: str | None
    expired: bool | None
    renewable: bool | None
    missing: list[str]
    fix: str
    accepted: bool | None


class CredentialsReport(Report, frozen=True, kw_only=True):
    """The state of the accounts' credentials."""

    kind: ClassVar[str] = "credentials"
    accounts: list[CredentialState]


class CredentialReport(Report, frozen=True, kw_only=True):
    """The action of a `conn auth` command on an account's credential, without the values of the credential.

    `stored` and `removed` are the store, or null if nothing was stored or removed. `parts` are the stored parts (empty:
    all), `connected` is the result of the `connect` steps, and `accepted` is null unless the vendor was asked.
    """

    kind: ClassVar[str] = "credential"
    account: str
    action: Literal["login", "set", "verify", "connect", "logout"]
    stored: str | None
    removed: str | None
    parts: list[str]
    revoked: bool
    accepted: bool | None
    connected: dict[str, Any] | None


class AdoptableLogIn(_Data, frozen=True, kw_only=True):
    """The login of one account: the hosts it is stored for (null: they are set at its first use), and the other hosts
    for which this folder needs a new login. `error` is the reason why it cannot be used here."""

    account: str
    hosts: list[str] | None
    other_hosts: list[str]
    error: str


class AdoptReport(Report, frozen=True, kw_only=True):
    """Whether a folder may now use the logins of its workspace, or the reason why not. `folders` used them before.

    With --store, whether the logins of this machine are now in the database; `folders` is empty then.
    """

    kind: ClassVar[str] = "adopt"
    folder: str
    workspace: str | None
    adopted: bool
    reason: str
    folders: list[str]
    accounts: list[AdoptableLogIn]


class RotatedKeyReport(Report, frozen=True, kw_only=True):
    """How many credentials in a database were encrypted with the new key, and how many had it already."""

    kind: ClassVar[str] = "rotated-key"
    encrypted: int
    unchanged: int


# --- expressions ---


class EvalReport(Report, frozen=True, kw_only=True):
    """The value of an expression. If the expression has no value, it is null and `defined` is false."""

    kind: ClassVar[str] = "eval"
    defined: bool
    value: Any


class ReadsReport(Report, frozen=True, kw_only=True):
    """The paths that an expression reads."""

    kind: ClassVar[str] = "reads"
    paths: list[str]


class MapReport(Report, frozen=True, kw_only=True):
    """The unified records that an operation's response mapping creates from vendor records."""

    kind: ClassVar[str] = "map"
    operation: str
    connector: str
    account: str | None
    records: list[Any]


# --- errors ---


class ErrorReport(Report, frozen=True, kw_only=True):
    """The error that ended a command before its report, for a command line with `--format json`.

    `code` is that of the first finding, or the class of the error: `usage`, `configuration`, `expression`, `file`,
    `credential`, `network`, `no_recording`, `incomplete`, `interrupted`, `internal`, or the kind of the vendor's error,
    such as `rate_limited`. `span` is its place in a file, `path` the dotted path in the configuration, and `offset`
    the position in an expression, in characters from 0; a place that is unknown is null or empty.
    """

    kind: ClassVar[str] = "error"
    code: str
    message: str
    fix: str
    exit_code: int
    span: FindingSpan | None
    path: str
    offset: int | None
    findings: list[Finding]


# --- the service ---


class TokenState(_Data, frozen=True, kw_only=True):
    """A token of the service. No `accounts`: all of them. Times are ISO 8601 in UTC, and a rate is `100/60s`."""

    id: str
    name: str
    state: Literal["valid", "expired", "revoked"]
    scopes: list[str]
    accounts: list[str]
    tenant: str
    created_at: str
    expires_at: str | None
    last_used: str | None
    rate: str | None


class TokensReport(Report, frozen=True, kw_only=True):
    """The tokens of the service, without what is secret."""

    kind: ClassVar[str] = "tokens"
    tokens: list[TokenState]


class TokenReport(Report, frozen=True, kw_only=True):
    """A token that was created or revoked. `secret` is the token itself, which is shown only when it is created."""

    kind: ClassVar[str] = "token"
    action: Literal["created", "revoked"]
    token: TokenState
    secret: str | None


class LinkReport(Report, frozen=True, kw_only=True):
    """A link with which a customer connects an account, once. `url` is a secret: anyone who has it can do that."""

    kind: ClassVar[str] = "link"
    account: str
    url: str
    expires_at: str


class LinkState(_Data, frozen=True, kw_only=True):
    """A link for a customer, without what is secret. Times are ISO 8601 in UTC. `created_by` is the ID of a token, the
    name of a user, or "" for an event."""

    id: str
    account: str
    state: Literal["open", "used", "expired", "revoked"]
    created_by: str
    created_at: str
    expires_at: str


class LinksReport(Report, frozen=True, kw_only=True):
    """The links of a store that were not removed yet, or the one that was revoked."""

    kind: ClassVar[str] = "links"
    links: list[LinkState]


class AuditRow(_Data, frozen=True, kw_only=True):
    """One thing that was done: when (ISO 8601 in UTC), by whom (the ID of a token, or the name of a user), and why.
    `revision` is the number of the revision that it made, or null."""

    at: str
    by: str
    action: str
    target: str
    reason: str
    revision: int | None


class AccountHistoryReport(Report, frozen=True, kw_only=True):
    """The log of what was changed in a store of the service, the newest first."""

    kind: ClassVar[str] = "account-history"
    entries: list[AuditRow]


class ExportReport(Report, frozen=True, kw_only=True):
    """A workspace that was written into a folder. `release` is null for this workspace, and `revised` are the accounts
    and connectors whose files come from a store."""

    kind: ClassVar[str] = "export"
    folder: str
    release: str | None
    files: int
    revised: list[str]


class InboxDelivery(_Data, frozen=True, kw_only=True):
    """A webhook that the service has received. Times are ISO 8601 in UTC.

    `account` is that of its address, null if its events tell whose they are. `events` counts the events that were
    passed on. `problem` is why it was refused or failed, or why nobody got an event; `next_attempt` is null if there is
    none.
    """

    number: int
    connector: str
    account: str | None
    received_at: str
    status: Literal["waiting", "done", "failed", "refused"]
    verified_by: str | None
    attempts: int
    next_attempt: str | None
    events: int
    problem: str | None
    fix: str | None


class InboxReport(Report, frozen=True, kw_only=True):
    """Webhooks that the service has received, the newest first, and how many it has by status. `replayed` is set if
    their events are made again."""

    kind: ClassVar[str] = "inbox"
    replayed: bool
    deliveries: list[InboxDelivery]
    counts: dict[str, int]


class InboxEvent(_Data, frozen=True, kw_only=True):
    """An event of a webhook, as it was first passed on."""

    id: str
    type: str
    account: str | None


class InboxDeliveryReport(Report, frozen=True, kw_only=True):
    """A webhook that the service has received. `content` is the delivery without secrets, null if it is not stored;
    `outgoing` counts what endpoints got of its events, by status."""

    kind: ClassVar[str] = "inbox-delivery"
    delivery: InboxDelivery
    events: list[InboxEvent]
    outgoing: dict[str, int]
    content: dict[str, Any] | None


class EndpointLine(_Data, frozen=True, kw_only=True):
    """An endpoint that receives events. Times are ISO 8601 in UTC.

    `endpoint` identifies it, and `place` is the document that it is in, null if it is a URL or gone. Of a URL, only the
    host is shown. `problem` is why it is not `enabled`; `events` counts those in the store by status. The vault has its
    secret since `rotated`, and a previous one signs too until `previous_until`.
    """

    endpoint: str
    place: str | None
    url: str
    account: str | None
    types: list[str]
    state: Literal["enabled", "resting", "disabled", "unusable", "missing"]
    problem: str | None
    since: str | None
    next_attempt: str | None
    events: dict[str, int]
    public_keys: list[str]
    rotated: str | None
    previous_until: str | None


class EndpointsReport(Report, frozen=True, kw_only=True):
    """The endpoints that receive events, and how they respond."""

    kind: ClassVar[str] = "endpoints"
    endpoints: list[EndpointLine]


class EndpointTestReport(Report, frozen=True, kw_only=True):
    """What an endpoint answered to a test event. `status` is null without an answer; `problem` is null if the endpoint
    took the event."""

    kind: ClassVar[str] = "endpoint-test"
    endpoint: str
    event_id: str
    status: int | None
    milliseconds: int
    problem: str | None


class RedeliveryReport(Report, frozen=True, kw_only=True):
    """Events that are sent to an endpoint again. `overtaken` counts those that are not, because a later event about the
    record was delivered; `events` counts what the store has for the endpoint now, by status."""

    kind: ClassVar[str] = "redelivery"
    endpoint: str
    again: int
    overtaken: int
    events: dict[str, int]


class EndpointSecretReport(Report, frozen=True, kw_only=True):
    """A new secret of an endpoint, and the public key that receivers verify with, null for a shared secret."""

    kind: ClassVar[str] = "endpoint-secret"
    secret: str
    public_key: str | None


class RotatedSecretReport(Report, frozen=True, kw_only=True):
    """What became of the secret of an endpoint in the vault. `secret` is null unless it was asked for. A previous one
    signs too until `previous_until`."""

    kind: ClassVar[str] = "endpoint-rotation"
    endpoint: str
    action: Literal["rotated", "shown", "ended", "removed"]
    secret: str | None
    public_key: str | None
    previous_until: str | None


# --- help ---


class ExplainedWord(_Data, frozen=True, kw_only=True):
    """A code, a kind of settings, a key, or a function, an operator or a variable of expressions, with its explanation.
    The `name` of a key is KIND#KEY."""

    topic: Literal["code", "settings", "function", "operator", "variable"]
    name: str
    title: str
    text: str


class ExplainReport(Report, frozen=True, kw_only=True):
    """The explanations of `conn explain`."""

    kind: ClassVar[str] = "explain"
    words: list[ExplainedWord]


class FormattingReport(Report, frozen=True, kw_only=True):
    """What `conn fmt` changes: the number of documents that were checked, and the files that change. `written` is false
    with --check."""

    kind: ClassVar[str] = "formatting"
    files: int
    changed: list[str]
    written: bool


class SchemasReport(Report, frozen=True, kw_only=True):
    """The names of the published JSON Schemas, and the files that --write changed."""

    kind: ClassVar[str] = "schemas"
    names: list[str]
    files: list[str]


class SchemaReport(Report, frozen=True, kw_only=True):
    """One JSON Schema."""

    kind: ClassVar[str] = "schema"
    name: str
    schema: dict[str, Any]


class OpenApiReport(Report, frozen=True, kw_only=True):
    """The OpenAPI document of an account's unified API. `file` is where it was written; empty if it was not."""

    kind: ClassVar[str] = "openapi"
    account: str
    operations: int
    file: str
    document: dict[str, Any]


class MachineCheck(_Data, frozen=True, kw_only=True):
    """One part of the installation. `info` is something to know, not a problem. `fix` may be empty."""

    check: str
    state: Literal["ok", "info", "warn", "bad"]
    detail: str
    fix: str


class DoctorReport(Report, frozen=True, kw_only=True):
    """The state of this installation."""

    kind: ClassVar[str] = "doctor"
    checks: list[MachineCheck]


class ListedScheme(_Data, frozen=True, kw_only=True):
    """The verification of one vendor's deliveries; `basis` is how it was checked. `events` is whether the type of its
    events is known too."""

    vendor: str
    label: str
    names: list[str]
    format: str
    basis: str
    events: bool


class SchemesReport(Report, frozen=True, kw_only=True):
    """The vendors with known webhook deliveries."""

    kind: ClassVar[str] = "schemes"
    schemes: list[ListedScheme]


class SchemeReport(Report, frozen=True, kw_only=True):
    """The settings for one vendor's deliveries: `webhooks` and credential `fields` of connector.yaml."""

    kind: ClassVar[str] = "scheme"
    label: str
    basis: str
    docs_url: str
    fields: list[dict[str, Any]]
    webhooks: dict[str, Any]
