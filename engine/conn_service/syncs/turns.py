"""Whose turn it is: `concurrency` limits for how many accounts of a connector a sync runs at the same time."""

from contextlib import suppress
from typing import Final

from conn_engine.config import Workspace
from conn_engine.errors import ConnError
from conn_engine.syncs import SyncPlan
from conn_service.syncs.store import RunRow, SyncStore

__all__ = ["compute_turn_pause"]

_SHORTEST: Final = 5.0
_LOOKS_PER_SECOND: Final = 4
"""How often all runs that wait for their turn look whether it is, together."""


def compute_turn_pause(run: RunRow, plan: SyncPlan, store: SyncStore, workspace: Workspace) -> float | None:
    """Return how many seconds a run that has not begun to read waits for its turn, None if it can begin. Runs that wait
    for their vendor do not take a turn."""
    if plan.concurrency is None or run.seq > 0 or run.status == "running":
        return None
    unfinished = store.find_runs(sync=run.sync, statuses=("running", "queued", "waiting"), limit=10_000)
    others = [other for other in unfinished if other.account != run.account]
    reading = {
        other.account for other in others if other.status == "running" and _is_of(workspace, other.account, plan)
    }
    if len(reading) < plan.concurrency:
        return None
    return max(_SHORTEST, (len(others) - len(reading)) / _LOOKS_PER_SECOND)


def _is_of(workspace: Workspace, account: str, plan: SyncPlan) -> bool:
    with suppress(ConnError):  # an account that is gone
        return workspace.account(account).connector == plan.connector
    return False
