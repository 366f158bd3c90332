"""Find what no workflow continues: after a crash between storing a run and enqueueing it, or an error in a workflow."""

from dataclasses import dataclass
from typing import Final

from dbos import DBOS

from conn_service.store import SlotLease
from conn_service.syncs.store import OPEN, SyncStore

__all__ = [
    "CONTINUING",
    "MOST_ERRORS",
    "StalledRun",
    "cancel_other_versions",
    "continue_lost_workers",
    "find_stalled_runs",
]

CONTINUING: Final = ["ENQUEUED", "PENDING", "DELAYED"]
"""The statuses of workflows that end by themselves."""
_KILLED: Final = "MAX_RECOVERY_ATTEMPTS_EXCEEDED"
"""The status of a workflow that was begun 100 times and never came to its end: something in it kills the process."""
MOST_ERRORS: Final = 10


@dataclass(frozen=True, slots=True)
class StalledRun:
    """A run that no workflow continues, with the number of the leg that can, and of the pages it has stored.

    `reason` is set if legs have broken off so often that the run should end.
    """

    run_id: str
    number: int
    seq: int
    reason: str = ""


def find_stalled_runs(store: SyncStore, queue: str) -> list[StalledRun]:
    """Return the unfinished runs that no workflow in the queue continues."""
    unfinished = store.find_runs(statuses=(*OPEN, "delivering"), limit=100_000)
    if not unfinished:
        return []
    legs = DBOS.list_workflows(queue_name=queue, status=CONTINUING, load_input=False, load_output=False)
    continued = {leg.workflow_id.rpartition("~")[0] for leg in legs}
    return [_find_next_leg(run.id, run.seq) for run in unfinished if run.id not in continued]


def continue_lost_workers(lease: SlotLease) -> list[str]:
    """Enqueue again what workers were doing that are gone and whose slot no other one has taken. Return their names."""
    pending = DBOS.list_workflows(status="PENDING", load_input=False, load_output=False)
    lost = []
    for executor in sorted({str(workflow.executor_id) for workflow in pending}):
        with lease.borrow(executor) as is_lost:
            if is_lost:
                DBOS._recover_pending_workflows([executor])
                lost.append(executor)
    return lost


def cancel_other_versions(version: str, lease: SlotLease | None) -> list[str]:
    """Cancel the workflows that another version has enqueued, so that others take their place: no worker continues
    them if that version is gone. Those that a worker with that version is running stay. Return the IDs."""
    found = DBOS.list_workflows(status=CONTINUING, load_input=False, load_output=False)
    cancelled = []
    for workflow in found:
        if workflow.app_version in (None, version):
            continue
        if workflow.status == "PENDING" and lease is not None:
            with lease.borrow(str(workflow.executor_id)) as is_lost:
                if not is_lost:
                    continue
        DBOS.cancel_workflow(workflow.workflow_id)
        cancelled.append(workflow.workflow_id)
    return cancelled


def _find_next_leg(run_id: str, seq: int) -> StalledRun:
    legs = DBOS.list_workflows(workflow_id_prefix=f"{run_id}~", load_input=False, load_output=False)
    number = max((int(leg.workflow_id.rpartition("~")[2]) + 1 for leg in legs), default=0)
    statuses = [leg.status for leg in legs]
    reason = ""
    if _KILLED in statuses:
        reason = "the worker ended each time it ran this, so it is not begun again: memory may be short, see its log"
    elif statuses.count("ERROR") >= MOST_ERRORS:
        reason = f"the worker broke off {statuses.count('ERROR')} times while it ran this: its log says why"
    return StalledRun(run_id, number, seq, reason)
