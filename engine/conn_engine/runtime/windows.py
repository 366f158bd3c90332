"""The windows of a listing: one step per stretch of time or of numbers. An operation that names none has one step.

What a window is, and what a state may say, is in `incremental`. Here they meet requests and pages.
"""

import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

from conn_engine.config import VendorOperation
from conn_engine.documents import dotted
from conn_engine.errors import ConfigurationError, ExpressionError, UsageError, VendorError
from conn_engine.expressions import render
from conn_engine.listing.incremental import Common, Progress, State, Unreadable, Window, absent
from conn_engine.listing.pagination.placement import put
from conn_engine.runtime.fetched import Fetched
from conn_engine.runtime.layers import Below, Emit, Frame, Listing, Place, Put, foreign_cursor, stepped
from conn_engine.runtime.part_failures import survive
from conn_engine.settings import Draft, Scope, ask
from conn_engine.wire import Flow

__all__ = ["cursor_missing", "remembering", "settled", "windows", "without_cursor"]

_ELSEWHERE = "elsewhere"  # marks what was left out in a partition that is not gone on with; no mark of one is like it


@dataclass(slots=True)
class _Run:
    """What all windows of one listing share: the state, the moment it began, and what waits for the listing's end:
    cursors, and the states of its parents. `records` came, `cursors` of them have one. `held`: what a rule left out has
    not been read, no state goes beyond it."""

    state: State
    now: float
    each: bool
    waiting: list[Any] = field(default_factory=list)
    parents: dict[str, Any] = field(default_factory=dict)
    held: set[str] = field(default_factory=set)
    records: int = 0
    cursors: int = 0

    def dump_waiting(self, settings: Common) -> dict[str, Any]:
        """What waits for the end of the listing, as the data of a cursor."""
        waiting = {"waiting": settings.kept(max(self.waiting))} if self.waiting else {}
        return {**waiting, **({"parents": dict(self.parents)} if self.parents else {})}

    def take_up(self, settings: Common, read: Any) -> None:
        """Go on with what waited when the cursor was given out."""
        if read is None:
            return
        if not isinstance(read, dict) or not isinstance(read.get("parents", {}), dict):
            raise foreign_cursor()
        if "waiting" in read:
            self.waiting.append(_restored(settings, read["waiting"]))
        self.parents = {**read.get("parents", {}), **self.parents}


def windows(listing: Listing, frame: Frame, emit: Emit, below: Below) -> Flow[None]:
    """Run the pages of each window, oldest first, and tell on every page what the state may be once it is delivered."""
    settings = listing.operation.incremental
    if settings is None:
        yield from below(frame, emit)
        return
    run = _run_of(listing, settings)
    partition = frame.scope.get("partition") if run.each else None
    if "held" in frame.resume:
        run.held.add(_mark(partition) if frame.resume["held"] == "here" else _ELSEWHERE)
    known = _known(settings, run.state.cursor(partition))
    frame = frame.within({"state": {"cursor": None if known is None else settings.kept(known)}}, resume=frame.resume)
    run.take_up(settings, frame.resume.get("read"))
    rest: Place = {name: value for name, value in frame.resume.items() if name not in ("window", "held", "read")}
    place, best = _placed_window(settings, frame.resume.get("window"))
    fill = partial(_filled, listing, frame.scope)
    todo = _Todo(settings.spans(fill, known, run.now, place))
    first = place is None
    while (part := todo.next()) is not None:
        following = todo.ahead()
        step = _Step(listing, settings, run, partition, part.window, following, best)
        names = {"window": _names(settings, part.window, first=first, last=following is None)}
        within = frame.within(names, _bounds(listing, settings, names["window"]), resume=rest)
        try:
            yield from below(within, step.emit(emit))
        except VendorError as error:
            if step.begun or rest or not todo.halved(part, error, lambda window: settings.halves(fill, window)):
                error.partition = error.partition or frame.scope.get("partition") or {}
                survive(listing, error)
                run.held.add(_mark(partition))
                first, rest, best = False, {}, None
        else:
            first, rest, best = False, {}, None


@dataclass(frozen=True, slots=True)
class _Part:
    """A window, and how often it was halved."""

    window: Window
    halvings: int = 0


class _Todo:
    """The windows that are still to be read, oldest first. One that is too much is put back in two halves."""

    def __init__(self, spans: Iterator[Window]) -> None:
        self._spans = spans
        self._next: list[_Part] = []

    def next(self) -> _Part | None:
        """Take the next window; None when all are taken."""
        self.ahead()
        return self._next.pop(0) if self._next else None

    def ahead(self) -> Window | None:
        """The window that comes next."""
        if not self._next and (window := next(self._spans, None)) is not None:
            self._next.append(_Part(window))
        return self._next[0].window if self._next else None

    def halved(self, part: _Part, error: VendorError, halves: Callable[[Window], tuple[Window, Window] | None]) -> bool:
        """Put a window back in two, where an error asks for that and it can be done; whether it has been."""
        if not error.halvings:
            return False
        two = halves(part.window) if part.halvings < error.halvings else None
        if two is None:
            error.hint = error.hint or "even the smallest window is too much for the vendor, or it has no start and end"
            return False
        self._next[:0] = [_Part(window, part.halvings + 1) for window in two]
        return True


@dataclass(slots=True)
class _Step:
    """One window of one partition. `best` is the greatest cursor of its records before the place it goes on from."""

    listing: Listing
    settings: Common
    run: _Run
    partition: Any
    window: Window
    following: Window | None
    best: Any
    begun: bool = False

    def emit(self, emit: Emit) -> Emit:
        """What the pages of this window go through."""
        settings, run = self.settings, self.run
        progress = Progress(settings, self.window, _known(settings, run.state.cursor(self.partition)), self.best)
        window = settings.place(self.window)
        there = None if self.following is None else settings.place(self.following)

        def hand_on(page: Fetched) -> Flow[Any]:
            self.begun = True
            if page.skipped:
                run.held.add(_mark(self.partition))
            with _placed(self.listing, "cursor_field"):
                before = progress.found
                kept, older = progress.see(page.records)
            run.records += len(page.records)
            run.cursors += progress.found - before
            page = replace(page, notes=(*page.notes, *progress.notes))
            cut = self._is_cut(page)
            self._moved(progress, whole=older or (page.last and not cut))
            if cut:
                run.held.add(_mark(self.partition))
            if len(kept) < len(page.records):
                records, source = [page.records[at] for at in kept], [page.source[at] for at in kept]
                page = replace(page, records=records, source=source)
            page = replace(page, next_state=None if older else page.next_state, state=run.state.snapshot())
            here = window if progress.best is None else {**window, "best": settings.kept(progress.best)}
            enough = yield from emit(stepped(page, "window", here, there))
            return older or enough

        return hand_on

    def _is_cut(self, page: Fetched) -> bool:
        """Whether the window's pages ended before its records did, so that a later run has to read them."""
        verdict = page.answer.completeness
        if verdict is None:
            return False
        return verdict.state == "stopped" or (
            verdict.state == "incomplete" and self.listing.operation.complete == "error"
        )

    def _moved(self, progress: Progress, *, whole: bool) -> None:
        reached = progress.cursor(whole=whole)
        if reached is None or _mark(self.partition) in self.run.held:
            return
        if self.run.each:
            self.run.state.move(self.settings.kept(reached), self.partition)
        elif whole:
            self.run.waiting.append(reached)


def _mark(partition: Any) -> str:
    return json.dumps(partition, sort_keys=True, default=str)


def settled(listing: Listing, page: Fetched) -> Fetched:
    """The page as it leaves the listing: after the very last one, what waited for that goes into the state."""
    run = listing.memory.get("incremental")
    settings = listing.operation.incremental
    if not page.last or settings is None or not isinstance(run, _Run) or not (run.waiting or run.parents) or run.held:
        return page
    if run.waiting:
        run.state.move_all(settings.kept(max(run.waiting)))
    run.state.move_parents(run.parents)
    return replace(page, state=run.state.snapshot())


def without_cursor(listing: Listing, page: Fetched) -> Fetched:
    """The very last page with a note, when `cursor_field` found nothing in any record: the state cannot move."""
    run, settings = listing.memory.get("incremental"), listing.operation.incremental
    if settings is None or settings.cursor_field is None or not isinstance(run, _Run) or run.cursors or not run.records:
        return page
    missing = f'`cursor_field` "{settings.cursor_field}" of `incremental` finds nothing in any record'
    note = f"{missing}: the state does not move"
    return replace(page, notes=(*page.notes, note))


def remembering(listing: Listing, page: Fetched) -> Fetched:
    """The page whose cursor tells what the state needs to know of the pages before it: `read`, what waits for the end,
    and `held`, that a rule left something out. What goes on from there does not move the state beyond that either."""
    run, settings = listing.memory.get("incremental"), listing.operation.incremental
    if page.next_state is None or settings is None or not isinstance(run, _Run):
        return page
    if read := run.dump_waiting(settings):
        page = replace(page, next_state={**page.next_state, "read": read})
    if not run.held:
        return page
    mark = _mark(page.scope.get("partition") if run.each else None)
    stays = not run.each or page.next_state.get("partition") == (page.here or {}).get("partition")
    held = "here" if stays and mark in run.held else "elsewhere"
    return replace(page, next_state={**page.next_state, "held": held})


def parents_state(listing: Listing, parents: VendorOperation) -> Any:
    """From where the listing of the parents goes on. Raises ConfigurationError where one of both is not incremental."""
    settings = listing.operation.incremental
    name = f"{parents.resource}.{parents.name}"
    if settings is None or parents.incremental is None:
        lacking = listing.name if settings is None else name
        raise ConfigurationError(
            f"{listing.name} reads only the new parents of {name}, but {lacking} is not incremental",
            hint=f"say `incremental` in {lacking}, or leave it out of the parents",
        )
    return _run_of(listing, settings).state.parents(name)


def parents_read(listing: Listing, parents: VendorOperation, state: Any) -> None:
    """Remember the state that a page of the parents told: it counts once all that hangs on them has been read."""
    run = listing.memory.get("incremental")
    if isinstance(run, _Run) and state is not None:
        run.parents[f"{parents.resource}.{parents.name}"] = state


def cursor_missing(operation: VendorOperation, records: Sequence[Any]) -> str | None:
    """The `cursor_field` that finds nothing in any of these delivered records; None when all is well."""
    settings = operation.incremental
    if settings is None or settings.cursor_field is None or not records:
        return None
    field_ = settings.cursor_field
    return field_ if all(absent(ask(field_, record)) for record in records) else None


def _run_of(listing: Listing, settings: Common) -> _Run:
    run = listing.memory.get("incremental")
    if not isinstance(run, _Run):
        # Steps of a recursion share their partition: none of them may speak for it before all have been read.
        each = settings.per_partition and listing.operation.recurse is None
        run = _Run(State(listing.call.state), _began(listing), each or not _divided(listing))
        listing.memory["incremental"] = run
    return run


def _began(listing: Listing) -> float:
    session = listing.session
    return session.clock.now() if session.now_ms is None else session.now_ms / 1000


def _divided(listing: Listing) -> bool:
    return bool(listing.operation.parents) or listing.operation.recurse is not None


def _known(settings: Common, cursor: Any) -> Any:
    try:
        return settings.restored(cursor)
    except Unreadable as error:
        raise UsageError(
            f"the state's cursor is not of this operation: {error}",
            hint="pass the state of an earlier run unchanged, or leave it out to read everything again",
        ) from None


def _placed_window(settings: Common, place: Any) -> tuple[Any, Any]:
    """The window of a place, and the greatest cursor that was read in it before."""
    if not isinstance(place, dict) or "best" not in place:
        return place, None
    return {key: value for key, value in place.items() if key != "best"}, _restored(settings, place["best"])


def _restored(settings: Common, cursor: Any) -> Any:
    try:
        return settings.restored(cursor)
    except Unreadable:
        raise foreign_cursor() from None


def _names(settings: Common, window: Window, *, first: bool, last: bool) -> Scope:
    return {
        "start": None if window.start is None else settings.shown(window.start),
        "end": None if window.end is None else settings.shown(window.end),
        "length": settings.length(window),
        "first": first,
        "last": last,
    }


def _bounds(listing: Listing, settings: Common, names: Scope) -> Put:
    """Puts both ends where they go. A parameter that the caller gives is the caller's."""
    given = listing.call.query

    def place(draft: Draft) -> None:
        for value, param, header, pointer, form in (
            (names["start"], settings.start_param, settings.start_header, settings.start_body, settings.start_form),
            (names["end"], settings.end_param, settings.end_header, settings.end_body, settings.end_form),
        ):
            if value is not None:
                put(draft, value, param=None if param in given else param, header=header, pointer=pointer, form=form)

    return place


def _filled(listing: Listing, scope: Scope, key: str, value: Any) -> Any:
    with _placed(listing, key):
        try:
            return render(value, scope)
        except ExpressionError as error:
            if error.code == "unresolved" and value == error.text.strip():
                error.hint = error.hint or f"give `{key}` a default, such as {{{{… ?? null}}}}"
            raise


@contextmanager
def _placed(listing: Listing, key: str) -> Iterator[None]:
    """Give an expression's error, or a value that cannot be read, the place of the setting."""
    try:
        yield
    except ExpressionError as error:
        here = dotted((*listing.operation.at("incremental"), "config", *key.split(".")))
        error.at = f"{here}.{error.at}" if error.at else here
        raise
