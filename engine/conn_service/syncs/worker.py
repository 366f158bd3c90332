"""A worker of syncs: one process with one DBOS, which runs what is enqueued and what is due."""

import time
from collections import deque
from collections.abc import Callable, Collection, Mapping, Sequence
from importlib import import_module
from threading import Event
from types import TracebackType
from typing import TYPE_CHECKING, Any

from conn_engine.analysis.impact.live import LiveEvaluation
from conn_engine.releases.store_location import StoreLocation
from conn_engine.secrets import Vault
from conn_engine.syncs import USUAL_PRIORITY, BackfillRange
from conn_engine.wire import MACHINE_CLOCK, Clock
from conn_service.delivery import DeliveryStore, EndpointSecrets
from conn_service.revisions import RevisionStore
from conn_service.store import DatabaseBudgets, SlotLease, StoreWatch, exit_process, open_engine
from conn_service.syncs.channel_releases import watch_rollouts
from conn_service.syncs.dbos_process import (
    APPLICATION_VERSION,
    destroy_dbos,
    launch_dbos,
    require_dbos,
    silence_dbos,
)
from conn_service.syncs.folders import FolderReleases
from conn_service.syncs.following import build_chunk_settings, is_next_chunk
from conn_service.syncs.opening import ReleaseLookup, open_isolation
from conn_service.syncs.partial_retries import PartialRetries
from conn_service.syncs.revised_releases import RevisedReleases
from conn_service.syncs.runner import SyncRunner
from conn_service.syncs.schedules import Timetable, start_due
from conn_service.syncs.sending import EventSending
from conn_service.syncs.starting import start_requested
from conn_service.syncs.store import BACKFILL, OPEN, RunRow, SyncStore, name_run
from conn_service.syncs.worker_part import WorkerPart

if TYPE_CHECKING:
    from sqlalchemy.engine import Engine

    from conn_service.syncs.stalled import StalledRun

__all__ = ["KEEP_DAYS", "FolderReleases", "SyncWorker"]

POLL_SECONDS = 0.2
_CONTINUOUS_POLL_SECONDS = 0.5
"""For a worker that runs continuously: reading a queue costs several milliseconds of processor time, also if it is
empty."""
KEEP_DAYS = 30
"""How long delivered events, the pages of runs and finished workflows stay."""
_CONNECTIONS = 10
"""More than runs can hold at the same time while they renew credentials. Two more belong to the slot of the worker and
to DBOS, so that eight workers fit into the 100 connections that Postgres has by default."""
_LATER_MODULES = (
    "conn_service.syncs.destinations.files",
    "conn_service.syncs.destinations.loads",
    "conn_service.syncs.retention",
    "conn_service.syncs.stalled",
)
"""What a worker needs only later is loaded before it begins: the package may be upgraded while it works, and modules of
two versions do not fit together."""
_CHECK_SECONDS = 1.0
_PING_SECONDS = 1.0
_MOST_ENDED = 50
_STALL_SECONDS = 5.0


class SyncWorker:
    """Runs syncs in this process. Use it as a context manager. A process has at most one at a time.

    All workers of a store share their rate budgets. `reserve` is the share of each budget that this one leaves to
    others. The accounts and connectors of the store are over those of `releases`. `parts` make what else it does, from
    its engine and its releases. At its end, what is at work has `drain_seconds` to end. A worker on Postgres that loses
    its slot ends the process at once; without `ends_process`, it writes nothing any more, `watch` raises the reason,
    and the caller closes it.

    Raises UsageError if the libraries are not installed, or if another one is open.
    """

    def __init__(
        self,
        location: StoreLocation,
        releases: ReleaseLookup,
        *,
        environ: Mapping[str, str],
        clock: Clock = MACHINE_CLOCK,
        vault: Vault | None = None,
        schedules: bool = False,
        keep_days: int = KEEP_DAYS,
        reserve: float = 0.0,
        drain_seconds: int = 0,
        ends_process: bool = True,
        parts: "Sequence[Callable[[Engine, ReleaseLookup], WorkerPart]]" = (),
    ) -> None:
        self.location = location
        self.clock = clock
        self._lease: SlotLease | None = None
        self.schedules = schedules
        self.keep_days = keep_days
        self._drain_seconds = drain_seconds
        self._ends_process = ends_process
        self._engine: Engine = open_engine(location, connections=_CONNECTIONS, ping_after=_PING_SECONDS)
        served = releases
        self.releases = releases = RevisedReleases(served, RevisionStore(self._engine))
        isolation = open_isolation()
        self.rollouts = watch_rollouts(self._engine, served, releases, LiveEvaluation(isolation))
        self._timetable = Timetable(releases)
        self._parts = [make(self._engine, releases) for make in parts]
        self.watch = StoreWatch(self._engine, location)
        self.environ = environ
        self.deliveries = DeliveryStore(self._engine)
        self.store = SyncStore(self._engine, clock)
        self._requested: list[str] = []
        self.changed = Event()
        self._ended: deque[str] = deque(maxlen=_MOST_ENDED)
        self._looks_at = time.monotonic() + _STALL_SECONDS
        self.budgets = DatabaseBudgets(
            self._engine, reserve=reserve, uses_database_clock=location.url is not None and clock is MACHINE_CLOCK
        )
        self.runner = SyncRunner(
            self.store,
            releases,
            environ=environ,
            clock=clock,
            vault=vault,
            isolation=isolation,
            budgets=self.budgets,
            watch=self.rollouts,
        )
        self.secrets = EndpointSecrets(self._engine, environ, clock)
        self.sending = EventSending(
            self.deliveries,
            releases,
            self.secrets,
            clock,
            self.runner.transports,
            goes_on=lambda: self._lease is None or self._lease.is_fresh(),
            note_end=self.note_end,
        )
        self.retries = PartialRetries(self.runner, self.sending)

    def close(self) -> None:
        """Close the store, if the worker was only used to look into it."""
        self._close_runs()
        self._engine.dispose()

    def _close_runs(self) -> None:
        """Close the comparisons, and then the runs with the isolation that both use."""
        if self.rollouts is not None:
            self.rollouts.close()
        self.runner.close()

    def __enter__(self) -> "SyncWorker":
        require_dbos()
        for name in _LATER_MODULES:
            import_module(name)
        try:
            self._launch()
        except BaseException:
            self.__exit__()
            raise
        return self

    def _launch(self) -> None:
        from conn_service.delivery import workflows as deliveries
        from conn_service.syncs import workflows

        if self.location.url is not None:
            on_lost = exit_process if self._ends_process else self._lose_slot
            self._lease = SlotLease(self.location.url, on_lost=on_lost)
            self._lease.guard(self._engine)
        workflows.use_parts(self)
        deliveries.use_parts(self.sending)
        ticks = {workflows.TICK: workflows.tick, **{part.schedule_name: part.begin() for part in self._parts}}
        queues = [workflows.QUEUE, deliveries.QUEUE, *(part.queue for part in self._parts)]
        polls = dict.fromkeys(queues, _CONTINUOUS_POLL_SECONDS if self.schedules else POLL_SECONDS)
        executor = "local" if self._lease is None else self._lease.executor
        launch_dbos(self._engine, executor, polls, ticks if self.schedules else {})

    def _lose_slot(self) -> None:
        silence_dbos()
        self.watch.note_lost_slot()

    def __exit__(self, *_: type[BaseException] | BaseException | TracebackType | None) -> None:
        from conn_service.delivery import workflows as deliveries
        from conn_service.syncs import workflows

        is_lost = self._lease is not None and self._lease.is_lost
        destroy_dbos(self._engine, self._ended, 0 if is_lost else self._drain_seconds)
        self._close_runs()
        workflows.use_parts(None)
        deliveries.use_parts(None)
        for part in self._parts:
            part.end()
        self._engine.dispose()
        if self._lease is not None:
            self._lease.close()

    def start(
        self,
        sync: str,
        account: str,
        *,
        cause: str = "manual",
        is_full: bool = False,
        settings: Mapping[str, Any] | None = None,
    ) -> RunRow:
        """Create a run and enqueue it. Raises RunOpenError if one is still open."""
        from conn_service.syncs.workflows import enqueue_leg

        run = self.runner.create_run(
            name_run(sync, account, self.clock.now()),
            sync,
            account,
            cause=cause,
            is_full=is_full,
            settings=settings,
            unless_open=True,
        )
        enqueue_leg(run.id)
        return run

    def start_backfill(self, sync: str, account: str, backfill: BackfillRange, *, to: str | None = None) -> RunRow:
        """Start to read a range again, from its first chunk. Return its run; each is followed by that of the next.

        Raises RunOpenError while another backfill is open, and for a sync that cannot be limited to a range.
        """
        from conn_service.syncs.workflows import enqueue_leg

        moment = self.clock.now()
        run = self.runner.create_run(
            f"{name_run(sync, account, moment)}.{BACKFILL}",
            sync,
            account,
            cause=BACKFILL,
            is_full=True,
            settings=build_chunk_settings(backfill, moment, to=to),
            unless_open=True,
        )
        enqueue_leg(run.id)
        return run

    def continue_backfill(self, run: RunRow) -> RunRow | None:
        """Return the run of the chunk after that of a run that has ended, or None."""
        self._enqueue_requested()
        found = self.store.find_runs(sync=run.sync, account=run.account, limit=100)
        return next((row for row in found if is_next_chunk(row, run)), None)

    def resume_unfinished(self) -> list[str]:
        """Enqueue what no workflow continues, such as after a crash in between. Return the IDs of all unfinished
        runs."""
        from conn_service.delivery.workflows import ensure_drain

        self._continue_stalled_runs()
        for endpoint in self.sending.find_stalled():
            ensure_drain(endpoint, f"start{int(self.clock.now() * 1000)}")
        for part in self._parts:
            part.resume()
        return [run.id for run in self.store.find_runs(statuses=(*OPEN, "delivering"), limit=100_000)]

    def _continue_stalled_runs(self) -> None:
        from conn_service.syncs.workflows import enqueue_leg

        for leg in self.find_stalled_runs():
            enqueue_leg(leg.run_id, leg.number, leg.seq)

    def wait(self, run_ids: Sequence[str], seconds: float | None = None) -> list[RunRow]:
        """Wait until runs have ended, or until they wait for a login. Return them. A run whose leg breaks off
        meanwhile is continued, as the tick of a worker with schedules does."""
        deadline = None if seconds is None else time.monotonic() + seconds
        while True:
            self.watch.check()
            runs = [self.store.get_run(run_id) for run_id in run_ids]
            if all(run.status not in ("queued", "running", "waiting", "delivering") for run in runs):
                return runs
            now = time.monotonic()
            if deadline is not None and now > deadline:
                return runs
            if now > self._looks_at:
                self._looks_at = now + _STALL_SECONDS
                self._continue_stalled_runs()
            self.wait_for_change()

    def note_end(self, workflow_id: str) -> None:
        """Note that the function of a workflow of this process has returned, and wake who waits for that."""
        self._ended.append(workflow_id)
        self.changed.set()

    def wait_for_change(self) -> None:
        """Wait until a workflow of this process has ended or has sent events, for a moment at most: another process
        may change something, too."""
        self.changed.wait(POLL_SECONDS)
        self.changed.clear()

    def is_settled(self, run: RunRow) -> bool:
        """Return whether a run has ended, or waits for a login, and each of its events was sent at least once. An
        endpoint that rests or is disabled is not waited for."""
        if run.status in ("queued", "running", "waiting", "delivering"):
            return False
        return not self.deliveries.has_untried(run.id)

    def start_now(self) -> list[str]:
        """Start what is due, and return the IDs of the runs."""
        from conn_service.syncs.workflows import enqueue_leg

        started = self.start_due(self.clock.now())
        for run_id in started:
            enqueue_leg(run_id)
        return started + self._enqueue_requested()

    def start_following(self, run_ids: Collection[str]) -> list[str]:
        """Start what runs that have ended want. Return the IDs of all runs that this process has started for other
        ones, events and backfills, and of those that have not ended, without those that are known."""
        self._enqueue_requested()
        unfinished = (run.id for run in self.store.find_runs(statuses=(*OPEN, "delivering"), limit=100_000))
        return [run_id for run_id in dict.fromkeys((*self._requested, *unfinished)) if run_id not in run_ids]

    def _enqueue_requested(self) -> list[str]:
        from conn_service.syncs.workflows import enqueue_leg

        started = self.start_requested()
        for run_id in started:
            enqueue_leg(run_id)
        return started

    def wait_until_stopped(self) -> None:
        """Wait until the process is interrupted. Raises the error of the store if that cannot be written any more: a
        supervisor starts the worker again, and the runs continue."""
        while not Event().wait(_CHECK_SECONDS):
            self.watch.check()

    def retry(self, run_id: str) -> RunRow:
        """Deliver again what a run could not deliver: records that were set aside, rows of a file or a table, and
        events that were given up. If it has failed, start another run, which is returned."""
        self.store.add_log_line(self.store.get_run(run_id), "retry", "what failed is delivered again")
        self.retries.deliver_again(run_id)
        run = self.store.get_run(run_id)
        if run.status in ("failed", "cancelled"):
            return self.start(run.sync, run.account, cause="retry", is_full=run.is_full, settings=run.settings)
        return run

    # --- what the workflows use ---

    def find_stalled_runs(self) -> list["StalledRun"]:
        """Return the runs that no workflow continues, and end those that break off again and again. What a worker did
        that is gone is continued, too, and what another version was to do."""
        from conn_service.syncs.stalled import cancel_other_versions, continue_lost_workers, find_stalled_runs
        from conn_service.syncs.workflows import QUEUE

        if self._lease is not None:
            continue_lost_workers(self._lease)
        cancel_other_versions(APPLICATION_VERSION, self._lease)
        stalled = find_stalled_runs(self.store, QUEUE)
        for leg in stalled:
            if leg.reason:
                self.runner.fail(leg.run_id, leg.reason)
        return [leg for leg in stalled if not leg.reason]

    def remove_old(self) -> dict[str, int]:
        """Remove what was finished before the days to keep. Return how much of each kind."""
        from conn_service.syncs.retention import remove_claims, remove_old

        before = self.clock.now() - self.keep_days * 86_400
        removed = remove_old(self.store, self.deliveries, before) | {"budgets": self.budgets.remove_unused(before)}
        for part in self._parts:
            removed |= part.remove_old()
        return removed | {"claims": remove_claims(self.releases, self.deliveries, before)}

    def start_due(self, moment: float) -> list[str]:
        """Create the runs that are due at a moment, and return their IDs."""
        return start_due(self.runner, self._timetable, moment)

    def find_priority(self, run_id: str) -> int:
        """Return the priority of a run: the lowest number begins first."""
        return int(self.store.get_run(run_id).settings.get("priority", USUAL_PRIORITY))

    def start_requested(self) -> list[str]:
        """Create the runs that another run, an event or a backfill wants, and return their IDs."""
        started = start_requested(self.runner, self.releases)
        self._requested += started
        return started
