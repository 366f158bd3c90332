"""The store of syncs: runs, what they deliver, and where the next run begins. This is the public interface."""

from conn_service.syncs.store.pages import has_seen_place
from conn_service.syncs.store.rows import (
    BACKFILL,
    ENDED,
    LONGEST_FIELD,
    OPEN,
    PageHook,
    PageRows,
    RunRow,
    RunStatus,
    SetAside,
    SpoolRow,
    StreamRow,
    name_run,
    name_target,
    to_run,
)
from conn_service.syncs.store.runs import SyncStore

__all__ = [
    "BACKFILL",
    "ENDED",
    "LONGEST_FIELD",
    "OPEN",
    "PageHook",
    "PageRows",
    "RunRow",
    "RunStatus",
    "SetAside",
    "SpoolRow",
    "StreamRow",
    "SyncStore",
    "has_seen_place",
    "name_run",
    "name_target",
    "to_run",
]
