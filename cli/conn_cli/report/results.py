"""Draw the results of `conn test`."""

import json
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

from conn_cli.formatting import shorten_text
from conn_cli.report import Sources, deliveries, draw_findings
from conn_cli.report.deliveries import is_delivery
from conn_cli.report.goldens import describe_golden
from conn_cli.report.text import Piece, draw_finding, paint
from conn_engine.diagnostics import pluralize

if TYPE_CHECKING:
    from conn_engine.diagnostics import Diagnostic
    from conn_engine.testing.judgement import Verdict
    from conn_engine.testing.suite import OperationReport

__all__ = ["draw_pieces", "draw_reports"]

SHOWN_RECORDS = 10


def draw_reports(
    reports: "Sequence[OperationReport]",
    sources: Sources,
    *,
    verbose: bool,
    quiet: bool = False,
    live: bool = False,
    color: bool,
) -> dict[str, Callable[[], str]]:
    """Return what draws the results, for each format except JSON. `verbose` shows requests and coverage of passing
    operations too; `quiet` shows only failures. `live`: the vendor responded, not recordings."""

    def draw_junit() -> str:
        from conn_cli.report import junit

        return junit.render_reports(reports, sources)

    findings = list(dict.fromkeys(finding for report in reports for finding in report.all_findings))
    return {
        **draw_findings(findings, sources),
        "text": lambda: paint(
            list(draw_pieces(reports, sources, verbose=verbose and not quiet, quiet=quiet, live=live)), color
        ),
        "junit": draw_junit,
    }


def draw_pieces(
    reports: "Sequence[OperationReport]", sources: Sources, *, verbose: bool, quiet: bool = False, live: bool
) -> Iterator[Piece]:
    """Draw the findings and requests of failed operations, or with `verbose` of all, and a summary."""
    drawn: set[Diagnostic] = set()
    for report in reports:
        if quiet and not report.failed:
            continue
        if report.recorded and report.enabled and (verbose or report.failed):
            yield from _operation(report, live)
        for finding in report.all_findings:
            if finding in drawn:
                continue
            drawn.add(finding)
            if finding.code == "REC101" and not verbose:
                continue
            yield from draw_finding(finding, sources)
    yield from _summary(reports)


def _operation(report: "OperationReport", live: bool) -> Iterator[Piece]:
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

    case, outcome = judgement.case, judgement.outcome
    if isinstance(outcome, DeliveryOutcome):
        yield from deliveries.draw_delivery(judgement, outcome)
        yield from _differences(judgement)
        return
    recording = case.recording
    yield f"  {case.scenario}", "bold"
    count = len(outcome.sent)
    requests = pluralize(count, "request")
    source = f"live: {requests}" if live else f"replay: {requests}, {recording.source} {recording.recorded_at[:10]}"
    yield f"   {source}\n", "dim"
    for number, exchange in enumerate(outcome.sent, 1):
        last = "   last page" if number == count and count > 1 and outcome.error is None else ""
        records = f"   {pluralize(exchange.records, 'record')}" if exchange.records else ""
        yield f"    {exchange.method} {_short_url(exchange.url)}", ""
        yield f"   {exchange.status or '-'}{records}{last}\n", "dim"
    yield f"    {_verdict(judgement)}\n", "error" if judgement.failed else "good"
    yield from _differences(judgement)


def _short_url(url: str) -> str:
    """Shorten long query values of a URL, such as a list of forty field names."""
    path, mark, query = url.partition("?")
    pairs = [(name, value) for name, _, value in (pair.partition("=") for pair in query.split("&"))]
    short = "&".join(f"{name}={shorten_text(value, 32)}" for name, value in pairs)
    return f"{path}{mark}{short}" if query else url


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


def _differences(judgement: "Verdict") -> Iterator[Piece]:
    comparison = judgement.comparison
    if comparison is None or comparison.equal:
        return
    changed, gone, new = len(comparison.changed), len(comparison.gone), len(comparison.new)
    cause = " (caused by this account's overrides)" if judgement.golden == "overridden" else ""
    yield f"    golden: {comparison.same} same, {changed} changed, {gone} gone, {new} new{cause}\n", "bold"
    for record in comparison.changed[:SHOWN_RECORDS]:
        for change in record.fields:
            yield f"      id={record.key}  {change.field}", ""
            typed = change.kind == "type_changed"
            if change.kind != "added":
                yield f"  - {_value(change.before, typed)}", "error"
            if change.kind != "missing":
                yield f"  + {_value(change.after, typed)}", "good"
            place = judgement.places.get(change.field)
            yield f"   set by {place}\n" if place else "\n", "dim"
    if changed > SHOWN_RECORDS:
        yield f"      … and {pluralize(changed - SHOWN_RECORDS, 'more record')}\n", "dim"


def _value(value: Any, typed: bool) -> str:
    """Format a value for people. With `typed`, a string keeps its quotes, to show that it is a string."""
    text = value if isinstance(value, str) and not typed else json.dumps(value, ensure_ascii=False)
    return shorten_text(text, 60)


def _summary(reports: "Sequence[OperationReport]") -> Iterator[Piece]:
    received = sum(is_delivery(report.name) for report in reports)
    cases = [judgement for report in reports for judgement in report.judgements if not is_delivery(report.name)]
    failed = sum(report.failed for report in reports)
    accounts = {report.effective.account for report in reports if report.effective.account}
    unrecorded = sum(not report.recorded for report in reports)
    disabled = sum(not report.enabled for report in reports)
    counts = [] if received and received == len(reports) else [pluralize(len(reports) - received, "operation")]
    counts += [pluralize(len(cases), "recorded case")] if counts else []
    text = ", ".join([*counts, *deliveries.count_deliveries(received)])
    if accounts:
        text += f", {pluralize(len(accounts), 'account')}"
    text += f": {len(reports) - failed - unrecorded - disabled} passed"
    if failed:
        text += f", {failed} failed"
    if unrecorded:
        text += f", {unrecorded} without a recording (unknown)"
    if disabled:
        text += f", {disabled} disabled (not tested)"
    yield text + "\n", "error" if failed else "good"
    if not reports:
        yield "nothing is recorded yet: conn record OPERATION --account ACCOUNT\n", "warning"
