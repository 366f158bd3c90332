"""Try a sync on recordings: what it makes of a recorded listing, without a request and without a delivery."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from conn_engine.config import Effective, OperationName, Workspace
from conn_engine.errors import UsageError
from conn_engine.runtime.unified import find_operation_behind
from conn_engine.syncs import (
    OutgoingEvent,
    RunScope,
    StageFault,
    SyncPlan,
    build_event,
    compile_sync,
    load_sync,
    process_page,
)
from conn_engine.testing.cases import Case, conditions_at, find_cases, read_recorded_at, replay

__all__ = ["SyncTrial", "try_sync"]


@dataclass(frozen=True, slots=True)
class SyncTrial:
    """What a sync makes of one recording. `records` counts those of the recording, `filtered` those left out."""

    plan: SyncPlan
    case: Case
    records: int
    filtered: int
    events: tuple[OutgoingEvent, ...]
    faults: tuple[StageFault, ...]


def try_sync(workspace: Workspace, name: str, account: str) -> SyncTrial:
    """Run the steps of a sync on the first recording of its operation that has records.

    The recorded call is replayed, not that of the sync: its parameters have no effect. Raises UsageError if there is
    no such recording, and the errors of `compile_sync`.
    """
    plan = compile_sync(workspace, load_sync(workspace, name, account))
    effective = workspace.effective(account=account)
    case, records = _find_records(workspace, effective, plan)
    began = read_recorded_at(case.recording.recorded_at)
    conditions = conditions_at(began, effective.evaluator)
    scope = RunScope(account, None, effective.context, conditions).build()
    result = process_page(plan, records, scope)
    deliver = plan.deliver
    events = tuple(
        build_event(
            sync=name,
            account=account,
            type_=deliver.event if deliver is not None else "written",
            key=record.key,
            data=record.value,
            version=record.version,
            began=began,
        )
        for record in result.records
    )
    return SyncTrial(plan, case, len(records), result.filtered, events, tuple(result.faults))


def _find_records(workspace: Workspace, effective: Effective, plan: SyncPlan) -> tuple[Case, list[Any]]:
    operation = plan.fetch.operation
    for case in _find_fitting_cases(workspace, effective, operation):
        outcome = replay(effective, case.name, case.recording)
        records = outcome.records if case.name == operation else outcome.raw
        if outcome.error is None and records:
            return case, list(records)
    raise UsageError(
        f"there is no recording of {operation.text} with records",
        hint=f"record one: conn record {operation.text} --account {effective.account}; or write one from a sample "
        "response: --from-body FILE",
    )


def _find_fitting_cases(workspace: Workspace, effective: Effective, operation: OperationName) -> Iterator[Case]:
    """Yield the recordings of an operation, and then those of unified operations that call it."""
    yield from find_cases(workspace, effective, [operation])
    if operation.kind == "vendor":
        names = [name for name in effective.operations() if name.kind == "unified" and name.method == operation.method]
        for case in find_cases(workspace, effective, names):
            behind = find_operation_behind(effective, case.name)
            if behind is not None and behind.operation_name == operation:
                yield case
