"""Draw mutation scores as text, Markdown and GitHub annotations: configuration, but no recorded value."""

from collections.abc import Sequence

from conn_cli.formatting import join_lines
from conn_cli.report.github import command
from conn_cli.report.markdown import cell, code, html_code
from conn_cli.report.sources import Sources
from conn_engine.analysis.mutants import LEFT_OUT, MutantVerdict
from conn_engine.analysis.mutants.report import Score
from conn_engine.diagnostics import pluralize

__all__ = ["draw_github", "draw_markdown", "draw_text"]


def draw_text(scores: Sequence[Score], minimum: float | None) -> str:
    """Return the score of each connector, and its survivors with file and line."""
    lines = []
    for score in scores:
        low = f"   <- below {minimum:g}%" if minimum is not None and score.percent < minimum else ""
        lines.append(f"{score.connector}: {_figures(score)}{low}")
        for verdict in score.survivors:
            lines.append(f"  {_format_place(verdict)}  {_format_verdict(verdict)}")
        for verdict in score.inapplicable:
            lines.append(f"  {_format_place(verdict)}  not applicable: {_format_verdict(verdict)}")
    lines.append(f"left out: {'; '.join(LEFT_OUT)}")
    return join_lines(lines)


def _figures(score: Score) -> str:
    rest = f", {len(score.inapplicable):,} not applicable" if score.inapplicable else ""
    return f"{score.killed:,} of {pluralize(len(score.tried), 'mistake')} caught ({score.percent:.1f}%){rest}"


def _format_verdict(verdict: MutantVerdict) -> str:
    mutant = verdict.mutant
    tested = f"no difference in {pluralize(verdict.cases, 'case')}" if verdict.cases else "no case runs it"
    tested = tested if verdict.applicable else "another mistake removes one of its places"
    return f"{mutant.kind}: {' '.join(mutant.text.split())}   ({mutant.path}; {tested})"


def _format_place(verdict: MutantVerdict) -> str:
    span = verdict.mutant.span
    return f"{span.file}:{span.line}" if span else verdict.mutant.path


def draw_markdown(scores: Sequence[Score], minimum: float | None) -> str:
    """Return a table, and the survivors in collapsed sections."""
    lines = ["| connector | caught | of | score |", "|---|---:|---:|---:|"]
    for score in scores:
        low = minimum is not None and score.percent < minimum
        share = f"**{score.percent:.1f}%** < {minimum:g}%" if low else f"{score.percent:.1f}%"
        lines.append(f"| {cell(score.connector)} | {score.killed:,} | {len(score.tried):,} | {share} |")
    for score in (score for score in scores if score.survivors):
        lines += ["", f"<details><summary>{html_code(score.connector)}: not caught</summary>", ""]
        lines += [_row(verdict) for verdict in score.survivors]
        lines += ["", "</details>"]
    for score in (score for score in scores if score.inapplicable):
        lines += ["", f"{code(score.connector)}: not applicable", ""]
        lines += [_row(verdict) for verdict in score.inapplicable]
    lines += ["", f"Left out: {'; '.join(LEFT_OUT)}."]
    return "\n".join(lines) + "\n"


def _row(verdict: MutantVerdict) -> str:
    return f"- {code(_format_place(verdict))} {verdict.mutant.kind}: {code(verdict.mutant.text)}"


def draw_github(scores: Sequence[Score], sources: Sources) -> str:
    """Return a notice for each survivor on its line, and the scores."""
    lines = [
        command(
            "notice",
            f"not caught: {_format_verdict(verdict)}",
            title="conn mutate",
            span=verdict.mutant.span,
            sources=sources,
        )
        for score in scores
        for verdict in score.survivors
    ]
    lines += [command("notice", f"{score.connector}: {_figures(score)}", title="conn mutate") for score in scores]
    return join_lines(lines)
