"""Syncs: jobs that fetch records, transform them and deliver them. This is the public interface.

A document is merged for an account (`EffectiveSync`) and compiled to a plan (`compile_sync`). Nothing here sends
anything or waits: `conn_service.syncs` runs plans.
"""

from conn_engine.syncs.backfill import BackfillRange, limit_to_window
from conn_engine.syncs.compiling import compile_sync
from conn_engine.syncs.effective import EffectiveSync, find_own_expressions, load_sync, load_sync_levels
from conn_engine.syncs.events import OutgoingEvent, build_event, compute_event_id, to_iso
from conn_engine.syncs.pipeline import (
    OutgoingRecord,
    PageResult,
    RunScope,
    StageFault,
    build_call,
    compute_digest,
    process_page,
)
from conn_engine.syncs.plan import USUAL_PRIORITY, SyncPlan, describe_steps
from conn_engine.syncs.planned_steps import (
    DeliverStep,
    DriftStep,
    EnrichStep,
    FetchStep,
    FilterStep,
    LoopStep,
    PlannedStep,
    SpoolStep,
    TransformStep,
    WriteStep,
)
from conn_engine.syncs.schedule import Schedule, ScheduleError
from conn_engine.syncs.selection import find_accounts, find_candidates, find_syncs
from conn_engine.syncs.transforming import RecordFault, Transformed, apply_filter, apply_transform

__all__ = [
    "USUAL_PRIORITY",
    "BackfillRange",
    "DeliverStep",
    "DriftStep",
    "EffectiveSync",
    "EnrichStep",
    "FetchStep",
    "FilterStep",
    "LoopStep",
    "OutgoingEvent",
    "OutgoingRecord",
    "PageResult",
    "PlannedStep",
    "RecordFault",
    "RunScope",
    "Schedule",
    "ScheduleError",
    "SpoolStep",
    "StageFault",
    "SyncPlan",
    "TransformStep",
    "Transformed",
    "WriteStep",
    "apply_filter",
    "apply_transform",
    "build_call",
    "build_event",
    "compile_sync",
    "compute_digest",
    "compute_event_id",
    "describe_steps",
    "find_accounts",
    "find_candidates",
    "find_own_expressions",
    "find_syncs",
    "limit_to_window",
    "load_sync",
    "load_sync_levels",
    "process_page",
    "to_iso",
]
