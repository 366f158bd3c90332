"""Drift: how a vendor's responses differ from those the connector was written for, and which settings read the
differences. Public API.

The newer side (recordings, a document, the vendor itself) comes from `sources`; the caller draws the result.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Literal

from conn_engine.analysis.drift.changes import Kind, ResponseChange, find_changes
from conn_engine.analysis.drift.forms import ERROR, HEADERS, ResponsePaths
from conn_engine.analysis.drift.readers import Reader, Readers
from conn_engine.analysis.population import AccountGroup

__all__ = ["TIERS", "Drift", "DriftDifference", "Kind", "OperationDrift", "Reader", "Tier", "drift"]

Tier = Literal["breaks", "touches", "noise"]
TIERS: Mapping[Tier, str] = {
    "breaks": "breaks a mapping",
    "touches": "touches a mapping",
    "noise": "not read by any mapping",
}


@dataclass(frozen=True, slots=True)
class OperationDrift:
    """One vendor operation (resource, method) before and now. `endpoint` is a change of the endpoint itself."""

    resource: str
    method: str
    before: ResponsePaths
    now: ResponsePaths
    endpoint: ResponseChange | None = None

    @property
    def name(self) -> str:
        """The name as written in the configuration."""
        return f"{self.resource}.{self.method}"


@dataclass(frozen=True, slots=True)
class DriftDifference:
    """One difference with the settings that read it, and its severity."""

    operation: str
    change: ResponseChange
    tier: Tier
    readers: tuple[Reader, ...]

    @property
    def accounts(self) -> frozenset[str]:
        """The affected accounts."""
        return frozenset(name for reader in self.readers for name in reader.accounts)


@dataclass(frozen=True, slots=True)
class Drift:
    """All differences, most severe first; the compared operations, and why others were not compared."""

    connector: str
    differences: tuple[DriftDifference, ...]
    compared: tuple[str, ...]
    left_out: tuple[tuple[str, str], ...]

    def count(self, tier: Tier) -> int:
        """Return the number of differences of a tier."""
        return sum(difference.tier == tier for difference in self.differences)


def drift(
    connector: str,
    comparisons: Iterable[OperationDrift],
    groups: Iterable[AccountGroup],
    left_out: Iterable[tuple[str, str]] = (),
) -> Drift:
    """Find the differences and the expressions of these accounts that read them."""
    readers_among = Readers(groups)
    differences: list[DriftDifference] = []
    compared = []
    for comparison in comparisons:
        compared.append(comparison.name)
        readers = readers_among.find_readers(comparison.resource, comparison.method)
        endpoints = [comparison.endpoint] if comparison.endpoint is not None else []
        if comparison.endpoint is None or comparison.endpoint.kind == "endpoint_deprecated":
            endpoints += find_changes(comparison.before, comparison.now)
        rows = [_judge(comparison.name, change, readers) for change in endpoints]
        # Headers and errors have many varying fields that no setting reads.
        differences += [row for row in rows if row.tier != "noise" or row.change.path[:1] not in ((HEADERS,), (ERROR,))]
    order = list(TIERS)
    differences.sort(key=lambda row: (order.index(row.tier), row.operation, row.change.path, row.change.kind))
    return Drift(connector, tuple(differences), tuple(sorted(compared)), tuple(sorted(left_out)))


def _judge(operation: str, change: ResponseChange, readers: Iterable[Reader]) -> DriftDifference:
    at_or_below = [reader for reader in readers if reader.path[: len(change.path)] == change.path]
    above = [r for r in readers if len(r.path) < len(change.path) and change.path[: len(r.path)] == r.path]
    own_readers = [reader for reader in above if not reader.holder]
    tier: Tier = "noise"
    touched: list[Reader] = []
    if change.kind in ("endpoint_gone", "endpoint_failing", "endpoint_deprecated"):
        touched = at_or_below
        tier = "touches" if change.kind == "endpoint_deprecated" else "breaks"
    elif change.kind in ("gone", "retyped"):
        touched = at_or_below or own_readers
        # With `record_types` for the field, an account gets the same value as before: review it, but nothing breaks.
        safe = {name for reader in at_or_below if reader.absorbs(change.types) for name in reader.accounts}
        open_ = [r for r in at_or_below if not r.kind and not (r.delivered and safe.issuperset(r.accounts))]
        certain = change.certain or (change.kind == "gone" and any(r.required for r in open_))
        tier = ("breaks" if certain and open_ else "touches") if at_or_below else "touches" if own_readers else "noise"
    elif change.kind in ("nullable", "enum_grown"):
        touched = [reader for reader in at_or_below if reader.path == change.path]
        tier = "touches" if touched else "noise"
    elif change.kind == "added":
        touched = own_readers
        tier = "touches" if own_readers else "noise"
    once = {(r.what, r.level, r.span, r.accounts): r for r in touched}  # one entry for a reader of several paths
    rows = sorted(once.values(), key=lambda r: (str(r.span and r.span.file), r.span.line if r.span else 0, r.what))
    return DriftDifference(operation, change, tier, tuple(rows))
