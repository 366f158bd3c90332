"""The workflows of deliveries on DBOS: one per endpoint, which delivers what is due, and sleeps as a delayed workflow
until the next event is."""

import hashlib
from collections.abc import Mapping
from typing import Any, Final, Protocol

from dbos import DBOS, SetEnqueueOptions, SetWorkflowID

from conn_service.delivery.draining import DrainResult
from conn_service.store import DATABASE_RETRIES

__all__ = ["QUEUE", "DrainerParts", "drain_endpoint", "ensure_drain", "find_drained", "is_drained", "use_parts"]

QUEUE: Final = "conn_deliveries"
_SHORTEST = 0.2
_LONGEST = 86_400.0
_WAITING: Final = ["ENQUEUED", "DELAYED"]


class DrainerParts(Protocol):
    """What the workflows use of the worker of this process."""

    def drain(self, endpoint: str) -> DrainResult:
        """Deliver what is due for an endpoint, for some seconds at most."""
        ...

    def now(self) -> float:
        """Return the time in Unix seconds."""
        ...

    def note_end(self, workflow_id: str) -> None:
        """Note that the function of a workflow has returned."""
        ...


_parts: list[DrainerParts] = []


def use_parts(parts: DrainerParts | None) -> None:
    """Set the worker that the workflows of this process use."""
    _parts[:] = [] if parts is None else [parts]


def _name(endpoint: str) -> str:
    return f"drain:{hashlib.sha256(endpoint.encode()).hexdigest()[:16]}:"


def _name_workflow(endpoint: str, cause: str, number: int) -> str:
    return f"{_name(endpoint)}{cause}#{number:08d}"


def _name_prefix(workflow_id: str) -> str:
    return ":".join(workflow_id.split(":", 2)[:2]) + ":"


def ensure_drain(endpoint: str, cause: str, number: int = 0, seconds: float = 0.0) -> None:
    """Let an endpoint be drained after so many seconds: by the workflow that waits for that, or by a new one. Called in
    a workflow; the same `cause` and `number` start it once."""
    waiting = _find_waiting(endpoint)
    if any(status == "ENQUEUED" for _, status in waiting):
        return
    if waiting:
        DBOS.set_workflow_delay(waiting[0][0], delay_seconds=seconds)
        return
    options = SetEnqueueOptions(queue_partition_key=endpoint[:200], delay_seconds=seconds or None)
    with SetWorkflowID(_name_workflow(endpoint, cause, number)), options:
        DBOS.enqueue_workflow(QUEUE, drain_endpoint, endpoint, cause, number)


def find_drained() -> Mapping[str, bool]:
    """Return what identifies the endpoints that a workflow drains, for `is_drained`: whether one does now, and does not
    only wait for a later time."""
    found = DBOS.list_workflows(queue_name=QUEUE, status=[*_WAITING, "PENDING"], load_input=False, load_output=False)
    drained: dict[str, bool] = {}
    for workflow in found:
        name = _name_prefix(workflow.workflow_id)
        drained[name] = drained.get(name, False) or workflow.status != "DELAYED"
    return drained


def is_drained(endpoint: str, drained: Mapping[str, bool], *, now: bool = False) -> bool:
    """Return whether a workflow drains an endpoint, or will; with `now`, only whether one does now."""
    is_now = drained.get(_name(endpoint))
    return is_now is not None and (is_now or not now)


@DBOS.step(name="conn_drain_find", **DATABASE_RETRIES)
def _find_waiting(endpoint: str) -> list[list[str]]:
    """Return the ID and the status of workflows that will drain an endpoint. One that has begun does not count: it may
    have found nothing more. A step of its own, because DBOS cannot store what it lists."""
    found = DBOS.list_workflows(
        workflow_id_prefix=_name(endpoint), status=_WAITING, load_input=False, load_output=False, limit=3
    )
    return [[workflow.workflow_id, workflow.status] for workflow in found]


@DBOS.workflow(name="conn_drain")
def drain_endpoint(endpoint: str, cause: str, number: int) -> Mapping[str, Any]:
    """Deliver what is due for an endpoint, and come back when the next event is."""
    note_end = _parts[0].note_end
    try:
        done = _drain(endpoint)
        if done["seconds"] is not None:
            ensure_drain(endpoint, cause, number + 1, done["seconds"])
        return done
    finally:
        note_end(_name_workflow(endpoint, cause, number))


@DBOS.step(name="conn_drain_step", **DATABASE_RETRIES)
def _drain(endpoint: str) -> Mapping[str, Any]:
    result = _parts[0].drain(endpoint)
    pause = None
    if result.next_due is not None:
        pause = min(max(result.next_due - _parts[0].now(), _SHORTEST), _LONGEST)
    return {"delivered": result.delivered, "failed": result.failed, "dead": result.dead, "seconds": pause}
