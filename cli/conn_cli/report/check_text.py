"""Draw the checks of a change as text: a line for each failure, a line for each check, and what to do next."""

from collections.abc import Iterator, Sequence
from itertools import chain

from conn_cli.report import coverage as coverage_report
from conn_cli.report import impact as impact_report
from conn_cli.report.next_step import suggest_command, suggest_next
from conn_cli.report.operation_rows import OperationRow, draw_rows, find_rows, weigh_finding
from conn_cli.report.sources import Sources
from conn_cli.report.text import Piece, Style, draw_brief, draw_finding
from conn_engine.analysis.checks.report import CheckName, CheckVerdicts
from conn_engine.diagnostics import Diagnostic, Severity, pluralize

__all__ = ["CheckRow", "draw_check_text"]

CheckRow = tuple[CheckName, bool | None, str]
"""A check: its name, whether it passed (None: it had nothing to check), and its summary."""

_WORDS: dict[bool | None, str] = {True: "ok", False: "FAIL", None: "skipped"}
_STYLES: dict[bool | None, Style] = {True: "good", False: "error", None: ""}
_CAUSES = 2
_LISTED = 4
"""The most lines of each list of the impact; `conn impact` shows all of them."""


def draw_check_text(
    verdicts: CheckVerdicts, checks: Sequence[CheckRow], sources: Sources, *, names: bool, compared: str
) -> Iterator[Piece]:
    """Draw the failures, the checks and the next step. `compared` are the options that name the base."""
    result = verdicts.result
    errors = [finding for finding in result.findings if finding.severity is Severity.ERROR]
    yield from chain.from_iterable(map(draw_brief, sorted(errors, key=Diagnostic.sort_key)))
    rows = find_rows(result.reports)
    failed = [row for row in rows if row.state == "FAIL"]
    yield from _draw_failed(failed, sources)
    if verdicts.low:
        yield coverage_report.draw_text(verdicts.low, verdicts.low, verdicts.minimum, brief=True), ""
    if result.impact is not None and (result.impact.fields or result.impact.accepted or result.impact.unjudged):
        yield impact_report.draw_text(result.impact, names=names, most=_LISTED), ""
    width = max(len(_WORDS[passed]) for _, passed, _ in (*checks, ("lint", False, "")))
    for name, passed, summary in checks:
        yield f"{_WORDS[passed]:<{width}}", _STYLES[passed]
        yield f" {name:<9} {summary}\n", ""
    yield "next: ", "good"
    yield f"{_suggest_next(verdicts, errors, failed, compared)}\n", ""


def _draw_failed(failed: Sequence[OperationRow], sources: Sources) -> Iterator[Piece]:
    """Draw a line for each failed operation, below the causes that the most of them share."""
    if not failed:
        return
    operations: dict[Diagnostic, int] = {}
    for row in failed:
        for finding in row.findings[:1]:
            operations[finding] = operations.get(finding, 0) + 1
    causes = sorted(operations, key=lambda finding: (weigh_finding(finding), -operations[finding]))
    for finding in causes[:_CAUSES]:
        yield from draw_finding(finding, sources, brief=True)
    yield from draw_rows(failed)


def _suggest_next(
    verdicts: CheckVerdicts, errors: Sequence[Diagnostic], failed: Sequence[OperationRow], compared: str
) -> str:
    """Return what to do about the first check that fails."""
    checks = verdicts.checks
    if errors or checks["lint"] is False or checks.get("load") is False:
        return "see the findings of lint with their fixes: conn lint"
    if len(failed) > 1:
        return f"see the first failure with its values: {suggest_command(failed[0])}"
    if failed:
        return suggest_next(failed, verbose=False, live=False)
    if checks["coverage"] is False:
        return f"see the empty fields of {pluralize(len(verdicts.low), 'operation')}: conn coverage"
    if checks["impact"] is False:
        return f'see every effect: conn impact{compared}; accept them: conn ci{compared} --accept --reason "WHY"'
    if verdicts.result.impact is not None and verdicts.result.impact.count("changed"):
        return f"review what changes for each account: conn impact{compared}"
    return "commit the change: no check fails"
