"""The workflows of syncs on DBOS. A process has one DBOS, so it has one worker, which these functions use.

A step reads pages for about a second. A pause longer than a few seconds ends the workflow and enqueues the next leg of
the run with a delay, so that no thread waits.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final, Protocol

from dbos import DBOS, SetEnqueueOptions, SetWorkflowID

from conn_engine.errors import ConnError
from conn_service.delivery.workflows import ensure_drain
from conn_service.store import DATABASE_RETRIES
from conn_service.syncs.partial_retries import PartialRetries
from conn_service.syncs.runner import SyncRunner
from conn_service.syncs.sending import EventSending
from conn_service.syncs.stalled import StalledRun

__all__ = ["QUEUE", "TICK", "WorkerParts", "enqueue_leg", "name_partition", "run_sync", "tick", "use_parts"]

QUEUE: Final = "conn_syncs"
TICK: Final = "conn_sync_tick"
_PAGES_PER_STEP = 100
_PAGES_PER_LEG = 1000
_STEPS_PER_LEG = 1000


class WorkerParts(Protocol):
    """What the workflows use of the worker of this process."""

    runner: SyncRunner
    sending: EventSending
    retries: PartialRetries

    def note_end(self, workflow_id: str) -> None:
        """Note that the function of a workflow has returned."""
        ...

    def start_due(self, moment: float) -> list[str]:
        """Create the runs that are due, and return their IDs."""
        ...

    def find_priority(self, run_id: str) -> int:
        """Return the priority of a run: the lowest number begins first."""
        ...

    def start_requested(self) -> list[str]:
        """Create the runs that are requested, and return their IDs."""
        ...

    def find_stalled_runs(self) -> list[StalledRun]:
        """Return the runs that no workflow continues."""
        ...

    def remove_old(self) -> dict[str, int]:
        """Remove what was finished long ago. Return how much of each kind."""
        ...


_parts: list[WorkerParts] = []


def use_parts(parts: WorkerParts | None) -> None:
    """Set the worker that the workflows of this process use."""
    _parts[:] = [] if parts is None else [parts]


def name_partition(run_id: str) -> str:
    """Return the partition of a run: runs of the same account are one after another."""
    return run_id.split(":")[1]


def _name_leg(run_id: str, leg: int) -> str:
    return f"{run_id}~{leg:06d}"


def enqueue_leg(run_id: str, leg: int = 0, seq: int = 0, *, seconds: float = 0.0) -> None:
    """Enqueue a leg of a run, to begin after a delay. A leg that is already enqueued is not enqueued again."""
    options = SetEnqueueOptions(
        queue_partition_key=name_partition(run_id),
        delay_seconds=seconds or None,
        priority=_parts[0].find_priority(run_id),
    )
    with SetWorkflowID(_name_leg(run_id, leg)), options:
        DBOS.enqueue_workflow(QUEUE, run_sync, run_id, leg, seq)


@DBOS.workflow(name="conn_sync_run")
def run_sync(run_id: str, leg: int, seq: int) -> str:
    """Read a run from its page `seq` on, and end it."""
    note_end = _parts[0].note_end
    try:
        return _run_leg(run_id, leg, seq)
    finally:
        note_end(_name_leg(run_id, leg))


def _run_leg(run_id: str, leg: int, seq: int) -> str:
    endpoint, first = _find_endpoint(run_id), seq
    for step in range(_STEPS_PER_LEG):
        done = _advance(run_id, seq)
        seq = done["seq"]
        if done["kind"] == "end":
            return _end_run(run_id, leg, seq, endpoint)
        if endpoint:  # what has been read is delivered, however long a pause is
            ensure_drain(endpoint, f"{run_id}~{leg:06d}.{step}")
        if done["kind"] == "failed":
            _fail(run_id, done["reason"])
            _start_following()
            return "failed"
        if done["kind"] != "page":
            enqueue_leg(run_id, leg + 1, seq, seconds=done["seconds"])
            return str(done["kind"])
        if seq - first >= _PAGES_PER_LEG:
            break
    enqueue_leg(run_id, leg + 1, seq)
    return "page"


def _end_run(run_id: str, leg: int, seq: int, endpoint: str) -> str:
    """End a run that has read everything: its report, and its delivery."""
    reason = _finish(run_id)
    if reason:
        _fail(run_id, reason)
    done = _deliver(run_id)
    if endpoint:
        ensure_drain(endpoint, f"{run_id}~{leg:06d}.end")
    if done["kind"] == "wait":
        enqueue_leg(run_id, leg + 1, seq, seconds=done["seconds"])
    _start_following()
    return str(done["kind"])


@DBOS.step(name="conn_sync_pages", **DATABASE_RETRIES)
def _advance(run_id: str, seq: int) -> Mapping[str, Any]:
    done = _parts[0].runner.advance(run_id, seq, most_pages=_PAGES_PER_STEP)
    return {"kind": done.kind, "seconds": done.seconds, "reason": done.reason, "seq": done.seq}


@DBOS.step(name="conn_sync_finish", **DATABASE_RETRIES)
def _finish(run_id: str) -> str:
    """End a run. Return why that is impossible, "" if it is done."""
    try:
        _parts[0].runner.finish(run_id)
    except ConnError as error:
        return error.message
    return ""


@DBOS.step(name="conn_sync_deliver", **DATABASE_RETRIES)
def _deliver(run_id: str) -> Mapping[str, Any]:
    done = _parts[0].runner.deliver(run_id)
    return {"kind": done.kind, "seconds": done.seconds, "reason": done.reason}


@DBOS.step(name="conn_sync_endpoint", **DATABASE_RETRIES)
def _find_endpoint(run_id: str) -> str:
    return _parts[0].runner.find_endpoint_key(run_id)


@DBOS.step(name="conn_sync_fail", **DATABASE_RETRIES)
def _fail(run_id: str, reason: str) -> None:
    _parts[0].runner.fail(run_id, reason)


@DBOS.workflow(name="conn_sync_retry")
def retry_run(workflow_id: str, run_id: str, number: int) -> None:
    """Deliver again what a run has set aside or could not deliver."""
    try:
        _perform_retry(run_id, number)
    finally:
        _parts[0].note_end(workflow_id)


@DBOS.step(name="conn_sync_partial_retry", **DATABASE_RETRIES)
def _perform_retry(run_id: str, number: int) -> None:
    _parts[0].retries.perform(run_id, number)


@DBOS.workflow(name="conn_sync_tick")
def tick(moment: datetime, _context: Any) -> None:
    """Start what is due, once per minute."""
    for run_id in _start_due(moment.timestamp()):
        enqueue_leg(run_id)
    _start_following()
    for run_id, leg, seq in _find_stalled_runs():
        enqueue_leg(run_id, leg, seq)
    for endpoint in _find_stalled_endpoints():
        ensure_drain(endpoint, f"tick{int(moment.timestamp())}")
    if moment.minute == 0:
        _remove_old()
    for workflow_id, run_id, number in _find_waiting_retries():
        options = SetEnqueueOptions(queue_partition_key=name_partition(run_id))
        with SetWorkflowID(workflow_id), options:
            DBOS.enqueue_workflow(QUEUE, retry_run, workflow_id, run_id, number)


def _start_following() -> None:
    for run_id in _start_requested():
        enqueue_leg(run_id)


@DBOS.step(name="conn_sync_requested", **DATABASE_RETRIES)
def _start_requested() -> list[str]:
    return _parts[0].start_requested()


@DBOS.step(name="conn_sync_retention", **DATABASE_RETRIES)
def _remove_old() -> dict[str, int]:
    return _parts[0].remove_old()


@DBOS.step(name="conn_sync_stalled", **DATABASE_RETRIES)
def _find_stalled_runs() -> list[tuple[str, int, int]]:
    return [(leg.run_id, leg.number, leg.seq) for leg in _parts[0].find_stalled_runs()]


@DBOS.step(name="conn_sync_retries", **DATABASE_RETRIES)
def _find_waiting_retries() -> list[tuple[str, str, int]]:
    return [(retry.workflow_id, retry.run_id, retry.number) for retry in _parts[0].retries.find_waiting(QUEUE)]


@DBOS.step(name="conn_sync_undrained", **DATABASE_RETRIES)
def _find_stalled_endpoints() -> list[str]:
    return _parts[0].sending.find_stalled()


@DBOS.step(name="conn_sync_due", **DATABASE_RETRIES)
def _start_due(moment: float) -> list[str]:
    return _parts[0].start_due(moment)
