"""A worker of syncs: one process with one DBOS, which runs what is enqueued and what is due."""

import logging
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import closing
from dataclasses import replace
from importlib import import_module
from threading import Event
from types import TracebackType
from typing import TYPE_CHECKING, Any, Protocol

from conn_engine.diagnostics import did_you_mean, join_words
from conn_engine.errors import ConfigurationError, UsageError
from conn_engine.releases.store_location import StoreLocation
from conn_engine.secrets import Vault
from conn_engine.syncs import USUAL_PRIORITY, BackfillRange
from conn_engine.transport.live import Live
from conn_engine.wire import MACHINE_CLOCK, Clock
from conn_service.delivery import (
    ClaimStore,
    DeliveryStore,
    DrainResult,
    drain,
    find_endpoint,
    has_endpoint,
    name_endpoint,
)
from conn_service.store import DatabaseBudgets, SlotLease, StoreWatch, open_engine
from conn_service.syncs.folders import FolderReleases
from conn_service.syncs.following import build_chunk_settings, is_next_chunk
from conn_service.syncs.opening import ReleaseLookup
from conn_service.syncs.runner import SyncRunner
from conn_service.syncs.schedules import Timetable, start_due
from conn_service.syncs.starting import start_requested
from conn_service.syncs.store import BACKFILL, OPEN, RunRow, SyncStore, name_run

if TYPE_CHECKING:
    from sqlalchemy.engine import Engine

    from conn_service.syncs.stalled import StalledRun

__all__ = ["KEEP_DAYS", "FolderReleases", "SyncWorker", "WorkerPart"]

APPLICATION_VERSION = "2"
"""Raised only when the order of the steps of a workflow changes: those of another version are replaced by new ones."""
POLL_SECONDS = 0.2
_DELIVERY_POLL_SECONDS = 0.25
_PART_POLL_SECONDS = 0.5
"""Each look into a queue costs two milliseconds of processor time, also if nothing is in it."""
KEEP_DAYS = 30
"""How long delivered events, the pages of runs and finished workflows stay."""
_WORKERS = 8
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
_MISSING_ENDPOINT_SECONDS = 60.0
_CHECK_SECONDS = 1.0


class WorkerPart(Protocol):
    """What a worker does in addition to syncs, with a queue and a schedule of its own."""

    queue: str
    schedule_name: str

    def begin(self) -> Any:
        """Let the workflows of this process use it. Return the one to run every minute."""
        ...

    def end(self) -> None:
        """Let no workflow use it any more."""
        ...

    def resume(self) -> None:
        """Enqueue what no workflow continues."""
        ...

    def remove_old(self, before: float) -> dict[str, int]:
        """Remove what was finished before a moment, in Unix seconds. Return how much of each kind."""
        ...


class SyncWorker:
    """Runs syncs in this process. Use it as a context manager. A process has at most one at a time.

    All workers of a store share their rate budgets. `reserve` is the share of each budget that this one leaves to
    others. `parts` make what else it does, from its engine.

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
        parts: "Sequence[Callable[[Engine], WorkerPart]]" = (),
    ) -> None:
        self.location = location
        self.releases = releases
        self.clock = clock
        self._lease: SlotLease | None = None
        self.schedules = schedules
        self.keep_days = keep_days
        self._timetable = Timetable(releases)
        self._engine: Engine = open_engine(location, connections=_CONNECTIONS)
        self._parts = [make(self._engine) for make in parts]
        self.watch = StoreWatch(self._engine, location)
        self.environ = environ
        self.deliveries = DeliveryStore(self._engine)
        self.store = SyncStore(self._engine, clock)
        self._requested: list[str] = []
        self.budgets = DatabaseBudgets(
            self._engine, reserve=reserve, uses_database_clock=location.url is not None and clock is MACHINE_CLOCK
        )
        self.runner = SyncRunner(self.store, releases, environ=environ, clock=clock, vault=vault, budgets=self.budgets)

    def close(self) -> None:
        """Close the store, if the worker was only used to look into it."""
        self.runner.close()
        self._engine.dispose()

    def __enter__(self) -> "SyncWorker":
        _require_dbos()
        for name in _LATER_MODULES:
            import_module(name)
        from dbos import DBOS, DBOSConfig, DBOSPortableJSONSerializer

        from conn_service.delivery import workflows as deliveries
        from conn_service.syncs import workflows

        if self.location.url is not None:
            self._lease = SlotLease(self.location.url)
        workflows.use_parts(self)
        deliveries.use_parts(self)
        logging.getLogger("dbos").setLevel(logging.ERROR)
        config: DBOSConfig = {
            "name": "conn-syncs",
            "system_database_url": self._engine.url.render_as_string(hide_password=False),
            "system_database_engine": self._engine,
            "application_version": APPLICATION_VERSION,
            "executor_id": "local" if self._lease is None else self._lease.executor,
            "serializer": DBOSPortableJSONSerializer(),
            "log_level": "ERROR",
        }
        ticks = {workflows.TICK: workflows.tick, **{part.schedule_name: part.begin() for part in self._parts}}
        DBOS(config=config)
        DBOS.launch()
        polls = {workflows.QUEUE: POLL_SECONDS, deliveries.QUEUE: _DELIVERY_POLL_SECONDS}
        for queue, seconds in (polls | {part.queue: _PART_POLL_SECONDS for part in self._parts}).items():
            DBOS.register_queue(
                queue, partition_concurrency=1, worker_concurrency=_WORKERS, polling_interval_sec=seconds
            )
        if self.schedules:
            DBOS.apply_schedules(
                [{"schedule_name": name, "workflow_fn": tick, "schedule": "* * * * *"} for name, tick in ticks.items()]
            )
        return self

    def __exit__(self, *_: type[BaseException] | BaseException | TracebackType | None) -> None:
        from dbos import DBOS

        from conn_service.delivery import workflows as deliveries
        from conn_service.syncs import workflows

        logging.getLogger("dbos").setLevel(logging.CRITICAL + 1)  # the next worker continues what is interrupted
        DBOS.destroy()
        self.runner.close()
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
        from conn_service.syncs.workflows import enqueue_leg

        for leg in self.find_stalled_runs():
            enqueue_leg(leg.run_id, leg.number, leg.seq)
        for endpoint in self.find_stalled_endpoints():
            ensure_drain(endpoint, f"start{int(self.clock.now() * 1000)}")
        for part in self._parts:
            part.resume()
        return [run.id for run in self.store.find_runs(statuses=(*OPEN, "delivering"), limit=100_000)]

    def wait(self, run_ids: Sequence[str], seconds: float | None = None) -> list[RunRow]:
        """Wait until runs have ended, or until they wait for a login. Return them."""
        deadline = None if seconds is None else time.monotonic() + seconds
        while True:
            self.watch.check()
            runs = [self.store.get_run(run_id) for run_id in run_ids]
            if all(run.status not in ("queued", "running", "waiting", "delivering") for run in runs):
                return runs
            if deadline is not None and time.monotonic() > deadline:
                return runs
            time.sleep(POLL_SECONDS)

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
        self.runner.retry_set_aside(run_id)
        if self.store.get_run(run_id).status in ("undelivered", "delivering"):
            self.store.set_status(run_id, "delivering")
            self.runner.deliver(run_id)
        self.deliveries.retry_dead(self.clock.now(), run_id=run_id)
        self._move_from_missing_endpoints(run_id)
        for endpoint in self.deliveries.find_waiting_endpoints(run_id=run_id):
            self.deliveries.set_disabled(endpoint, "", self.clock.now())
            self.drain(endpoint)
        run = self.store.get_run(run_id)
        if run.status in ("failed", "cancelled"):
            return self.start(run.sync, run.account, cause="retry", is_full=run.is_full, settings=run.settings)
        return run

    def retry_endpoint(self, name: str) -> dict[str, int]:
        """Enable an endpoint, and send it again what it has not received. Return its events by status. `name` is what
        `name_endpoint` returns, or its URL.

        Raises UsageError for an endpoint without events, and ConfigurationError for one that cannot be used.
        """
        known = {name_endpoint(key): key for key in self.deliveries.find_endpoints()}
        short = name_endpoint(name)
        endpoint = known.get(short, "")
        if not endpoint:
            hint = (
                did_you_mean(short, known) or f"use one of {join_words(list(known))}" if known else "run a sync first"
            )
            raise UsageError(f'no event was sent to an endpoint "{short}"', hint=hint)
        find_endpoint(self.releases.get_current()[1], endpoint, environ=self.environ)
        self.deliveries.set_disabled(endpoint, "", self.clock.now())
        self.deliveries.retry_dead(self.clock.now(), endpoint=endpoint, also_waiting=True)
        self.drain(endpoint)
        return self.deliveries.count(endpoint=endpoint)

    def _move_from_missing_endpoints(self, run_id: str) -> None:
        """Let what waits for an endpoint that was renamed be delivered to where the sync delivers now."""
        _, workspace = self.releases.get_current()
        for endpoint in self.deliveries.find_waiting_endpoints(run_id=run_id):
            if not has_endpoint(workspace, endpoint):
                other = self.runner.find_current_endpoint_key(run_id)
                self.deliveries.move_waiting(run_id, endpoint, other or endpoint)

    # --- what the workflows use ---

    def find_endpoint_key(self, run_id: str) -> str:
        """Return the key of the endpoint that a run delivers to, "" if it does not."""
        return self.runner.find_endpoint_key(run_id)

    def now(self) -> float:
        """Return the time in Unix seconds."""
        return self.clock.now()

    def drain(self, endpoint: str) -> DrainResult:
        """Deliver what is due for an endpoint, for some seconds at most."""
        _, workspace = self.releases.get_current()
        try:
            found = find_endpoint(workspace, endpoint, environ=self.environ)
            claims = ClaimStore.of_endpoint(found.claim_check, self.releases.root)
        except ConfigurationError as error:  # it was removed, or its secret is not set: its events wait
            logging.getLogger(__name__).warning("%s", error.message)
            health = self.deliveries.get_health(endpoint)
            if health.problem != error.message:
                self.deliveries.set_health(endpoint, replace(health, problem=error.message))
            return DrainResult(next_due=self.clock.now() + _MISSING_ENDPOINT_SECONDS)
        is_fresh = (lambda: True) if self._lease is None else self._lease.is_fresh
        trust = workspace.trust  # of the workspace as it is now: a host may be trusted no longer
        with closing(self.runner.transports.borrow(("deliveries", trust))) as sender:
            sender.connect(lambda: Live(trust=trust, clock=self.clock, max_redirects=0))
            return drain(self.deliveries, found, sender, self.clock, goes_on=is_fresh, claims=claims)

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

    def find_stalled_endpoints(self) -> list[str]:
        """Return the endpoints with events that no workflow delivers."""
        from conn_service.delivery.workflows import find_drained, is_drained

        waiting = [name for name in self.deliveries.find_waiting_endpoints() if self._is_enabled(name)]
        drained = find_drained() if waiting else set()
        return [name for name in waiting if not is_drained(name, drained)]

    def remove_old(self) -> dict[str, int]:
        """Remove what was finished before the days to keep. Return how much of each kind."""
        from conn_service.syncs.retention import remove_claims, remove_old

        before = self.clock.now() - self.keep_days * 86_400
        removed = remove_old(self.store, self.deliveries, before) | {"budgets": self.budgets.remove_unused(before)}
        for part in self._parts:
            removed |= part.remove_old(before)
        return removed | {"claims": remove_claims(self.releases, self.deliveries, before)}

    def _is_enabled(self, endpoint: str) -> bool:
        return not self.deliveries.find_disabled_reason(endpoint)

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


def _require_dbos() -> None:
    try:
        import dbos  # noqa: F401 - for a helpful error if it is missing
    except ImportError:
        raise UsageError(
            "syncs need DBOS, which is not installed", hint="install it: pip install 'conn-engine[sync]'"
        ) from None
