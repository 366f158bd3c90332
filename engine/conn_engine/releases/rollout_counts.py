"""The numbers of a rollout, and whether they are too high."""

from dataclasses import dataclass
from dataclasses import field as declare
from typing import Any

from conn_engine.config.models import RolloutSettings
from conn_engine.diagnostics import pluralize

__all__ = ["CallCounts", "FieldDifference", "RolloutCounts", "find_halt_reason"]


@dataclass(slots=True)
class CallCounts:
    """The calls of some accounts: all, those that failed, those that were compared, and of these those that now miss
    something; those whose requests differ or cannot be repeated, and those that were not compared
    for lack of time, or because the isolation stopped an expression of the account."""

    calls: int = 0
    failed: int = 0
    compared: int = 0
    missing: int = 0
    different: int = 0
    dropped: int = 0

    def add(self, other: "CallCounts") -> None:
        """Add the counts of other calls."""
        for name in CallCounts.__slots__:
            setattr(self, name, getattr(self, name) + getattr(other, name))

    def to_data(self) -> dict[str, int]:
        """Return the counts by name."""
        return {name: getattr(self, name) for name in CallCounts.__slots__}


@dataclass(slots=True)
class FieldDifference:
    """What differs in a field of an operation of an account: in how many calls and records, with some of their IDs."""

    account: str
    operation: str
    field: str
    kind: str
    calls: int = 0
    records: int = 0
    ids: list[str] = declare(default_factory=list)


@dataclass(frozen=True, slots=True)
class RolloutCounts:
    """The counts of a rollout since its last change: of its accounts, and of the others that could be among them."""

    members: CallCounts = declare(default_factory=CallCounts)
    others: CallCounts = declare(default_factory=CallCounts)

    def to_data(self) -> dict[str, Any]:
        """Return the counts by name."""
        return {"members": self.members.to_data(), "others": self.others.to_data()}


def find_halt_reason(counts: RolloutCounts, settings: RolloutSettings) -> str:
    """Return why a rollout must be halted, or "". A vendor that fails for the other accounts too is not a reason."""
    members, others = counts.members, counts.others
    usual = others.failed / others.calls if others.calls >= settings.min_calls else 0.0
    if members.calls >= settings.min_calls and members.failed / members.calls > usual + settings.max_failed:
        more = f", and {usual:.1%} of those of other accounts" if usual else ""
        return (
            f"{_format_share(members.failed, members.calls)} of {pluralize(members.calls, 'call')} failed{more}: more "
            f"than {settings.max_failed:.1%}"
        )
    if members.compared >= settings.min_calls and members.missing > settings.max_missing * members.compared:
        return (
            f"{_format_share(members.missing, members.compared)} of {pluralize(members.compared, 'compared call')} now "
            f"miss something: more than {settings.max_missing:.1%}"
        )
    return ""


def _format_share(part: int, total: int) -> str:
    return f"{part / total:.1%}"
