"""Compare two versions of a configuration on what a vendor has just answered. Nothing is sent."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from conn_engine.analysis.impact.evaluate import EvaluatedSide, compare_sides, evaluate_side
from conn_engine.analysis.impact.model import ChangeKind
from conn_engine.analysis.impact.results import KINDS_OF_FIELDS
from conn_engine.config import OperationName, Workspace
from conn_engine.errors import ConnError, MissingRecording
from conn_engine.recordings.files import Recording
from conn_engine.testing.cases import Outcome
from conn_engine.testing.compare import nameable
from conn_engine.testing.outcomes import compare_outcomes
from conn_engine.testing.replays import Replays

__all__ = ["UNREPEATABLE", "LiveComparison", "compare_live"]

_MOST_IDS: Final = 3
UNREPEATABLE: Final = "the request cannot be repeated: cannot be compared"
"""The obstacle of a call that differs without any change of the configuration."""
Row = tuple[str, ChangeKind]


@dataclass(frozen=True, slots=True)
class LiveComparison:
    """What differs: records by field and kind, with the IDs of some of them. It has no values.

    With `obstacle`, the results cannot be compared: the version after the change sends another request, or the request
    cannot be repeated, such as one with the time.
    """

    counts: Mapping[Row, int] = field(default_factory=dict)
    ids: Mapping[Row, Sequence[str]] = field(default_factory=dict)
    obstacle: str = ""

    @property
    def is_missing(self) -> bool:
        """Whether something is now missing, or fails."""
        return any(kind in ("missing", "now_failing") for _, kind in self.counts)


def compare_live(
    before: Workspace, after: Workspace, account: str, name: OperationName, recording: Recording
) -> LiveComparison:
    """Compare an operation of an account in two workspaces, on a redacted recording of what it has just received."""
    old, new = (_evaluate(side, account, name, recording, before=side is before) for side in (before, after))
    if isinstance(old.outcome.error, MissingRecording):
        return LiveComparison(obstacle=UNREPEATABLE)
    effect = compare_sides(old, new, same=True)
    if effect.unknown or any(kind == "request_changed" for _, kind in effect.counts):
        return LiveComparison(obstacle="different request: cannot be compared")
    return LiveComparison(dict(effect.counts), _find_ids(old, new) if effect.counts else {})


def _evaluate(
    workspace: Workspace, account: str, name: OperationName, recording: Recording, *, before: bool
) -> EvaluatedSide:
    try:
        effective = workspace.effective(account=account)
    except ConnError as error:
        return EvaluatedSide(Outcome(error=error), [], {}, False)
    return evaluate_side(workspace, effective, name, recording, Replays(), key="", before=before)


def _find_ids(before: EvaluatedSide, after: EvaluatedSide) -> dict[Row, list[str]]:
    difference = compare_outcomes(before.outcome, after.outcome)
    ids: dict[Row, list[str]] = {("", "missing"): [*difference.gone[:_MOST_IDS]]}
    for record in difference.changed:
        for change in record.fields:
            found = ids.setdefault((nameable(change.field), KINDS_OF_FIELDS[change.kind]), [])
            if len(found) < _MOST_IDS and record.key not in found:
                found.append(record.key)
    return ids
