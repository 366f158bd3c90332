"""A run that this process reads: its listing, which stays open between pages."""

from collections.abc import Callable, Generator
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

from conn_engine.conditions import Scope
from conn_engine.errors import ConnError
from conn_engine.runtime.call import Call
from conn_engine.runtime.connection import Connection
from conn_engine.syncs import FetchStep, RunScope, SyncPlan, build_call
from conn_engine.wire import Page
from conn_service.rollouts import ObservedPage, RolloutWatch, RunTransport
from conn_service.syncs.enriching import EnrichmentCache
from conn_service.syncs.phases import get_fetch
from conn_service.syncs.store import RunRow, StreamRow

if TYPE_CHECKING:
    from conn_service.syncs.drift_parts import DriftParts

__all__ = ["EARLY_SECONDS", "OpenRun"]

EARLY_SECONDS = 300.0
"""A credential that expires within this number of seconds is renewed before the next page."""


@dataclass(slots=True)
class OpenRun:
    """A run that this process reads. `seq` is the number of its stored pages.

    `is_reopened` is set if another process, or this one before an error, has read a part of it, and `is_restarted` if
    the listing begins again because it has no place to continue at. `item` is the ID and the record of a loop, and
    `drift` what a check of drift needs. `count_requests` returns how many were sent since its last call. `watch` lets
    its pages take part in a rollout.
    """

    plan: SyncPlan
    connection: Connection
    stream: StreamRow
    seq: int
    is_reopened: bool = False
    is_restarted: bool = False
    pages: Generator[Page, None, None] | None = None
    item: tuple[Any, Any] = (None, None)
    endpoint_key: str = ""
    drift: "DriftParts | None" = None
    count_requests: Callable[[], int] = lambda: 0
    used_at: float = 0.0
    renewed_at: float = float("-inf")
    enrichments: EnrichmentCache | None = None
    watch: RolloutWatch | None = None

    def renew_credential(self) -> None:
        """Renew the credential before a page is read, if it expires soon, so that it is rarely renewed within a page.

        It is stored at once, and not with the page. A failure does not matter: the credential is still valid, and one
        that is not any more is renewed by the request that needs it. One that lives for a shorter time is, too.
        """
        now = self.connection.wiring.session.clock.now()
        if now < self.renewed_at + EARLY_SECONDS:
            return
        try:
            is_renewed = self.connection.renew_early(EARLY_SECONDS)
        except ConnError:
            is_renewed = True  # do not ask again at each page
        if is_renewed:
            self.renewed_at = now

    def build_scope(self, run: RunRow) -> Scope:
        """Return what expressions of the run see."""
        session = self.connection.wiring.session
        context = self.connection.effective.context
        names = {"event": run.settings.get("event"), "window": run.settings.get("window")}
        return RunScope(run.account, run.since, context, session.conditions, *self.item, **names).build()

    def read_page(self, run: RunRow) -> Page | None:
        """Return the next page of the listing that the run is at, None at its end."""
        if run.place.get("done"):
            return None
        fetch = get_fetch(self.plan, run.phase)
        is_continued = self.pages is not None
        if self.pages is None:
            self.pages = self.connection.pages(fetch.operation, self._build_call(run, fetch))
        with self._observe(run, fetch, is_continued=is_continued):
            return next(self.pages, None)

    def _build_call(self, run: RunRow, fetch: FetchStep) -> Call:
        """Return the call that reads what follows the place of a run."""
        cursor, state = run.place.get("cursor"), run.place.get("state")
        return build_call(self.connection.effective, fetch, self.build_scope(run), cursor=cursor, state=state)

    def _observe(self, run: RunRow, fetch: FetchStep, *, is_continued: bool) -> AbstractContextManager[None]:
        """Return what surrounds the reading of a page. A later page of a listing that cannot be continued at a place
        is only counted."""
        transport = self.connection.transport
        if self.watch is None or not isinstance(transport, RunTransport):
            return nullcontext()
        has_place = not is_continued or run.place.get("cursor") is not None
        build = partial(self._build_call, run, fetch) if has_place else None
        wiring = self.connection.wiring
        page = ObservedPage(wiring, transport, run.release, fetch.operation, build, is_continued=is_continued)
        return self.watch.follow_page(page)

    def close_listing(self) -> None:
        """Close the listing, so that the next page is that of another one."""
        if self.pages is not None:
            self.pages.close()
        self.pages = None

    def close(self) -> None:
        """Close the listing and the connection."""
        self.close_listing()
        self.connection.close()
