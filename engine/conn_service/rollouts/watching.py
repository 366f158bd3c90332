"""Watch a rollout: count the calls of its accounts and of the others, compare some with the other release on what the
vendor has just answered, and halt it.

Nothing more is sent, and no call waits for it: one thread compares, for a fifth of its time at most, and what it has no
time for is counted as dropped.
"""

import asyncio
import logging
import queue
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

import sqlalchemy as sa

from conn_engine.analysis.impact.live import LiveComparison, compare_live
from conn_engine.config import OperationName, Workspace
from conn_engine.errors import ConnError, DisabledError, UsageError, VendorError
from conn_engine.recordings.exchanges import exchange_of
from conn_engine.recordings.files import Recording, redact_recording
from conn_engine.releases.model import Rollout
from conn_engine.releases.rollout_counts import CallCounts, FieldDifference, RolloutCounts, find_halt_reason
from conn_engine.releases.serving import ReleaseChoice
from conn_engine.runtime.call import Call
from conn_engine.runtime.connection import AsyncConnection
from conn_engine.runtime.drive import AsyncSender
from conn_engine.runtime.variants import base_url
from conn_engine.testing.recorder import describe_call
from conn_engine.wire import Request, Response
from conn_service.rollouts.store import CallKey, RolloutStore

__all__ = ["RolloutWatch"]

_LOG = logging.getLogger(__name__)
_FLUSH_SECONDS: Final = 2.0
_SHARE: Final = 4
"""The pause after a comparison, as a multiple of its duration."""
_END_SECONDS: Final = 5.0
_MOST_WAITING: Final = 16
_MOST_BYTES: Final = 1_000_000
_MOST_DIFFERENCES: Final = 2_000
_OF_CALLERS: Final = ("invalid_request", "not_found", "conflict", "forbidden")
"""Kinds of errors that the caller's request has, whatever the release."""
HaltRollout = Callable[[Rollout, str, dict[str, Any]], None]


@dataclass(frozen=True, slots=True)
class _ComparedCall:
    """A call to compare, in the workspaces without and with the rollout."""

    key: CallKey
    before: Workspace
    after: Workspace
    connection: AsyncConnection
    operation: OperationName
    call: Call
    exchanges: list[tuple[Request, Response]]
    now: float


class RolloutWatch:
    """Watches the rollout that is on. `get_workspace` returns what is served, and `halt` stops the rollout."""

    def __init__(self, store: RolloutStore, get_workspace: Callable[[], Workspace], halt: HaltRollout) -> None:
        self.store = store
        self._get_workspace = get_workspace
        self._halt = halt
        self._lock = threading.Lock()
        self._storing = threading.Lock()
        self._calls: dict[CallKey, CallCounts] = {}
        self._differences: dict[str, dict[tuple[str, ...], FieldDifference]] = {}
        self._waiting: queue.Queue[_ComparedCall | None] = queue.Queue(_MOST_WAITING)
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None
        self._seen = 0

    @contextmanager
    def follow(self, connection: AsyncConnection, operation: OperationName, call: Call) -> Iterator[AsyncConnection]:
        """Count a call of an account, and compare it later if it is chosen. Yields the connection to use for it."""
        workspace, account = self._get_workspace(), connection.wiring.session.account
        choice = workspace.choice
        rollout = choice.channel.rollout if isinstance(choice, ReleaseChoice) else None
        sides = choice.find_sides(workspace, account) if isinstance(choice, ReleaseChoice) else None
        if rollout is None or sides is None:
            yield connection
            return
        before, after = sides
        is_member = workspace.of_account(account) is after
        key = (rollout.seed, rollout.since, account, is_member)
        exchanges: list[tuple[Request, Response]] = []
        observed = connection
        if self._is_chosen(before.settings.rollout.compare) and not call.files:
            observed = connection.with_transport(_ObservedTransport(connection.transport, exchanges))
        failed = 0
        try:
            yield observed
        except ConnError as error:
            failed = _is_failure(error)
            raise
        except asyncio.CancelledError:  # it took too long, or the caller is gone
            failed = 1
            raise
        finally:
            self._count(key, CallCounts(calls=1, failed=failed))
            if exchanges and sum(response.size for _, response in exchanges) <= _MOST_BYTES:
                now = connection.wiring.session.clock.now()
                self._enqueue(_ComparedCall(key, before, after, connection, operation, call, exchanges, now))

    def settle(self) -> None:
        """Compare and store everything that waits, and halt the rollout if it must be. Blocks."""
        self._waiting.join()
        self.flush()

    def close(self) -> None:
        """Stop comparing, and store what was counted."""
        self._stop.set()
        with suppress(queue.Full):
            self._waiting.put_nowait(None)  # wakes the thread
        if self._thread is not None:
            self._thread.join(_END_SECONDS)
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
        self._seen += 1
        return int(self._seen * share) > int((self._seen - 1) * share)

    def _count(self, key: CallKey, counts: CallCounts) -> None:
        with self._lock:
            self._calls.setdefault(key, CallCounts()).add(counts)
        if self._thread is None:
            self._thread = threading.Thread(target=self._run, name="conn-rollout", daemon=True)
            self._thread.start()

    def _enqueue(self, compared: _ComparedCall) -> None:
        try:
            self._waiting.put_nowait(compared)
        except queue.Full:
            self._count(compared.key, CallCounts(dropped=1))

    def _run(self) -> None:
        due = time.monotonic() + _FLUSH_SECONDS
        while not self._stop.is_set():
            try:
                compared = self._waiting.get(timeout=_FLUSH_SECONDS)
            except queue.Empty:
                self.flush()
                continue
            began = time.monotonic()
            if compared is not None:
                self._compare(compared)
            self._waiting.task_done()
            if time.monotonic() >= due:
                self.flush()
                due = time.monotonic() + _FLUSH_SECONDS
            self._stop.wait(_SHARE * (time.monotonic() - began))

    def _compare(self, compared: _ComparedCall) -> None:
        account = compared.key[2]
        try:
            recording = _to_recording(compared)
            found = compare_live(compared.before, compared.after, account, compared.operation, recording)
        except Exception as error:  # the thread must not end
            _LOG.error("a call of %s was not compared (%s)", account, type(error).__name__)
            self._count(compared.key, CallCounts(dropped=1))
            return
        if found.obstacle:
            self._count(compared.key, CallCounts(different=1))
            self._add(compared, LiveComparison({(found.obstacle, "request_changed"): 1}))
            return
        self._count(compared.key, CallCounts(compared=1, missing=found.is_missing))
        self._add(compared, found)

    def _add(self, compared: _ComparedCall, found: LiveComparison) -> None:
        rollout, _, account, _ = compared.key
        with self._lock:
            known = self._differences.setdefault(rollout, {})
            for (name, kind), records in found.counts.items():
                place = (account, compared.operation.text, name, kind)
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


def _to_recording(compared: _ComparedCall) -> Recording:
    wiring = compared.connection.wiring
    effective = wiring.effective
    recording = Recording(
        connector=effective.connector_name,
        operation=compared.operation.text,
        recorded_at=datetime.fromtimestamp(compared.now, UTC).isoformat(),
        source="live",
        base_url=base_url(effective),
        context={name: effective.context[name] for name in effective.captured if name in effective.context},
        call=describe_call(compared.call, wait=False, pages=1),
        exchanges=[exchange_of(*exchange) for exchange in compared.exchanges if exchange[0].purpose != "token"],
    )
    return redact_recording(recording, wiring.redactor)


class _ObservedTransport:
    """The transport of a connection, for one call. It remembers what it exchanges."""

    def __init__(self, inner: AsyncSender, exchanges: list[tuple[Request, Response]]) -> None:
        self._inner = inner
        self._exchanges = exchanges

    async def asend(self, request: Request) -> Response:
        """Send a request, and remember the exchange."""
        response = await self._inner.asend(request)
        self._exchanges.append((request, response))
        return response
