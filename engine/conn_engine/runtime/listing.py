"""One listing: partitions, chunks, recursion, windows, pages and records, joined by `yield from`.

What the layers hand each other is in `layers`; each but the pages has a module of its own.
"""

from dataclasses import replace
from typing import Any

from conn_engine.config import Effective, VendorOperation
from conn_engine.errors import UsageError
from conn_engine.listing import pagination
from conn_engine.responses.failures import restart_key
from conn_engine.runtime.call import Call, Session, decode_cursor
from conn_engine.runtime.chunks import chunked, exchange_chunks
from conn_engine.runtime.endings import RecentIds, endings_of
from conn_engine.runtime.enrichment import delivered
from conn_engine.runtime.fetched import Fetched, split_rows
from conn_engine.runtime.jobs import job_pages
from conn_engine.runtime.layers import Emit, Frame, Listing, Place
from conn_engine.runtime.part_failures import raise_failures
from conn_engine.runtime.partitions import partitions
from conn_engine.runtime.records import finds_all
from conn_engine.runtime.recursion import recursed
from conn_engine.runtime.request import call_scope
from conn_engine.runtime.sources import Part, combined
from conn_engine.runtime.windows import remembering, settled, windows, without_cursor
from conn_engine.settings import Answer, Scope
from conn_engine.wire import Flow, Page, Purpose

__all__ = ["fetch_pages", "page_state", "perform_partitions"]


def fetch_pages(  # noqa: PLR0917
    effective: Effective,
    operation: VendorOperation,
    call: Call,
    session: Session,
    emit: Emit,
    extra: Scope | None = None,
    *,
    state: Any = None,
    purpose: Purpose = "operation",
    chain: tuple[str, ...] = (),
) -> Flow[None]:
    """Send a vendor operation page by page. `extra` adds names to its scope (`before`, `raw_query`).

    It begins at the call's cursor, or at `state`: what an earlier page's cursor holds. `purpose` and `chain` say for
    whom it is listed (see `layers.Listing`).
    """
    listing = Listing(effective, operation, call, session, fetch_pages, purpose, chain)
    state = state if call.cursor is None else decode_cursor(call.cursor)
    resume = {} if state is None else _place(state)
    number = 0

    def deliver(page: Fetched) -> Flow[Any]:
        nonlocal number
        number += 1
        page = remembering(listing, settled(listing, page))
        if page.last:
            page = endings_of(listing).finish(listing, without_cursor(listing, page))
        outward = replace(page, number=number, next_state=_state(page.next_state), prev_state=_state(page.prev_state))
        return (yield from emit(replace(outward, here=_state(page.here))))

    def paged(frame: Frame, emit: Emit) -> Flow[None]:
        if operation.job is None:
            yield from _PageReader(listing, frame, emit).read()
        else:
            yield from job_pages(listing, frame, emit)

    def windowed(frame: Frame, emit: Emit) -> Flow[None]:
        yield from windows(listing, frame, emit, paged)

    def repeated(frame: Frame, emit: Emit) -> Flow[None]:
        yield from recursed(listing, frame, emit, windowed)

    def pieced(frame: Frame, emit: Emit) -> Flow[None]:
        yield from chunked(listing, frame, emit, repeated)

    frame = Frame({**call_scope(effective, call), **(extra or {})}, resume=resume)
    yield from partitions(listing, frame, deliver, pieced)
    raise_failures(listing)


class _PageReader:
    """Reads the pages of one step of a listing, and hands each on with its records."""

    def __init__(self, listing: Listing, frame: Frame, emit: Emit) -> None:
        self._listing, self._frame, self._emit = listing, frame, emit
        self._endings, self._recent = endings_of(listing), RecentIds()
        self._start = self._place = frame.resume.get("page")
        self._last: Fetched | None = None
        self._enough: Any = None
        self._restarts = 0

    def read(self) -> Flow[None]:
        """Read page after page, until the last one or until a layer above has enough."""
        operation = self._listing.operation
        try:
            yield from pagination.pages(
                operation.paging(),
                self._fetch,
                self._hand_on,
                self._start,
                restart_key(operation.errors),
                seen=self._endings.seen,
                counts=not self._frame.chunks and finds_all(operation.response_path),
            )
        finally:
            if self._last is not None:
                self._last.answer.close()

    def _fetch(self, turn: pagination.Turn) -> Flow[Answer | None]:
        within = replace(self._frame, scope=turn.names(self._frame.scope))
        # What was delivered before a cursor is not known: a listing that goes on from one cannot begin again.
        restarts = self._restarts if self._start is None else None
        whole = yield from exchange_chunks(self._listing, within, turn, restarts=restarts)
        if whole.again is not None:
            self._restarts += 1
            return None
        exchanged = self._last = whole
        for exchanged, last in split_rows(
            whole, self._listing.operation
        ):  # a long answer is handed on while it is read
            self._last = exchanged
            if not last:
                self._enough = yield from self._hand_on(exchanged.answer, 0, None, None, partial=True)
            if self._enough is True:
                break
        return exchanged.answer  # its last part is the page that leads on

    def _hand_on(
        self, answer: Answer, number: int, next_state: Any, prev_state: Any, *, partial: bool = False
    ) -> Flow[Any]:
        exchanged = self._last
        if exchanged is None or self._enough is True:
            return True
        records, source = yield from delivered(self._listing, self._frame, answer)
        self._endings.add_again(self._recent.add(records))
        if answer.completeness is not None and not exchanged.whole:
            self._endings.add(answer.completeness, self._frame.scope.get("partition") or {})
        page = replace(
            exchanged,
            answer=answer,
            records=records,
            source=source,
            number=number,
            next_state=_paged(next_state),
            prev_state=_paged(prev_state),
            here={"page": self._place},
            scope=self._frame.scope,
            partial=partial,
        )
        if partial:
            return (yield from self._emit(page))
        self._place = next_state
        try:
            return (yield from self._emit(page))
        finally:
            answer.close()


def _paged(state: Any) -> Place | None:
    return None if state is None else {"page": state}


def _place(state: Any) -> Place:
    """The place that a cursor's state names. A listing without other layers keeps the page's bare state."""
    if isinstance(state, dict) and state.keys() == {"place"} and isinstance(state["place"], dict):
        return dict(state["place"])
    return {"page": state}


def _state(place: Place | None) -> Any:
    if place is None:
        return None
    return place["page"] if place.keys() == {"page"} else {"place": dict(place)}


def perform_partitions(effective: Effective, operation: VendorOperation, call: Call, session: Session) -> Flow[None]:
    """The generator of an operation's partitions alone: a page for each, its record the values by name.

    Raises UsageError when the operation has no parents.
    """
    name = operation.text
    if not operation.parents:
        raise UsageError(f"{name} has no `parents`: there is nothing it is repeated for")
    number = 0

    def each(part: Part) -> Flow[None]:
        nonlocal number
        number += 1
        yield Page(records=[dict(part.values)], raw=[], number=number, partition=part.values)

    listing = Listing(effective, operation, call, session, fetch_pages)
    yield from combined(listing, call_scope(effective, call), operation.parents, (), each)


def page_state(state: Any) -> Any:
    """The state of the page within a cursor's state: what the vendor itself gave."""
    return _place(state).get("page")
