"""The reports of syncs."""

from typing import Any, ClassVar

import msgspec

from conn_engine.reports import Report

__all__ = [
    "ListedSync",
    "PlannedCall",
    "SyncChangeReport",
    "SyncPlansReport",
    "SyncRunSummary",
    "SyncRunsReport",
    "SyncTrialReport",
    "SyncsReport",
    "TrialEvent",
]


class ListedSync(msgspec.Struct, frozen=True, kw_only=True):
    """One sync. `fault` is why it cannot run, "" if it can; `accounts` are those that it runs for."""

    name: str
    title: str
    resource: str
    schedule: str
    accounts: list[str]
    paused: list[str]
    last_status: str
    fault: str


class SyncsReport(Report, frozen=True, kw_only=True):
    """The syncs of the workspace."""

    kind: ClassVar[str] = "syncs"
    syncs: list[ListedSync]


class PlannedCall(msgspec.Struct, frozen=True, kw_only=True):
    """What a run for one account would do. `steps` are sentences; `requests` is the number of the last run, or null."""

    account: str
    operation: str
    params: dict[str, Any]
    steps: list[str]
    next_run: str | None
    last_run_at: str | None
    requests: int | None


class SyncPlansReport(Report, frozen=True, kw_only=True):
    """What the next runs of a sync would do."""

    kind: ClassVar[str] = "sync-plan"
    sync: str
    plans: list[PlannedCall]


class SyncRunSummary(msgspec.Struct, frozen=True, kw_only=True):
    """One run. `counts` has what was counted, such as pages, records, deletes and records set aside; `delivered`,
    `waiting` and `dead` are events for an endpoint, or rows for a file or a table; `unwanted` are events of a type that
    the endpoint does not receive. `problems` are the reasons why events wait, by endpoint. Times are ISO 8601."""

    id: str
    sync: str
    account: str
    cause: str
    status: str
    verdict: str
    reason: str
    began: str
    ended: str | None
    since: str | None
    counts: dict[str, int]
    delivered: int
    waiting: int
    dead: int
    unwanted: int = 0
    problems: dict[str, str] = {}
    state_before: Any
    state_after: Any
    moved: bool


class SyncRunsReport(Report, frozen=True, kw_only=True):
    """Runs, the newest first."""

    kind: ClassVar[str] = "sync-runs"
    runs: list[SyncRunSummary]


class SyncChangeReport(Report, frozen=True, kw_only=True):
    """What a command changed: `cancelled`, `paused`, `resumed`, `reset` or `worked`, for which runs and accounts."""

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
    """What a sync makes of a recording. `faults` are the records that fail, as sentences."""

    kind: ClassVar[str] = "sync-trial"
    sync: str
    account: str
    operation: str
    recording: str
    records: int
    filtered: int
    events: list[TrialEvent]
    faults: list[str]
