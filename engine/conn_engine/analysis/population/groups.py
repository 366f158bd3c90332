"""Group the accounts of one side that behave the same."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from conn_engine.analysis.population.content import Digests, join_digests
from conn_engine.analysis.population.sides import AccountShape, Side
from conn_engine.analysis.population.slices import OperationSlice, Slicer
from conn_engine.analysis.population.sync_slices import cut_syncs
from conn_engine.config import Effective, OperationName
from conn_engine.errors import ConnError
from conn_engine.syncs import find_syncs

__all__ = ["AccountGroup", "find_context_reads", "group_accounts", "make_context_key"]


@dataclass(slots=True)
class AccountGroup:
    """Accounts that behave the same, with the configuration and the `context` of the first one.

    `broken` is the reason why there is no configuration.
    """

    accounts: list[str]
    context: Mapping[str, Any]
    effective: Effective | None = None
    slices: Mapping[OperationName, OperationSlice] = field(default_factory=dict)
    broken: str = ""


def group_accounts(side: Side, connector: str | None = None, accounts: Sequence[str] = ()) -> list[AccountGroup]:
    """Return the groups of a side's accounts, or of one connector or some accounts, in the order of their first names.

    Raises UsageError for an unknown account, ConfigurationError for an account's document that cannot be read.
    """
    shapes_by_key: dict[object, list[AccountShape]] = {}
    for name in accounts or side.workspace.accounts():
        shape = side.shape(name)
        if connector in (None, shape.connector):
            shapes_by_key.setdefault(shape.key, []).append(shape)
    slicer = Slicer(side.digests)
    return [group for shapes in shapes_by_key.values() for group in _by_context(side, slicer, shapes)]


def _by_context(side: Side, slicer: Slicer, shapes: list[AccountShape]) -> list[AccountGroup]:
    try:
        effective = side.workspace.effective(account=shapes[0].name)
    except ConnError as error:
        return [AccountGroup([shape.name for shape in shapes], shapes[0].context, broken=error.message)]
    slices: dict[OperationName, OperationSlice] = {
        name: slicer.cut(effective, name) for name in effective.enabled_operations()
    }
    syncs = cut_syncs(slicer, side.workspace, effective, find_syncs(side.workspace, effective))
    slices |= {name: cut.events for name, cut in syncs.items()}
    reads = find_context_reads(slices.values())
    groups: dict[str, AccountGroup] = {}
    for shape in shapes:
        key = make_context_key(side.digests, reads, shape.context)
        if key not in groups:
            account_effective = effective if shape is shapes[0] else side.workspace.effective(account=shape.name)
            groups[key] = AccountGroup([], shape.context, account_effective, slices)
        groups[key].accounts.append(shape.name)
    return list(groups.values())


def find_context_reads(slices: Iterable[OperationSlice]) -> frozenset[str] | None:
    """Return the context names that any of the operations reads, or None if it may read all."""
    reads: set[str] = set()
    for cut in slices:
        if cut.context is None:
            return None
        reads |= cut.context
    return frozenset(reads)


def make_context_key(digests: Digests, reads: frozenset[str] | None, context: Mapping[str, object]) -> str:
    """Return a key that is equal for contexts with equal values for these names (None: all)."""
    names = sorted(context if reads is None else reads & context.keys())
    return join_digests(*(f"{name}={digests.digest(context[name])}" for name in names))
