"""Draw drift as text, Markdown and GitHub annotations: paths, counts and lines, no value of a response."""

from conn_cli.formatting import join_lines
from conn_cli.report.github import command
from conn_cli.report.markdown import cell, code
from conn_cli.report.sources import Sources
from conn_engine.analysis.drift import TIERS, Drift, DriftDifference, Reader
from conn_engine.diagnostics import pluralize
from conn_engine.documents import format_path

__all__ = ["draw_github", "draw_markdown", "draw_text"]

MOST = 200
KINDS = {
    "gone": "gone",
    "retyped": "changed type",
    "nullable": "sometimes null",
    "enum_grown": "new values",
    "added": "new",
    "endpoint_gone": "endpoint gone",
    "endpoint_deprecated": "endpoint deprecated",
    "endpoint_failing": "endpoint fails",
}


def draw_text(drift: Drift, *, verbose: bool = False) -> str:
    """Return each difference with its readers, by tier. Unread differences are only counted unless `verbose` is set."""
    lines = []
    for tier, words in TIERS.items():
        rows = [difference for difference in drift.differences if difference.tier == tier]
        if not rows:
            continue
        if tier == "noise" and not verbose:
            lines.append(f"{words}: {pluralize(len(rows), 'difference')} (--verbose lists them)")
            continue
        lines.append(words)
        for difference in rows[:MOST]:
            lines.append(f"  {_format_difference(difference)}")
            lines += [f"      {_reader(reader)}" for reader in difference.readers[:20]]
            lines += [f"      … and {len(difference.readers) - 20} more"] if len(difference.readers) > 20 else []
    lines.append(_summary(drift))
    for operation, reason in drift.left_out:
        lines.append(f"  not compared: {operation}: {reason}")
    return join_lines(lines)


def _summary(drift: Drift) -> str:
    return f"{drift.connector}: {_counts(drift)}"


def _counts(drift: Drift) -> str:
    counts = ", ".join(f"{drift.count(tier)} {tier}" for tier in TIERS)
    accounts = len(
        {name for difference in drift.differences if difference.tier == "breaks" for name in difference.accounts}
    )
    broken = f"; {pluralize(accounts, 'account')} broken" if accounts else ""
    return f"{pluralize(len(drift.compared), 'operation')} compared, {counts}{broken}"


def _format_difference(difference: DriftDifference) -> str:
    change = difference.change
    where = f" {format_path(change.path)}" if change.path else ""
    return f"{difference.operation}{where}  {_describe_change(difference)}"


def _describe_change(difference: DriftDifference) -> str:
    words, detail = KINDS[difference.change.kind], difference.change.detail
    return words if detail == words else f"{words}: {detail}"


def _reader(reader: Reader) -> str:
    place = f"{reader.span.file}:{reader.span.line}" if reader.span else ""
    accounts = f", {pluralize(len(reader.accounts), 'account')}" if reader.accounts else ""
    return f"{reader.what}   {place}   {reader.level}{accounts}"


def draw_markdown(drift: Drift) -> str:
    """Return tables for a pull request or an issue."""
    lines = [f"### {code(drift.connector)}: {_counts(drift)}", ""]
    for tier in ("breaks", "touches"):
        rows = [difference for difference in drift.differences if difference.tier == tier]
        if rows:
            lines += [
                f"**{TIERS[tier]}**",
                "",
                "| operation | path | what | read at | accounts |",
                "|---|---|---|---|---:|",
            ]
            lines += [_row(difference) for difference in rows[:MOST]]
            lines.append("")
    return "\n".join(lines).rstrip() + "\n"


def _row(difference: DriftDifference) -> str:
    places = dict.fromkeys(cell(f"{r.span.file}:{r.span.line}") for r in difference.readers if r.span is not None)
    places_text = ", ".join(list(places)[:5]) + (f" and {len(places) - 5} more" if len(places) > 5 else "")
    path = cell(format_path(difference.change.path))
    words, detail = KINDS[difference.change.kind], difference.change.detail
    change = words if detail == words else f"{words}: {cell(detail)}"
    return f"| {cell(difference.operation)} | {path} | {change} | {places_text} | {len(difference.accounts) or ''} |"


def draw_github(drift: Drift, sources: Sources) -> str:
    """Return an annotation for each reader of a breaking or touching difference, and the summary."""
    lines = []
    for difference in drift.differences:
        if difference.tier == "noise":
            continue
        level = "error" if difference.tier == "breaks" else "warning"
        readers: list[Reader | None] = [*difference.readers[:20]]
        for reader in readers or [None]:
            span = reader.span if reader is not None else None
            reader_text = f": read by {reader.what}" if reader is not None else ""
            detail = f"{_format_difference(difference)}{reader_text}"
            lines.append(command(level, detail, title="conn drift", span=span, sources=sources))
    lines.append(command("notice", _summary(drift), title="conn drift"))
    return join_lines(lines)
