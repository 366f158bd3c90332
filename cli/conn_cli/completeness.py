"""Show how a live run ended, on standard error: whether the listing is complete and its records fit their model, or
what arrived before an error."""

from typing import TYPE_CHECKING

from conn_cli.console import App
from conn_engine.diagnostics import pluralize

if TYPE_CHECKING:
    from collections.abc import Sequence

    from conn_engine.config import Effective, OperationName
    from conn_engine.runtime.call import Call
    from conn_engine.runtime.model_check import ModelCheck
    from conn_engine.wire import Completeness, FieldProblem

__all__ = ["show_completeness", "show_failing_fields", "show_interruption", "show_violations"]

SHOWN_VIOLATIONS = 10


def show_completeness(
    app: App,
    verdict: "Completeness",
    count: int,
    *,
    effective: "Effective",
    name: "OperationName",
    call: "Call",
    action: str = "written",
) -> None:
    """Show the verdict on a listing of `count` records, with the place of the setting to correct. `action` is what was
    done with records of which some may be missing."""
    records = pluralize(count, "record")
    if verdict.state in ("complete", "stopped"):
        if not app.quiet:
            app.err(f"{verdict.state}: {records}{f'; {verdict.reason}' if verdict.reason else ''}")
        return
    from conn_cli.error_output import show_findings
    from conn_engine.runtime.endings import find_incompleteness
    from conn_engine.runtime.unified import find_operation_behind

    finding = find_incompleteness(effective, find_operation_behind(effective, name, call), verdict)
    if finding is not None:
        show_findings(app, [finding])
        app.err(f"{verdict.state}: {records} {'was' if count == 1 else 'were'} {action}")


def show_violations(app: App, check: "ModelCheck") -> None:
    """Show which records break their model, by field, as warnings: the records have been written."""
    from dataclasses import replace

    from conn_cli.error_output import show_findings
    from conn_engine.diagnostics import Severity

    if check.is_without_schema:
        app.err(f"note: there is no schema for {check.schema}: the records were not checked")
    if not check.invalid:
        return
    findings = check.findings()
    show_findings(app, [replace(finding, severity=Severity.WARNING) for finding in findings[:SHOWN_VIOLATIONS]])
    more = len(findings) - SHOWN_VIOLATIONS
    also = f"; {pluralize(more, 'more kind')} of violation not shown" if more > 0 else ""
    verb = "does" if check.invalid == 1 else "do"
    records = pluralize(check.records, "record")
    app.err(f"{check.invalid:,} of {records} {verb} not match the model {check.schema}{also}")


def show_failing_fields(
    app: App, effective: "Effective", problems: "Sequence[FieldProblem]", count: int, *, strict: bool = False
) -> None:
    """Show which fields are empty in some of `count` records because their expressions fail: as warnings, because the
    records have been written, or with `strict` as errors."""
    if not problems:
        return
    from conn_cli.error_output import show_findings
    from conn_engine.diagnostics import Severity
    from conn_engine.runtime.field_problems import find_failing_fields

    severity = Severity.ERROR if strict else Severity.WARNING
    findings = find_failing_fields(effective, problems, count, severity=severity)
    show_findings(app, findings[:SHOWN_VIOLATIONS])
    if len(findings) > SHOWN_VIOLATIONS:
        app.err(f"{pluralize(len(findings) - SHOWN_VIOLATIONS, 'more field')} with failures not shown")


def show_interruption(app: App, count: int, *, records_to: str = "", state: str = "") -> None:
    """Show how many records arrived before an error, and what became of them and of the state."""
    arrived = f"{pluralize(count, 'record')} arrived before the run ended"
    app.err("; ".join(part for part in (arrived, records_to, state) if part))
