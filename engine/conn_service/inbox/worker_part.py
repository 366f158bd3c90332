"""What a worker does for received deliveries, in addition to syncs."""

from collections.abc import Collection, Mapping

from conn_service.inbox.expansion import InboxExpander, InboxOutcome
from conn_service.inbox.queue import QUEUE
from conn_service.inbox.store import InboxRetention

__all__ = ["InboxWork"]

_MOST_AT_ONCE = 50
"""What a worker that is killed may do again, without passing anything on twice."""


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

    def expand_due(self, owner: str) -> tuple[InboxOutcome, Mapping[int, float], bool]:
        """Make the events of deliveries of an owner that are due. Return what came of them together, the pauses of
        those that are tried again, by number, and whether there may be more."""
        numbers = self._expander.store.find_due(owner, self._expander.clock.now(), _MOST_AT_ONCE)
        outcomes = {number: self._expander.expand(number) for number in numbers}
        endpoints = dict.fromkeys(name for outcome in outcomes.values() for name in outcome.endpoints)
        pauses = {number: one.seconds for number, one in outcomes.items() if one.seconds is not None}
        return InboxOutcome(tuple(endpoints)), pauses, len(numbers) == _MOST_AT_ONCE

    def find_forgotten(
        self, working: Collection[int], delayed: Collection[int], seconds: float
    ) -> list[tuple[int, str]]:
        """Return, for each owner with deliveries that were due so many seconds ago, the oldest number and the owner,
        unless a workflow expands those of the owner."""
        store = self._expander.store
        owners = store.find_owners(working)
        found: dict[str, int] = {}
        for number, owner in store.find_overdue(self._expander.clock.now() - seconds):
            if owner not in owners and number not in delayed:
                found.setdefault(owner, number)
        return [(number, owner) for owner, number in found.items()]
