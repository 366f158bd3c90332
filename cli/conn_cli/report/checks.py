"""Draw all checks of a change: as text, Markdown, SARIF, JUnit and GitHub annotations."""

from collections.abc import Callable, Mapping

from conn_cli.report import coverage as coverage_report
from conn_cli.report import impact as impact_report
from conn_cli.report.check_text import CheckDrawing, CheckRow
from conn_cli.report.formats import draw_findings, render
from conn_cli.report.github import command
from conn_cli.report.junit import render_reports
from conn_cli.report.markdown import cell, code
from conn_cli.report.operation_rows import find_rows
from conn_cli.report.results import count_outcomes
from conn_cli.report.sources import Sources
from conn_cli.report.text import paint
from conn_engine.analysis.checks.report import CheckName, CheckVerdicts
from conn_engine.diagnostics import Diagnostic, Severity, pluralize
from conn_engine.reports import count_findings, format_file

__all__ = ["draw_checks"]

_SIGNS: Mapping[bool | None, str] = {True: "✅", False: "❌", None: "skipped"}


def draw_checks(
    verdicts: CheckVerdicts,
    sources: Sources,
    *,
    names: bool,
    names_in_markdown: bool,
    compared: str,
    color: bool,
    width: int | None = None,
) -> dict[str, Callable[[], str]]:
    """Return what draws the checks, for each format except JSON. `compared` are the options that name the base, and
    `width` the columns of the terminal."""

    def draw_text() -> str:
        return paint(CheckDrawing(verdicts, _rows(verdicts), sources, names, compared, width).draw(), color)

    result = verdicts.result
    return {
        **draw_findings(result.all_findings(), sources),
        "text": draw_text,
        "markdown": lambda: _markdown(verdicts, names=names_in_markdown),
        "junit": lambda: render_reports(result.reports, sources),
        "github": lambda: _github(verdicts, sources, names=names),
    }


def _rows(verdicts: CheckVerdicts) -> list[CheckRow]:
    summaries: Mapping[CheckName, Callable[[CheckVerdicts], str]] = {
        "lint": _summarize_lint,
        "load": lambda verdicts: verdicts.result.broken,
        "test": _summarize_tests,
        "coverage": _summarize_coverage,
        "impact": _summarize_impact,
    }
    return [(name, passed, summaries[name](verdicts)) for name, passed in verdicts.checks.items()]


def _summarize_lint(verdicts: CheckVerdicts) -> str:
    counts = count_findings(verdicts.result.findings)
    return (
        f"{pluralize(verdicts.result.files, 'file')}, {pluralize(counts.errors, 'error')}, "
        f"{pluralize(counts.warnings, 'warning')}"
    )


def _summarize_tests(verdicts: CheckVerdicts) -> str:
    result = verdicts.result
    return (
        count_outcomes(find_rows(result.reports), result.tested)
        if result.reports
        else "the change affects no operation"
    )


def _summarize_coverage(verdicts: CheckVerdicts) -> str:
    rows = [row for row in verdicts.result.coverage if row.mapped]
    seen, mapped = sum(row.count("seen") for row in rows), sum(row.mapped for row in rows)
    share = f"{100 * seen / mapped:.0f}% of the mapped fields seen" if mapped else "nothing is mapped"
    return f"{share}, {len(verdicts.low)} below the minimum" if verdicts.low else share


def _summarize_impact(verdicts: CheckVerdicts) -> str:
    impact = verdicts.result.impact
    return "nothing to compare: --all" if impact is None else impact_report.summarize(impact)


def _markdown(verdicts: CheckVerdicts, *, names: bool) -> str:
    result = verdicts.result
    lines = [
        f"## Conn: {'all checks passed' if verdicts.passed else 'checks failed'}",
        "",
        "| check | | |",
        "|---|---|---|",
    ]
    for name, passed, summary in _rows(verdicts):
        lines.append(f"| {name} | {_SIGNS[passed]} | {_in_markdown(name, summary, names=names)} |")
    errors = [f for f in result.all_findings() if f.severity is Severity.ERROR]
    if errors:
        lines += ["", "<details open><summary>Findings</summary>", ""]
        ordered = sorted(errors, key=Diagnostic.sort_key)
        rows = list(dict.fromkeys(_finding_row(finding, names=names) for finding in ordered))
        lines += [*rows[:30], *([f"- … and {len(rows) - 30} more"] if len(rows) > 30 else [])]
        lines += ["", "</details>"]
    if result.impact is not None:
        lines += ["", impact_report.draw_markdown(result.impact, names=names).rstrip()]
    if verdicts.low:
        lines += [
            "",
            "### Coverage below the minimum",
            "",
            coverage_report.draw_markdown(verdicts.low, verdicts.low, verdicts.minimum).rstrip(),
        ]
    return "\n".join(lines) + "\n"


def _in_markdown(check: str, summary: str, *, names: bool) -> str:
    """Return the summary for Markdown. Only that of a workspace that cannot be loaded has text from elsewhere."""
    if check == "load":
        return cell(summary) if names else "a document cannot be used"
    return (cell(summary) if summary.startswith("nothing to compare") else summary).replace("|", "\\|")


def _finding_row(finding: Diagnostic, *, names: bool) -> str:
    """Return the code, place and title of a finding, without its message, which may quote a record."""
    from conn_engine.diagnostics.codes import find_code

    row = find_code(finding.code)
    place = f" {code(f'{format_file(finding.span.file, names=names)}:{finding.span.line}')}" if finding.span else ""
    path = f" at {code(finding.path)}" if finding.path else ""
    return f"- **{finding.code}**{place} {row.title if row else ''}{path}"


def _github(verdicts: CheckVerdicts, sources: Sources, *, names: bool) -> str:
    result = verdicts.result
    lines = [render("github", result.all_findings(), sources)]
    if result.impact is not None:
        lines.append(impact_report.draw_github(result.impact, sources, names=names))
    for name, passed, summary in _rows(verdicts):
        lines.append(command("error" if passed is False else "notice", summary, title=f"conn ci: {name}") + "\n")
    return "".join(lines)
