"""What a worker does for received deliveries, in addition to syncs."""

from collections.abc import Iterable

from conn_service.inbox.expansion import InboxExpander, InboxOutcome
from conn_service.inbox.queue import QUEUE
from conn_service.inbox.store import InboxRetention

__all__ = ["InboxWork"]

_OVERDUE_SECONDS = 60.0


class InboxWork:
    """Expands deliveries in the worker of this process."""

    queue = QUEUE
    schedule_name = "conn_inbox_tick"

    def __init__(self, expander: InboxExpander, keep: InboxRetention | None = None) -> None:
        self._expander = expander
        self._keep = keep or InboxRetention()

    def begin(self) -> object:
        """Let the workflows of this process use it. Return the one to run every minute."""
        from conn_service.inbox import workflows

        workflows.use_parts(self)
        return workflows.tick

    def end(self) -> None:
        """Let no workflow use it any more."""
        from conn_service.inbox import workflows

        workflows.use_parts(None)
        if self._expander.isolation is not None:
            self._expander.isolation.close()

    def resume(self) -> None:
        """Enqueue the deliveries that no workflow expands, such as those that came before there was a worker."""
        from conn_service.inbox.workflows import resume_deliveries

        resume_deliveries(f"start{int(self._expander.clock.now() * 1000)}")

    def remove_old(self) -> dict[str, int]:
        """Remove deliveries that were finished long ago. Return how many."""
        return {"inbox": self._expander.store.remove_old(self._keep, self._expander.clock.now())}

    # --- what the workflows use ---

    def expand_delivery(self, number: int, *, is_replay: bool) -> InboxOutcome:
        """Make the events of a delivery, and store what they lead to."""
        return self._expander.expand(number, is_replay=is_replay)

    def find_overdue(self, enqueued: Iterable[int]) -> list[tuple[int, str]]:
        """Return the numbers and owners of the deliveries that have waited too long, without those of workflows."""
        known = set(enqueued)
        rows = self._expander.store.find_overdue(self._expander.clock.now() - _OVERDUE_SECONDS)
        return [(row.number, row.owner) for row in rows if row.number not in known]
