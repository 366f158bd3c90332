"""Decide whether a listing is complete, and report the verdict to callers as a finding or an error.

The verdict combines those of the listing's steps (partitions, windows) and of the listings that their values come from.
Repeated ids are counted too.
"""

from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from conn_engine.config import Effective, Path_, VendorOperation
from conn_engine.diagnostics import Diagnostic, Severity, diagnostic
from conn_engine.documents import format_path
from conn_engine.errors import IncompleteError
from conn_engine.runtime.fetched import Fetched
from conn_engine.runtime.layers import Listing
from conn_engine.secrets import Redactor
from conn_engine.wire import Completeness

__all__ = [
    "RECENT",
    "Endings",
    "RecentIds",
    "describe_verdict",
    "endings_of",
    "find_incompleteness",
    "incomplete_error",
    "log_verdict",
    "setting_path",
]

RECENT = 10_000
"""How many records are compared by id."""

_POLICIES = ("ignore", "warn", "error")
"""From the most lenient to the strictest."""

_STANDING = {"incomplete": "is incomplete", "unknown": "may be incomplete", "stopped": "was stopped"}


class RecentIds:
    """The ids of the last records of one step."""

    def __init__(self) -> None:
        self._order: deque[str | int] = deque()
        self._known: set[str | int] = set()

    def add(self, records: Sequence[Any]) -> list[str | int]:
        """Remember the ids of records, and return the repeated ones."""
        again: list[str | int] = []
        for record in records:
            value = record.get("id") if isinstance(record, dict) else None
            if not isinstance(value, str | int) or value == "":
                continue
            if value in self._known:
                again.append(value)
                continue
            self._known.add(value)
            self._order.append(value)
            if len(self._order) > RECENT:
                self._known.discard(self._order.popleft())
        return again


@dataclass(slots=True)
class Endings:
    """The verdicts of the steps of one listing. `seen` has the pagination settings whose key was in any response."""

    seen: set[str] = field(default_factory=set)
    _bad: Completeness | None = None
    _bad_count: int = 0
    _stopped: Completeness | None = None
    _unknown: list[Completeness] = field(default_factory=list)
    _missing: dict[str, None] = field(default_factory=dict)
    _again: int = 0
    _example: str | int = ""
    _totals: list[int | None] = field(default_factory=list)

    def add(self, verdict: Completeness, partition: Mapping[str, Any]) -> None:
        """Add the verdict on a step."""
        self._totals.append(verdict.total)
        self._missing |= dict.fromkeys(verdict.settings)
        where = ", ".join(f"{name} {value}" for name, value in partition.items() if isinstance(value, str | int))
        self._add(verdict, where if verdict.state in ("incomplete", "stopped") else "")

    def add_values(self, verdict: Completeness, name: str) -> None:
        """Add the verdict on the operation that the steps' values come from: if it is incomplete, steps are missing.

        The more lenient policy of both listings applies. The settings are named with their operation.
        """
        if verdict.policy != "ignore":
            settings = tuple(f"{name}.{setting}" for setting in verdict.settings)
            self._add(replace(verdict, settings=settings), f"the values from {name}")

    def _add(self, verdict: Completeness, where: str) -> None:
        if where:
            verdict = replace(verdict, reason=f"{where}: {verdict.reason}")
        if verdict.state == "unknown" and len(self._unknown) < 100:
            self._unknown.append(verdict)
        if verdict.state == "stopped":
            self._stopped = self._stopped or verdict
        if verdict.state == "incomplete":
            self._bad_count += 1
            if self._bad is None or _POLICIES.index(self._bad.policy) < _POLICIES.index(verdict.policy):
                self._bad = verdict

    def add_again(self, ids: Sequence[str | int]) -> None:
        """Count repeated ids."""
        if ids:
            self._example = self._example if self._again else ids[0]
            self._again += len(ids)

    def finish(self, listing: Listing, page: Fetched) -> Fetched:
        """Return the listing's last page with the verdict, and with a note about repeated ids."""
        missing = tuple(setting for setting in self._missing if setting not in self.seen)
        worst = self._worst()
        policy = min(listing.operation.complete, worst.policy, key=_POLICIES.index)
        verdict = replace(worst, settings=missing, policy=policy, total=_add_totals(self._totals))
        if not self._again:
            return replace(page, completeness=verdict)
        count = "1 record has" if self._again == 1 else f"{self._again} records have"
        note = f"{count} an id that came before within {RECENT:,} records (such as {self._example})"
        return replace(
            page, completeness=verdict, notes=(*page.notes, f"{note}: `distinct: record.id` leaves them out")
        )

    def _worst(self) -> Completeness:
        if self._bad is not None:
            more = f" (and {self._bad_count - 1} more like it)" if self._bad_count > 1 else ""
            return replace(self._bad, reason=self._bad.reason + more)
        if self._stopped is not None:
            return self._stopped
        for verdict in self._unknown:  # a key that a later step's response has is not a mistake
            if not self.seen.issuperset(verdict.settings):
                return verdict
        return Completeness("complete")


def _add_totals(totals: Sequence[int | None]) -> int | None:
    known = [total for total in totals if total is not None]
    return sum(known) if known and len(known) == len(totals) else None


def endings_of(listing: Listing) -> Endings:
    """Return the endings of a listing's steps so far."""
    endings: Endings = listing.memory.setdefault("endings", Endings())
    return endings


def describe_verdict(subject: str, verdict: Completeness) -> str:
    """Describe a verdict, for example `the listing is incomplete: 2 of 3 records arrived`."""
    return f"{subject} {_STANDING[verdict.state]}: {verdict.reason}"


def log_verdict(name: str, verdict: Completeness, redactor: Redactor) -> None:
    """Log a listing that may lack records, for callers that receive only its records."""
    if verdict.state == "complete" or verdict.policy == "ignore":
        return
    import logging

    level = logging.INFO if verdict.state == "stopped" else logging.WARNING
    text = redactor.text(describe_verdict(f"{name}: the listing", verdict))
    printable = "".join(letter if letter.isprintable() else "?" for letter in text)  # it may name keys of a response
    logging.getLogger("conn_engine").log(level, "%s", printable)


def setting_path(operation: VendorOperation, setting: str) -> Path_:
    """Return the configuration path of a pagination setting, such as `cursor_field` or `outer.cursor_field`."""
    return (*operation.get_path("pagination"), "config", *setting.replace(".", ".config.").split("."))


def find_incompleteness(
    effective: Effective, operation: VendorOperation | None, verdict: Completeness | None
) -> Diagnostic | None:
    """Return PAG110 for an incomplete listing, PAG111 if its end is unknown, and None for any other verdict.

    Returns None under `complete: ignore` too. `operation` is the vendor operation, or None if only the run knew it.
    """
    if verdict is None or verdict.policy == "ignore" or verdict.state not in ("incomplete", "unknown"):
        return None
    path: Path_ = ()
    if operation is not None:
        setting = next((name for name in verdict.settings if f"`{name}`" in verdict.reason), None)
        path = operation.get_path("pagination") if setting is None else setting_path(operation, setting)
    code = "PAG110" if verdict.state == "incomplete" else "PAG111"
    severity = Severity.ERROR if verdict.is_failure else Severity.WARNING
    message = describe_verdict("the listing", verdict)
    return diagnostic(code, message, effective.span(path), path=format_path(path), hint=verdict.hint, severity=severity)


def incomplete_error(
    effective: Effective, operation: VendorOperation | None, verdict: Completeness, count: int
) -> IncompleteError:
    """Build the error for a listing that lacks records but must be complete."""
    finding = find_incompleteness(effective, operation, verdict)
    name = "the listing" if operation is None else operation.text
    return IncompleteError(
        f"{name} is incomplete: {verdict.reason}",
        verdict=verdict,
        count=count,
        hint=verdict.hint,
        findings=[] if finding is None else [finding],
    )
