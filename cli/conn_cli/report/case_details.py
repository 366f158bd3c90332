"""Draw everything about one tested operation: its requests, and what the cases return. `conn test -v` shows it."""

import json
from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

from conn_cli.formatting import shorten_text
from conn_cli.report import deliveries
from conn_cli.report.goldens import describe_golden
from conn_cli.report.tested_syncs import draw_synced
from conn_cli.report.text import Piece
from conn_engine.diagnostics import pluralize

if TYPE_CHECKING:
    from conn_engine.testing.compare import FieldChange
    from conn_engine.testing.judgement import Verdict
    from conn_engine.testing.suite import OperationReport

__all__ = ["draw_changes", "draw_details"]

SHOWN_RECORDS = 10
FIRST_CHANGES = 3


def draw_details(report: "OperationReport", live: bool) -> Iterator[Piece]:
    """Draw the requests of an operation, and the verdict and golden of each case: what `-v` shows."""
    effective = report.effective
    names = [
        report.name.text,
        effective.connector_name,
        effective.account or "base",
        effective.environment or "",
    ]
    yield " · ".join(name for name in names if name), "bold"
    yield "\n", ""
    for judgement in report.judgements:
        yield from _case(judgement, live)
    yield "\n", ""


def _case(judgement: "Verdict", live: bool) -> Iterator[Piece]:
    from conn_engine.testing.deliveries.replaying import DeliveryOutcome
    from conn_engine.testing.syncs.outcome import SyncOutcome

    case, outcome = judgement.case, judgement.outcome
    if isinstance(outcome, DeliveryOutcome):
        yield from deliveries.draw_delivery(judgement, outcome)
        yield from _draw_differences(judgement)
        return
    if isinstance(outcome, SyncOutcome):
        yield from draw_synced(judgement, outcome)
        yield from _draw_differences(judgement)
        return
    recording = case.recording
    yield f"  {case.scenario}", "bold"
    count = len(outcome.sent)
    requests = pluralize(count, "request")
    source = f"live: {requests}" if live else f"replay: {requests}, {recording.source} {recording.recorded_at[:10]}"
    yield f"   {source}\n", ""
    for number, exchange in enumerate(outcome.sent, 1):
        last = "   last page" if number == count and count > 1 and outcome.error is None else ""
        records = f"   {pluralize(exchange.records, 'record')}" if exchange.records else ""
        yield f"    {exchange.method} {exchange.url}", ""
        yield f"   {exchange.status or '-'}{records}{last}\n", ""
    yield f"    {_verdict(judgement)}\n", "error" if judgement.failed else "good"
    yield from _draw_differences(judgement)


def _verdict(judgement: "Verdict") -> str:
    outcome = judgement.outcome
    ending = _format_ending(judgement)
    parts = [f"{pluralize(len(outcome.records), 'record')}{f', {ending}' if ending else ''}"]
    if outcome.error is not None:
        parts = [f"ends with an error: {outcome.error.message}"]
    codes = {finding.code for finding in judgement.findings}
    if judgement.schema and outcome.records:
        parts.append(f"{judgement.schema} schema {'broken' if 'MAP301' in codes else 'ok'}")
    coverage = judgement.coverage
    if coverage is not None and coverage.seen:
        seen = len(coverage.seen) - len(coverage.empty)
        parts.append(f"{seen} of {len(coverage.seen)} mapped fields seen")
        if coverage.unread:
            parts.append(f"{pluralize(len(coverage.unread), 'vendor field')} unread")
    return " · ".join([*parts, *describe_golden(judgement)])


def _format_ending(judgement: "Verdict") -> str:
    """Return how a listing ended, such as `incomplete: 2 of 3 records arrived`."""
    outcome, verdict = judgement.outcome, judgement.outcome.completeness
    if outcome.whole or outcome.error is not None:
        return ""
    if verdict is None:
        pages = judgement.case.recording.call.pages
        return "" if pages is None else f"stopped: the recording has {pluralize(pages, 'page')}"
    return f"{verdict.state}: {verdict.reason}" if verdict.reason else verdict.state


def _draw_differences(judgement: "Verdict") -> Iterator[Piece]:
    comparison = judgement.comparison
    if comparison is None or comparison.equal:
        return
    changed, gone, new = len(comparison.changed), len(comparison.gone), len(comparison.new)
    cause = " (caused by this account's overrides)" if judgement.golden == "overridden" else ""
    yield f"    golden: {comparison.same} same, {changed} changed, {gone} gone, {new} new{cause}\n", "bold"
    for record in comparison.changed[:SHOWN_RECORDS]:
        for change in record.fields:
            yield "      ", ""
            yield from _draw_change(record.key, change, judgement.places.get(change.field))
    if changed > SHOWN_RECORDS:
        yield f"      … and {pluralize(changed - SHOWN_RECORDS, 'more record')}\n", ""


def draw_changes(judgements: "Sequence[Verdict]") -> Iterator[Piece]:
    """Draw the first changed values of failed cases. Those that the overrides of an account cause on purpose are only
    drawn if they are few."""
    failed = [judgement for judgement in judgements if judgement.failed and judgement.comparison is not None]
    changes = _find_changes(judgement for judgement in failed if judgement.golden != "overridden")
    if not changes and len(overridden := _find_changes(failed)) <= FIRST_CHANGES:
        changes = overridden
    for key, change, place in changes[:FIRST_CHANGES]:
        yield "  ", ""
        yield from _draw_change(key, change, place)
    if len(changes) > FIRST_CHANGES:
        yield f"  … and {pluralize(len(changes) - FIRST_CHANGES, 'more changed value')}\n", ""


def _find_changes(judgements: "Iterable[Verdict]") -> "list[tuple[str, FieldChange, str | None]]":
    """Return each changed field with the key of its record and the place that sets it."""
    return [
        (record.key, change, judgement.places.get(change.field))
        for judgement in judgements
        for record in (judgement.comparison.changed if judgement.comparison is not None else ())
        for change in record.fields
    ]


def _draw_change(key: str, change: "FieldChange", place: str | None) -> Iterator[Piece]:
    yield f"id={key}  {change.field}", ""
    typed = change.kind == "type_changed"
    if change.kind != "added":
        yield f"  - {_value(change.before, typed)}", "error"
    if change.kind != "missing":
        yield f"  + {_value(change.after, typed)}", "good"
    yield f"   set by {place}\n" if place else "\n", ""


def _value(value: Any, typed: bool) -> str:
    """Format a value for people. With `typed`, a string keeps its quotes, to show that it is a string."""
    text = value if isinstance(value, str) and not typed else json.dumps(value, ensure_ascii=False)
    return shorten_text(text, 60)
