"""Read the pages of a listing, its lowest layer: request them one after the other, and prepare their records."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from conn_engine.config import VendorOperation
from conn_engine.listing import pagination
from conn_engine.listing.known_records import MOST_KNOWN
from conn_engine.responses.failures import restart_key
from conn_engine.runtime.chunks import exchange_chunks
from conn_engine.runtime.endings import RecentIds, endings_of
from conn_engine.runtime.enrichment import add_distinct, prepare_records, resume_distinct
from conn_engine.runtime.fetched import Fetched, RowPlace, split_rows
from conn_engine.runtime.layers import Frame, ListingLayer, Place, foreign_cursor
from conn_engine.runtime.records import finds_all
from conn_engine.settings import Answer
from conn_engine.wire import Flow

__all__ = ["PageLayer"]


class PageLayer(ListingLayer):
    """Reads page after page, until the last one or until a layer above has enough."""

    place_names = ("page", "rows", "delivered", "distinct")
    enter, leave = staticmethod(resume_distinct), staticmethod(add_distinct)
    _frame: Frame
    _place: Any
    _last: Fetched | None = None
    _enough: Any = None
    _restarts = 0
    _delivered: pagination.Delivered | None = None
    _rows: RowPlace | None = None

    @staticmethod
    def is_used(operation: VendorOperation) -> bool:
        """Return whether the operation has pages, not a job."""
        return operation.job is None

    @staticmethod
    def find_obstacles(operation: VendorOperation) -> Iterator[str]:
        """Yield the error rule `restart`, which needs more delivered records than a cursor can store."""
        if restart_key(operation.errors) is not None:
            limit = f"a cursor stores at most {MOST_KNOWN:,} delivered records"
            yield f"after a cursor, the error rule `restart` is an error: {limit}"

    def start(self, frame: Frame) -> Flow[None]:
        """Read the pages, the first one at the place to resume at."""
        listing, operation = self.listing, self.listing.operation
        self._frame, self._endings, self._recent = frame, endings_of(listing), RecentIds()
        start = self._place = frame.resume.get("page")
        self._rows = RowPlace.read(frame.resume.get("rows"))
        self._can_restart = start is None and self._rows is None
        if (key := restart_key(operation.errors)) is not None:
            self._delivered = pagination.Delivered(key)
            if "delivered" in frame.resume:
                self._resume_delivered(self._delivered, frame.resume["delivered"])
        try:
            yield from pagination.pages(
                operation.get_pagination(),
                self._fetch,
                self._pass_on,
                start,
                self._delivered,
                seen=self._endings.seen,
                counts=not frame.chunks and finds_all(operation.response_path),
            )
        finally:
            if self._last is not None:
                self._last.answer.close()

    def _fetch(self, turn: pagination.Turn) -> Flow[Answer | None]:
        within = replace(self._frame, scope=turn.names(self._frame.scope))
        restarts = self._restarts if self._can_restart else None
        self._last = fetched = yield from exchange_chunks(self.listing, within, turn, restarts=restarts)
        if fetched.again is not None:
            self._restarts += 1
            self._place = self._rows = None
            return None
        rows = split_rows(fetched, self.listing.operation, self._rows, turn.take_part)
        for part, last in rows:  # each part is delivered as soon as it is read
            self._last = part
            if not last:
                yield from self._deliver(part, turn=turn)
            if self._enough is True:
                break
        return self._last.answer  # the last part leads to the next page

    def _resume_delivered(self, delivered: pagination.Delivered, text: Any) -> None:
        if not delivered.known.restore(text):
            raise foreign_cursor()
        # Without all records from before the cursor, the listing cannot restart.
        self._can_restart = not delivered.known.has_forgotten

    def _pass_on(self, answer: Answer, number: int, next_state: Any, prev_state: Any) -> Flow[Any]:
        if self._last is None or self._enough is True:
            return True
        if answer.completeness is not None and not self._last.whole:
            self._endings.add(answer.completeness, self._frame.scope.get("partition") or {})
        fetched = replace(self._last, answer=answer, prev_state=None if prev_state is None else {"page": prev_state})
        try:
            return (yield from self._deliver(fetched, next_state))
        finally:
            answer.close()

    def _deliver(self, fetched: Fetched, next_state: Any = None, *, turn: pagination.Turn | None = None) -> Flow[Any]:
        """Deliver a response, or a part of one that `turn` processes."""
        place: Place = {"page": self._place}
        if self._rows is not None:
            place = {**place, "rows": self._rows.data()}
        after: Place | None = None if next_state is None else {"page": next_state}
        if turn is not None:
            self._rows = RowPlace.from_part(fetched.answer, self._rows)
            after = None if self._rows is None else {"page": self._place, "rows": self._rows.data()}
            fetched = replace(fetched, answer=turn.take_part(fetched.answer))
        else:
            self._place, self._rows = next_state, None
        if self._delivered is not None and after is not None and self.listing.operation.recurse is None:
            after = {**after, "delivered": self._delivered.known.dump()}
        records, source = yield from prepare_records(self.listing, self._frame, fetched.answer)
        self._endings.add_again(self._recent.add(records))
        page = replace(
            fetched,
            records=records,
            source=source,
            next_state=after,
            here=place,
            scope=self._frame.scope,
            partial=turn is not None,
        )
        self._enough = yield from self.next(page)
        return self._enough
