"""The workflows of deliveries on DBOS: one per endpoint, which delivers what is due, and sleeps as a delayed workflow
until the next event is."""

import hashlib
from collections.abc import Mapping
from typing import Any, Final, Protocol

from dbos import DBOS, SetEnqueueOptions, SetWorkflowID

from conn_service.delivery.draining import DrainResult

__all__ = ["QUEUE", "DrainerParts", "drain_endpoint", "ensure_drain", "use_parts"]

QUEUE: Final = "conn_deliveries"
_SHORTEST = 0.2
_LONGEST = 86_400.0
_OPEN: Final = ["ENQUEUED", "PENDING", "DELAYED"]


class DrainerParts(Protocol):
    """What the workflows use of the worker of this process."""

    def drain(self, endpoint: str) -> DrainResult:
        """Deliver what is due for an endpoint, for some seconds at most."""
        ...

    def now(self) -> float:
        """Return the time in Unix seconds."""
        ...


_parts: list[DrainerParts] = []


def use_parts(parts: DrainerParts | None) -> None:
    """Set the worker that the workflows of this process use."""
    _parts[:] = [] if parts is None else [parts]


def _name(endpoint: str) -> str:
    return f"drain:{hashlib.sha256(endpoint.encode()).hexdigest()[:16]}:"


def ensure_drain(endpoint: str, cause: str) -> None:
    """Let an endpoint be drained soon: by the workflow that waits for it, or by a new one. Called in a workflow; the
    same `cause` starts it once."""
    waiting = DBOS.list_workflows(
        workflow_id_prefix=_name(endpoint), status=_OPEN, load_input=False, load_output=False, limit=3, sort_desc=True
    )
    if any(workflow.status == "ENQUEUED" for workflow in waiting):
        return
    for workflow in waiting:
        if workflow.status == "DELAYED":
            DBOS.set_workflow_delay(workflow.workflow_id, delay_seconds=0.0)
            return
    _enqueue(endpoint, cause, 0, 0.0)


def _enqueue(endpoint: str, cause: str, number: int, seconds: float) -> None:
    options = SetEnqueueOptions(queue_partition_key=endpoint[:200], delay_seconds=seconds or None)
    with SetWorkflowID(f"{_name(endpoint)}{cause}#{number:08d}"), options:
        DBOS.enqueue_workflow(QUEUE, drain_endpoint, endpoint, cause, number)


@DBOS.workflow(name="conn_drain")
def drain_endpoint(endpoint: str, cause: str, number: int) -> Mapping[str, Any]:
    """Deliver what is due for an endpoint, and come back when the next event is."""
    done = _drain(endpoint)
    if done["seconds"] is not None:
        _enqueue(endpoint, cause, number + 1, done["seconds"])
    return done


@DBOS.step(name="conn_drain_step")
def _drain(endpoint: str) -> Mapping[str, Any]:
    result = _parts[0].drain(endpoint)
    pause = None
    if result.next_due is not None:
        pause = min(max(result.next_due - _parts[0].now(), _SHORTEST), _LONGEST)
    return {"delivered": result.delivered, "failed": result.failed, "dead": result.dead, "seconds": pause}
