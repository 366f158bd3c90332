"""Compare what a sync does before and after a change, apart from its events. Nothing is run."""

from collections.abc import Iterator
from dataclasses import fields
from typing import Any

from conn_engine.analysis.impact.model import ChangeKind
from conn_engine.analysis.population import SyncSlice
from conn_engine.config.delivery_models import AccountEndpoint, SyncEndpoint
from conn_engine.documents import wildcards
from conn_engine.syncs import (
    DeliverStep,
    DriftStep,
    EnrichStep,
    FilterStep,
    LoopStep,
    PlannedStep,
    SyncPlan,
    TransformStep,
)

__all__ = ["ELSEWHERE", "compare_syncs"]

ELSEWHERE = frozenset({
    "account", "changes_only", "connector", "deletes", "deletes_fetch", "enabled", "key", "lookback", "name", "notes",
    "steps", "title", "version",
})  # fmt: skip
"""The parts of a plan with a rule of their own, and those that do not count. Any other part is how a sync runs."""
_LABELS = {"requires_complete": "require"}
_Row = tuple[str, ChangeKind, Any]


def compare_syncs(before: SyncSlice, after: SyncSlice) -> dict[tuple[str, ChangeKind], str]:
    """Return the settings that differ, by field and kind, with the new value as text, which distinguishes changes."""
    old, new = before.plan, after.plan
    rows = [
        *_compare_target(old, new),
        *_compare_endpoints(before, after),
        *(_compare_checks if old.drift is not None or new.drift is not None else _compare_calls)(old, new),
        *_compare_progress(old, new),
        *_compare_runs(old, new),
    ]
    return {(field, kind): repr(value) for field, kind, value in rows}


def _compare_runs(before: SyncPlan, after: SyncPlan) -> Iterator[_Row]:
    """Compare when and how a sync runs."""
    for key in (field.name for field in fields(SyncPlan) if field.name not in ELSEWHERE):
        value = getattr(after, key)
        if getattr(before, key) != value:
            loses_records = key == "on_error" and value == "skip"
            yield _LABELS.get(key, key), "may_be_missed" if loses_records else "run_changed", value


def _compare_target(before: SyncPlan, after: SyncPlan) -> Iterator[_Row]:
    """Compare what receives the events, what identifies them, and how many are in one."""
    old, new = before.deliver, after.deliver
    if old is None or new is None:
        if old is not new:
            yield "emit", "destination_changed", new
    else:
        unused = ("to", "table") if new.type == "webhook" else ("endpoint", "event")
        for key in (field.name for field in fields(DeliverStep) if field.name not in ("batch", *unused)):
            if getattr(old, key) != getattr(new, key):
                yield f"emit.{key}", "destination_changed", getattr(new, key)
        if (before.spools or old.batch > 1) != (after.spools or new.batch > 1):
            yield "data", "type_changed", (after.spools, new.batch > 1)
        elif old.batch != new.batch:
            yield "emit.batch", "run_changed", new.batch
    if before.spool_event != after.spool_event and before.spools and after.spools:
        yield "spool.event", "destination_changed", after.spool_event
    writes = [plan.write.operation.text if plan.write is not None else "" for plan in (before, after)]
    if writes[0] != writes[1]:
        yield "write_resource", "destination_changed", writes[1]
    elif before.write != after.write:
        yield "write_resource", "value_changed", after.write
    if before.key != after.key:
        yield "key", "key_changed", after.key


def _compare_endpoints(before: SyncSlice, after: SyncSlice) -> Iterator[_Row]:
    """Compare the definitions of an endpoint with the same name: its URL, its secret, and which events it receives."""
    old, new = before.endpoint, after.endpoint
    if old is None or before.plan.deliver != after.plan.deliver:
        return  # it receives nothing yet, or another endpoint is reported
    if new is None or old.url != new.url:
        yield "endpoint.url", "destination_changed", new and new.url
    elif old.secret != new.secret:
        yield "endpoint.secret", "credential_changed", ""
    checks = [one.claim_check if isinstance(one, SyncEndpoint) else None for one in (old, new)]
    if new is not None and checks[0] != checks[1]:
        yield "endpoint.claim_check", "destination_changed", checks[1] and checks[1].store
    if new is not None and _wants(old, before.plan) and not _wants(new, after.plan):
        yield "endpoint.events", "destination_changed", new.events


def _wants(endpoint: SyncEndpoint | AccountEndpoint, plan: SyncPlan) -> bool:
    event = plan.spool_event or (plan.deliver.event if plan.deliver is not None else "")
    return not endpoint.events or any(wildcards.is_match(pattern, event) for pattern in endpoint.events)


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


def _compare_checks(before: SyncPlan, after: SyncPlan) -> Iterator[_Row]:
    """Compare what is checked for drift, and what is made of that: no recording shows it."""
    if before.drift is None or after.drift is None:
        yield "kind", "may_be_missed", "sync" if after.drift is None else "drift"
        return
    rows: tuple[tuple[str, type[PlannedStep], ChangeKind], ...] = (
        ("drift", DriftStep, "may_be_missed"),
        ("filter", FilterStep, "may_be_missed"),
        ("transform", TransformStep, "value_changed"),
    )
    for name, kind, change in rows:
        old, new = ([_describe(step) for step in _find_steps(plan, kind)] for plan in (before, after))
        if old != new:
            yield name, change, new


def _describe(step: PlannedStep) -> object:
    return (step.layers, step.each) if isinstance(step, TransformStep) else step


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
