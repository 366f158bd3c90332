"""Find the runs that are due, and create them with fixed IDs, so that a minute that is handled twice starts nothing
twice."""

import logging
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

from conn_engine.config import Workspace
from conn_engine.errors import ConnError
from conn_engine.syncs import SyncPlan, compile_sync, find_candidates, load_sync
from conn_service.syncs.opening import ReleaseLookup
from conn_service.syncs.runner import RunOpenError, SyncRunner

__all__ = ["Timetable", "start_due"]

_LOGGER = logging.getLogger(__name__)


class Timetable:
    """The plans of all syncs with a schedule, for each of their accounts. A plan is compiled again only if a document
    that it depends on has changed; `compilations` counts that. Syncs that cannot run are logged."""

    def __init__(self, releases: ReleaseLookup) -> None:
        self._releases = releases
        self._workspace: Workspace | None = None
        self._plans: dict[tuple[str, str], tuple[tuple[Any, ...], SyncPlan | None]] = {}
        self.compilations = 0

    def refresh(self) -> list[SyncPlan]:
        """Read what has changed since the last call. Return the plans that are new. While the workspace cannot be read,
        the plans stay as they were."""
        try:
            _, workspace = self._releases.get_current()
        except ConnError as error:
            _LOGGER.error("the schedules are those of before: %s", error.message)
            return []
        if workspace is self._workspace:
            return []
        before, self._plans, new = self._plans, {}, []
        for name, account, is_certain in _find_pairs(workspace):
            try:
                documents = _find_documents(workspace, name, account)
            except ConnError:  # `_compile` says what is wrong
                documents = ()
            known = before.get((name, account))
            if known is not None and documents and _are_same(known[0], documents):
                self._plans[name, account] = known
                continue
            plan = self._compile(workspace, name, account, is_certain=is_certain)
            self._plans[name, account] = (documents, plan)
            if plan is not None:
                new.append(plan)
        self._workspace = workspace
        return new

    def find_plan(self, name: str, account: str) -> SyncPlan | None:
        """Return the plan of a sync for an account, None if it has no schedule."""
        return self._plans.get((name, account), ((), None))[1]

    def forget(self, plan: SyncPlan) -> None:
        """Leave out a plan until it changes."""
        self._plans[plan.name, plan.account] = (self._plans[plan.name, plan.account][0], None)

    def _compile(self, workspace: Workspace, name: str, account: str, *, is_certain: bool) -> SyncPlan | None:
        self.compilations += 1
        try:
            plan = compile_sync(workspace, load_sync(workspace, name, account))
        except ConnError as error:
            if is_certain:
                _LOGGER.warning('the sync "%s" is not scheduled for "%s": %s', name, account, error.message)
            return None
        return plan if plan.enabled and plan.schedule is not None else None


def _find_pairs(workspace: Workspace) -> Iterator[tuple[str, str, bool]]:
    """Yield each sync that a schedule may start, with each account that it may run for, and whether it should."""
    for name in workspace.syncs():
        try:
            if workspace.sync(name).trigger in (None, "schedule"):
                candidates = find_candidates(workspace, name)
                yield from ((name, account, is_certain) for account, is_certain in candidates.items())
        except ConnError as error:
            _LOGGER.warning('the sync "%s" is not scheduled: %s', name, error.message)


def _find_documents(workspace: Workspace, name: str, account: str) -> tuple[Any, ...]:
    """Return what a plan depends on. A workspace that has read a changed file shares the other documents."""
    workspace = workspace.of_account(account)
    typed = workspace.account(account)
    environment = typed.environment or workspace.settings.default_environment
    return (
        workspace.sync(name),
        typed,
        workspace.settings,
        workspace.environment(environment) if environment in workspace.environments() else None,
        workspace.document("connector", typed.connector),
    )


def _are_same(first: tuple[Any, ...], second: tuple[Any, ...]) -> bool:
    return len(first) == len(second) and all(one is other for one, other in zip(first, second, strict=True))


def start_due(runner: SyncRunner, timetable: Timetable, moment: float) -> list[str]:
    """Create the runs that are due at a moment (Unix seconds), and return their IDs.

    A run that was missed while no worker was running is started once. While a run of the same sync and account is
    open, none is started. Only what has changed or is due is looked at.
    """
    store = runner.store
    _set_first_moments(runner, timetable, moment)
    started = []
    for name, account, due in store.streams.find_due(moment):
        plan = timetable.find_plan(name, account)
        following = None if plan is None else _find_following(plan, timetable, moment)
        if plan is None or following is None:
            continue
        try:
            run_id = f"{name}:{account}:{int(due * 1000):013d}"
            started.append(runner.create_run(run_id, name, account, cause="schedule", unless_open=True).id)
        except RunOpenError:
            if plan.overlap == "queue":
                continue
        except ConnError as error:  # one that cannot run must not keep the others from it
            _LOGGER.error("%s for %s: %s", name, account, error.message)
        store.streams.set_next_due({(name, account): following})
    return started


def _set_first_moments(runner: SyncRunner, timetable: Timetable, moment: float) -> None:
    """Set when new plans are due. A sync that is due already stays so, and one whose schedule has changed is due when
    the new one says if that is earlier."""
    new = timetable.refresh()
    if not new:
        return
    streams = runner.store.streams.find_all()
    moments = {}
    for plan in new:
        following = _find_following(plan, timetable, moment)
        stream = streams.get((plan.name, plan.account))
        due = None if stream is None else stream.next_due
        if following is not None and (due is None or due > following):
            moments[plan.name, plan.account] = following
    runner.store.streams.set_next_due(moments)


def _find_following(plan: SyncPlan, timetable: Timetable, moment: float) -> float | None:
    if plan.schedule is None:
        return None
    try:
        return plan.schedule.find_next(datetime.fromtimestamp(moment, UTC)).timestamp()
    except ConnError as error:
        _LOGGER.warning('the sync "%s" is not scheduled for "%s": %s', plan.name, plan.account, error.message)
        timetable.forget(plan)
        return None
