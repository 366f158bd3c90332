"""Syncs that start each other: the chain that leads to one, and whether it is a circle."""

from conn_engine.config import Workspace
from conn_engine.config.sync_models import SyncTrigger
from conn_engine.errors import ConnError

__all__ = ["find_circle"]


def find_circle(workspace: Workspace, name: str) -> list[str]:
    """Return the syncs that start each other in a circle with this one, which is the first and the last; [] if it is
    not in one."""
    chain = [name]
    while (before := _find_trigger(workspace, chain[-1])) is not None:
        if before in chain[1:]:
            return []  # a circle of other syncs
        chain.append(before)
        if before == name:
            return chain[::-1]
    return []


def _find_trigger(workspace: Workspace, name: str) -> str | None:
    try:
        trigger = workspace.sync(name).trigger
    except ConnError:  # it is reported where it is
        return None
    return trigger.sync if isinstance(trigger, SyncTrigger) else None
