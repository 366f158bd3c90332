"""Deliver again what a run has set aside or could not deliver: at once, or when a person has requested it in a page."""

from dataclasses import dataclass
from typing import Final

from conn_engine.diagnostics import pluralize
from conn_engine.errors import ConnError
from conn_service.store import is_unreachable
from conn_service.syncs.pausing import describe_internal
from conn_service.syncs.requests import drop_requests, find_partial_retries
from conn_service.syncs.runner import SyncRunner
from conn_service.syncs.sending import EventSending

__all__ = ["PartialRetries", "WaitingRetry"]

_MOST_COUNTED: Final = 1_000_000


@dataclass(frozen=True, slots=True)
class WaitingRetry:
    """A requested retry that no workflow performs: the number of the request, and how often one has broken off."""

    run_id: str
    number: int
    attempts: int

    @property
    def workflow_id(self) -> str:
        """The ID of the next workflow that performs it."""
        return f"{_name(self.number)}{self.attempts:06d}"


@dataclass(frozen=True, slots=True)
class PartialRetries:
    """The retries of a worker: its runner performs them, and its sending takes the events."""

    runner: SyncRunner
    sending: EventSending

    def deliver_again(self, run_id: str) -> None:
        """Process the records that were set aside, and deliver what a run could not deliver."""
        self.runner.retry_set_aside(run_id)
        store = self.runner.store
        if store.get_run(run_id).status in ("undelivered", "delivering"):
            store.set_status(run_id, "delivering")
            self.runner.deliver(run_id)
        self.sending.retry_waiting(run_id, self.runner.find_current_endpoint_key)

    def find_waiting(self, queue: str) -> list[WaitingRetry]:
        """Return the requested retries that no workflow in the queue performs, and end those that break off again and
        again."""
        from dbos import DBOS

        from conn_service.syncs.stalled import CONTINUING, MOST_ERRORS

        waiting = []
        for number, run_id in find_partial_retries(self.runner.store.engine):
            begun = DBOS.list_workflows(
                queue_name=queue, workflow_id_prefix=_name(number), load_input=False, load_output=False
            )
            if len(begun) >= MOST_ERRORS:
                self._end(run_id, number, "the worker broke off each time: its log says why")
            elif not any(workflow.status in CONTINUING for workflow in begun):
                waiting.append(WaitingRetry(run_id, number, len(begun)))
        return waiting

    def perform(self, run_id: str, number: int) -> None:
        """Perform a requested retry. The log of the run has what it led to, or what keeps it from that."""
        problem = ""
        try:
            self.deliver_again(run_id)
        except Exception as error:
            if is_unreachable(error):  # the step is repeated
                raise
            problem = error.message if isinstance(error, ConnError) else describe_internal(error)
        self._end(run_id, number, problem)

    def _end(self, run_id: str, number: int, problem: str) -> None:
        store = self.runner.store
        rest = pluralize(len(store.set_aside.find(run_id=run_id, limit=_MOST_COUNTED)), "record")
        text = f"stopped: {problem}" if problem else f"ended: {rest} still set aside"
        store.add_log_line(store.get_run(run_id), "retry", text)
        with store.engine.begin() as connection:
            drop_requests(connection, [number])


def _name(number: int) -> str:
    return f"retry~{number}~"
