"""The document of a sync as a typed model, and what each level may override of it.

`syncs` compiles a document to a plan. Nothing here reads files or merges levels.
"""

from typing import Annotated, Any, ClassVar, Literal, TypeAlias

from msgspec import Meta, field

from conn_engine.roles import PLAIN, REMARK, TEXT, expression_over, template_over
from conn_engine.settings import Settings

__all__ = [
    "STEP_SETTINGS",
    "TAG",
    "AccountSelection",
    "Emission",
    "EventTarget",
    "SyncAction",
    "SyncBackfill",
    "SyncDeletes",
    "SyncDocument",
    "SyncDrift",
    "SyncOverride",
    "SyncSource",
    "SyncStep",
    "SyncTrigger",
]

NAME = r"^[A-Za-z0-9][A-Za-z0-9._-]*$"
TAG = r"^[A-Za-z0-9][A-Za-z0-9._:-]*$"
RESOURCE = r"^[^.\s]+(\.[^.\s]+){0,2}$"
ENDPOINT = r"^(https?://\S+|[A-Za-z0-9][A-Za-z0-9._-]*)$"

_Name = Annotated[str, Meta(pattern=NAME, max_length=100)]
_Tag = Annotated[str, Meta(pattern=TAG, max_length=100)]
_Text = Annotated[str, Meta(max_length=200)]
_Address = Annotated[str, Meta(max_length=2000)]
_EndpointName = Annotated[str, Meta(pattern=ENDPOINT, max_length=2000)]
_Priority = Annotated[int, Meta(ge=1, le=1000)]
_Concurrency = Annotated[int, Meta(ge=1, le=100)]
_Pages = Annotated[int, Meta(ge=1, le=50)]
_BatchSize = Annotated[int, Meta(ge=1, le=1000)]
_Duration = Annotated[str, Meta(max_length=80)]
ResourceName: TypeAlias = Annotated[str, Meta(pattern=RESOURCE, max_length=300)]
SyncAction: TypeAlias = Literal[
    "fetch_resource", "for_each", "transform", "filter", "enrich", "write_resource", "spool", "deliver_webhook",
    "deliver",
]  # fmt: skip
EventTarget: TypeAlias = Literal["webhook", "file", "dlt", "duckdb", "stdout"]
RecordFailure: TypeAlias = Literal["stop", "set_aside", "skip"]

STEP_SETTINGS: dict[SyncAction, frozenset[str]] = {
    "fetch_resource": frozenset({"connector", "resource", "params", "pagination", "transform", "each", "filter"}),
    "for_each": frozenset({"ids", "connector", "resource", "params", "id"}),
    "transform": frozenset({"transform", "each"}),
    "filter": frozenset({"filter"}),
    "enrich": frozenset({"resource", "params", "into"}),
    "write_resource": frozenset({"connector", "resource", "body", "on_error"}),
    "spool": frozenset({"event"}),
    "deliver_webhook": frozenset({"endpoint", "event", "batch"}),
    "deliver": frozenset({"type", "to", "table", "event", "endpoint", "batch"}),
}
"""The settings of each action of a step, in addition to `action` and `description`."""


class SyncOverride(Settings, frozen=True, kw_only=True):
    """What an environment and an account can override of a sync: nothing that decides where records come from and
    where events go."""

    enabled: Annotated[bool | None, Meta(description="Whether the sync runs. Default: it does.")] = None
    schedule: Annotated[
        _Text | None,
        Meta(
            description="When the sync runs: a cron expression with five fields, such as `*/15 * * * *`, or `@hourly`, "
            "`@daily`, `@weekly` or `@monthly`.",
            extra=PLAIN,
        ),
    ] = None
    timezone: Annotated[
        _Text | None,
        Meta(description="Time zone of the schedule, such as Europe/Vienna. Default: UTC."),
    ] = None
    params: Annotated[
        dict[str, Any] | None,
        Meta(
            description="Parameters of the operation that fetches. One whose value is null, such as `last_run_at` in "
            "the first run, is not sent.",
            extra=template_over("sync_call"),
        ),
    ] = None
    transform: Annotated[
        Any,
        Meta(
            description="Makes what is delivered. Text is evaluated once per page, and an object of fields once per "
            "record; `each` overrides that.",
            extra={**expression_over("synced"), "mapping": True},
        ),
    ] = None
    filter: Annotated[
        str | None,
        Meta(
            description="Whether to keep a record; evaluated before `transform`.",
            extra=expression_over("synced_record"),
        ),
    ] = None
    lookback: Annotated[
        _Duration | None,
        Meta(
            description="How far before the start of the last completed run `last_run_at` is, as ISO 8601 duration "
            "such as PT10M, so that changes which the vendor lists late are not missed."
        ),
    ] = None
    on_error: Annotated[
        RecordFailure | None,
        Meta(
            description="What to do with a record that cannot be transformed, filtered or written: `stop` the run, "
            "`set_aside` the record, which is kept and can be retried, or `skip` it. Default: `stop`."
        ),
    ] = None
    overlap: Annotated[
        Literal["skip", "queue"] | None,
        Meta(
            description="What to do when a run is due while another one of the same account has not ended. Default: "
            "`skip`."
        ),
    ] = None
    max_runtime: Annotated[
        _Duration | None,
        Meta(description="The longest time that a run may take, as ISO 8601 duration such as PT2H."),
    ] = None
    priority: Annotated[
        _Priority | None,
        Meta(description="Which of several waiting runs begins first: the one with the lowest number."),
    ] = None


class SyncSource(Settings, frozen=True, kw_only=True):
    """Where the records of a sync come from."""

    aliases: ClassVar[dict[str, str]] = {"integration": "connector"}

    connector: Annotated[_Name | None, Meta(description="The connector. Default: each one that has the resource.")] = (
        None
    )
    resource: Annotated[
        ResourceName,
        Meta(
            description="What to fetch: the vendor's own resource or operation, such as `contacts` or `contacts.list`, "
            "or a unified one, such as `crm.contacts`. Its `list` operation is used if none is named."
        ),
    ]
    params: Annotated[
        dict[str, Any],
        Meta(
            description="Parameters of the operation that fetches. One whose value is null, such as `last_run_at` in "
            "the first run, is not sent.",
            extra=template_over("sync_call"),
        ),
    ] = field(default_factory=dict)
    pagination: Annotated[
        Any,
        Meta(
            description="Repeats the connector's pagination for readers; `auto` if nothing is repeated. The "
            "connector's own is used, and `conn lint` reports a difference.",
            extra=TEXT,
        ),
    ] = None


class Emission(Settings, frozen=True, kw_only=True):
    """Where the records of a sync go."""

    type: Annotated[EventTarget, Meta(description="What receives the records.")] = "webhook"
    event: Annotated[_Text | None, Meta(description="Type of the events, such as `contact.updated`.", extra=PLAIN)] = (
        None
    )
    endpoint: Annotated[
        _EndpointName | None,
        Meta(
            description="Name of the endpoint in conn.yaml or in the environment that receives the events, or its URL. "
            "Default: `default`.",
            extra=PLAIN,
        ),
    ] = None
    to: Annotated[
        _Address | None,
        Meta(
            description="The file, or the destination of dlt: a path relative to the workspace, a URL of object "
            "storage, or a name of dlt such as `postgres`.",
            extra=PLAIN,
        ),
    ] = None
    table: Annotated[_Name | None, Meta(description="Table that records are merged into. Default: the resource.")] = (
        None
    )
    batch: Annotated[
        _BatchSize, Meta(description="How many records an event has. With more than 1, its data is a list.")
    ] = 1


class AccountSelection(Settings, frozen=True, kw_only=True):
    """The accounts that a sync runs for: those with one of the tags."""

    tags: Annotated[tuple[_Tag, ...], Meta(description="Tags, of which an account has at least one.")]


class SyncTrigger(Settings, frozen=True, kw_only=True):
    """What starts a run, other than the schedule. One of the settings is used."""

    webhook: Annotated[
        str | None,
        Meta(
            description="An event of the connector: a unified one, such as `crm.contact.updated`, or a type of the "
            "vendor. The run sees it as `event`.",
            extra=PLAIN,
        ),
    ] = None
    sync: Annotated[_Name | None, Meta(description="Another sync, when a run of it is complete.")] = None

    @property
    def text(self) -> str:
        """What starts a run: `sync NAME`, `event NAME`, or ""."""
        return f"sync {self.sync}" if self.sync is not None else f"event {self.webhook}" if self.webhook else ""


class SyncBackfill(Settings, frozen=True, kw_only=True):
    """How a range of time is read again, in parts."""

    params: Annotated[
        dict[str, Any],
        Meta(
            description="Parameters that limit the operation to a part: `window.start` and `window.end` are its times, "
            "in ISO 8601. An operation with `incremental` needs none if that has parameters for both.",
            extra=template_over("sync_window"),
        ),
    ] = field(default_factory=dict)
    chunk: Annotated[_Duration, Meta(description="Length of a part, as ISO 8601 duration such as P7D or P1M.")] = "P7D"


class SyncDeletes(Settings, frozen=True, kw_only=True):
    """How a sync learns which records the vendor has deleted."""

    by: Annotated[
        Literal["operation", "record", "sweep", "webhook"],
        Meta(
            description="`operation`: another operation lists what is deleted. `record`: the sync's own listing has "
            "deleted records, too. `sweep`: a record that a complete, unfiltered run does not contain any more is "
            "deleted. `webhook`: an event reports it."
        ),
    ]
    when: Annotated[
        str | None,
        Meta(
            description="With `by: record`, whether a fetched record is deleted. Default: `record.deleted = true`.",
            extra=expression_over("synced_record"),
        ),
    ] = None
    resource: Annotated[ResourceName | None, Meta(description="The operation that lists deleted records.")] = None
    event: Annotated[
        _Text | None,
        Meta(
            description="With `by: webhook`, the event that reports a deleted record, such as `crm.contact.deleted` or "
            "a type of the vendor. Default: the `deleted` event of the unified resource.",
            extra=PLAIN,
        ),
    ] = None
    params: Annotated[
        dict[str, Any],
        Meta(description="Parameters of the operation that lists deleted records.", extra=template_over("sync_call")),
    ] = field(default_factory=dict)
    id: Annotated[
        str | None,
        Meta(description="The ID of a deleted record. Default: `key`.", extra=expression_over("synced_record")),
    ] = None
    max: Annotated[
        int,
        Meta(description="A sweep that would delete more records than this stops and deletes none.", ge=0, le=10**9),
    ] = 1000


class SyncDrift(Settings, frozen=True, kw_only=True):
    """What a sync with `kind: drift` compares: the vendor's responses of today with the recordings of a connector."""

    connector: Annotated[_Name | None, Meta(description="The connector. Default: that of each account.")] = None
    operations: Annotated[
        tuple[str, ...],
        Meta(
            description="Names or patterns of the operations, such as `contacts.*`. Default: all with a recording.",
            extra=PLAIN,
        ),
    ] = ()
    pages: Annotated[
        _Pages, Meta(description="How many pages of each operation are read: a recorded call is sent again.")
    ] = 1
    record: Annotated[
        Literal["changed", "all"] | None,
        Meta(
            description="Also records operations again, as `conn record --force` does: those whose responses have "
            "changed, or all. Default: none."
        ),
    ] = None


class SyncStep(Settings, frozen=True, kw_only=True):
    """One step of a sync that is written as steps. `STEP_SETTINGS` has the settings of each action."""

    aliases: ClassVar[dict[str, str]] = {"integration": "connector"}

    action: Annotated[SyncAction, Meta(description="What the step does.")]
    description: Annotated[str | None, Meta(description="Notes for readers.", extra=REMARK)] = None
    connector: Annotated[_Name | None, Meta(description="The connector. Default: each one that has the resource.")] = (
        None
    )
    resource: Annotated[
        ResourceName | None,
        Meta(description="The vendor's resource or operation, such as `contacts`, or a unified one: `crm.contacts`."),
    ] = None
    params: Annotated[
        dict[str, Any], Meta(description="Parameters of the operation.", extra=template_over("sync_call"))
    ] = field(default_factory=dict)
    pagination: Annotated[Any, Meta(description="Repeats the connector's pagination for readers.", extra=TEXT)] = None
    transform: Annotated[
        Any,
        Meta(
            description="Makes what is delivered: text is evaluated per page, an object of fields per record.",
            extra={**expression_over("synced"), "mapping": True},
        ),
    ] = None
    each: Annotated[Literal["page", "record"] | None, Meta(description="What `transform` is evaluated for.")] = None
    filter: Annotated[
        str | None, Meta(description="Whether to keep a record.", extra=expression_over("synced_record"))
    ] = None
    ids: Annotated[tuple[Any, ...], Meta(description="The IDs to repeat the next steps for.", extra=TEXT)] = ()
    id: Annotated[
        str | None,
        Meta(
            description="The ID of each record of `resource`, which the next steps see as `id`. Default: `id`.",
            extra=expression_over("synced_record"),
        ),
    ] = None
    into: Annotated[str | None, Meta(description="Field of the record that gets the result.", extra=PLAIN)] = None
    body: Annotated[Any, Meta(description="The body to write.", extra=expression_over("synced_record"))] = None
    on_error: Annotated[RecordFailure | None, Meta(description="What to do with a record that cannot be written.")] = (
        None
    )
    type: Annotated[EventTarget | None, Meta(description="What receives the records.")] = None
    to: Annotated[_Address | None, Meta(description="The file, or the destination of dlt.", extra=PLAIN)] = None
    table: Annotated[_Name | None, Meta(description="Table that records are merged into.")] = None
    event: Annotated[_Text | None, Meta(description="Type of the events.", extra=PLAIN)] = None
    endpoint: Annotated[
        _EndpointName | None,
        Meta(
            description="Name of the endpoint that receives the events, or its URL. Default: `default`.",
            extra=PLAIN,
        ),
    ] = None
    batch: Annotated[_BatchSize | None, Meta(description="How many records an event has.")] = None


class SyncDocument(SyncOverride, frozen=True, kw_only=True):
    """syncs/<name>.yaml: a job that fetches records, transforms them, and delivers them. Written with `source` and
    `emit`, or as `steps`. With `kind: drift`, it reports how a vendor's responses have changed."""

    kind: Annotated[
        Literal["sync", "drift"],
        Meta(
            description="`sync` delivers records of the vendor. `drift` compares the vendor's responses with the "
            "recordings, and delivers what differs."
        ),
    ] = "sync"
    name: Annotated[
        _Text | None,
        Meta(description="Display name. Commands use the name of the file.", extra=REMARK),
    ] = None
    description: Annotated[str | None, Meta(description="What the sync is for.", extra=REMARK)] = None
    trigger: Annotated[
        Literal["manual", "schedule"] | SyncTrigger | None,
        Meta(description="What starts a run: `manual`, `schedule`, an event, or another sync. Default: the schedule."),
    ] = None
    accounts: Annotated[
        tuple[_Name, ...] | AccountSelection | None,
        Meta(description="The accounts to run for, by name or by tags. Default: every account of the connector."),
    ] = None
    source: Annotated[SyncSource | None, Meta(description="Where the records come from.")] = None
    drift: Annotated[
        SyncDrift | None, Meta(description="With `kind: drift`, what is compared. Default: all that is recorded.")
    ] = None
    each: Annotated[
        Literal["page", "record"] | None,
        Meta(description="What `transform` is evaluated for. Default: `record` for an object of fields, else `page`."),
    ] = None
    key: Annotated[
        str,
        Meta(
            description="What identifies a record, for events, duplicates and deletes.",
            extra=expression_over("synced_record"),
        ),
    ] = "id"
    version: Annotated[
        str | None,
        Meta(
            description="What changes with each version of a record, such as the time of its last change. It is part "
            "of the ID of an event. Default: the run.",
            extra=expression_over("synced_record"),
        ),
    ] = None
    changes_only: Annotated[
        bool, Meta(description="Whether a record that is as it was when it was last delivered is left out.")
    ] = False
    emit: Annotated[Emission | None, Meta(description="Where the records go.")] = None
    deletes: Annotated[SyncDeletes | None, Meta(description="How deleted records are found.")] = None
    backfill: Annotated[
        SyncBackfill | None, Meta(description="How `conn sync backfill` reads a range of time again.")
    ] = None
    require: Annotated[
        Literal["complete"] | None,
        Meta(
            description="With `complete`, a run of which it is unknown whether it is complete does not count as "
            "completed."
        ),
    ] = None
    concurrency: Annotated[
        _Concurrency | None,
        Meta(
            description="For how many accounts of a connector the sync runs at the same time. Default: as many as the "
            "workers have room for."
        ),
    ] = None
    steps: Annotated[tuple[SyncStep, ...], Meta(description="The steps, in order, instead of `source`.")] = ()
