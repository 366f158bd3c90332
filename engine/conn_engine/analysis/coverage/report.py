"""What `conn coverage` measured, as a report: names and counts, no value of a record."""

from collections.abc import Sequence
from typing import ClassVar

import msgspec

from conn_engine.analysis.coverage import FieldCoverage, OperationCoverage
from conn_engine.reports import Report

__all__ = ["CoverageReport", "MeasuredOperation", "describe_coverage", "find_below"]


class MeasuredOperation(msgspec.Struct, frozen=True, kw_only=True):
    """One operation for accounts that behave the same, or for the connector itself if there are no accounts. No mapping
    reads the fields in `unread`."""

    connector: str
    operation: str
    accounts: list[str]
    cases: int
    records: int
    percent_seen: float
    below_minimum: bool
    fields: list[FieldCoverage]
    unread: list[str]
    not_replayed: list[str]


class CoverageReport(Report, frozen=True, kw_only=True):
    """The model fields with values in the recordings, by operation."""

    kind: ClassVar[str] = "coverage"
    operations: list[MeasuredOperation]

    @classmethod
    def from_rows(cls, rows: Sequence[OperationCoverage], minimum: float | None) -> "CoverageReport":
        """Report the operations, and mark those below the minimum percentage."""
        return cls(operations=describe_coverage(rows, minimum))


def describe_coverage(rows: Sequence[OperationCoverage], minimum: float | None) -> list[MeasuredOperation]:
    """Return the operations as reports have them."""
    return [
        MeasuredOperation(
            connector=row.connector,
            operation=row.operation,
            accounts=list(row.accounts),
            cases=row.cases,
            records=row.records,
            percent_seen=round(row.percent, 1),
            below_minimum=_is_below(row, minimum),
            fields=list(row.fields),
            unread=list(row.unread),
            not_replayed=list(row.broken),
        )
        for row in rows
    ]


def find_below(rows: Sequence[OperationCoverage], minimum: float | None) -> list[OperationCoverage]:
    """Return the operations with a mapping whose coverage is below the minimum; none without a minimum."""
    return [row for row in rows if _is_below(row, minimum)]


def _is_below(row: OperationCoverage, minimum: float | None) -> bool:
    return minimum is not None and bool(row.mapped) and row.percent < minimum
