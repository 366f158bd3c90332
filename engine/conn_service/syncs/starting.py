"""Start the runs that are requested: each becomes a run in one transaction, under an ID of its own."""

import logging
from collections.abc import Mapping
from typing import Any

from conn_engine.errors import ConnError
from conn_engine.syncs import SyncPlan, compile_sync, load_sync
from conn_service.syncs.opening import ReleaseLookup
from conn_service.syncs.phases import reads_event
from conn_service.syncs.requests import (
    BY_EVENT,
    BY_SYNC,
    DELETES,
    FULL,
    RETRY,
    StartRequest,
    drop_requests,
    find_requests,
    find_similar,
)
from conn_service.syncs.runner import RunOpenError, SyncRunner
from conn_service.syncs.store import BACKFILL

__all__ = ["start_requested"]

_MOST_DELETES = 1000
_LOGGER = logging.getLogger(__name__)


def start_requested(runner: SyncRunner, releases: ReleaseLookup) -> list[str]:
    """Create the runs that are requested and can start, and return their IDs.

    While a run of the same sync and account is open, a request waits with `overlap: queue`, and is dropped with `skip`.
    The deletion of a record always waits.
    """
    requests = find_requests(runner.store.engine)
    if not requests:
        return []
    _, workspace = releases.get_current()
    started = []
    for request in requests:
        try:
            plan = compile_sync(workspace, load_sync(workspace, request.sync, request.account))
            run_id = _start(runner, plan, request)
        except ConnError as error:  # one that cannot run must not keep the others from it
            _LOGGER.error("%s for %s: %s", request.sync, request.account, error.message)
            if request.sync not in workspace.syncs() or request.account not in workspace.accounts():
                _drop(runner, request)
            continue
        if run_id:
            started.append(run_id)
    return started


def _start(runner: SyncRunner, plan: SyncPlan, request: StartRequest) -> str:
    """Start the run of a request. Return its ID, or "" if it waits or is dropped."""
    if request.cause != BACKFILL and not plan.enabled:  # it was disabled after the request
        _drop(runner, request)
        return ""
    if request.cause not in (BACKFILL, RETRY) and runner.store.streams.get(request.sync, request.account).is_paused:
        return ""
    taken, settings = _collect(runner, plan, request)
    try:
        run = runner.create_run(
            request.run_id,
            request.sync,
            request.account,
            cause=request.cause,
            is_full=request.cause == BACKFILL or request.settings.get(FULL, False),
            settings=settings,
            unless_open=True,
            more=[lambda connection, _seq: drop_requests(connection, [one.number for one in taken])],
        )
    except RunOpenError:
        if request.cause in (BY_SYNC, BY_EVENT) and plan.overlap == "skip":
            _drop(runner, request)
        return ""
    return run.id


def _collect(runner: SyncRunner, plan: SyncPlan, request: StartRequest) -> tuple[list[StartRequest], Mapping[str, Any]]:
    """Return the requests that one run serves, and its settings: deleted records are delivered together."""
    if request.cause == DELETES:
        taken = find_similar(runner.store.engine, request, _MOST_DELETES)
        keys = [key for one in taken for key in one.settings["deleted"]]
        return taken, {**request.settings, "deleted": keys}
    if request.cause == BY_EVENT and reads_event(plan):
        return [request], {**request.settings, "keeps_state": True}  # it reads only what the event is about
    return [request], request.settings


def _drop(runner: SyncRunner, request: StartRequest) -> None:
    with runner.store.engine.begin() as connection:
        drop_requests(connection, [request.number])
