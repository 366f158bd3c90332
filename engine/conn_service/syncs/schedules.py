"""Find the runs that are due, and create them with fixed IDs, so that a minute that is handled twice starts nothing
twice."""

import logging
from datetime import UTC, datetime

from conn_engine.errors import ConnError
from conn_engine.syncs import SyncPlan, compile_sync, find_accounts, load_sync
from conn_service.syncs.opening import ReleaseLookup
from conn_service.syncs.runner import RunOpenError, SyncRunner

__all__ = ["find_scheduled", "start_due"]

_LOGGER = logging.getLogger(__name__)


def find_scheduled(releases: ReleaseLookup) -> list[SyncPlan]:
    """Return the plans of all syncs with a schedule, for each of their accounts. Those that cannot run are logged."""
    _, workspace = releases.get_current()
    plans = []
    for name in workspace.syncs():
        try:
            if workspace.sync(name).trigger not in (None, "schedule"):
                continue
            accounts = find_accounts(workspace, name)
        except ConnError as error:
            _LOGGER.warning('the sync "%s" is not scheduled: %s', name, error.message)
            continue
        for account in accounts:
            try:
                plan = compile_sync(workspace, load_sync(workspace, name, account))
            except ConnError as error:
                _LOGGER.warning('the sync "%s" is not scheduled for "%s": %s', name, account, error.message)
                continue
            if plan.schedule is not None:
                plans.append(plan)
    return plans


def start_due(runner: SyncRunner, releases: ReleaseLookup, moment: float) -> list[str]:
    """Create the runs that are due at a moment (Unix seconds), and return their IDs.

    A run that was missed while no worker was running is started once. While a run of the same sync and account is
    open, none is started.
    """
    started = []
    store = runner.store
    streams = store.find_streams()
    for plan in find_scheduled(releases):
        stream = streams.get((plan.name, plan.account)) or store.get_stream(plan.name, plan.account)
        if stream.is_paused or plan.schedule is None:
            continue
        due = stream.next_due
        try:
            following = plan.schedule.find_next(datetime.fromtimestamp(moment, UTC)).timestamp()
        except ConnError as error:
            _LOGGER.warning('the sync "%s" is not scheduled for "%s": %s', plan.name, plan.account, error.message)
            continue
        if due is not None and due <= moment:
            run_id = f"{plan.name}:{plan.account}:{int(due * 1000):013d}"
            try:
                run = runner.create_run(run_id, plan.name, plan.account, cause="schedule", unless_open=True)
                started.append(run.id)
            except RunOpenError:
                if plan.overlap == "queue":
                    continue
            except ConnError as error:  # one that cannot run must not keep the others from it
                _LOGGER.error("%s for %s: %s", plan.name, plan.account, error.message)
        if due is None or due <= moment or due > following:  # the last: the schedule has changed
            store.set_next_due(plan.name, plan.account, following)
    return started
