"""Retry the records that a run has set aside: with the sync as it is today, from the step that failed."""

import json
from dataclasses import replace
from typing import Any, Final

from msgspec.json import encode
from sqlalchemy.engine import Row

from conn_engine.errors import ConnError, UsageError
from conn_engine.syncs import (
    EnrichStep,
    FilterStep,
    OutgoingRecord,
    SyncPlan,
    TransformStep,
    process_page,
)
from conn_engine.syncs.events import Change
from conn_service.syncs.enriching import EnrichmentCache
from conn_service.syncs.events import name_spooled
from conn_service.syncs.filling import LOOP_STAGE
from conn_service.syncs.open_run import OpenRun
from conn_service.syncs.store import RunRow, SpoolRow, SyncStore
from conn_service.syncs.superseding import SUPERSEDED
from conn_service.syncs.targets import find_target
from conn_service.syncs.writing import is_passing, prepare_events, send_record

__all__ = ["retry_set_aside"]

_SKIPPED: Final[dict[str, tuple[type, ...]]] = {
    "transform": (FilterStep, EnrichStep),
    "key": (FilterStep, EnrichStep, TransformStep),
    "write": (FilterStep, EnrichStep, TransformStep),
}
"""The steps that a record had passed when it was set aside, by the step that failed."""


def retry_set_aside(run: RunRow, opened: OpenRun, store: SyncStore, now: float) -> int:
    """Process the open records of a run again, and prepare their delivery. Return how many are to be delivered from the
    spool. A record that fails again stays set aside, with the new reason. One that a newer run has delivered is not
    delivered.

    Raises UsageError for a destination that takes only complete runs, and the errors that say nothing about a record.
    """
    spooled = 0
    for row in store.set_aside.find(run_id=run.id, limit=1_000_000):
        if row.stage == LOOP_STAGE:  # what depends on it is read by another run
            continue
        target = find_target(run, opened.plan)
        if target is not None and target.type in ("file", "stdout"):
            raise UsageError(
                f"records that were set aside cannot be added to a {target.type}",
                hint=f"run the sync again: conn sync run {run.sync} --account {run.account} --full",
            )
        spooled += _retry_record(run, opened, store, row, now)
    return spooled


def _retry_record(run: RunRow, opened: OpenRun, store: SyncStore, row: Row[Any], now: float) -> int:
    plan = _leave_out_passed(opened.plan, row.stage)
    enrich = EnrichmentCache(opened.connection, store, run.id).enrich
    result = process_page(plan, [json.loads(row.record)], opened.build_scope(run), enrich)
    if result.faults:
        fault = result.faults[0].fault
        store.set_aside.explain(row.number, fault.message, fault.field)
        return 0
    target = find_target(run, opened.plan)
    rows: list[SpoolRow] = []
    hooks = []
    change: Change = "delete" if result.deleted else "upsert"
    results = [*result.records, *map(OutgoingRecord.of_deleted, result.deleted)]
    newer = store.known.find_seen_later(opened.stream, run, [record.key for record in results])
    records = [record for record in results if record.key not in newer]
    for record in records:
        event_id = name_spooled(run, opened.plan, record)
        try:
            if change == "upsert":
                _write(run, opened, record, event_id)
        except ConnError as error:
            if is_passing(error):
                raise
            store.set_aside.explain(row.number, error.message)
            return 0
        if target is not None and (target.type != "webhook" or opened.plan.spools):
            rows.append(SpoolRow(record.key, event_id, encode(record.value).decode(), change))
        hooks += prepare_events(opened, run, record, event_id, now, change=change)
    known = {record.key: record.digest for record in records}
    writes, delivered = plan.write is not None, len(records)
    counts = {
        "filtered": result.filtered,
        "empty": result.empty,
        "spooled": delivered if row.stage != "write" else 0,  # it was counted before it was set aside
        "events": len(hooks) if not writes else 0,
        "written": delivered if writes and change == "upsert" else 0,
        "deleted_in_listing": len(result.deleted),
        "deletes": delivered if change == "delete" else 0,
        SUPERSEDED: len(results) - delivered,
    }
    store.set_aside.close(run, row.number, rows, stream=opened.stream, known=known, counts=counts, more=hooks)
    return len(rows)


def _write(run: RunRow, opened: OpenRun, record: OutgoingRecord, event_id: str) -> None:
    if opened.plan.write is not None:
        send_record(opened, run, opened.plan.write, record.value, event_id)


def _leave_out_passed(plan: SyncPlan, stage: str) -> SyncPlan:
    passed = _SKIPPED.get(stage, ())
    return replace(plan, steps=tuple(step for step in plan.steps if not isinstance(step, passed)))
