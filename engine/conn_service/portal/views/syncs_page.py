"""The syncs of the service by account, with their runs and reports. A schedule can be paused, and a run retried."""

from collections.abc import Mapping
from typing import Any, Final, cast, get_args
from urllib.parse import quote

from conn_engine.errors import UsageError
from conn_engine.syncs import find_syncs
from conn_service.delivery import DeliveryStore
from conn_service.portal.views.page_values import MOST_ROWS, choose, format_time, take_page
from conn_service.portal.views.portal_view import PortalForm, PortalView, ViewRequest
from conn_service.studio.views.sync_page import describe_details, describe_run
from conn_service.syncs.overview import StreamKey, StreamOverview, read_overview
from conn_service.syncs.requests import request_retry
from conn_service.syncs.store import RunRow, RunStatus, SyncStore

__all__ = ["PAUSE", "RESUME", "RETRY", "RUN", "RUNS", "SYNCS"]

_STATUSES: Final = get_args(RunStatus)
_ENDED_EARLY: Final = ("failed", "cancelled")


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
    events = DeliveryStore(request.parts.engine).count(run_id=run.id)
    set_aside = len(store.set_aside.find(run_id=run.id, limit=1_000))
    return {
        **describe_details(store, run),
        "events": events,
        "set_aside": set_aside,
        "can_retry": _can_retry(run, events),
        "done": request.query.get("done", ""),
    }


def _can_retry(run: RunRow, events: Mapping[str, int]) -> bool:
    return run.status in _ENDED_EARLY or events.get("dead", 0) > 0


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


def _retry(request: ViewRequest) -> str:
    """Send again what endpoints did not take, and request a run like one that has failed: a worker starts it."""
    store, now = SyncStore(request.parts.engine), request.parts.clock.now()
    run = store.get_run(request.require("run", "the run"))
    deliveries = DeliveryStore(request.parts.engine)
    if not _can_retry(run, deliveries.count(run_id=run.id)):
        raise UsageError("the run has nothing to retry here", hint=f"records set aside: conn sync retry {run.id}")
    store.add_log_line(run, "retry", "what failed is delivered again")
    again = deliveries.retry_dead(now, run_id=run.id)
    is_requested = run.status in _ENDED_EARLY and request_retry(request.parts.engine, run, now)
    request.record("retry", f"syncs/{run.sync}/runs/{run.id}", account=run.account)
    return f"/syncs/runs/{quote(run.id)}?done={'requested' if is_requested else again}"


SYNCS = PortalView("/syncs", "service_syncs", _show_all, "Syncs")
RUNS = PortalView("/syncs/runs", "service_runs", _show_runs)
RUN = PortalView("/syncs/runs/{run}", "service_run", _show_run)
PAUSE = PortalForm("/syncs/pause", "editor", _pause)
RESUME = PortalForm("/syncs/resume", "editor", _resume)
RETRY = PortalForm("/syncs/retry", "editor", _retry)
