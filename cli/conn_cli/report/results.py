"""Draw the results of `conn test`: failures first, a line for each operation, the counts, and what to do next."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import TYPE_CHECKING

from conn_cli.fitting import USUAL_WIDTH, fit_text
from conn_cli.report import Sources, draw_findings
from conn_cli.report.case_details import draw_changes, draw_details
from conn_cli.report.next_step import suggest_command, suggest_next
from conn_cli.report.operation_rows import (
    OperationRow,
    RowState,
    count_failed,
    count_rows,
    draw_rows,
    find_rows,
)
from conn_cli.report.text import Piece, draw_brief, draw_finding, paint
from conn_engine.diagnostics import Diagnostic, pluralize

if TYPE_CHECKING:
    from conn_engine.testing.suite import OperationReport

__all__ = ["count_outcomes", "draw_failures", "draw_reports", "draw_results", "draw_warnings"]

FAILURE_LINES = 14
"""Lines of the details of a failed operation, so that one operation fits on a screen of 25 lines."""
WARNING_LINES = 8
DETAILED = 5
"""The number of failed operations that are drawn with details."""


def draw_reports(
    reports: "Sequence[OperationReport]",
    sources: Sources,
    *,
    verbose: bool,
    quiet: bool = False,
    live: bool = False,
    color: bool,
    width: int | None = None,
) -> dict[str, Callable[[], str]]:
    """Return what draws the results, for each format except JSON. `verbose` also shows the requests, the coverage and
    every finding, `quiet` only the failures and the counts. `live`: the vendor responded, not recordings. The line of
    an operation that passed is at most `width` columns wide."""

    def draw_junit() -> str:
        from conn_cli.report import junit

        return junit.render_reports(reports, sources)

    def draw_text() -> str:
        return paint(list(draw_results(reports, sources, verbose=verbose, quiet=quiet, live=live, width=width)), color)

    findings = list(dict.fromkeys(finding for report in reports for finding in report.all_findings))
    return {
        **draw_findings(findings, sources),
        "text": draw_text,
        "junit": draw_junit,
    }


def draw_results(
    reports: "Sequence[OperationReport]",
    sources: Sources,
    *,
    verbose: bool,
    quiet: bool = False,
    live: bool,
    width: int | None = None,
) -> Iterator[Piece]:
    """Draw the results: the most important line first, and the next step last."""
    rows = find_rows(reports)
    if verbose:
        yield from _draw_everything(rows, sources, live)
    else:
        yield from draw_failures(rows, sources, live)
    if not quiet:
        yield from draw_rows([row for row in rows if row.state != "FAIL" or verbose], width)
    if not verbose and not quiet:
        yield from draw_warnings(rows, live)
    yield f"{count_outcomes(rows)}\n", "error" if any(row.state == "FAIL" for row in rows) else "good"
    if not quiet:
        yield "next: ", "good"
        yield f"{suggest_next(rows, verbose=verbose, live=live)}\n", ""


def _draw_everything(rows: Sequence[OperationRow], sources: Sources, live: bool) -> Iterator[Piece]:
    """Draw the requests and every finding of each operation, failures first."""
    drawn: set[Diagnostic] = set()
    for row in rows:
        for report in sorted(row.reports, key=lambda report: not report.failed):
            if report.recorded and report.enabled:
                yield from draw_details(report, live)
        for finding in row.findings:
            if finding not in drawn:
                yield from draw_finding(finding, sources)
        drawn.update(row.findings)


def draw_failures(
    rows: Sequence[OperationRow], sources: Sources, live: bool, *, detailed: int = DETAILED
) -> Iterator[Piece]:
    """Draw the failed operations, the first ones (`detailed`) with what explains the failure."""
    failed = [row for row in rows if row.state == "FAIL"]
    drawn: set[Diagnostic] = set()
    for number, row in enumerate(failed, 1):
        yield from draw_rows([row])
        new = [finding for finding in row.findings if finding not in drawn]
        if number <= detailed:
            yield from _draw_causes(row, new, sources, live)
        else:
            yield from draw_brief((new or row.findings)[0])
        drawn.update(new)


def _draw_causes(row: OperationRow, new: Sequence[Diagnostic], sources: Sources, live: bool) -> Iterator[Piece]:
    """Draw the findings of a failed operation that were not drawn before, and changed values, in a few lines."""
    if not new:
        yield from draw_brief(row.findings[0])
        return
    blocks: list[Block] = []
    for before, finding in zip([None, *new], new, strict=False):
        if before is None or (before.span != finding.span and before.hint != finding.hint):
            drawn = draw_finding(finding, sources, brief=True)
        else:
            drawn = draw_brief(finding, hint=before.hint != finding.hint)
        blocks.append((list(drawn), list(draw_brief(finding))))
    changes = list(draw_changes(row.cases))
    if changes:
        blocks.insert(sum(finding.span == new[0].span for finding in new), (changes, []))
    shown, left = _take_blocks(blocks, FAILURE_LINES)
    yield from shown
    if left:
        yield f"  … and {pluralize(left, 'more finding')}: {suggest_command(row, live=live)} -v\n", ""


Block = tuple[list[Piece], list[Piece]]


def _take_blocks(blocks: Iterable[Block], lines: int) -> tuple[list[Piece], int]:
    """Return the first blocks that fit, some in their short form, and the number of those left out."""
    taken: list[Piece] = []
    used = left = 0
    for number, (whole, brief) in enumerate(blocks):
        fitting = (form for form in (whole, brief) if form and used + _count_lines(form) <= lines)
        chosen = whole if number == 0 else None if left else next(fitting, None)
        if chosen is None:
            left += bool(brief)
        else:
            taken, used = taken + chosen, used + _count_lines(chosen)
    return taken, left


def _count_lines(pieces: Sequence[Piece]) -> int:
    return fit_text("".join(text for text, _ in pieces), USUAL_WIDTH).count("\n")


def draw_warnings(rows: Sequence[OperationRow], live: bool) -> Iterator[Piece]:
    """Draw the findings of operations that did not fail. A missing recording is a row of its own already."""
    found = dict.fromkeys(
        finding for row in rows if row.state != "FAIL" for finding in row.findings if finding.code != "REC101"
    )
    shown, left = _take_blocks(((list(draw_brief(f, hint=True)), list(draw_brief(f))) for f in found), WARNING_LINES)
    yield from shown
    if left:
        with_warnings = [row for row in rows if row.state != "FAIL" and row.findings]
        command = suggest_command(with_warnings[0], live=live) if len(rows) == 1 else "conn test"
        yield f"  … and {pluralize(left, 'more finding')}: {command} -v\n", ""


_OUTCOMES: dict[RowState, str] = {
    "FAIL": "failed",
    "unknown": "without a recording (unknown)",
    "ok": "passed",
    "skipped": "disabled (not tested)",
}


def count_outcomes(rows: Sequence[OperationRow], accounts: int | None = None) -> str:
    """Return the counts: `1 operation failed, 4 operations passed (1 of 7 cases failed, 2 accounts)`.

    Pass the number of `accounts` if one result stands for several of them.
    """
    counts = [] if rows else ["nothing was tested"]
    for state, outcome in _OUTCOMES.items():
        chosen = [row for row in rows if row.state == state]
        if chosen:
            counts.append(f"{count_rows(chosen)} {outcome}")
    cases = [case for row in rows for case in row.cases]
    failed = sum(case.failed for case in cases)
    details = []
    if cases:
        details.append(count_failed(failed, len(cases)) if failed else pluralize(len(cases), "case"))
    if accounts is None:
        names = (report.effective.account for row in rows for report in row.reports)
        accounts = len({name for name in names if name})
    if accounts:
        details.append(pluralize(accounts, "account"))
    return f"{', '.join(counts)} ({', '.join(details)})" if details else ", ".join(counts)
