"""Track how far an incremental listing has been read, over all of its windows or tokens, and partitions.

Each page has the state so far. Each cursor has what a resumed listing needs, so that it does not move the state too
far.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from conn_engine.conditions import Conditions
from conn_engine.config import VendorOperation
from conn_engine.errors import ConfigurationError, UsageError
from conn_engine.listing.incremental import Common, State, SyncToken, Unreadable, is_absent
from conn_engine.runtime.fetched import Fetched
from conn_engine.runtime.layers import Listing, ListingLayer, Place, foreign_cursor
from conn_engine.settings import ask

__all__ = [
    "IncrementalLayer",
    "StateTracker",
    "find_unread_record_cursor",
    "get_parents_state",
    "is_cut",
    "note_parents_state",
    "read_known",
    "restore_cursor",
    "tracker_of",
]

_MEMORY = "incremental"
_ELSEWHERE = "elsewhere"  # marks something unread in a partition that is not continued; no partition has this mark


@dataclass(slots=True)
class StateTracker:
    """The state that all windows or tokens of one listing share.

    `now` is when the listing started. `waiting` and `parents` have the cursors and the parents' states that count only
    at the end of the listing. `each` means that every partition has its own cursor. `records` counts the records, and
    `cursors` those with a cursor. `unread` marks the partitions that were not read in full: the state does not move
    past them.
    """

    settings: Common | SyncToken
    state: State
    now: float
    each: bool
    waiting: list[Any] = field(default_factory=list)
    parents: dict[str, Any] = field(default_factory=dict)
    unread: set[str] = field(default_factory=set)
    records: int = 0
    cursors: int = 0

    def resume(self, held: Any, read: Any) -> None:
        """Restore what a cursor stores: whether something was not read, and what is still waiting for the end."""
        if held is not None:
            self.unread.add(_ELSEWHERE)
        if read is None:
            return
        if not isinstance(read, dict) or not isinstance(read.get("parents", {}), dict):
            raise foreign_cursor()
        if "waiting" in read:
            self.waiting.append(restore_cursor(self.settings, read["waiting"]))
        self.parents = {**read.get("parents", {}), **self.parents}

    def leave_out(self, partition: Any) -> None:
        """Keep the state at the partition's current cursor, because some of its records were not read."""
        self.unread.add(_mark(partition))

    def move(self, reached: Any, partition: Any, *, whole: bool) -> None:
        """Move the state to what a window or a run has read. `whole` means that it was read in full."""
        if reached is None or _mark(partition) in self.unread:
            return
        if self.each:
            self.state.move(self.settings.to_state(reached), partition)
        elif whole:
            self.waiting.append(reached)

    def finish(self, page: Fetched) -> Fetched:
        """Return the page as it leaves the listing. The last page has the final state."""
        if not page.last:
            return self._add_to_cursor(page)
        if (self.waiting or self.parents) and not self.unread:
            if self.waiting:
                self.state.move_all(self.settings.to_state(max(self.waiting)))
            self.state.move_parents(self.parents)
        page = replace(page, state=self.state.snapshot())
        if self.settings.record_cursor is None or self.cursors or not self.records:
            return page
        missing = f'`record_cursor` "{self.settings.record_cursor}" of `incremental` finds nothing in any record'
        return replace(page, notes=(*page.notes, f"{missing}, so the state does not move"))

    def _add_to_cursor(self, page: Fetched) -> Fetched:
        """Add what a resumed listing needs to the page's cursor: `read`, what is still waiting for the end, and
        `held`, whether something was not read."""
        if page.next_state is None:
            return page
        position: dict[str, Any] = {"waiting": self.settings.to_state(max(self.waiting))} if self.waiting else {}
        if self.parents:
            position["parents"] = dict(self.parents)
        if position:
            page = replace(page, next_state={**page.next_state, "read": position})
        if not self.unread:
            return page
        mark = _mark(page.scope.get("partition") if self.each else None)
        stays = not self.each or page.next_state.get("partition") == (page.here or {}).get("partition")
        place = "here" if stays and mark in self.unread else "elsewhere"
        return replace(page, next_state={**page.next_state, "held": place})


def tracker_of(listing: Listing, settings: Common | SyncToken) -> StateTracker:
    """Return the tracker of a listing; create it on first use."""
    tracker = listing.memory.get(_MEMORY)
    if not isinstance(tracker, StateTracker):
        session, operation = listing.session, listing.operation
        now = session.clock.now() if session.now_ms is None else session.now_ms / 1000
        # The steps of a recursion share a partition: its state may move only when all of them have been read.
        divided = bool(operation.parents) or operation.recurse is not None
        each = (settings.per_partition and operation.recurse is None) or not divided
        tracker = listing.memory[_MEMORY] = StateTracker(settings, State(listing.call.state), now, each)
    return tracker


class IncrementalLayer(ListingLayer):
    """What the layers of windows and of tokens share: they restore and store the state of the listing."""

    @staticmethod
    def enter(listing: Listing, place: Place) -> Place:
        """Restore what was read before the place. It counts even if no partition follows."""
        if (settings := listing.operation.incremental) is not None:
            tracker_of(listing, settings).resume(place.get("held"), place.get("read"))
        return place

    @staticmethod
    def leave(listing: Listing, page: Fetched) -> Fetched:
        """Return the page with the state at the end, or with what a resumed listing needs of it."""
        settings = listing.operation.incremental
        return page if settings is None else tracker_of(listing, settings).finish(page)


def is_cut(listing: Listing, page: Fetched) -> bool:
    """Return whether the pages ended before the records, so that a later run must read the rest."""
    verdict = page.answer.completeness
    if verdict is None:
        return False
    has_to_be_complete = listing.operation.complete == "error" or page.answer.failure is not None
    return verdict.state == "stopped" or (verdict.state == "incomplete" and has_to_be_complete)


def get_parents_state(listing: Listing, parents: VendorOperation) -> Any:
    """Return the state from which the listing of the parents continues. Raises ConfigurationError unless both are
    incremental."""
    settings = listing.operation.incremental
    if settings is None or parents.incremental is None:
        lacking = listing.name if settings is None else parents.text
        raise ConfigurationError(
            f"{listing.name} reads only the new parents of {parents.text}, but {lacking} is not incremental",
            hint=f"set `incremental` in {lacking}, or remove `incremental` from the parents",
        )
    return tracker_of(listing, settings).state.parents(parents.text)


def note_parents_state(listing: Listing, parents: VendorOperation, state: Any) -> None:
    """Remember the state of a page of the parents: it counts once everything under them has been read."""
    tracker = listing.memory.get(_MEMORY)
    if isinstance(tracker, StateTracker) and state is not None:
        tracker.parents[parents.text] = state


def find_unread_record_cursor(operation: VendorOperation, records: Sequence[Any], conditions: Conditions) -> str | None:
    """Return the `record_cursor` if it finds nothing in any of these delivered records, else None."""
    settings = operation.incremental
    if settings is None or settings.record_cursor is None or not records:
        return None
    field_ = settings.record_cursor
    return field_ if all(is_absent(ask(field_, record, conditions)) for record in records) else None


def read_known(settings: Common | SyncToken, cursor: Any) -> Any:
    """Return the value of a cursor in the state; None without one. Raises UsageError if it cannot be read."""
    try:
        return settings.from_state(cursor)
    except Unreadable as error:
        raise UsageError(
            f"the cursor in the state does not belong to this operation: {error}",
            hint="pass the state of an earlier run unchanged, or leave it out to read everything again",
        ) from None


def restore_cursor(settings: Common | SyncToken, cursor: Any) -> Any:
    """Return the value of a cursor in a place. Raises UsageError if it cannot be read."""
    try:
        return settings.from_state(cursor)
    except Unreadable:
        raise foreign_cursor() from None


def _mark(partition: Any) -> str:
    return json.dumps(partition, sort_keys=True, default=str)
