"""Perform the steps of runs: begin one, fetch and store its next page, end it.

A run's listing stays open between its pages, and is opened again at the stored place only after a crash, an error, or
on another worker. What such a listing reads twice is recognized by key and content, and not delivered twice.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import cached_property
from typing import TYPE_CHECKING, Any, TypeAlias

from conn_engine.conditions import DEFAULT_LIMITS, EvaluationLimits
from conn_engine.diagnostics import pluralize
from conn_engine.errors import ConnError, CredentialError, UsageError
from conn_engine.responses.ratelimit import BudgetStore
from conn_engine.runtime.connection import Connection
from conn_engine.runtime.wiring import Wiring
from conn_engine.secrets import Vault
from conn_engine.syncs import SyncPlan, load_sync
from conn_engine.wire import MACHINE_CLOCK, Clock
from conn_service.connect.needs_login import LoginMonitor, log_failure
from conn_service.delivery.stored_secrets import EndpointSecrets
from conn_service.rollouts import RolloutWatch
from conn_service.store import is_unreachable
from conn_service.syncs.creating import build_run
from conn_service.syncs.delivering import SpoolDelivery
from conn_service.syncs.destinations import TableLoads
from conn_service.syncs.finishing import finish_run
from conn_service.syncs.following import explain_rest
from conn_service.syncs.opening import OpenRuns, PlanChangedError, ReleaseLookup, find_release_of
from conn_service.syncs.paging import store_next_page
from conn_service.syncs.pausing import check_limits, judge_failure, wait_for_login
from conn_service.syncs.phases import Advance, compile_run
from conn_service.syncs.retrying import retry_set_aside
from conn_service.syncs.store import ENDED, PageHook, RunRow, SyncStore
from conn_service.syncs.targets import find_endpoint_of_run, find_target
from conn_service.syncs.transports import TransportPool
from conn_service.syncs.turns import compute_turn_pause

if TYPE_CHECKING:
    from conn_engine.expressions.isolation import Isolation

__all__ = ["Advance", "RunOpenError", "SyncRunner"]

STEP_SECONDS = 1.0
"""After so long, what a step has stored is noted in the queue, and its events are sent."""


class RunOpenError(UsageError):
    """A run of the same sync is open for the account."""


Connect: TypeAlias = Callable[[Wiring], Connection]


class SyncRunner:
    """Performs the steps of runs in one process. `connect` makes the connection of a wired account. `isolation`
    evaluates the expressions that accounts and environments set; by default, `open_isolation`. `budgets` counts the
    requests of all processes; by default, each connection counts its own. `limits` bound each evaluation. `watch`
    lets the pages of runs take part in a rollout."""

    def __init__(
        self,
        store: SyncStore,
        releases: ReleaseLookup,
        *,
        environ: Mapping[str, str],
        clock: Clock = MACHINE_CLOCK,
        vault: Vault | None = None,
        connect: Connect | None = None,
        isolation: "Isolation | None" = None,
        budgets: BudgetStore | None = None,
        limits: EvaluationLimits = DEFAULT_LIMITS,
        watch: RolloutWatch | None = None,
    ) -> None:
        self.store = store
        self.clock = clock
        self._releases = releases
        self._environ = environ
        self._secrets = EndpointSecrets(store.engine, environ, clock)
        self.loads = TableLoads()
        self._delivery = SpoolDelivery(store, releases, self._secrets, clock, self.loads)
        self._open = OpenRuns(
            store,
            releases,
            environ=environ,
            clock=clock,
            vault=vault,
            connect=connect,
            isolation=isolation,
            budgets=budgets,
            limits=limits,
            watch=watch,
        )

    def create_run(
        self,
        run_id: str,
        sync: str,
        account: str,
        *,
        cause: str = "manual",
        is_full: bool = False,
        settings: Mapping[str, Any] | None = None,
        unless_open: bool = False,
        more: Sequence[PageHook] = (),
    ) -> RunRow:
        """Store a new run of a sync for an account, or return the one that has this ID.

        With `unless_open`, RunOpenError is raised if another one is open for the account, also one of
        another process.

        `settings` may have `to` (another destination), `keeps_state` (the next run begins where this one did), `event`
        (the one that started it), `window` (the part of a backfill), and `deleted` (keys that events have reported).
        `more` run in the same transaction.
        Raises UsageError and ConfigurationError for a sync that cannot run.
        """
        row = build_run(
            run_id,
            sync,
            account,
            cause=cause,
            is_full=is_full,
            settings=settings or {},
            store=self.store,
            releases=self._releases,
            now=self.clock.now(),
        )
        unfinished = self.store.create_run(row, unless_open=unless_open, more=more)
        if unfinished is not None:
            raise RunOpenError(
                f'the sync "{sync}" is still running for "{account}": {unfinished}',
                hint=f"wait for it, or end it: conn sync cancel {unfinished}",
            )
        return self.store.get_run(run_id)

    def advance(self, run_id: str, seq: int, *, most_pages: int = 1) -> Advance:
        """Fetch and store the pages after the first `seq` ones, for about a second: each in a transaction of its own,
        so that nothing is fetched again after a crash in between. `seq` of the result is where to continue."""
        run = self.store.get_run(run_id)
        if run.status in ("cancelled", "failed"):
            self._open.close(run_id)
            self.store.spool.drop_undelivered(run)
            return Advance("failed", reason=run.reason or run.status, seq=run.seq)
        if run.seq > seq:
            return Advance("page", seq=run.seq)
        until = self.clock.now() + STEP_SECONDS
        for _ in range(most_pages):
            if run.phase == "end":
                return Advance("end", seq=run.seq)
            result = self._store_next_page(run)
            if isinstance(result, Advance):
                return replace(result, seq=run.seq)
            if result is None:  # another worker continues the run
                return Advance("page", seq=self.store.get_run(run_id).seq)
            run = result
            if self.clock.now() >= until:
                break
        return Advance("page", seq=run.seq)

    def _store_next_page(self, run: RunRow) -> RunRow | Advance | None:
        """Return a run behind its next page, or what keeps it from that. None if another worker has stored the page, or
        the run has ended meanwhile."""
        try:
            opened = self._open.get(run)
            check_limits(run, opened.plan, self.clock.now())
            if (pause := self._wait_for_turn(run, opened.plan)) is not None:
                return pause
            opened.renew_credential()
            stored = store_next_page(run, opened, self.store, self.clock.now())
        except Exception as error:
            requests = self._open.count_requests(run.id)
            self._open.close(run.id)
            if is_unreachable(error):  # the step is repeated
                raise
            if requests:
                self.store.add_count(run.id, "requests", requests)
            if self.store.get_run(run.id).seq > run.seq:
                return None
            if isinstance(error, PlanChangedError) and run.seq == 0:  # nothing was read with the other one
                self.store.adopt_plan(run, error.plan, error.connector, error.phase)
                return self._store_next_page(self.store.get_run(run.id))
            if isinstance(error, CredentialError):
                self._note_broken_login(run, error)
                return wait_for_login(run, error, self.store, self._open.find_store_option(run))
            return judge_failure(run, error, self.store, self.clock.now())
        if stored is None:
            self._open.close(run.id)
        elif stored.status != "running":
            self.store.set_status(run.id, "running", unless=ENDED)
            self._logins.note_working(run.account)
            stored = replace(stored, status="running")
        if stored is not None and stored.counts.get("spooled") and not run.counts.get("spooled"):
            self._delivery.prepare(stored, opened.plan)
        return stored

    @cached_property
    def _logins(self) -> LoginMonitor:
        return LoginMonitor(self.store.engine, self._environ)

    def _note_broken_login(self, run: RunRow, error: CredentialError) -> None:
        """Send the event about a login that no longer works, once. Raises the errors of the database."""
        try:
            self._logins.note_broken(self._releases.get_workspace(run.release), run.account, error, self.clock.now())
        except ConnError as failure:
            log_failure(run.account, failure)

    def _wait_for_turn(self, run: RunRow, plan: SyncPlan) -> Advance | None:
        """Let a run wait while the sync runs for as many accounts as it may. None if it is its turn."""
        if plan.concurrency is None:
            return None
        seconds = compute_turn_pause(run, plan, self.store, self._releases.get_workspace(run.release))
        if seconds is None:
            self.store.set_status(run.id, "running", unless=ENDED)  # at once: others look at it
            return None
        self._open.close(run.id)
        reason = f"concurrency is {plan.concurrency}: the sync runs for {pluralize(plan.concurrency, 'other account')}"
        self.store.set_status(run.id, "waiting", reason, unless=ENDED, resumes_at=self.clock.now() + seconds)
        return Advance("wait", seconds, reason)

    def finish(self, run_id: str) -> RunRow:
        """End the reading of a run: find deleted records, write its report, and move where the next run begins."""
        run = self.store.get_run(run_id)
        if run.phase != "end" or run.status in ENDED:
            return run
        finish_run(run, self._open.get(run), self.store, self._releases, self.clock.now())
        self._open.close(run_id)
        return self.store.get_run(run_id)

    def deliver(self, run_id: str) -> Advance:
        """Deliver what a run has spooled, and give the run its verdict as status."""
        return self._delivery.deliver(self.store.get_run(run_id))

    def retry_set_aside(self, run_id: str) -> None:
        """Process the records that a run has set aside again, with the sync as it is today, and deliver them. What the
        run has spooled is delivered with it too."""
        run = self.store.get_run(run_id)
        if run.status not in ENDED or run.status == "cancelled":
            return
        self._open.close(run_id)
        self.store.release_plan(run_id)
        try:
            opened = self._open.get(
                replace(run, release=find_release_of(self._releases, run.account)[0], plan="", connector="")
            )
            if retry_set_aside(run, opened, self.store, self.clock.now()) and run.status != "undelivered":
                self.store.set_status(run_id, "delivering")
        finally:
            self._open.close(run_id)

    @property
    def transports(self) -> TransportPool:
        """The transports that runs of the same account share."""
        return self._open.transports

    def find_endpoint_key(self, run_id: str) -> str:
        """Return the key of the endpoint that a run delivers to, "" if it does not, or cannot."""
        try:
            return self._open.get(self.store.get_run(run_id)).endpoint_key
        except ConnError:  # `advance` judges the failure
            return ""

    def find_current_endpoint_key(self, run_id: str) -> str:
        """Return the key of the endpoint that the sync of a run delivers to as it is now, "" if it does not."""
        run, (_, workspace) = self.store.get_run(run_id), self._releases.get_current()
        target = find_target(run, compile_run(workspace, load_sync(workspace, run.sync, run.account), run.settings))
        endpoint = find_endpoint_of_run(workspace, run, target, self._secrets)
        return "" if endpoint is None else endpoint.key

    def fail(self, run_id: str, reason: str) -> None:
        """End a run that cannot continue. Where the next run begins does not move."""
        run = self.store.get_run(run_id)
        self._open.close(run_id)
        if run.status not in ENDED:
            reason += explain_rest(run)
            report = {**run.counts, "verdict": "incomplete", "reason": reason, "since": run.since, "moved": False}
            report["hint"] = run.report.get("hint", "")
            if self.store.end_run(run, "failed", reason, report, now=self.clock.now(), log="failed"):
                self.store.spool.drop_undelivered(run)

    def close(self) -> None:
        """Close all listings of this process, and end its loads."""
        self._open.close()
        self.loads.close()
