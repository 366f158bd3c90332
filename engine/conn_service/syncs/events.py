"""The events of a page of records."""

from collections.abc import Sequence

from conn_engine.syncs import DeliverStep, OutgoingEvent, OutgoingRecord, SyncPlan, build_event
from conn_engine.syncs.events import Change
from conn_service.syncs.store import RunRow

__all__ = ["to_events"]


def to_events(
    run: RunRow,
    plan: SyncPlan,
    step: DeliverStep,
    records: Sequence[OutgoingRecord],
    change: Change = "upsert",
    *,
    batch: int | None = None,
) -> list[OutgoingEvent]:
    """Return one event per record, or per batch of records, whose data is then a list.

    Batches of a sync have one key, so that they arrive in order: two of them may contain the same record.
    """
    size = batch or step.batch
    events = []
    for start in range(0, len(records), size):
        part = records[start : start + size]
        first = part[0]
        events.append(
            build_event(
                sync=plan.name,
                account=run.account,
                type_=step.event,
                key=first.key if size == 1 else plan.name,
                data=first.value if size == 1 else [record.value for record in part],
                version=first.version or run.id,
                began=run.began,
                change=change,
            )
        )
    return events
