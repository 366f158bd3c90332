"""Group a workspace's accounts by their behavior, and find the settings that each operation depends on.

A result for one account is valid for its complete group, so the work depends on the differences between accounts, not
on their number.
"""

from conn_engine.analysis.population.content import Digests, join_digests
from conn_engine.analysis.population.groups import AccountGroup, account_groups, context_key, context_reads
from conn_engine.analysis.population.sides import AccountShape, RecordedFile, Side
from conn_engine.analysis.population.slices import (
    UNRECORDED,
    OperationSlice,
    Slicer,
    find_route,
    reached_operations,
)

__all__ = [
    "UNRECORDED",
    "AccountGroup",
    "AccountShape",
    "Digests",
    "OperationSlice",
    "RecordedFile",
    "Side",
    "Slicer",
    "account_groups",
    "context_key",
    "context_reads",
    "find_route",
    "join_digests",
    "reached_operations",
]
