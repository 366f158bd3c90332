"""The lowest layer of a listing: requests its pages one after the other, and finds and prepares their records."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from conn_engine.config import VendorOperation
from conn_engine.listing import pagination
from conn_engine.responses.failures import restart_key
from conn_engine.runtime.chunks import exchange_chunks
from conn_engine.runtime.endings import RecentIds, endings_of
from conn_engine.runtime.enrichment import prepare_records
from conn_engine.runtime.fetched import Fetched, split_rows
from conn_engine.runtime.layers import Frame, ListingLayer, Place
from conn_engine.runtime.records import finds_all
from conn_engine.settings import Answer
from conn_engine.wire import Flow

__all__ = ["PageLayer"]

_ROWS = frozenset({"jsonl", "csv", "tsv", "sse"})


class PageLayer(ListingLayer):
    """Reads page after page, until the last one or until a layer above has enough."""

    place_names = ("page",)
    _frame: Frame
    _start: Any
    _place: Any
    _last: Fetched | None = None
    _enough: Any = None
    _restarts = 0

    @staticmethod
    def is_used(operation: VendorOperation) -> bool:
        """Whether the operation has no job in place of its pages."""
        return operation.job is None

    @staticmethod
    def find_obstacles(operation: VendorOperation) -> Iterator[str]:
        """What is delivered before a cursor and not known after it."""
        if restart_key(operation.errors) is not None:
            yield "after a cursor, the error rule `restart` is an error: it cannot know what was delivered"
        rows = operation.response_format
        if rows in _ROWS and isinstance(operation.get_pagination(), pagination.NoPagination):
            yield f"the rows of its {rows} answer are one page; resuming requests all of them again"

    def start(self, frame: Frame) -> Flow[None]:
        """Read the pages, the first one at the place to resume at."""
        listing, operation = self.listing, self.listing.operation
        self._frame, self._endings, self._recent = frame, endings_of(listing), RecentIds()
        self._start = self._place = frame.resume.get("page")
        try:
            yield from pagination.pages(
                operation.get_pagination(),
                self._fetch,
                self._pass_on,
                self._start,
                restart_key(operation.errors),
                seen=self._endings.seen,
                counts=not frame.chunks and finds_all(operation.response_path),
            )
        finally:
            if self._last is not None:
                self._last.answer.close()

    def _fetch(self, turn: pagination.Turn) -> Flow[Answer | None]:
        within = replace(self._frame, scope=turn.names(self._frame.scope))
        # What was delivered before a cursor is not known: a listing that resumes at one cannot start again.
        restarts = self._restarts if self._start is None else None
        self._last = fetched = yield from exchange_chunks(self.listing, within, turn, restarts=restarts)
        if fetched.again is not None:
            self._restarts += 1
            return None
        for part, last in split_rows(fetched, self.listing.operation):  # delivered while it is read
            self._last = part
            if not last:
                yield from self._deliver(part, partial=True)
            if self._enough is True:
                break
        return self._last.answer  # its last part is the page that leads on

    def _pass_on(self, answer: Answer, number: int, next_state: Any, prev_state: Any) -> Flow[Any]:
        if self._last is None or self._enough is True:
            return True
        if answer.completeness is not None and not self._last.whole:
            self._endings.add(answer.completeness, self._frame.scope.get("partition") or {})
        fetched = replace(
            self._last, answer=answer, next_state=_page_place(next_state), prev_state=_page_place(prev_state)
        )
        try:
            return (yield from self._deliver(fetched, next_state))
        finally:
            answer.close()

    def _deliver(self, fetched: Fetched, next_state: Any = None, *, partial: bool = False) -> Flow[Any]:
        records, source = yield from prepare_records(self.listing, self._frame, fetched.answer)
        self._endings.add_again(self._recent.add(records))
        page = replace(
            fetched,
            records=records,
            source=source,
            here={"page": self._place},
            scope=self._frame.scope,
            partial=partial,
        )
        if not partial:
            self._place = next_state
        self._enough = yield from self.next(page)
        return self._enough


def _page_place(state: Any) -> Place | None:
    return None if state is None else {"page": state}
