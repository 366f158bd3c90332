"""A workspace's accounts as a population: which of them behave alike, and what an operation of theirs is made of.

What holds for one account holds for all of its group, so that work grows with what differs and not with their number.
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
