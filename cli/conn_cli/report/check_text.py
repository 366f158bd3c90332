"""Draw the checks of a change as text: a line for each failure, a line for each check, and what to do next."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

from conn_cli.fitting import fit_line, fit_text
from conn_cli.report import coverage as coverage_report
from conn_cli.report import impact as impact_report
from conn_cli.report.next_step import suggest_command, suggest_next
from conn_cli.report.operation_rows import OperationRow, draw_rows, find_rows, weigh_finding
from conn_cli.report.sources import Sources
from conn_cli.report.text import Piece, Style, draw_brief, draw_finding
from conn_engine.analysis.checks.report import CheckName, CheckVerdicts
from conn_engine.diagnostics import Diagnostic, Severity, pluralize

__all__ = ["CheckDrawing", "CheckRow"]

CheckRow = tuple[CheckName, bool | None, str]
"""A check: its name, whether it passed (None: it had nothing to check), and its summary."""

_WORDS: dict[bool | None, str] = {True: "ok", False: "FAIL", None: "skipped"}
_STYLES: dict[bool | None, Style] = {True: "good", False: "error", None: ""}
_SCREEN = 25
_DETAILS = ((4, 2), (2, 2), (2, 1), (1, 1), (1, 0))
"""How much is drawn, the most first: lines of each list of the impact, all of which `conn impact` shows, and causes."""


@dataclass(frozen=True)
class CheckDrawing:
    """Draws the failures, the checks and the next step. `compared` are the options that name the base.

    In a terminal of `width` columns, a failure is one line, and the rest has as many details as fit on a screen.
    """

    verdicts: CheckVerdicts
    checks: Sequence[CheckRow]
    sources: Sources
    names: bool
    compared: str
    width: int | None = None

    def draw(self) -> list[Piece]:
        """Draw the text."""
        if self.width is None:
            return list(self._draw(*_DETAILS[0]))
        for details in _DETAILS:
            drawn = list(self._draw(*details))
            lines = fit_text("".join(text for text, _ in drawn), self.width).count("\n")
            if lines <= _SCREEN + self._count_failures():
                break
        return drawn

    @cached_property
    def _errors(self) -> list[Diagnostic]:
        errors = [finding for finding in self.verdicts.result.findings if finding.severity is Severity.ERROR]
        return sorted(errors, key=Diagnostic.sort_key)

    @cached_property
    def _failed(self) -> list[OperationRow]:
        return [row for row in find_rows(self.verdicts.result.reports) if row.state == "FAIL"]

    def _count_failures(self) -> int:
        """Count the failures that have a line."""
        impact = self.verdicts.result.impact
        breaking = impact_report.count_breaking(impact) if impact is not None else 0
        return len(self._errors) + len(self._failed) + len(self.verdicts.low) + breaking

    def _draw(self, listed: int, causes: int) -> Iterator[Piece]:
        for error in self._errors:
            yield from draw_brief(error, width=self.width)
        yield from self._draw_failed(causes)
        low, impact = self.verdicts.low, self.verdicts.result.impact
        if low:
            yield from self._fit_lines(coverage_report.draw_text(low, low, self.verdicts.minimum, brief=True))
        if impact is not None and (impact.fields or impact.accepted or impact.unjudged):
            text = impact_report.draw_text(impact, names=self.names, most=listed, width=self.width)
            yield from self._fit_lines(text)
        longest = max(len(_WORDS[passed]) for _, passed, _ in (*self.checks, ("lint", False, "")))
        for name, passed, summary in self.checks:
            yield f"{_WORDS[passed]:<{longest}}", _STYLES[passed]
            yield f" {name:<9} {summary}\n", ""
        yield "next: ", "good"
        yield f"{self._suggest_next()}\n", ""

    def _fit_lines(self, text: str) -> Iterator[Piece]:
        yield from ((f"{fit_line(line, self.width)}\n", "") for line in text.splitlines())

    def _draw_failed(self, most: int) -> Iterator[Piece]:
        """Draw a line for each failed operation, below the causes that the most of them share."""
        operations: dict[Diagnostic, int] = {}
        for row in self._failed:
            for finding in row.findings[:1]:
                operations[finding] = operations.get(finding, 0) + 1
        causes = sorted(operations, key=lambda finding: (weigh_finding(finding), -operations[finding]))
        for finding in causes[:most]:
            yield from draw_finding(finding, self.sources, brief=True, width=self.width)
        if causes and not most:
            yield from draw_brief(causes[0], width=self.width)
        yield from draw_rows(self._failed, self.width)

    def _suggest_next(self) -> str:
        """Return what to do about the first check that fails."""
        checks, failed, impact = self.verdicts.checks, self._failed, self.verdicts.result.impact
        if self._errors or checks["lint"] is False or checks.get("load") is False:
            return "see the findings of lint with their fixes: conn lint"
        if len(failed) > 1:
            return f"see the first failure with its values: {suggest_command(failed[0])}"
        if failed:
            return suggest_next(failed, verbose=False, live=False)
        if checks["coverage"] is False:
            return f"see the empty fields of {pluralize(len(self.verdicts.low), 'operation')}: conn coverage"
        if checks["impact"] is False:
            commands = f'conn impact{self.compared}; accept them: conn ci{self.compared} --accept --reason "WHY"'
            return f"see every effect: {commands}"
        if impact is not None and impact.count("changed"):
            return f"review what changes for each account: conn impact{self.compared}"
        return "commit the change: no check fails"
