"""Draw the replayed syncs in the report of `conn test`."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

from conn_cli.report.goldens import describe_golden
from conn_cli.report.text import Piece
from conn_engine.diagnostics import pluralize

if TYPE_CHECKING:
    from conn_engine.config import OperationName
    from conn_engine.testing.judgement import Verdict
    from conn_engine.testing.syncs.outcome import SyncOutcome

__all__ = ["draw_synced", "is_sync"]


def is_sync(name: "OperationName") -> bool:
    """Return whether a name is that of a sync instead of an operation."""
    from conn_engine.testing.syncs.cases import SyncName

    return isinstance(name, SyncName)


def draw_synced(judgement: "Verdict", outcome: "SyncOutcome") -> Iterator[Piece]:
    """Draw what a sync makes of a recording: the recorded operation, and the number of events."""
    recording = judgement.case.recording
    yield f"  {judgement.case.scenario}", "bold"
    source = f"{recording.operation}, {recording.source} {recording.recorded_at[:10]}"
    yield f"   {pluralize(outcome.fetched, 'record')} of {source}\n", ""
    yield f"    {_describe_events(judgement, outcome)}\n", "error" if judgement.failed else "good"


def _describe_events(judgement: "Verdict", outcome: "SyncOutcome") -> str:
    if outcome.error is not None:
        return f"ends with an error: {outcome.error.message}"
    parts = [pluralize(len(outcome.records), "event")]
    if outcome.deleted:
        parts.append(f"{len(outcome.deleted):,} deleted")
    if outcome.filtered:
        parts.append(f"{outcome.filtered:,} filtered out")
    if outcome.faults:
        parts.append(f"{len(outcome.faults):,} failing")
    return " · ".join([*parts, *describe_golden(judgement)])
