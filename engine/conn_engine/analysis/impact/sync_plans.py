"""Compare what a sync does before and after a change, apart from its events. Nothing is run."""

from collections.abc import Iterator
from typing import Any

from conn_engine.analysis.impact.model import ChangeKind
from conn_engine.syncs import EnrichStep, LoopStep, PlannedStep, SyncPlan

__all__ = ["compare_plans"]

_RUN = ("schedule", "trigger", "on_error", "overlap", "max_runtime", "priority", "concurrency", "requires_complete")
_LABELS = {"requires_complete": "require"}


def compare_plans(before: SyncPlan, after: SyncPlan) -> dict[tuple[str, ChangeKind], str]:
    """Return the settings that differ, by field and kind, with the new value as text, which distinguishes changes."""
    rows = [
        *_compare_target(before, after),
        *_compare_calls(before, after),
        *_compare_progress(before, after),
        *((_LABELS.get(key, key), "run_changed", getattr(after, key)) for key in _RUN
          if getattr(before, key) != getattr(after, key)),
    ]  # fmt: skip
    return {(field, kind): repr(value) for field, kind, value in rows}


_Row = tuple[str, ChangeKind, Any]


def _compare_target(before: SyncPlan, after: SyncPlan) -> Iterator[_Row]:
    """Compare what receives the events, what identifies them, and how many are in one."""
    old, new = before.deliver, after.deliver
    if old is None or new is None:
        if old is not new:
            yield "emit", "destination_changed", new
    else:
        keys = ["type", *(("endpoint", "event") if new.type == "webhook" else ("to", "table"))]
        for key in keys:
            if getattr(old, key) != getattr(new, key):
                yield f"emit.{key}", "destination_changed", getattr(new, key)
        if (before.spools or old.batch > 1) != (after.spools or new.batch > 1):
            yield "data", "type_changed", (after.spools, new.batch > 1)
        elif old.batch != new.batch:
            yield "emit.batch", "run_changed", new.batch
    writes = [plan.write.operation.text if plan.write is not None else "" for plan in (before, after)]
    if writes[0] != writes[1]:
        yield "write_resource", "destination_changed", writes[1]
    elif before.write != after.write:
        yield "write_resource", "value_changed", after.write
    if before.key != after.key:
        yield "key", "key_changed", after.key


def _compare_calls(before: SyncPlan, after: SyncPlan) -> Iterator[_Row]:
    """Compare what is read: the operation, its parameters, and what it is repeated for."""
    if before.fetch.operation != after.fetch.operation:
        yield "source", "may_be_missed", after.fetch.operation.text
    old, new = before.fetch.params, after.fetch.params
    for name in sorted({*old, *new}):
        if name not in new:
            yield f"params.{name}", "sent_again", None
        elif name not in old or old[name] != new[name]:
            yield f"params.{name}", "may_be_missed", new[name]
    loops, enriching = ([_find_steps(plan, kind) for plan in (before, after)] for kind in (LoopStep, EnrichStep))
    if loops[0] != loops[1]:
        yield "for_each", "may_be_missed", loops[1]
    if enriching[0] != enriching[1]:
        yield "enrich", "value_changed", enriching[1]


def _find_steps(plan: SyncPlan, kind: type[PlannedStep]) -> list[PlannedStep]:
    return [step for step in plan.steps if isinstance(step, kind)]


def _compare_progress(before: SyncPlan, after: SyncPlan) -> Iterator[_Row]:
    """Compare how far a run reads back, and what it leaves out."""
    if after.lookback != before.lookback:
        yield "lookback", "may_be_missed" if after.lookback < before.lookback else "sent_again", after.lookback
    if before.changes_only != after.changes_only:
        yield "changes_only", "run_changed" if after.changes_only else "sent_again", after.changes_only
    if (before.deletes, before.deletes_fetch) != (after.deletes, after.deletes_fetch):
        kind: ChangeKind = "added" if before.deletes is None else "may_be_missed"
        yield "deletes", kind, (after.deletes, after.deletes_fetch)
