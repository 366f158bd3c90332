"""Runs `conn test --live`: repeats the recorded calls against the vendor and checks schema and coverage."""

from collections.abc import Iterator, Mapping
from contextlib import closing

from conn_engine.config import Effective, OperationName, Workspace
from conn_engine.diagnostics import Span, diagnostic
from conn_engine.errors import ConnError
from conn_engine.runtime.call import Call
from conn_engine.runtime.connection import Connection
from conn_engine.runtime.plans import may_write
from conn_engine.runtime.wiring import wire_account
from conn_engine.secrets import Redactor
from conn_engine.testing.absences import find_empty_fields
from conn_engine.testing.cases import LoggingTransport, Outcome, find_cases, recorded_call, sent_requests
from conn_engine.testing.judgement import judge_live
from conn_engine.testing.planning import CaseChoice, PlannedTest
from conn_engine.testing.selection import Selection, check_any_is_enabled, select_rows
from conn_engine.testing.suite import OperationReport, report_disabled
from conn_engine.transport.live import Live
from conn_engine.wire import MACHINE_CLOCK, Clock, Completeness

__all__ = ["run_live"]

MAX_PAGES = 3


def run_live(
    workspace: Workspace,
    selection: Selection,
    *,
    environ: Mapping[str, str],
    redactor: Redactor,
    send: bool,
    clock: Clock = MACHINE_CLOCK,
) -> Iterator[OperationReport]:
    """Repeat each account's recorded calls against the vendor, at most three pages per call.

    The calls are those of the recordings (scenario `default`). Writes are skipped unless `send` is true. If an account
    cannot be connected, the error is a finding of the operation.
    """
    rows = select_rows(workspace, selection)
    check_any_is_enabled(rows, selection)
    choice = CaseChoice(selection)
    for row in rows:
        if row.effective.account is None:
            continue
        cases = find_cases(workspace, row.effective, row.names)
        for name in row.names:
            calls = [case for case in cases if case.name == name and case.scenario == "default"]
            planned = choice.plan(row.effective, name, calls)
            if planned is not None:
                yield report_disabled(row.effective, name) or _report(
                    workspace, planned, environ, redactor, send, clock
                )
    choice.check()


def _report(  # noqa: PLR0917
    workspace: Workspace,
    planned: PlannedTest,
    environ: Mapping[str, str],
    redactor: Redactor,
    send: bool,
    clock: Clock,
) -> OperationReport:
    effective, name, cases = planned.effective, planned.name, planned.cases
    report = OperationReport(effective, name)
    span = effective.span(name.path) or Span(f"accounts/{effective.account}.yaml")
    call = recorded_call(cases[0].recording) if cases else Call()
    if may_write(effective, name, call) and not send:
        report.findings.append(
            diagnostic("RUN102", f"{name.text} writes data, so it was not sent", span, hint="add --send to send it")
        )
        return report
    if not cases:
        report.recorded = False
        report.findings.append(
            diagnostic(
                "REC101",
                f"{name.text} has no recorded call to repeat",
                span,
                hint=f"record it: conn record {name.text} --account {effective.account}",
            )
        )
        return report
    outcome = _ask(workspace, effective, name, call, environ, redactor, clock)
    report.judgements.append(judge_live(workspace, effective, cases[0], outcome))
    report.findings += find_empty_fields(report.judgements, effective)
    return report


def _ask(  # noqa: PLR0917
    workspace: Workspace,
    effective: Effective,
    name: OperationName,
    call: Call,
    environ: Mapping[str, str],
    redactor: Redactor,
    clock: Clock,
) -> Outcome:
    outcome = Outcome()
    live = Live(redactor, trust=workspace.trust, clock=clock)
    transport = LoggingTransport(live)
    counts: list[int] = []
    try:
        wiring = wire_account(
            workspace,
            effective.account or "",
            environ=environ,
            environment=effective.environment,
            redactor=redactor,
            clock=clock,
        )
        with closing(live), Connection(wiring, transport) as connection:
            for page in connection.pages(name, call):
                outcome.add(page)
                counts.append(len(page.raw))
                if outcome.pages >= MAX_PAGES:
                    if page.completeness is None:
                        outcome.completeness = Completeness("stopped", f"at most {MAX_PAGES} pages are requested")
                    break
    except ConnError as error:
        outcome.error = error
    outcome.sent = sent_requests(transport.rows, counts, [])
    return outcome
