"""All checks of a change as one report: text, JSON, Markdown; SARIF, JUnit and GitHub over findings and impact."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import msgspec

from conn_cli.neutralize import join_styled
from conn_cli.report import coverage as coverage_report
from conn_cli.report import impact as impact_report
from conn_cli.report.deliveries import deliveries, is_delivery
from conn_cli.report.formats import render
from conn_cli.report.github import command
from conn_cli.report.junit import render_reports
from conn_cli.report.markdown import cell, code
from conn_cli.report.results import text_pieces
from conn_cli.report.sources import Sources
from conn_cli.report.text import paint, pieces
from conn_cli.words import counted
from conn_engine.analysis.checks import CheckResult
from conn_engine.analysis.coverage import OperationCoverage
from conn_engine.analysis.coverage.report import describe_coverage
from conn_engine.analysis.impact.report import ImpactReport
from conn_engine.diagnostics import Diagnostic, Severity
from conn_engine.documents import dump_json
from conn_engine.reports import describe_findings, shown_file
from conn_engine.testing.report import describe_operation

__all__ = ["Verdicts", "drawings"]

Low = Sequence[OperationCoverage]
Passed = bool | None
_WORDS: Mapping[Passed, str] = {True: "ok", False: "FAIL", None: "skipped"}
_SIGNS: Mapping[Passed, str] = {True: "✅", False: "❌", None: "skipped"}


class Verdicts:
    """Which of the checks are not passed: what they say counts, not how it is drawn."""

    def __init__(
        self, result: CheckResult, *, low: Low, impact_fails: bool, names: bool, names_in_markdown: bool
    ) -> None:
        self.result = result
        self.low = low
        self.impact_fails = impact_fails
        self.names = names
        self.names_in_markdown = names_in_markdown

    def rows(self) -> list[tuple[str, Passed, str]]:
        """Each check: its name, whether it passed (None: it had nothing to do), one line."""
        result = self.result
        errors = sum(finding.severity is Severity.ERROR for finding in result.findings)
        warnings = sum(finding.severity is Severity.WARNING for finding in result.findings)
        lint = f"{counted(result.files, 'file')}, {counted(errors, 'error')}, {counted(warnings, 'warning')}"
        rows: list[tuple[str, Passed, str]] = [("lint", not result.lint_failed, lint)]
        if result.broken:
            return [*rows, ("load", False, result.broken)]
        rows.append(("test", not result.tests_failed if result.reports else None, self._tests()))
        mapped = any(row.mapped for row in result.coverage)
        rows.append(("coverage", not self.low if mapped else None, self._coverage()))
        if result.impact is None:
            return [*rows, ("impact", None, "nothing to compare: --all")]
        compared = not self.impact_fails if result.impact.compared else None
        return [*rows, ("impact", compared, impact_report.summary(result.impact))]

    def _tests(self) -> str:
        reports = self.result.reports
        if not reports:
            return "the change reaches no operation"
        received = sum(is_delivery(report.name) for report in reports)
        cases = sum(len(report.judgements) for report in reports) - received
        failed = sum(report.failed for report in reports)
        unknown = sum(not report.recorded for report in reports)
        told = ", ".join(
            [counted(len(reports) - received, "operation"), counted(cases, "recorded case"), *deliveries(received)]
        )
        if self.result.tested:
            told += f", {counted(self.result.tested, 'account')}"
        told += f", {failed} failed" if failed else ""
        return f"{told}, {unknown} without a recording" if unknown else told

    def _coverage(self) -> str:
        rows = [row for row in self.result.coverage if row.mapped]
        seen, mapped = sum(row.count("seen") for row in rows), sum(row.mapped for row in rows)
        share = f"{100 * seen / mapped:.0f}% of the mapped fields seen" if mapped else "nothing is mapped"
        return f"{share}, {len(self.low)} below the minimum" if self.low else share

    @property
    def passed(self) -> bool:
        """Whether no check failed."""
        return all(passed is not False for _, passed, _ in self.rows())


def drawings(
    verdicts: Verdicts, sources: Sources, *, minimum: float | None, color: bool
) -> Mapping[str, Callable[[], str]]:
    """What draws each format."""
    result = verdicts.result
    return {
        "text": lambda: _text(verdicts, sources, minimum, color=color),
        "json": lambda: _json(verdicts, minimum),
        "markdown": lambda: _markdown(verdicts, minimum),
        "sarif": lambda: render("sarif", result.all_findings(), sources),
        "junit": lambda: render_reports(result.reports, sources),
        "github": lambda: _github(verdicts, sources),
    }


def _summary(verdicts: Verdicts) -> list[str]:
    width = max(len(_WORDS[passed]) for _, passed, _ in verdicts.rows())
    width = max(width, len(_WORDS[False]))
    return [f"{_WORDS[passed]:<{width}} {name:<9} {told}" for name, passed, told in verdicts.rows()]


def _text(verdicts: Verdicts, sources: Sources, minimum: float | None, *, color: bool) -> str:
    result = verdicts.result
    parts: list[str] = []
    for finding in sorted(result.findings, key=Diagnostic.sort_key):
        parts.append(paint(list(pieces(finding, sources)), color))
    if result.tests_failed:
        parts.append(paint(list(text_pieces(result.reports, sources, verbose=False, live=False)), color))
    if verdicts.low:
        parts.append(coverage_report.text(verdicts.low, verdicts.low, minimum))
    if result.impact is not None and (result.impact.fields or result.impact.accepted or result.impact.unjudged):
        parts.append(impact_report.text(result.impact, names=verdicts.names))
    return join_styled([*parts, *(f"{line}\n" for line in _summary(verdicts))])


def _json(verdicts: Verdicts, minimum: float | None) -> str:
    result = verdicts.result
    data: dict[str, Any] = {
        "version": 1,
        "passed": verdicts.passed,
        "checks": [{"check": name, "passed": passed, "summary": told} for name, passed, told in verdicts.rows()],
        "lint": msgspec.to_builtins(describe_findings(result.findings)),
        "tests": msgspec.to_builtins([describe_operation(report) for report in result.reports]),
        "coverage": msgspec.to_builtins(describe_coverage(result.coverage, minimum)),
        "impact": None
        if result.impact is None
        else msgspec.to_builtins(ImpactReport.of(result.impact, names=verdicts.names)),
    }
    return dump_json(data)


def _markdown(verdicts: Verdicts, minimum: float | None) -> str:
    result, names = verdicts.result, verdicts.names_in_markdown
    lines = [
        f"## Conn: {'all checks passed' if verdicts.passed else 'not passed'}",
        "",
        "| check | | |",
        "|---|---|---|",
    ]
    for name, passed, told in verdicts.rows():
        lines.append(f"| {name} | {_SIGNS[passed]} | {_in_markdown(name, told, names=names)} |")
    errors = [f for f in result.all_findings() if f.severity is Severity.ERROR]
    if errors:
        lines += ["", "<details open><summary>Findings</summary>", ""]
        ordered = sorted(errors, key=Diagnostic.sort_key)
        rows = list(dict.fromkeys(_finding_row(finding, names=names) for finding in ordered))
        lines += [*rows[:30], *([f"- … and {len(rows) - 30} more"] if len(rows) > 30 else [])]
        lines += ["", "</details>"]
    if result.impact is not None:
        lines += ["", impact_report.markdown(result.impact, names=names).rstrip()]
    if verdicts.low:
        lines += [
            "",
            "### Coverage below the minimum",
            "",
            coverage_report.markdown(verdicts.low, verdicts.low, minimum).rstrip(),
        ]
    return "\n".join(lines) + "\n"


def _in_markdown(check: str, told: str, *, names: bool) -> str:
    """A line of a check: counts and our own words, but for the message of a workspace that cannot be loaded."""
    if check == "load":
        return cell(told) if names else "a document cannot be used"
    return (cell(told) if told.startswith("nothing to compare") else told).replace("|", "\\|")


def _finding_row(finding: Diagnostic, *, names: bool) -> str:
    """Where and what kind of finding it is: its own message may quote a record's value."""
    from conn_engine.diagnostics.codes import explain

    row = explain(finding.code)
    place = f" {code(f'{shown_file(finding.span.file, names=names)}:{finding.span.line}')}" if finding.span else ""
    path = f" at {code(finding.path)}" if finding.path else ""
    return f"- **{finding.code}**{place} {row.title if row else ''}{path}"


def _github(verdicts: Verdicts, sources: Sources) -> str:
    result = verdicts.result
    lines = [render("github", result.all_findings(), sources)]
    if result.impact is not None:
        lines.append(impact_report.github(result.impact, sources, names=verdicts.names))
    for name, passed, told in verdicts.rows():
        lines.append(command("error" if passed is False else "notice", told, title=f"conn ci: {name}") + "\n")
    return "".join(lines)
