"""Try a sync on recordings: what it makes of a recorded listing, without a request and without a delivery."""

from collections.abc import Mapping
from dataclasses import dataclass

from conn_engine.config import OperationName, Workspace
from conn_engine.errors import UsageError
from conn_engine.syncs import (
    OutgoingEvent,
    OutgoingRecord,
    StageFault,
    SyncPlan,
    build_event,
    compile_sync,
    load_sync_levels,
)
from conn_engine.syncs.events import Change
from conn_engine.testing.cases import Case, read_recorded_at
from conn_engine.testing.syncs.absences import list_empty_fields
from conn_engine.testing.syncs.cases import find_recorded_listings
from conn_engine.testing.syncs.enriching import RecordedEnricher
from conn_engine.testing.syncs.outcome import SyncOutcome
from conn_engine.testing.syncs.replaying import replay_sync

__all__ = ["SyncTrial", "try_sync"]


@dataclass(frozen=True, slots=True)
class SyncTrial:
    """What a sync makes of one recording. `records` counts those of the recording, `filtered` those left out, and
    `unrecorded` the calls of enrich steps without a recording. `empty` are the fields that no event has."""

    plan: SyncPlan
    case: Case
    records: int
    filtered: int
    events: tuple[OutgoingEvent, ...]
    faults: tuple[StageFault, ...]
    unrecorded: Mapping[OperationName, int]
    empty: tuple[str, ...]


def try_sync(workspace: Workspace, name: str, account: str) -> SyncTrial:
    """Run the steps of a sync on the first recording of its operation that has records, the usual one before scenarios.

    The recorded call is replayed, not that of the sync: its parameters have no effect. Raises UsageError if there is
    no such recording, and the errors of `compile_sync` and of the steps.
    """
    effective = workspace.effective(account=account)
    plan = compile_sync(workspace, load_sync_levels(workspace, name, effective), effective)
    operation = plan.fetch.operation
    cases = find_recorded_listings(workspace, effective, operation)
    for case in sorted(cases, key=lambda case: case.scenario != "default"):
        enrich = RecordedEnricher(workspace, effective)
        outcome = replay_sync(effective, plan, case.name, case.recording, account, enrich=enrich)
        if outcome.is_listed and outcome.error is not None:
            raise outcome.error
        if outcome.fetched:
            return _build_trial(plan, case, outcome, account)
    raise UsageError(
        f"there is no recording of {operation.text} with records",
        hint=f"record one: conn record {operation.text} --account {effective.account}; or write one from a sample "
        "response: --from-body FILE",
    )


def _build_trial(plan: SyncPlan, case: Case, outcome: SyncOutcome, account: str) -> SyncTrial:
    deliver = plan.deliver
    deleted = [OutgoingRecord.of_deleted(key) for key in outcome.deleted]
    changes: tuple[tuple[list[OutgoingRecord], Change], ...] = ((outcome.outgoing, "upsert"), (deleted, "delete"))
    events = tuple(
        build_event(
            sync=plan.name,
            account=account,
            type_=deliver.event if deliver is not None else "written",
            key=record.key,
            data=record.value,
            version=record.version,
            began=read_recorded_at(case.recording.recorded_at),
            change=change,
        )
        for records, change in changes
        for record in records
    )
    return SyncTrial(
        plan,
        case,
        outcome.fetched,
        outcome.filtered,
        events,
        tuple(outcome.faults),
        outcome.unrecorded,
        tuple(list_empty_fields([outcome])),
    )
