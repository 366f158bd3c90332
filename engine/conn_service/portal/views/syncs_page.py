"""The syncs of the service by account, with their runs and reports. A schedule can be paused, a run cancelled, and what
failed of one retried. What a record contains is the customers' data, and is not shown."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, cast, get_args
from urllib.parse import quote

from conn_engine.errors import UsageError
from conn_engine.syncs import find_syncs
from conn_service.delivery import DeliveryStore
from conn_service.portal.views.page_values import MOST_ROWS, choose, format_time, take_page
from conn_service.portal.views.portal_view import PortalForm, PortalView, ViewRequest
from conn_service.studio.views.sync_page import describe_details, describe_run
from conn_service.syncs.filling import LOOP_STAGE
from conn_service.syncs.overview import StreamKey, StreamOverview, read_overview
from conn_service.syncs.requests import find_partial_retries, request_partial_retry, request_retry
from conn_service.syncs.run_log import read_all
from conn_service.syncs.store import ENDED, RunRow, RunStatus, SyncStore

__all__ = ["CANCEL", "PAUSE", "RESUME", "RETRY", "RUN", "RUNS", "SYNCS"]

_STATUSES: Final = get_args(RunStatus)
_ENDED_EARLY: Final = ("failed", "cancelled")
_MOST_COUNTED: Final = 10_000
_MOST_RETRIES: Final = 10


def _show_all(request: ViewRequest) -> Mapping[str, Any]:
    workspace = request.parts.callers.source.get_current()[1]
    chosen = choose(request, "sync", workspace.syncs())
    account = request.query.get("account", "").strip()
    after = (request.query.get("after_sync", ""), request.query.get("after_account", ""))
    known = read_overview(SyncStore(request.parts.engine))
    keys = [key for key in sorted(known) if chosen in ("", key[0]) and account in ("", key[1]) and key > after]
    page, last = take_page(keys[: MOST_ROWS + 1])
    return {
        "rows": [_describe_stream(key, known[key]) for key in page],
        "more": last,
        "syncs": workspace.syncs(),
        "sync": chosen,
        "account": account,
        "idle": [name for name in workspace.syncs() if not any(key[0] == name for key in known)],
        "done": request.query.get("done", ""),
    }


def _describe_stream(key: StreamKey, overview: StreamOverview) -> dict[str, Any]:
    stream, last = overview.stream, overview.last
    is_paused = stream is not None and stream.is_paused
    return {
        "sync": key[0],
        "account": key[1],
        "is_paused": is_paused,
        "next": "" if is_paused or stream is None else format_time(stream.next_due),
        "last": None if last is None else describe_run(last),
        "waiting": overview.events.get("waiting", 0),
        "dead": overview.events.get("dead", 0),
        "set_aside": overview.set_aside,
    }


def _show_runs(request: ViewRequest) -> Mapping[str, Any]:
    workspace, store = request.parts.callers.source.get_current()[1], SyncStore(request.parts.engine)
    sync, account = request.query.get("sync", "").strip(), request.query.get("account", "").strip()
    status, cursor = choose(request, "status", _STATUSES), request.query.get("before", "")
    found = store.find_runs(
        sync=sync or None,
        account=account or None,
        statuses=(cast("RunStatus", status),) if status else (),
        before=store.get_run(cursor) if cursor else None,
        limit=MOST_ROWS + 1,
    )
    page, last = take_page(found)
    return {
        "rows": [describe_run(run) for run in page],
        "more": None if last is None else last.id,
        "sync": sync,
        "syncs": workspace.syncs(),
        "account": account,
        "status": status,
        "statuses": _STATUSES,
    }


def _show_run(request: ViewRequest) -> Mapping[str, Any]:
    store = SyncStore(request.parts.engine)
    run = store.get_run(request.require("run", "the run"))
    failed = _find_failed(request, store, run)
    return {
        **describe_details(store, run),
        "events": failed.events,
        "set_aside": [
            {"stage": stage.replace("_", " "), "field": field, "records": records}
            for (stage, field), records in failed.set_aside.items()
        ],
        "is_requested": bool(find_partial_retries(request.parts.engine, run.id)),
        "retries": [
            {"at": format_time(line.at), "text": line.text}
            for line in read_all(request.parts.engine, run.id)
            if line.kind == "retry"
        ][-_MOST_RETRIES:],
        "can_retry": failed.can_retry,
        "can_cancel": run.status not in ENDED,
        "done": request.query.get("done", ""),
    }


@dataclass(frozen=True, slots=True)
class _FailedPart:
    """What a run could not deliver: events by status, and records that were set aside, by the step and the field that
    failed."""

    run: RunRow
    events: Mapping[str, int]
    set_aside: Mapping[tuple[str, str], int]

    @property
    def starts_again(self) -> bool:
        """Whether a retry is another run."""
        return self.run.status in _ENDED_EARLY

    @property
    def needs_worker(self) -> bool:
        """Whether a worker has to process records or to write rows again."""
        is_processed = self.run.status in ENDED and self.run.status != "cancelled"
        is_left = any(stage != LOOP_STAGE for stage, _ in self.set_aside)
        return is_processed and (is_left or self.run.status == "undelivered")

    @property
    def can_retry(self) -> bool:
        """Whether there is anything to retry."""
        return self.starts_again or self.needs_worker or self.events.get("dead", 0) > 0


def _find_failed(request: ViewRequest, store: SyncStore, run: RunRow) -> _FailedPart:
    rows = store.set_aside.find(run_id=run.id, limit=_MOST_COUNTED)
    events = DeliveryStore(request.parts.engine).count(run_id=run.id)
    return _FailedPart(run, events, Counter((row.stage, row.field) for row in rows))


def _pause(request: ViewRequest) -> str:
    return _set_paused(request, is_paused=True)


def _resume(request: ViewRequest) -> str:
    return _set_paused(request, is_paused=False)


def _set_paused(request: ViewRequest, *, is_paused: bool) -> str:
    sync, account = request.require("sync", "the sync"), request.require("account", "the account")
    workspace = request.parts.callers.source.get_current()[1]
    if sync not in find_syncs(workspace, workspace.effective(account=account), with_drift=True):
        raise UsageError(f'the sync "{sync}" does not run for the account "{account}"', hint="choose one of the list")
    SyncStore(request.parts.engine).streams.pause(sync, account, is_paused=is_paused)
    action = "pause" if is_paused else "resume"
    request.record(action, f"syncs/{sync}", account=account)
    return f"/syncs?sync={quote(sync)}&done={action}d"


def _cancel(request: ViewRequest) -> str:
    """End a run after its current page."""
    store = SyncStore(request.parts.engine, request.parts.clock)
    run = store.get_run(request.require("run", "the run"))
    if not store.cancel_run(run.id):
        raise UsageError("the run has ended already", hint="open it again")
    request.record("cancel", _name_target(run), account=run.account)
    return f"/syncs/runs/{quote(run.id)}?done=cancelled"


def _retry(request: ViewRequest) -> str:
    """Send again what endpoints did not take, and let a worker do the rest: it processes the records again that were
    set aside, and starts a run like one that has failed."""
    engine, now = request.parts.engine, request.parts.clock.now()
    store = SyncStore(engine, request.parts.clock)
    run = store.get_run(request.require("run", "the run"))
    failed = _find_failed(request, store, run)
    if not failed.can_retry:
        raise UsageError("nothing of the run can be retried", hint="to read everything again, run the sync again")
    store.add_log_line(run, "retry", "what failed is delivered again")
    again = DeliveryStore(engine).retry_dead(now, run_id=run.id)
    if failed.needs_worker:
        request_partial_retry(engine, run, now)
    if failed.starts_again:
        request_retry(engine, run, now)
    request.record("retry", _name_target(run), account=run.account)
    done = "started" if failed.starts_again else "requested" if failed.needs_worker else again
    return f"/syncs/runs/{quote(run.id)}?done={done}"


def _name_target(run: RunRow) -> str:
    return f"syncs/{run.sync}/runs/{run.id}"


SYNCS = PortalView("/syncs", "service_syncs", _show_all, "Syncs")
RUNS = PortalView("/syncs/runs", "service_runs", _show_runs)
RUN = PortalView("/syncs/runs/{run}", "service_run", _show_run)
PAUSE = PortalForm("/syncs/pause", "editor", _pause)
RESUME = PortalForm("/syncs/resume", "editor", _resume)
CANCEL = PortalForm("/syncs/cancel", "editor", _cancel)
RETRY = PortalForm("/syncs/retry", "editor", _retry)
