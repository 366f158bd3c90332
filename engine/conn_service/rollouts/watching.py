"""Watch a rollout: count the calls of its accounts and of the others, also the pages that runs of syncs read, compare
some with the other release on what the vendor has just answered, and halt it.

Nothing more is sent, and no call waits for it: one thread compares, for a fifth of its time at most, and what it has no
time for is counted as dropped. What an account sets is evaluated in the isolation of the process.
"""

import asyncio
import logging
import queue
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any, Final

import sqlalchemy as sa

from conn_engine.analysis.impact.live import UNREPEATABLE, LiveComparison, LiveEvaluation, compare_live
from conn_engine.config import OperationName, Workspace
from conn_engine.errors import ConnError, DisabledError, UsageError, VendorError
from conn_engine.releases.model import Rollout
from conn_engine.releases.rollout_counts import CallCounts, FieldDifference, RolloutCounts, find_halt_reason
from conn_engine.releases.serving import ReleaseChoice
from conn_engine.runtime.call import Call
from conn_engine.runtime.connection import AsyncConnection
from conn_service.rollouts.observed_calls import Exchanges, ObservedCall, ObservedPage, ObservedTransport, WatchedCall
from conn_service.rollouts.store import CallKey, RolloutStore

__all__ = ["RolloutWatch"]

_LOG = logging.getLogger(__name__)
_FLUSH_SECONDS: Final = 2.0
_SHARE: Final = 4
"""The pause after a comparison, as a multiple of its duration."""
_END_SECONDS: Final = 5.0
_MOST_WAITING: Final = 16
_MOST_DIFFERENCES: Final = 2_000
_OF_CALLERS: Final = ("invalid_request", "not_found", "conflict", "forbidden")
"""Kinds of errors that the caller's request has, whatever the release."""
HaltRollout = Callable[[Rollout, str, dict[str, Any]], None]


class RolloutWatch:
    """Watches the rollout that is on. `get_workspace` returns what is served, `halt` stops the rollout, and
    `evaluation` says where the comparison evaluates expressions."""

    def __init__(
        self,
        store: RolloutStore,
        get_workspace: Callable[[], Workspace],
        halt: HaltRollout,
        evaluation: LiveEvaluation,
    ) -> None:
        self.store = store
        self.evaluation = evaluation
        self._get_workspace = get_workspace
        self._halt = halt
        self._lock = threading.Lock()
        self._storing = threading.Lock()
        self._calls: dict[CallKey, CallCounts] = {}
        self._differences: dict[str, dict[tuple[str, ...], FieldDifference]] = {}
        self._waiting: queue.Queue[ObservedCall | None] = queue.Queue(_MOST_WAITING)
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None
        self._seen = 0

    @contextmanager
    def follow(self, connection: AsyncConnection, operation: OperationName, call: Call) -> Iterator[AsyncConnection]:
        """Count a call of an account, and compare it later if it is chosen. Yields the connection to use for it."""
        session = connection.wiring.session
        watched = self._find_watched(session.account)
        if watched is None:
            yield connection
            return
        exchanges: Exchanges = []
        observed = connection
        if self._is_chosen(watched.share) and not call.files:
            observed = connection.with_transport(ObservedTransport(connection.transport, exchanges))
        failed = False
        try:
            yield observed
        except ConnError as error:
            failed = _is_failure(error)
            raise
        except asyncio.CancelledError:  # it took too long, or the caller is gone
            failed = True
            raise
        finally:
            self._count(watched, CallCounts(calls=1, failed=failed))
            now = session.clock.now()
            self._enqueue(ObservedCall(watched, connection.wiring, operation, call, exchanges, now))

    @contextmanager
    def follow_page(self, page: ObservedPage) -> Iterator[None]:
        """Count a page that a run of a sync reads in the block, and compare it later if it is chosen.

        A run has one release for its whole time. Its pages are left out if that is neither of the two of the rollout.
        """
        try:
            watched = self._find_watched(page.wiring.session.account, page.release)
        except (sa.exc.SQLAlchemyError, ConnError):  # the run itself reports what is wrong with the store
            watched = None
        if watched is None:
            yield
            return
        with page.transport.remember() as exchanges:
            try:
                yield
            except ConnError as error:
                self._note_page(watched, page, exchanges, failed=_is_failure(error))
                raise
        self._note_page(watched, page, exchanges, failed=False)

    def _note_page(self, watched: WatchedCall, page: ObservedPage, exchanges: Exchanges, *, failed: bool) -> None:
        if not exchanges and not failed:  # the end of a listing, or another part of a long page
            return
        self._count(watched, CallCounts(calls=1, failed=failed))
        if page.build_call is None or not self._is_chosen(watched.share):
            return
        call = page.build_call()
        if not call.window:  # no recording has one
            self._enqueue(
                ObservedCall(watched, page.wiring, page.operation, call, exchanges, page.now, page.is_continued)
            )

    def _find_watched(self, account: str, release: str = "") -> WatchedCall | None:
        """Return how the calls of an account are counted, None if no rollout concerns them. `release` is the one that
        they are made with, by default the one that the account uses."""
        workspace = self._get_workspace()
        choice = workspace.choice
        if not isinstance(choice, ReleaseChoice):
            return None
        rollout, sides = choice.channel.rollout, choice.find_sides(workspace, account)
        if rollout is None or sides is None:
            return None
        before, after = sides
        used = release or workspace.of_account(account).release
        if used not in (before.release, after.release):
            return None
        return WatchedCall((rollout.seed, rollout.since, account, used == after.release), before, after)

    def settle(self) -> None:
        """Compare and store everything that waits, and halt the rollout if it must be. Blocks."""
        self._waiting.join()
        self.flush()

    def close(self) -> None:
        """Stop comparing, and store what was counted. What still waits is counted as dropped."""
        self._stop.set()
        with suppress(queue.Full):
            self._waiting.put_nowait(None)  # wakes the thread
        if self._thread is not None:
            self._thread.join(_END_SECONDS)
        with suppress(queue.Empty):
            while True:
                left = self._waiting.get_nowait()
                if left is not None:
                    self._count(left.watched, CallCounts(dropped=1))
        self.flush()

    def flush(self) -> None:
        """Store what was counted, and halt the rollout if its numbers are too high. Waits for another thread that does
        it. Logs what fails: it is tried again with the next numbers."""
        with self._storing:
            with self._lock:
                calls, self._calls = self._calls, {}
                differences, self._differences = self._differences, {}
            if not calls:
                return
            try:
                self.store.add(calls, {rollout: list(found.values()) for rollout, found in differences.items()})
                self._judge()
            except (sa.exc.SQLAlchemyError, ConnError) as error:
                reason = error.message if isinstance(error, ConnError) else type(error).__name__
                _LOG.error("the numbers of the rollout were not stored or not judged: %s", reason)

    def count(self, rollout: Rollout) -> RolloutCounts:
        """Return the counts of a rollout since its last change, of all processes."""
        return self.store.count(rollout.seed, rollout.since)

    def _is_chosen(self, share: float) -> bool:
        """Choose a share of the calls, evenly."""
        with self._lock:
            self._seen += 1
            return int(self._seen * share) > int((self._seen - 1) * share)

    def _count(self, watched: WatchedCall, counts: CallCounts) -> None:
        with self._lock:
            self._calls.setdefault(watched.key, CallCounts()).add(counts)
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="conn-rollout", daemon=True)
                self._thread.start()

    def _enqueue(self, observed: ObservedCall) -> None:
        """Let the thread compare a call, unless nothing was exchanged, or too much."""
        if not observed.exchanges or not observed.is_small:
            return
        try:
            self._waiting.put_nowait(observed)
        except queue.Full:
            self._count(observed.watched, CallCounts(dropped=1))

    def _run(self) -> None:
        due = time.monotonic() + _FLUSH_SECONDS
        while not self._stop.is_set():
            try:
                observed = self._waiting.get(timeout=_FLUSH_SECONDS)
            except queue.Empty:
                self.flush()
                continue
            began = time.monotonic()
            if observed is not None:
                self._compare(observed)
            self._waiting.task_done()
            if time.monotonic() >= due:
                self.flush()
                due = time.monotonic() + _FLUSH_SECONDS
            self._stop.wait(_SHARE * (time.monotonic() - began))

    def _compare(self, observed: ObservedCall) -> None:
        watched, account = observed.watched, observed.account
        try:
            recording = observed.to_recording()
            found = compare_live(
                watched.before, watched.after, account, observed.operation, recording, evaluation=self.evaluation
            )
        except Exception as error:  # the thread must not end
            _LOG.error("a call of %s was not compared (%s)", account, type(error).__name__)
            self._count(watched, CallCounts(dropped=1))
            return
        if found.stopped:
            _LOG.warning("a call of %s (%s) was not compared: %s", account, observed.operation.text, found.stopped)
            self._count(watched, CallCounts(dropped=1))
            return
        if observed.is_continued and found.obstacle == UNREPEATABLE:  # read by itself, it is another page
            return
        if found.obstacle:
            self._count(watched, CallCounts(different=1))
            self._add(observed, LiveComparison({(found.obstacle, "request_changed"): 1}))
            return
        self._count(watched, CallCounts(compared=1, missing=found.is_missing))
        self._add(observed, found)

    def _add(self, observed: ObservedCall, found: LiveComparison) -> None:
        with self._lock:
            known = self._differences.setdefault(observed.watched.key[0], {})
            for (name, kind), records in found.counts.items():
                place = (observed.account, observed.operation.text, name, kind)
                if place not in known and len(known) >= _MOST_DIFFERENCES:
                    continue
                row = known.setdefault(place, FieldDifference(*place))
                row.calls += 1
                row.records += records
                row.ids = list(dict.fromkeys([*row.ids, *found.ids.get((name, kind), ())]))[:3]

    def _judge(self) -> None:
        workspace = self._get_workspace()
        choice = workspace.choice
        rollout = choice.channel.rollout if isinstance(choice, ReleaseChoice) else None
        if rollout is None or not rollout.is_served:
            return
        counts = self.count(rollout)
        reason = find_halt_reason(counts, workspace.with_choice(None).settings.rollout)
        if reason:
            self._halt(rollout, reason, counts.to_data())
            _LOG.error("the rollout of release %s was halted: %s", rollout.release[:12], reason)


def _is_failure(error: ConnError) -> bool:
    """Return whether an error may come from the release, and not from what the caller asked for."""
    if isinstance(error, VendorError):
        return error.kind not in _OF_CALLERS
    return not isinstance(error, UsageError | DisabledError)
