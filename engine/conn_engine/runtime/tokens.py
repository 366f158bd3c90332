"""Run a listing from the vendor's token of the last run, and store the one of its last page.

`incremental` defines tokens and states. This module applies them to requests and pages.
"""

from dataclasses import replace
from typing import Any

from conn_engine.config import VendorOperation
from conn_engine.errors import ConfigurationError, VendorError
from conn_engine.listing.incremental import SyncToken, Unreadable
from conn_engine.runtime.fetched import Fetched
from conn_engine.runtime.layers import Frame, add_step
from conn_engine.runtime.part_failures import survive
from conn_engine.runtime.state_tracking import (
    IncrementalLayer,
    StateTracker,
    is_cut,
    read_known,
    restore_cursor,
    tracker_of,
)
from conn_engine.settings import Draft
from conn_engine.wire import Flow

__all__ = ["TokenLayer"]


class TokenLayer(IncrementalLayer):
    """Runs the layers below with the token of the last run, and again without it if the vendor no longer knows it."""

    place_names = ("token", "held", "read")
    _settings: SyncToken
    _tracker: StateTracker
    _partition: Any
    _token: Any
    _notes: tuple[str, ...] = ()

    @staticmethod
    def is_used(operation: VendorOperation) -> bool:
        """Return whether the operation is incremental by the vendor's tokens."""
        return isinstance(operation.incremental, SyncToken)

    def start(self, frame: Frame) -> Flow[None]:
        """Run the layers below from the token of the place to resume at, else of the state."""
        settings = self.listing.operation.incremental
        assert isinstance(settings, SyncToken)  # noqa: S101  else the layer is not used
        self._check_operation()
        self._settings, self._tracker = settings, tracker_of(self.listing, settings)
        self._partition = frame.scope.get("partition")
        if frame.resume.get("held") == "here":
            self._tracker.leave_out(self._partition)
        if "token" in frame.resume:
            self._token = restore_cursor(settings, frame.resume["token"])
        else:
            self._token = read_known(settings, self._tracker.state.cursor(self._partition))
        rest = frame.resume_without(*self.place_names)
        while True:
            names = {"state": {"cursor": self._token}}
            within = frame.extend(names, None if self._token is None else self._place, resume=rest)
            try:
                return (yield from self.below(within, self.next))
            except VendorError as error:
                if self._token is None or not settings.has_expired(error, frame.scope):
                    error.partition = error.partition or frame.scope.get("partition") or {}
                    survive(self.listing, error)
                    return self._tracker.leave_out(self._partition)
                message = error.vendor_message
            self._notes = (f"the vendor no longer knows the token of the last run, so everything is read: {message}",)
            self._token, rest = None, {}

    def next(self, page: Fetched) -> Flow[Any]:
        """Pass on a page with the state after it: the token of the last page."""
        notes, self._notes = self._notes, ()
        if page.skipped or is_cut(self.listing, page):
            self._tracker.leave_out(self._partition)
        elif page.last:
            notes = (*notes, *self._move(page))
        page = replace(page, notes=(*page.notes, *notes), state=self._tracker.state.snapshot())
        return (yield from self.emit(add_step(page, "token", self._token)))

    def _move(self, page: Fetched) -> tuple[str, ...]:
        """Move the state to the token of the last page. Returns a note if it has none."""
        setting = self._settings.url_field or self._settings.token_field
        try:
            token = self._settings.find_token(page.answer)
        except Unreadable as error:
            return (f"the token of the next run cannot be read ({setting}): {error}; the state does not move",)
        if token is None:
            return (f"the last page has no token for the next run ({setting}), so the state does not move",)
        self._tracker.move(token, self._partition, whole=True)
        return ()

    def _place(self, draft: Draft) -> None:
        self._settings.place(self._token, draft)

    def _check_operation(self) -> None:
        """Raise ConfigurationError if several listings would share the token."""
        for key in ("recurse", "chunk"):
            if getattr(self.listing.operation, key) is not None:
                raise ConfigurationError(
                    f"{self.listing.name} has `{key}`: it sends several listings, but `incremental` stores one token",
                    hint=f"remove `{key}`, or set `incremental: null` in this operation",
                )
