"""Group a workspace's accounts by their behavior, and find the settings that each operation depends on.

A result for one account is valid for its complete group, so the work depends on the differences between accounts, not
on their number.
"""

from conn_engine.analysis.population.content import Digests, join_digests
from conn_engine.analysis.population.groups import AccountGroup, find_context_reads, group_accounts, make_context_key
from conn_engine.analysis.population.recorded_files import RecordedFile, RecordedFiles
from conn_engine.analysis.population.sides import AccountShape, Side
from conn_engine.analysis.population.slices import (
    UNRECORDED,
    OperationSlice,
    Slicer,
    find_reachable_operations,
    find_route,
)
from conn_engine.analysis.population.sync_slices import SyncSlice, cut_syncs

__all__ = [
    "UNRECORDED",
    "AccountGroup",
    "AccountShape",
    "Digests",
    "OperationSlice",
    "RecordedFile",
    "RecordedFiles",
    "Side",
    "Slicer",
    "SyncSlice",
    "cut_syncs",
    "find_context_reads",
    "find_reachable_operations",
    "find_route",
    "group_accounts",
    "join_digests",
    "make_context_key",
]
