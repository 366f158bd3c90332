"""The reports of syncs."""

from typing import Any, ClassVar, Literal

import msgspec

from conn_engine.reports import Report

__all__ = [
    "CheckedOperation",
    "ChunkWindow",
    "EndpointStatus",
    "ListedSync",
    "LoggedLine",
    "PlannedBackfill",
    "PlannedCall",
    "PlannedCheck",
    "RunPhase",
    "RunWait",
    "SyncAccountStatus",
    "SyncBackfillPlanReport",
    "SyncChangeReport",
    "SyncFailure",
    "SyncFailuresReport",
    "SyncLogReport",
    "SyncPlansReport",
    "SyncRunDetails",
    "SyncRunSummary",
    "SyncRunsReport",
    "SyncStatusReport",
    "SyncTrialReport",
    "SyncsReport",
    "TrialEvent",
]


class ListedSync(msgspec.Struct, frozen=True, kw_only=True):
    """One sync. `fault` is why it cannot run, "" if it can; `accounts` are those that it runs for. `trigger` is what
    starts it other than its schedule: `sync NAME` or `event NAME`, or ""."""

    name: str
    title: str
    resource: str
    schedule: str
    trigger: str
    accounts: list[str]
    paused: list[str]
    last_status: str
    fault: str


class SyncsReport(Report, frozen=True, kw_only=True):
    """The syncs of the workspace."""

    kind: ClassVar[str] = "syncs"
    syncs: list[ListedSync]


class PlannedCheck(msgspec.Struct, frozen=True, kw_only=True):
    """An operation that a check of drift would compare. `reason` is why it would not, "" if it would."""

    operation: str
    reason: str


class PlannedCall(msgspec.Struct, frozen=True, kw_only=True):
    """What a run for one account would do. `steps` are sentences; `requests` is the number of the last run, or null.
    `runs_per_day` is how often the schedule starts one, and `limits` what a run means for the budgets of
    `rate_limit`. A check of drift has no `operation`, and `checks` instead."""

    account: str
    operation: str
    params: dict[str, Any]
    steps: list[str]
    schedule: str
    runs_per_day: int
    next_run: str | None
    last_run_at: str | None
    requests: int | None
    limits: list[str]
    checks: list[PlannedCheck]


class SyncPlansReport(Report, frozen=True, kw_only=True):
    """What the next runs of a sync would do."""

    kind: ClassVar[str] = "sync-plan"
    sync: str
    plans: list[PlannedCall]


class ChunkWindow(msgspec.Struct, frozen=True, kw_only=True):
    """One chunk of a backfill, from `start` to `end` (ISO 8601)."""

    start: str
    end: str


class PlannedBackfill(msgspec.Struct, frozen=True, kw_only=True):
    """What a backfill for one account would request: one listing per chunk, or one per chunk and item of a loop.

    `requests` is estimated from the runs of earlier backfills, and null if there were none; there is at least one
    request for each listing.
    """

    account: str
    operation: str
    params: dict[str, Any]
    listings: int
    requests: int | None


class SyncBackfillPlanReport(Report, frozen=True, kw_only=True):
    """What a backfill would request."""

    kind: ClassVar[str] = "sync-backfill-plan"
    sync: str
    chunks: list[ChunkWindow]
    plans: list[PlannedBackfill]


class CheckedOperation(msgspec.Struct, frozen=True, kw_only=True):
    """An operation that a check of drift has compared: `breaks` and `touches` are about mappings, and `noise` is read
    by none; or the `reason` why it was `not_compared`. `recording` is the file that it was recorded in again, and
    `not_recorded` why that was impossible; both are "" otherwise."""

    operation: str
    verdict: Literal["unchanged", "noise", "touches", "breaks", "not_compared"]
    differences: int
    reason: str
    recording: str
    not_recorded: str


class RunPhase(msgspec.Struct, frozen=True, kw_only=True):
    """The pages of one phase of a run: `fetch` reads the records, `loop` the items to repeat for, `deletes` what is
    deleted, and `write` writes. `records` are those of the pages in the store."""

    phase: str
    pages: int
    records: int


class RunWait(msgspec.Struct, frozen=True, kw_only=True):
    """What a run waited for, how often, and how long in total. `state` is `waiting` or `login`."""

    state: str
    reason: str
    times: int
    seconds: float


class SyncRunDetails(msgspec.Struct, frozen=True, kw_only=True):
    """What a run did in detail. `requests` counts those that were sent, with repeated ones and those for tokens.
    `listings` are the partitions that were read to their end, `loop_items` those to read, and `missing_pages` the
    numbers of the first pages that the store lacks. Pages are removed some time after the end."""

    requests: int
    phases: list[RunPhase]
    listings: int
    loop_items: int
    waits: list[RunWait]
    missing_pages: list[int]


class SyncRunSummary(msgspec.Struct, frozen=True, kw_only=True):
    """One run. `reason` is why it ended or waits, and `hint` how to correct that, as far as it is known. `counts` has
    what was counted, such as pages, records, deletes and records set aside. `total` is the
    number of records that the vendor reports, or null, `ids` that of the different records that were read, and `gaps`
    that of pages that are missing in the store. `release` is "" for the files of a folder. `delivered`, `waiting` and
    `dead` are events for an endpoint, or rows for a file or a table; `unwanted` are events of a type that the endpoint
    does not receive, and `superseded` what is older than what a newer run has delivered. `problems` are the reasons why
    events wait, by endpoint. `checks` are the operations of a check of drift. Times are ISO 8601. `details` is null
    unless one run is shown."""

    id: str
    sync: str
    account: str
    release: str
    cause: str
    status: str
    verdict: str
    reason: str
    hint: str
    began: str
    ended: str | None
    since: str | None
    counts: dict[str, int]
    total: int | None
    ids: int
    gaps: int
    delivered: int
    waiting: int
    dead: int
    unwanted: int
    superseded: int
    problems: dict[str, str]
    state_before: Any
    state_after: Any
    moved: bool
    checks: list[CheckedOperation]
    details: SyncRunDetails | None


class SyncRunsReport(Report, frozen=True, kw_only=True):
    """Runs, the newest first."""

    kind: ClassVar[str] = "sync-runs"
    runs: list[SyncRunSummary]


class LoggedLine(msgspec.Struct, frozen=True, kw_only=True):
    """A line of the log of a run. `page` is the number of pages that were stored, and `at` is in ISO 8601."""

    at: str
    page: int
    kind: str
    text: str


class SyncLogReport(Report, frozen=True, kw_only=True):
    """What a run did, the oldest first."""

    kind: ClassVar[str] = "sync-log"
    run: str
    status: str
    lines: list[LoggedLine]


class SyncAccountStatus(msgspec.Struct, frozen=True, kw_only=True):
    """What a sync does for an account. `status`, `verdict`, `reason`, `pages` and `records` are those of its last run,
    and "" or 0 if there was none; `resumes_at` is the end of a wait. `waiting` and `dead` are events that are not
    delivered yet, or were given up, and `set_aside` are records. `fault` is why it cannot run."""

    sync: str
    account: str
    run: str
    status: str
    verdict: str
    reason: str
    began: str | None
    ended: str | None
    pages: int
    records: int
    resumes_at: str | None
    last_completed: str | None
    next_run: str | None
    paused: bool
    waiting: int
    dead: int
    set_aside: int
    fault: str

    @property
    def needs_attention(self) -> bool:
        """Whether somebody has to do something, or wait."""
        is_good = self.status in ("", "queued", "running", "delivering", "complete", "unknown", "cancelled")
        return not is_good or bool(self.dead or self.set_aside or self.fault)


class SyncFailure(msgspec.Struct, frozen=True, kw_only=True):
    """A `record` that was set aside, or an `event` that was given up. `stage` is the step that failed, or the endpoint,
    and `field` what an object of fields has failed at. `event` is the ID of the event, "" for a record."""

    kind: str
    run: str
    sync: str
    account: str
    key: str
    stage: str
    field: str
    message: str
    event: str
    at: str


class SyncFailuresReport(Report, frozen=True, kw_only=True):
    """What can be sent again. `records` and `events` are the numbers of all, of which `failures` has the first."""

    kind: ClassVar[str] = "sync-failures"
    records: int
    events: int
    failures: list[SyncFailure]


class EndpointStatus(msgspec.Struct, frozen=True, kw_only=True):
    """An endpoint that is disabled, or that does not respond as it should and is tried again at `rests_until`.
    `waiting` is the number of events for it."""

    name: str
    disabled: bool
    reason: str
    since: str
    rests_until: str | None
    waiting: int


class SyncStatusReport(Report, frozen=True, kw_only=True):
    """What the syncs do for each account, and the endpoints that do not respond as they should."""

    kind: ClassVar[str] = "sync-status"
    accounts: list[SyncAccountStatus]
    endpoints: list[EndpointStatus]


class SyncChangeReport(Report, frozen=True, kw_only=True):
    """What a command changed: `cancelled`, `paused`, `resumed`, `reset`, `retried` or `worked`, for which runs and
    accounts."""

    kind: ClassVar[str] = "sync-change"
    change: str
    sync: str
    accounts: list[str]
    runs: list[str]


class TrialEvent(msgspec.Struct, frozen=True, kw_only=True):
    """One event that a recorded page would lead to."""

    id: str
    type: str
    key: str
    data: Any


class SyncTrialReport(Report, frozen=True, kw_only=True):
    """What a sync makes of a recording. `faults` are the records that fail, as sentences, and `empty` the fields of
    `transform` that no event has."""

    kind: ClassVar[str] = "sync-trial"
    sync: str
    account: str
    operation: str
    recording: str
    records: int
    filtered: int
    events: list[TrialEvent]
    faults: list[str]
    empty: list[str]
