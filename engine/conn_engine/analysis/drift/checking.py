"""Compare the vendor's responses with the recordings, one operation at a time, for a caller that stores each result.

An operation is compared with its own recording, and only what all recordings of the connector confirm is a difference:
another recording may show that the vendor has always responded like that.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

from conn_engine.analysis.drift import Drift, drift, sources
from conn_engine.analysis.drift.endpoints import OperationIndex, index_operations
from conn_engine.analysis.drift.forms import Observed
from conn_engine.analysis.drift.live import find_repeatable_cases, repeat_call
from conn_engine.analysis.population import AccountGroup, Digests, Side, group_accounts
from conn_engine.config import Effective, Workspace
from conn_engine.documents import wildcards
from conn_engine.errors import ConnError, VendorError
from conn_engine.runtime.drive import Sender
from conn_engine.runtime.wiring import Wiring
from conn_engine.testing.cases import Case

__all__ = ["CallComparison", "RecordedCalls"]


@dataclass(frozen=True, slots=True)
class CallComparison:
    """What came of the call of a recording. `drift` is None if it was not compared, for the `reason`.

    `error` is the one that ended the call, also if there are responses to compare. `is_refused` is set if the vendor
    answered only that it has no time: then this says nothing about its responses.
    """

    operation: str
    drift: Drift | None
    reason: str = ""
    error: ConnError | None = None

    @property
    def is_refused(self) -> bool:
        """Whether the vendor wants the call later, or does not respond."""
        return isinstance(self.error, VendorError) and self.error.kind in ("rate_limited", "vendor_unavailable")


class RecordedCalls:
    """The calls of the recordings of an account's connector that can be compared. `patterns` select operations by name;
    without any, all are.

    `left_out` has the other operations with the reason: they have no recording, or they may write data.
    """

    def __init__(self, workspace: Workspace, effective: Effective, patterns: Sequence[str] = ()) -> None:
        self._workspace, self._effective = workspace, effective
        names = [name.text for name in effective.enabled_operations() if _is_selected(name.text, patterns)]
        cases, writing = find_repeatable_cases(workspace, effective)
        self.cases: dict[str, Case] = {case.name.text: case for case in cases if case.name.text in names}
        known = {*self.cases, *(name for name, _ in writing)}
        self.left_out = [(name, reason) for name, reason in writing if name in names]
        self.left_out += [(name, "there is no recording") for name in names if name not in known]

    @property
    def names(self) -> list[str]:
        """The operations that are compared, sorted."""
        return sorted(self.cases)

    def compare(self, operation: str, wiring: Wiring, transport: Sender, pages: int) -> CallComparison:
        """Send the call of an operation's recording again, and compare the responses."""
        case = self.cases[operation]
        rows, error = repeat_call(wiring, transport, case, pages)
        if not rows:
            reason = "the vendor was not asked" if error is None else error.message
            return CallComparison(operation, None, reason, error)
        own = list(sources.list_recorded_responses([case.recording]))
        keys = sources.group_by_operation(self._index, rows)
        others = [response for key in keys for response in self._recorded.get(key, ())]
        found, confirmed = self._find_drift(own, rows), self._find_drift(others, rows)
        if not found.compared:
            reasons = [reason for _, reason in found.left_out]
            return CallComparison(operation, None, reasons[0] if reasons else "no response to compare", error)
        known = {(row.operation, row.change.path, row.change.kind) for row in confirmed.differences}
        differences = tuple(
            row for row in found.differences if (row.operation, row.change.path, row.change.kind) in known
        )
        return CallComparison(operation, Drift(found.connector, differences, found.compared, ()), error=error)

    def _find_drift(self, before: Sequence[Observed], now: Sequence[Observed]) -> Drift:
        comparisons, left_out = sources.compare_responses(self._effective, before, now, self._index)
        return drift(self._effective.connector_name, comparisons, self._groups, left_out)

    @cached_property
    def _index(self) -> OperationIndex:
        return index_operations(self._effective)

    @cached_property
    def _recorded(self) -> dict[tuple[str, str], list[Observed]]:
        recordings = sources.load_own_recordings(self._workspace, self._effective.connector_name)
        return sources.group_by_operation(self._index, sources.list_recorded_responses(recordings))

    @cached_property
    def _groups(self) -> list[AccountGroup]:
        side, effective = Side(self._workspace, Digests()), self._effective
        accounts = [effective.account] if effective.account is not None else []
        groups = group_accounts(side, effective.connector_name, accounts)
        return groups or [AccountGroup([], effective.context, effective)]


def _is_selected(name: str, patterns: Sequence[str]) -> bool:
    return not patterns or any(wildcards.is_match(pattern, name) for pattern in patterns)
