"""The workflow of a received delivery on DBOS: its events are made in one step, and later again if that fails."""

from collections.abc import Collection, Mapping
from datetime import datetime
from typing import Any, Protocol

from dbos import DBOS, SetEnqueueOptions, SetWorkflowID

from conn_service.delivery.workflows import ensure_drain
from conn_service.inbox.expansion import InboxOutcome
from conn_service.inbox.queue import QUEUE, WORKFLOW, name_workflow
from conn_service.store import DATABASE_RETRIES

__all__ = ["ExpanderParts", "enqueue_delivery", "expand_delivery", "resume_deliveries", "tick", "use_parts"]


class ExpanderParts(Protocol):
    """What the workflow uses of the worker of this process."""

    def expand_delivery(self, number: int, *, is_replay: bool) -> InboxOutcome:
        """Make the events of a delivery, and store what they lead to."""
        ...

    def expand_due(self, owner: str) -> tuple[InboxOutcome, Mapping[int, float], bool]:
        """Make the events of deliveries of an owner that are due. Return what came of them together, the pauses of
        those that are tried again, by number, and whether there may be more."""
        ...

    def find_forgotten(
        self, working: Collection[int], delayed: Collection[int], seconds: float
    ) -> list[tuple[int, str]]:
        """Return, for each owner with deliveries that were due so many seconds ago, the oldest number and the owner,
        unless a workflow expands those of the owner. `working` are the numbers of workflows that have begun or will at
        once, and `delayed` those of the others."""
        ...


_MOST_TURNS = 1000
_OVERDUE_SECONDS = 60.0
_parts: list[ExpanderParts] = []


def use_parts(parts: ExpanderParts | None) -> None:
    """Set the worker that the workflows of this process use."""
    _parts[:] = [] if parts is None else [parts]


def enqueue_delivery(
    number: int, owner: str, attempt: str, *, is_replay: bool = False, seconds: float | None = None
) -> None:
    """Enqueue the creation of a delivery's events, after a number of seconds. The same `attempt` is enqueued once."""
    options = SetEnqueueOptions(queue_partition_key=owner, delay_seconds=seconds)
    with SetWorkflowID(name_workflow(number, attempt)), options:
        DBOS.enqueue_workflow(QUEUE, expand_delivery, number, owner, attempt, is_replay)


def resume_deliveries(cause: str, seconds: float = 0.0) -> None:
    """Enqueue the deliveries that have been due for `seconds` and that no workflow expands."""
    for number, owner in _find_forgotten(seconds):
        enqueue_delivery(number, owner, cause)


@DBOS.workflow(name="conn_inbox_tick")
def tick(moment: datetime, _context: Any) -> None:
    """Look for forgotten deliveries, once per minute."""
    resume_deliveries(f"tick{int(moment.timestamp())}", _OVERDUE_SECONDS)


@DBOS.step(name="conn_inbox_overdue", **DATABASE_RETRIES)
def _find_forgotten(seconds: float) -> list[tuple[int, str]]:
    found = DBOS.list_workflows(
        queue_name=QUEUE, status=["ENQUEUED", "DELAYED", "PENDING"], load_input=False, load_output=False
    )
    delayed = {int(workflow.workflow_id.split(":")[1]) for workflow in found if workflow.status == "DELAYED"}
    working = {int(workflow.workflow_id.split(":")[1]) for workflow in found if workflow.status != "DELAYED"}
    return _parts[0].find_forgotten(working, delayed, seconds)


@DBOS.workflow(name=WORKFLOW)
def expand_delivery(number: int, owner: str, attempt: str, is_replay: bool) -> Mapping[str, Any]:
    """Make the events of a delivery; if that may work later, come back."""
    done = _expand(number, is_replay)
    for endpoint in done["endpoints"]:
        ensure_drain(endpoint, f"inbox{number}.{attempt}")
    if done["seconds"] is not None:
        enqueue_delivery(number, owner, f"{attempt}+", is_replay=is_replay, seconds=done["seconds"])
    for turn in range(_MOST_TURNS):  # a queue begins only one workflow of an owner at each look
        more = _expand_due(owner)
        for endpoint in more["endpoints"]:
            ensure_drain(endpoint, f"inbox{number}.{attempt}.{turn}")
        for other, seconds in more["pauses"]:
            enqueue_delivery(other, owner, f"{attempt}.{number}.{turn}", seconds=seconds)
        if not more["has_more"]:
            break
    return done


@DBOS.step(name="conn_inbox_step", **DATABASE_RETRIES)
def _expand(number: int, is_replay: bool) -> Mapping[str, Any]:
    outcome = _parts[0].expand_delivery(number, is_replay=is_replay)
    return {"endpoints": list(outcome.endpoints), "seconds": outcome.seconds}


@DBOS.step(name="conn_inbox_due", **DATABASE_RETRIES)
def _expand_due(owner: str) -> Mapping[str, Any]:
    outcome, pauses, has_more = _parts[0].expand_due(owner)
    return {"endpoints": list(outcome.endpoints), "pauses": [*pauses.items()], "has_more": has_more}
