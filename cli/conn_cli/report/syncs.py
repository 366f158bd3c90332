"""Draw what syncs would do as text."""

import json
from collections.abc import Iterator, Sequence

from conn_engine.diagnostics import join_words, pluralize
from conn_engine.syncs.report import ListedSync, PlannedCall, SyncTrialReport

__all__ = ["draw_plans", "draw_syncs", "draw_trial"]

_MOST = 5
_MOST_NAMES = 8


def draw_syncs(rows: Sequence[ListedSync]) -> Iterator[str]:
    """Draw a line for each sync."""
    if not rows:
        yield "no syncs: add syncs/NAME.yaml with `source:` and `emit:`"
        return
    width = max(len(row.name) for row in rows)
    for row in rows:
        when = row.schedule or (f"after {row.trigger}" if row.trigger else "manual")
        accounts = pluralize(len(row.accounts), "account")
        state = row.fault or row.last_status or "never run"
        paused = f"; paused for {join_words(row.paused, most=3)}" if row.paused else ""
        yield f"{row.name:<{width}}  {row.resource}  {when}  {accounts}  {state}{paused}"


def draw_plans(sync: str, plans: Sequence[PlannedCall]) -> Iterator[str]:
    """Draw what the next runs would do."""
    if not plans:
        yield f"{sync} runs for no account"
        return
    for plan in plans[:_MOST]:
        params = ", ".join(f"{name}={value}" for name, value in plan.params.items())
        yield f"{plan.account}: {plan.operation or 'drift'}{f' with {params}' if params else ''}"
        yield from (f"  {step}" for step in plan.steps)
        yield from _draw_checks(plan)
        yield f"  last completed run: {plan.last_run_at or 'none'}; next: {plan.next_run or 'when you start it'}"
        if plan.runs_per_day:
            daily = (
                "" if plan.requests is None else f": about {pluralize(plan.requests * plan.runs_per_day, 'request')}"
            )
            yield f"  {plan.schedule}: {pluralize(plan.runs_per_day, 'run')} a day{daily}"
        if plan.requests is not None and plan.operation:
            yield f"  about {pluralize(plan.requests, 'request')}, as in the last run"
        yield from (f"  rate limit: {limit}" for limit in plan.limits if plan.requests is not None)
    if len(plans) > _MOST:
        yield f"… and {pluralize(len(plans) - _MOST, 'more account')}: --format json lists them"


def _draw_checks(plan: PlannedCall) -> Iterator[str]:
    """Draw which operations a check of drift would compare, and why not others."""
    asked = [check.operation for check in plan.checks if not check.reason]
    if plan.checks or not plan.operation:
        most = f", about {pluralize(plan.requests, 'request')}" if plan.requests else ""
        yield f"  compares {join_words(asked, most=_MOST_NAMES)}{most}" if asked else "  compares nothing"
    reasons: dict[str, list[str]] = {}
    for check in plan.checks:
        if check.reason:
            reasons.setdefault(check.reason, []).append(check.operation)
    for reason, names in reasons.items():
        yield f"  leaves out {join_words(names, most=_MOST_NAMES)}: {reason}"


def draw_trial(report: SyncTrialReport) -> Iterator[str]:
    """Draw what a sync makes of a recording."""
    yield (
        f"{report.sync} for {report.account}, on the recording {report.recording} (its own call, not the parameters of "
        "the sync)"
    )
    yield (
        f"  {pluralize(report.records, 'record')} -> {pluralize(len(report.events), 'event')}"
        f"{f', {report.filtered:,} filtered out' if report.filtered else ''}"
        f"{f', {len(report.faults):,} failing' if report.faults else ''}; nothing was sent"
    )
    yield from (f"  fails: {fault}" for fault in report.faults[:_MOST])
    yield from (f"  warning: {field} has no value in any event: check its expression" for field in report.empty)
    for event in report.events[:_MOST]:
        yield f"  {event.type} {event.key}: {json.dumps(event.data, ensure_ascii=False)}"
    if len(report.events) > _MOST:
        yield f"  … and {pluralize(len(report.events) - _MOST, 'more event')}"
