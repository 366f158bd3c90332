"""Compare two versions of a configuration on what a vendor has just answered. Nothing is sent."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from conn_engine.analysis.impact.evaluate import EvaluatedSide, compare_sides, evaluate_side
from conn_engine.analysis.impact.model import ChangeKind
from conn_engine.analysis.impact.results import KINDS_OF_FIELDS
from conn_engine.conditions import DEFAULT_LIMITS, EvaluationLimits
from conn_engine.config import OperationName, Workspace
from conn_engine.errors import ConnError, ExpressionError, MissingRecording
from conn_engine.recordings.files import Recording
from conn_engine.runtime.wiring import make_conditions
from conn_engine.testing.cases import Outcome
from conn_engine.testing.compare import nameable
from conn_engine.testing.outcomes import compare_outcomes
from conn_engine.testing.replays import Replays
from conn_engine.wire import MACHINE_CLOCK

if TYPE_CHECKING:
    from conn_engine.expressions.isolation import Isolation

__all__ = ["UNREPEATABLE", "LiveComparison", "LiveEvaluation", "compare_live"]

_MOST_IDS: Final = 3
_STOPPED: Final = frozenset({"timeout", "memory"})
"""Codes of an expression that its isolation stopped, or had no process for."""
UNREPEATABLE: Final = "the request cannot be repeated: cannot be compared"
"""The obstacle of a call that differs without any change of the configuration."""
Row = tuple[str, ChangeKind]


@dataclass(frozen=True, slots=True)
class LiveComparison:
    """What differs: records by field and kind, with the IDs of some of them. It has no values.

    With `obstacle`, the results cannot be compared: the version after the change sends another request, or the request
    cannot be repeated, such as one with the time. With `stopped`, which says why, the isolation stopped an expression.
    """

    counts: Mapping[Row, int] = field(default_factory=dict)
    ids: Mapping[Row, Sequence[str]] = field(default_factory=dict)
    obstacle: str = ""
    stopped: str = ""

    @property
    def is_missing(self) -> bool:
        """Whether something is now missing, or fails."""
        return any(kind in ("missing", "now_failing") for _, kind in self.counts)


@dataclass(frozen=True, slots=True)
class LiveEvaluation:
    """How a process evaluates both versions. Expressions of environments and accounts run in the `isolation`; without
    one, in this process."""

    isolation: "Isolation | None" = None
    limits: EvaluationLimits = DEFAULT_LIMITS

    def run(
        self, workspace: Workspace, account: str, name: OperationName, recording: Recording, *, before: bool
    ) -> EvaluatedSide:
        """Evaluate one version. Raises StoppedError if the isolation stopped an expression."""
        try:
            effective = workspace.effective(account=account)
        except ConnError as error:
            return EvaluatedSide(Outcome(error=error), [], {}, False)
        conditions = make_conditions(effective, MACHINE_CLOCK, isolation=self.isolation, limits=self.limits)
        effective = effective.with_conditions(conditions)
        side = evaluate_side(workspace, effective, name, recording, Replays(), key="", before=before)
        isolated, fault = conditions.isolation, side.outcome.error
        if isolated is None or not isinstance(fault, ExpressionError) or fault.code not in _STOPPED:
            return side
        if not isolated.trusts((fault.text,)):
            raise StoppedError(fault.message)
        return side


class StoppedError(Exception):
    """The isolation stopped an expression, so that there is nothing to compare. The text says which one, and why."""


def compare_live(
    before: Workspace,
    after: Workspace,
    account: str,
    name: OperationName,
    recording: Recording,
    *,
    evaluation: LiveEvaluation,
) -> LiveComparison:
    """Compare an operation of an account in two workspaces, on a redacted recording of what it has just received."""
    try:
        old, new = (evaluation.run(one, account, name, recording, before=one is before) for one in (before, after))
    except StoppedError as error:
        return LiveComparison(stopped=str(error))
    if isinstance(old.outcome.error, MissingRecording):
        return LiveComparison(obstacle=UNREPEATABLE)
    effect = compare_sides(old, new, same=True)
    if effect.unknown or any(kind == "request_changed" for _, kind in effect.counts):
        return LiveComparison(obstacle="different request: cannot be compared")
    return LiveComparison(dict(effect.counts), _find_ids(old, new) if effect.counts else {})


def _find_ids(before: EvaluatedSide, after: EvaluatedSide) -> dict[Row, list[str]]:
    difference = compare_outcomes(before.outcome, after.outcome)
    ids: dict[Row, list[str]] = {("", "missing"): [*difference.gone[:_MOST_IDS]]}
    for record in difference.changed:
        for change in record.fields:
            found = ids.setdefault((nameable(change.field), KINDS_OF_FIELDS[change.kind]), [])
            if len(found) < _MOST_IDS and record.key not in found:
                found.append(record.key)
    return ids
