"""Replays a sync on a recorded listing: the records of each page through its steps, without a delivery."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from conn_engine.config import Effective, OperationName, Workspace
from conn_engine.errors import ConnError
from conn_engine.recordings.files import Recording
from conn_engine.syncs import (
    RunScope,
    StageFault,
    SyncPlan,
    compile_sync,
    load_sync_levels,
    process_page,
)
from conn_engine.testing.cases import Outcome, conditions_at, read_recorded_at, replay
from conn_engine.testing.syncs.cases import SyncCase
from conn_engine.testing.syncs.enriching import RecordedEnricher
from conn_engine.testing.syncs.outcome import SyncOutcome

__all__ = ["ANY_ACCOUNT", "replay_case", "replay_sync"]

ANY_ACCOUNT = "ACCOUNT"
"""What the expressions of a case see as `account`, so that one golden serves all accounts."""


def replay_sync(
    effective: Effective,
    plan: SyncPlan,
    operation: OperationName,
    recording: Recording,
    account: str = ANY_ACCOUNT,
    *,
    enrich: RecordedEnricher | None = None,
) -> SyncOutcome:
    """Run the steps of a sync on the recording of an operation.

    The recorded call is replayed, not that of the sync: its parameters have no effect. `enrich` replays the calls of
    enrich steps; a record whose call has no recording stays as it is. Without it, these steps are left out. Errors are
    stored in the outcome.
    """
    listed = replay(effective, operation, recording)
    outcome = SyncOutcome(plan=plan, is_listed=listed.error is None, error=listed.error)
    if listed.error is not None:
        return outcome
    conditions = conditions_at(read_recorded_at(recording.recorded_at), effective.evaluator)
    scope = RunScope(account, None, effective.context, conditions, id=recording.call.id).build()
    try:
        for page in _split_pages(listed, is_raw=operation != plan.fetch.operation):
            result = process_page(plan, page, scope, enrich)
            outcome.outgoing += result.records
            outcome.deleted += result.deleted
            outcome.faults += [_move_fault(fault, outcome.fetched) for fault in result.faults]
            outcome.fetched += len(page)
            outcome.filtered += result.filtered
    except ConnError as error:
        outcome.error = error
    outcome.unrecorded = {} if enrich is None else enrich.missing
    outcome.records = [
        {**({"version": record.version} if record.version else {}), "data": record.value} for record in outcome.outgoing
    ]
    return outcome


def _move_fault(fault: StageFault, earlier: int) -> StageFault:
    """Return a fault with its position in the listing instead of in its page."""
    return replace(fault, fault=replace(fault.fault, position=fault.fault.position + earlier))


def replay_case(workspace: Workspace, effective: Effective, case: SyncCase) -> SyncOutcome:
    """Run a case for the levels of a configuration. If the sync cannot run there, the outcome has the error."""
    try:
        plan = compile_sync(workspace, load_sync_levels(workspace, case.name.method, effective), effective)
    except ConnError as error:
        return SyncOutcome(error=error)
    return replay_sync(effective, plan, case.operation, case.recording, enrich=RecordedEnricher(workspace, effective))


def _split_pages(listed: Outcome, *, is_raw: bool) -> Iterator[list[Any]]:
    start = 0
    values = listed.raw if is_raw else listed.records
    for records, raw in listed.sizes:
        size = raw if is_raw else records
        yield values[start : start + size]
        start += size
