"""Perform the steps of runs: begin one, fetch and store its next page, end it.

A run's listing stays open between its pages, and is opened again at the stored place only after a crash, an error, or
on another worker. What such a listing reads twice is recognized by key and content, and not delivered twice.
"""

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, TypeAlias

from conn_engine.conditions import DEFAULT_LIMITS, EvaluationLimits
from conn_engine.diagnostics import pluralize
from conn_engine.errors import ConfigurationError, ConnError, CredentialError, TransportError, UsageError, VendorError
from conn_engine.responses.ratelimit import BudgetStore
from conn_engine.runtime.connection import Connection
from conn_engine.runtime.wiring import Wiring
from conn_engine.secrets import Vault
from conn_engine.syncs import USUAL_PRIORITY, SyncPlan, load_sync
from conn_engine.wire import MACHINE_CLOCK, Clock, Page
from conn_service.store import is_unreachable
from conn_service.syncs.delivering import SpoolDelivery, describe_internal
from conn_service.syncs.filling import (
    PageDraft,
    RecordStopError,
    fill_deleted,
    fill_loop,
    fill_records,
    fill_tombstones,
)
from conn_service.syncs.following import explain_rest, prepare_following
from conn_service.syncs.judging import count_page, find_missing
from conn_service.syncs.opening import OpenRun, OpenRuns, PlanChangedError, ReleaseLookup
from conn_service.syncs.phases import (
    Advance,
    compile_run,
    find_loop,
    get_next_phase,
    is_partial,
    keep_verdict,
    list_phases,
    note_verdict,
)
from conn_service.syncs.retrying import retry_set_aside
from conn_service.syncs.store import PageHook, RunRow, RunStatus, SyncStore, name_target
from conn_service.syncs.targets import find_endpoint_of_run, find_target
from conn_service.syncs.transports import TransportPool
from conn_service.syncs.turns import compute_turn_pause
from conn_service.syncs.writing import write_records

if TYPE_CHECKING:
    from conn_engine.expressions.isolation import Isolation

__all__ = ["Advance", "RunOpenError", "SyncRunner"]

MOST_PAGES = 1_000_000
_LOGIN_PAUSE = 60.0
_USUAL_PAUSE = 60.0
_FIRST_RETRY = 15.0
_MOST_FAILURES = 5
_ENDED: tuple[RunStatus, ...] = (
    "delivering",
    "undelivered",
    "complete",
    "incomplete",
    "unknown",
    "failed",
    "cancelled",
)


class RunOpenError(UsageError):
    """A run of the same sync is open for the account."""


Connect: TypeAlias = Callable[[Wiring], Connection]


class SyncRunner:
    """Performs the steps of runs in one process. `connect` makes the connection of a wired account. `isolation`
    evaluates the expressions that accounts and environments set; by default, `open_isolation`. `budgets` counts the
    requests of all processes; by default, each connection counts its own. `limits` bound each evaluation."""

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
    ) -> None:
        self.store = store
        self.clock = clock
        self._releases = releases
        self._environ = environ
        self._delivery = SpoolDelivery(store, releases, environ, clock)
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
        release, workspace = self._releases.get_current()
        document = load_sync(workspace, sync, account)
        plan = compile_run(workspace, document, settings or {})
        stream = self.store.streams.get(sync, account, name_target(settings or {}))
        since = None
        if stream.last_run_at is not None and not is_full:
            since = to_iso(stream.last_run_at - plan.lookback.total_seconds())
        row = RunRow(
            id=run_id,
            sync=sync,
            account=account,
            release=release,
            cause=cause,
            is_full=is_full,
            status="queued",
            reason="",
            began=self.clock.now(),
            ended=None,
            since=since,
            settings=dict(settings or {}),
            phase="deletes" if "deleted" in (settings or {}) else list_phases(plan)[0],
            seq=0,
            place={"state": None if is_full else stream.state},
            counts={},
            report={},
            plan=document.digest,
        )
        if plan.priority != USUAL_PRIORITY:
            row = replace(row, settings={**row.settings, "priority": plan.priority})
        target = find_target(row, plan)
        if "window" in row.settings and target is not None and target.type == "file":
            raise ConfigurationError(
                "a backfill cannot write a file: each chunk would replace it",
                hint="deliver to an endpoint or into a table instead, such as duckdb:FILE",
            )
        unfinished = self.store.create_run(row, unless_open=unless_open, more=more)
        if unfinished is not None:
            raise RunOpenError(
                f'the sync "{sync}" is still running for "{account}": {unfinished}',
                hint=f"wait for it, or end it: conn sync cancel {unfinished}",
            )
        return self.store.get_run(run_id)

    def advance(self, run_id: str, seq: int) -> Advance:
        """Fetch and store the page after the first `seq` ones. A page that is already stored is not fetched again."""
        run = self.store.get_run(run_id)
        if run.status in ("cancelled", "failed"):
            self._open.close(run_id)
            self.store.spool.drop_undelivered(run)
            return Advance("failed", reason=run.reason or run.status)
        if run.seq > seq:
            return Advance("page")
        if run.phase == "end":
            return Advance("end")
        try:
            opened = self._open.get(run)
            self._check_limits(run, opened.plan)
            if (pause := self._wait_for_turn(run, opened.plan)) is not None:
                return pause
            opened.renew_credential()
            self._store_next_page(run, opened)
        except Exception as error:
            self._open.close(run_id)
            if is_unreachable(error):  # the step is repeated
                raise
            if self.store.get_run(run_id).seq > seq:  # another worker has stored the page meanwhile
                return Advance("page")
            if isinstance(error, PlanChangedError) and run.seq == 0:  # nothing was read with the other one
                self.store.adopt_plan(run, error.digest, error.phase)
                return self.advance(run_id, seq)
            if isinstance(error, ConnError):
                return self._judge_failure(run, error)
            return self._log_failure(run, describe_internal(error))
        if run.status != "running":
            self.store.set_status(run_id, "running", unless=_ENDED)
        return Advance("page")

    def _wait_for_turn(self, run: RunRow, plan: SyncPlan) -> Advance | None:
        """Let a run wait while the sync runs for as many accounts as it may. None if it is its turn."""
        if plan.concurrency is None:
            return None
        seconds = compute_turn_pause(run, plan, self.store, self._releases.get_workspace(run.release))
        if seconds is None:
            self.store.set_status(run.id, "running", unless=_ENDED)  # at once: others look at it
            return None
        self._open.close(run.id)
        reason = f"concurrency is {plan.concurrency}: the sync runs for {pluralize(plan.concurrency, 'other account')}"
        self.store.set_status(run.id, "waiting", reason, unless=_ENDED, resumes_at=self.clock.now() + seconds)
        return Advance("wait", seconds, reason)

    def _judge_failure(self, run: RunRow, error: ConnError) -> Advance:
        if isinstance(error, CredentialError):
            reason = f"{error.message}; to continue the run: conn auth login {run.account}"
            self.store.set_status(run.id, "login", reason, unless=_ENDED)
            return Advance("login", _LOGIN_PAUSE, reason)
        pause = self._find_pause(run, error)
        if pause is None:
            log = error.log_text if isinstance(error, RecordStopError) else ""
            self.store.set_report(run.id, {"hint": error.hint})
            return self._log_failure(run, error.message, log=log)
        resumes_at = self.clock.now() + pause
        self.store.set_status(run.id, "waiting", error.message, unless=_ENDED, resumes_at=resumes_at)
        return Advance("wait", pause, error.message)

    def _log_failure(self, run: RunRow, reason: str, *, log: str = "") -> Advance:
        """Write why a run fails into its log: with `log` instead of the reason, if that has values of a record."""
        self.store.add_log_line(run, "status", f"fails: {log or reason}")
        return Advance("failed", reason=reason)

    def _find_pause(self, run: RunRow, error: ConnError) -> float | None:
        """Return how long to wait before the page is fetched again, None if that makes no sense."""
        if not isinstance(error, VendorError):
            return None
        if error.kind == "rate_limited":
            return max(error.retry_after or _USUAL_PAUSE, 1.0)
        if not isinstance(error, TransportError) and error.kind != "vendor_unavailable":
            return None
        failures = run.counts.get("failures", 0)
        self.store.add_count(run.id, "failures")
        return _FIRST_RETRY * 2**failures if failures < _MOST_FAILURES else None

    def _check_limits(self, run: RunRow, plan: SyncPlan) -> None:
        if run.seq >= MOST_PAGES:
            raise ConfigurationError(f"the run has read {MOST_PAGES:,} pages", hint="select fewer records")
        if plan.max_runtime is not None and self.clock.now() - run.began > plan.max_runtime.total_seconds():
            raise ConfigurationError(
                "the run takes longer than max_runtime", hint="raise max_runtime, or select fewer records"
            )

    # --- pages ---

    def _store_next_page(self, run: RunRow, opened: OpenRun) -> None:
        draft = PageDraft(run, opened, self.clock.now())
        if "deleted" in run.settings:  # events have reported them, so there is nothing to read
            fill_deleted(draft, run.settings["deleted"], self.store)
            self._commit(draft, run.place, "end")
            return
        if run.phase == "fetch" and not self._take_loop_item(run, opened):
            self._commit(draft, keep_verdict(run.place), get_next_phase(opened.plan, run.phase))
            return
        if run.phase == "write":
            written = write_records(draft, self.store)
            phase = run.phase if written is not None else get_next_phase(opened.plan, run.phase)
            self._commit(draft, {**run.place, "written": written}, phase)
            return
        page = opened.read_page(run)
        if page is None:
            self._end_listing(draft)
            return
        draft.rows.records = len(page.records)
        draft.add("pages" if run.phase == "fetch" else f"{run.phase}_pages", 0 if page.partial else 1)
        place = _find_next_place(run, page)
        if not page.partial:
            draft.rows.place_digest = self._check_place(run, place, opened)
        if run.phase == "loop":
            fill_loop(draft, page)
        elif run.phase == "fetch":
            count_page(draft, page, is_resumed=opened.is_reopened)
            fill_records(draft, page, self.store)
        else:
            fill_tombstones(draft, page, self.store)
        self._commit(draft, place, run.phase)

    def _commit(self, draft: PageDraft, place: Mapping[str, Any], phase: str) -> None:
        run, opened = draft.run, draft.opened
        stored = self.store.pages.commit(
            run,
            draft.rows,
            stream=opened.stream,
            place=place,
            counts=draft.counts,
            phase=phase,
            now=draft.now,
            more=draft.hooks,
        )
        if stored:
            opened.seq = run.seq + 1
        else:  # another worker has stored it: this one begins again at its place
            self._open.close(run.id)

    def _check_place(self, run: RunRow, place: Mapping[str, Any], opened: OpenRun) -> str:
        """Return the digest of a place. Raises VendorError when the run has been there: the vendor repeats a page."""
        if place.get("cursor") is None:
            return ""
        text = json.dumps([run.phase, place.get("item", 0), place["cursor"]])
        digest = hashlib.sha256(text.encode()).hexdigest()
        if not opened.is_restarted and self.store.pages.has_seen_place(run, digest):
            raise VendorError(
                "the vendor repeats a page that the run has read",
                kind="bad_response",
                hint="check the pagination of the operation: conn test -v shows what it requests",
            )
        return digest

    def _take_loop_item(self, run: RunRow, opened: OpenRun) -> bool:
        """Take the item of the loop that the run is at. Return False behind the last one."""
        loop = find_loop(opened.plan)
        if loop is None:
            return True
        number = int(run.place.get("item", 0))
        if loop.fetch is not None:
            item = self.store.pages.get_loop_item(run.id, number)
        else:
            item = (loop.ids[number], loop.ids[number]) if number < len(loop.ids) else None
        if item is not None:
            opened.item = item
        return item is not None

    def _end_listing(self, draft: PageDraft) -> None:
        """Go on with the next item of the loop, or with the next phase."""
        run, opened = draft.run, draft.opened
        opened.close_listing()
        place = dict(run.place)
        if run.phase == "fetch":
            note_verdict(place, "complete", "")
        if run.phase == "fetch" and find_loop(opened.plan) is not None:
            self._commit(draft, keep_verdict(place) | {"item": int(place.get("item", 0)) + 1}, "fetch")
            return
        kept = keep_verdict(place, "state_after")
        if run.phase == "fetch":
            kept["state_after"] = place.get("state")
        elif run.phase == "loop":
            kept["state"] = self._get_first_state(run, opened)
        self._commit(draft, kept, get_next_phase(opened.plan, run.phase))

    def _get_first_state(self, run: RunRow, opened: OpenRun) -> Any:
        return None if run.is_full else opened.stream.state

    # --- end ---

    def finish(self, run_id: str) -> RunRow:
        """End the reading of a run: find deleted records, write its report, and move where the next run begins.

        It moves when the run is complete, or when nothing tells whether it is and the sync does not require it.
        """
        run = self.store.get_run(run_id)
        if run.phase != "end" or run.status in _ENDED:
            return run
        opened = self._open.get(run)
        place = {"verdict": "complete", "reason": "", **run.place}
        gaps = run.seq - self.store.pages.count(run.id)
        missing = find_missing(run.counts, gaps)
        if missing and place["verdict"] != "incomplete":
            place |= {"verdict": "incomplete", "reason": missing}
        if (
            place["verdict"] == "complete"
            and _sweeps(opened.plan)
            and not is_partial(run, opened.plan, opened.stream.state)
        ):
            place |= self._sweep(run, opened)
            run = self.store.get_run(run_id)
        verdict = place["verdict"]
        moves = verdict == "complete" or (verdict == "unknown" and not opened.plan.requires_complete)
        moves = moves and not run.settings.get("keeps_state")
        report = {
            **run.counts,
            "verdict": verdict,
            "reason": place["reason"],
            "since": run.since,
            "state_before": opened.stream.state,
            "state_after": place.get("state_after") if moves else opened.stream.state,
            "moved": moves,
            "gaps": gaps,
        }
        target = find_target(run, opened.plan)
        is_spooled = target is not None and (target.type != "webhook" or opened.plan.spools)
        delivers = bool(is_spooled and run.counts.get("spooled"))
        self.store.end_run(
            run,
            "delivering" if delivers else verdict,
            place["reason"],
            report,
            now=self.clock.now(),
            state=place.get("state_after"),
            completed_at=run.began if moves else None,
            log=": ".join(filter(None, ("read", verdict, place["reason"]))),
            more=[] if delivers else prepare_following(run, report, self._releases, self.clock.now()),
        )
        if opened.plan.write is not None and not is_spooled:
            self.store.spool.clear(run_id)
        self._open.close(run_id)
        return self.store.get_run(run_id)

    def _sweep(self, run: RunRow, opened: OpenRun) -> dict[str, str]:
        """Deliver the deletion of what a complete run did not contain. If that is too much, none is deleted, and
        another verdict is returned."""
        if run.counts.get("skipped_by_rule"):
            pages = pluralize(run.counts["skipped_by_rule"], "response")
            return {"reason": f"deleted records were not searched: a rule skipped {pages}, whose records may exist"}
        failed = run.counts.get("set_aside", 0) + run.counts.get("skipped", 0)
        if failed:
            return {"reason": f"deleted records were not searched: {pluralize(failed, 'record')} failed, and may exist"}
        most = opened.plan.deletes.max if opened.plan.deletes is not None else 0
        gone = self.store.known.find_unseen(opened.stream, run.id, most + 1)
        if len(gone) > most:
            reason = f"more than {most:,} records would be deleted, so none is: raise deletes.max if that is right"
            return {"verdict": "incomplete", "reason": reason}
        if gone:
            draft = PageDraft(run, opened, self.clock.now())
            fill_deleted(draft, gone, self.store)
            self._commit(draft, run.place, "end")
        return {}

    def deliver(self, run_id: str) -> Advance:
        """Deliver what a run has spooled, and give the run its verdict as status."""
        return self._delivery.deliver(self.store.get_run(run_id))

    def retry_set_aside(self, run_id: str) -> None:
        """Process the records that a run has set aside again, with the sync as it is today, and deliver them. What the
        run has spooled is delivered with it too."""
        run = self.store.get_run(run_id)
        if run.status not in _ENDED or run.status == "cancelled":
            return
        self._open.close(run_id)
        self.store.release_plan(run_id)
        try:
            opened = self._open.get(replace(run, release=self._releases.get_current()[0], plan=""))
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
        endpoint = find_endpoint_of_run(workspace, run, target, self._environ)
        return "" if endpoint is None else endpoint.key

    def fail(self, run_id: str, reason: str) -> None:
        """End a run that cannot go on. Where the next run begins does not move."""
        run = self.store.get_run(run_id)
        self._open.close(run_id)
        if run.status not in _ENDED:
            reason += explain_rest(run)
            report = {**run.counts, "verdict": "incomplete", "reason": reason, "since": run.since, "moved": False}
            report["hint"] = run.report.get("hint", "")
            if self.store.end_run(run, "failed", reason, report, now=self.clock.now(), log="failed"):
                self.store.spool.drop_undelivered(run)

    def close(self) -> None:
        """Close all listings of this process."""
        self._open.close()


def to_iso(moment: float) -> str:
    """Return Unix seconds as ISO 8601 in UTC, to the millisecond."""
    return datetime.fromtimestamp(moment, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _sweeps(plan: SyncPlan) -> bool:
    return plan.deletes is not None and plan.deletes.by == "sweep"


def _find_next_place(run: RunRow, page: Page) -> dict[str, Any]:
    place = dict(run.place)
    if page.partial:  # the answer is read again from its start after a crash
        return place
    place |= {"cursor": page.next_cursor, "state": page.state if page.state is not None else place.get("state")}
    if page.completeness is not None:
        place["done"] = True
        note_verdict(place, page.completeness.state, page.completeness.reason)
    return place
