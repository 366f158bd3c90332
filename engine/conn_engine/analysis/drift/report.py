"""What `conn drift` found, as a report: paths, counts and places, no value of any response."""

from typing import ClassVar

import msgspec

from conn_engine.analysis.drift import Drift, DriftDifference, Kind, Reader, Tier
from conn_engine.documents import format_path
from conn_engine.reports import Report

__all__ = ["DriftReport"]


class TierCounts(msgspec.Struct, frozen=True, kw_only=True):
    """The number of differences that break a mapping, touch one, or are not read."""

    breaks: int
    touches: int
    noise: int


class AffectedReader(msgspec.Struct, frozen=True, kw_only=True):
    """A setting or expression that reads what differs, and the number of accounts that use it."""

    reads: str
    level: str
    file: str | None
    line: int | None
    accounts: int


class VendorDifference(msgspec.Struct, frozen=True, kw_only=True):
    """One difference between earlier and current responses, and what reads it. `path` is dotted."""

    operation: str
    path: str
    kind: Kind
    tier: Tier
    detail: str
    accounts: int
    readers: list[AffectedReader]


class UncomparedOperation(msgspec.Struct, frozen=True, kw_only=True):
    """An operation that could not be compared, and why."""

    operation: str
    reason: str


class DriftReport(Report, frozen=True, kw_only=True):
    """How a vendor's responses differ from those that a connector was written for, most severe difference first."""

    kind: ClassVar[str] = "drift"
    connector: str
    summary: TierCounts
    differences: list[VendorDifference]
    compared: list[str]
    not_compared: list[UncomparedOperation]

    @classmethod
    def from_drift(cls, drift: Drift) -> "DriftReport":
        """Report the differences of one connector."""
        return cls(
            connector=drift.connector,
            summary=TierCounts(
                breaks=drift.count("breaks"), touches=drift.count("touches"), noise=drift.count("noise")
            ),
            differences=[_describe_difference(difference) for difference in drift.differences],
            compared=list(drift.compared),
            not_compared=[UncomparedOperation(operation=name, reason=reason) for name, reason in drift.left_out],
        )


def _describe_difference(difference: DriftDifference) -> VendorDifference:
    return VendorDifference(
        operation=difference.operation,
        path=format_path(difference.change.path),
        kind=difference.change.kind,
        tier=difference.tier,
        detail=difference.change.detail,
        accounts=len(difference.accounts),
        readers=[_describe_reader(reader) for reader in difference.readers],
    )


def _describe_reader(reader: Reader) -> AffectedReader:
    return AffectedReader(
        reads=reader.what,
        level=reader.level,
        file=reader.span.file if reader.span else None,
        line=reader.span.line if reader.span else None,
        accounts=len(reader.accounts),
    )
