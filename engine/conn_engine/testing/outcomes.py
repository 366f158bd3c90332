"""Compares the outcomes of two runs: of an operation, of a sync, or of a recorded delivery."""

from conn_engine.testing.cases import Outcome
from conn_engine.testing.compare import RecordComparison, compare_records
from conn_engine.testing.deliveries.judging import compare_events
from conn_engine.testing.deliveries.replaying import DeliveryOutcome
from conn_engine.testing.syncs.outcome import SyncOutcome

__all__ = ["compare_outcomes"]


def compare_outcomes(before: Outcome, after: Outcome) -> RecordComparison:
    """Compare the records of two runs of an operation, or the events of two runs of a sync or a delivery."""
    if isinstance(before, SyncOutcome) and isinstance(after, SyncOutcome):
        from conn_engine.testing.syncs.judging import compare_synced

        return compare_synced(before, after)
    compare = compare_events if isinstance(after, DeliveryOutcome) else compare_records
    return compare(before.records, after.records)
