"""Run a listing once per window, a range of times or numbers.

`incremental` defines windows and states. This module applies them to requests and pages.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

from conn_engine.config import VendorOperation
from conn_engine.config.inheritance import find_setting_path
from conn_engine.documents import format_path
from conn_engine.errors import ExpressionError, VendorError
from conn_engine.expressions import render
from conn_engine.listing.incremental import Common, Window, WindowProgress
from conn_engine.listing.pagination.placement import set_parameter
from conn_engine.runtime.fetched import Fetched
from conn_engine.runtime.layers import Frame, Listing, Put, add_step
from conn_engine.runtime.part_failures import survive
from conn_engine.runtime.state_tracking import (
    IncrementalLayer,
    StateTracker,
    is_cut,
    read_known,
    restore_cursor,
    tracker_of,
)
from conn_engine.settings import Draft, Names, Scope
from conn_engine.wire import Flow

__all__ = ["WindowLayer"]


class WindowLayer(IncrementalLayer):
    """Runs the layers below for each window, oldest first. Every page has the state that is valid after it."""

    place_names = ("window", "held", "read")
    _settings: Common
    _tracker: StateTracker
    _partition: Any
    _step: "_WindowStep"

    @staticmethod
    def is_used(operation: VendorOperation) -> bool:
        """Return whether the operation is incremental by the cursors of its records."""
        return isinstance(operation.incremental, Common)

    def start(self, frame: Frame) -> Flow[None]:
        """Run the layers below for each window."""
        settings = self.listing.operation.incremental
        assert isinstance(settings, Common)  # noqa: S101  else the layer is not used
        self._settings, self._tracker = settings, tracker_of(self.listing, settings)
        tracker = self._tracker
        self._partition = frame.scope.get("partition") if tracker.each else None
        if frame.resume.get("held") == "here":
            tracker.leave_out(self._partition)
        earlier = read_known(settings, tracker.state.cursor(self._partition))
        state = {"cursor": None if earlier is None else settings.to_state(earlier)}
        frame = frame.extend({"state": state}, resume=frame.resume)
        rest = frame.resume_without(*self.place_names)
        place, best = _read_window(settings, frame.resume.get("window"))
        fill = partial(_fill, self.listing, frame.scope)
        todo = _Todo(settings.spans(fill, earlier, tracker.now, place, self.listing.call.window))
        first = place is None
        while (part := todo.next()) is not None:
            following = todo.ahead()
            self._step = self._start_step(part.window, following, best)
            names = {"window": _names(settings, part.window, first=first, last=following is None)}
            within = frame.extend(names, _bounds(self.listing, settings, names["window"]), resume=rest)
            try:
                yield from self.below(within, self.next)
            except VendorError as error:
                step = self._step
                if step.begun or rest or not todo.halve(part, error, lambda window: settings.halves(fill, window)):
                    error.partition = error.partition or frame.scope.get("partition") or {}
                    survive(self.listing, error)
                    tracker.leave_out(self._partition)
                    first, rest, best = False, {}, None
            else:
                first, rest, best = False, {}, None

    def _start_step(self, window: Window, following: Window | None, best: Any) -> "_WindowStep":
        settings = self._settings
        earlier = read_known(settings, self._tracker.state.cursor(self._partition))  # earlier windows may have moved it
        place, there = settings.place(window), None if following is None else settings.place(following)
        return _WindowStep(
            place, there, WindowProgress(settings, window, self.listing.session.conditions, earlier, best)
        )

    def next(self, page: Fetched) -> Flow[Any]:
        """Pass on a page with the place of its window and the state. Stop the window at records older than it."""
        settings, tracker, step, progress = self._settings, self._tracker, self._step, self._step.progress
        step.begun = True
        if page.skipped:
            tracker.leave_out(self._partition)
        with _locate_errors(self.listing, "record_cursor"):
            before = progress.found
            delivered, older = progress.see(page.records)
        tracker.records += len(page.records)
        tracker.cursors += progress.found - before
        cut = is_cut(self.listing, page)
        whole = older or (page.last and not cut)
        tracker.move(progress.cursor(whole=whole), self._partition, whole=whole)
        if cut:
            tracker.leave_out(self._partition)
        records, source = page.records, page.source
        if len(delivered) < len(records):
            records, source = [records[index] for index in delivered], [source[index] for index in delivered]
        page = replace(
            page,
            records=records,
            source=source,
            notes=(*page.notes, *progress.notes),
            next_state=None if older else page.next_state,
            state=tracker.state.snapshot(),
        )
        place = step.place if progress.best is None else {**step.place, "best": settings.to_state(progress.best)}
        enough = yield from self.emit(add_step(page, "window", place, step.following))
        return older or enough


@dataclass(slots=True)
class _WindowStep:
    """The place of a window and of the next one, and how far its records are read. `begun` is set by its first page."""

    place: dict[str, Any]
    following: dict[str, Any] | None
    progress: WindowProgress
    begun: bool = False


@dataclass(frozen=True, slots=True)
class _Part:
    """A window, and how often it was halved."""

    window: Window
    halvings: int = 0


class _Todo:
    """The windows that are still to be read, oldest first. A window that is too large is put back as two halves."""

    def __init__(self, spans: Iterator[Window]) -> None:
        self._spans = spans
        self._next: list[_Part] = []

    def next(self) -> _Part | None:
        """Take the next window; None when all are taken."""
        self.ahead()
        return self._next.pop(0) if self._next else None

    def ahead(self) -> Window | None:
        """Return the next window without taking it."""
        if not self._next and (window := next(self._spans, None)) is not None:
            self._next.append(_Part(window))
        return self._next[0].window if self._next else None

    def halve(self, part: _Part, error: VendorError, halves: Callable[[Window], tuple[Window, Window] | None]) -> bool:
        """Put a window back as two halves if the error allows it; return whether that was possible."""
        if not error.halvings:
            return False
        two = halves(part.window) if part.halvings < error.halvings else None
        if two is None:
            error.hint = error.hint or (
                "narrow the request: the smallest window is still too large for the vendor, or has no start or end"
            )
            return False
        self._next[:0] = [_Part(window, part.halvings + 1) for window in two]
        return True


def _read_window(settings: Common, place: Any) -> tuple[Any, Any]:
    """Return the window of a place, and the greatest cursor that was read in it before."""
    if not isinstance(place, dict) or "best" not in place:
        return place, None
    return {key: value for key, value in place.items() if key != "best"}, restore_cursor(settings, place["best"])


def _names(settings: Common, window: Window, *, first: bool, last: bool) -> Names:
    return {
        "start": None if window.start is None else settings.to_request(window.start),
        "end": None if window.end is None else settings.to_request(window.end),
        "length": settings.length(window),
        "first": first,
        "last": last,
    }


def _bounds(listing: Listing, settings: Common, names: Names) -> Put:
    """Return a function that sets both ends in a request. A parameter from the caller is not replaced."""
    query = listing.call.query

    def place(draft: Draft) -> None:
        for value, param, header, pointer, form in (
            (names["start"], settings.start_param, settings.start_header, settings.start_body, settings.start_form),
            (names["end"], settings.end_param, settings.end_header, settings.end_body, settings.end_form),
        ):
            if value is not None:
                set_parameter(
                    draft, value, param=None if param in query else param, header=header, pointer=pointer, form=form
                )

    return place


def _fill(listing: Listing, scope: Scope, key: str, value: Any) -> Any:
    with _locate_errors(listing, key):
        try:
            return render(value, scope)
        except ExpressionError as error:
            if error.code == "unresolved" and value == error.text.strip():
                error.hint = error.hint or f"set a default in `{key}`, such as {{{{… ?? null}}}}"
            raise


@contextmanager
def _locate_errors(listing: Listing, key: str) -> Iterator[None]:
    """Add the configuration path of the setting to an expression's error."""
    try:
        yield
    except ExpressionError as error:
        place = listing.operation.place
        location = format_path(
            find_setting_path(listing.effective.data, place, "incremental", "config", *key.split("."))
        )
        error.at = f"{location}.{error.at}" if error.at else location
        raise
