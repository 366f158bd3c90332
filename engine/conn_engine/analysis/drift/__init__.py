"""Drift: how a vendor's answers differ from those the connector was made for, joined with whoever reads them. The face.

What is compared with (recordings, a newer document, the vendor itself) comes from `sources`; drawing is the caller's.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Literal

from conn_engine.analysis.drift.changes import Kind, ResponseChange, changes
from conn_engine.analysis.drift.forms import ERROR, HEADERS, ResponsePaths
from conn_engine.analysis.drift.readers import Reader, Readers
from conn_engine.analysis.population import AccountGroup

__all__ = ["TIERS", "Drift", "DriftDifference", "Kind", "OperationDrift", "Reader", "Tier", "drift"]

Tier = Literal["breaks", "touches", "noise"]
TIERS: Mapping[Tier, str] = {
    "breaks": "breaks a mapping",
    "touches": "touches a mapping",
    "noise": "nobody reads it",
}


@dataclass(frozen=True, slots=True)
class OperationDrift:
    """One vendor operation (resource, method) before and now. `endpoint` is what became of the endpoint itself."""

    resource: str
    method: str
    before: ResponsePaths
    now: ResponsePaths
    endpoint: ResponseChange | None = None

    @property
    def name(self) -> str:
        """As people write it."""
        return f"{self.resource}.{self.method}"


@dataclass(frozen=True, slots=True)
class DriftDifference:
    """One difference with those who read it, and how bad that is."""

    operation: str
    change: ResponseChange
    tier: Tier
    readers: tuple[Reader, ...]

    @property
    def accounts(self) -> frozenset[str]:
        """The accounts that it reaches."""
        return frozenset(name for reader in self.readers for name in reader.accounts)


@dataclass(frozen=True, slots=True)
class Drift:
    """All differences, the gravest first; what was compared, and why other operations were not."""

    connector: str
    differences: tuple[DriftDifference, ...]
    compared: tuple[str, ...]
    left_out: tuple[tuple[str, str], ...]

    def count(self, tier: Tier) -> int:
        """How many differences are of a tier."""
        return sum(difference.tier == tier for difference in self.differences)


def drift(
    connector: str,
    comparisons: Iterable[OperationDrift],
    groups: Iterable[AccountGroup],
    left_out: Iterable[tuple[str, str]] = (),
) -> Drift:
    """Join the differences with the expressions of these accounts."""
    readers_among = Readers(groups)
    differences: list[DriftDifference] = []
    compared = []
    for comparison in comparisons:
        compared.append(comparison.name)
        readers = readers_among.find_readers(comparison.resource, comparison.method)
        found = [comparison.endpoint] if comparison.endpoint is not None else []
        if comparison.endpoint is None or comparison.endpoint.kind == "endpoint_deprecated":
            found += changes(comparison.before, comparison.now)
        rows = [_judge(comparison.name, change, readers) for change in found]
        # Headers and errors are full of what nobody reads, and comes and goes.
        differences += [row for row in rows if row.tier != "noise" or row.change.path[:1] not in ((HEADERS,), (ERROR,))]
    order = list(TIERS)
    differences.sort(key=lambda row: (order.index(row.tier), row.operation, row.change.path, row.change.kind))
    return Drift(connector, tuple(differences), tuple(sorted(compared)), tuple(sorted(left_out)))


def _judge(operation: str, change: ResponseChange, readers: Iterable[Reader]) -> DriftDifference:
    at_or_below = [reader for reader in readers if reader.path[: len(change.path)] == change.path]
    above = [r for r in readers if len(r.path) < len(change.path) and change.path[: len(r.path)] == r.path]
    own = [reader for reader in above if not reader.holder]
    tier: Tier = "noise"
    touched: list[Reader] = []
    if change.kind in ("endpoint_gone", "endpoint_failing", "endpoint_deprecated"):
        touched = at_or_below
        tier = "touches" if change.kind == "endpoint_deprecated" else "breaks"
    elif change.kind in ("gone", "retyped"):
        touched = at_or_below or own
        # Who has `record_types` for it gets what they got: it is worth a look, and breaks nothing of theirs.
        safe = {name for reader in at_or_below if reader.absorbs(change.types) for name in reader.accounts}
        open_ = [r for r in at_or_below if not r.kind and not (r.delivered and safe.issuperset(r.accounts))]
        certain = change.certain or (change.kind == "gone" and any(r.required for r in open_))
        tier = ("breaks" if certain and open_ else "touches") if at_or_below else "touches" if own else "noise"
    elif change.kind in ("nullable", "enum_grown"):
        touched = [reader for reader in at_or_below if reader.path == change.path]
        tier = "touches" if touched else "noise"
    elif change.kind == "added":
        touched = own
        tier = "touches" if own else "noise"
    once = {(r.what, r.level, r.span, r.accounts): r for r in touched}  # one that reads several paths is one reader
    rows = sorted(once.values(), key=lambda r: (str(r.span and r.span.file), r.span.line if r.span else 0, r.what))
    return DriftDifference(operation, change, tier, tuple(rows))
