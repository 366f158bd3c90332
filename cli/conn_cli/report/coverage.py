"""Draw mapping coverage as text, Markdown and a self-contained HTML file: names and counts, no values."""

from collections.abc import Sequence
from html import escape

from conn_cli.fitting import fit_text
from conn_cli.formatting import join_lines
from conn_cli.report.markdown import cell
from conn_engine.analysis.coverage import OperationCoverage
from conn_engine.diagnostics import pluralize

__all__ = ["draw_html", "draw_markdown", "draw_screen", "draw_text"]

Rows = Sequence[OperationCoverage]
MOST = 12
SCREEN = 20
SHOWN = 8


def draw_text(rows: Rows, low: Rows, minimum: float | None, *, verbose: bool = False, brief: bool = False) -> str:
    """Return one line for each operation and, unless `brief`, its empty fields. With `verbose`, the unmapped and unread
    ones follow."""
    lines = []
    width = max((len(row.operation) for row in rows), default=9)
    for connector in dict.fromkeys(row.connector for row in rows):
        lines.append(connector)
        for row in (row for row in rows if row.connector == connector):
            lines.append(
                f"  {row.operation:<{width}}  {_figures(row)}{_format_accounts(row)}{_mark(row, low, minimum)}"
            )
            lines += [] if brief else [f"      {line}" for line in _details(row, verbose=verbose)]
    return join_lines(lines)


def draw_screen(rows: Rows, low: Rows, minimum: float | None, width: int) -> str:
    """Return the text if it fits on a screen; otherwise a line for each connector, and the operations that see the
    least."""
    text = draw_text(rows, low, minimum)
    if fit_text(text, width).count("\n") <= SCREEN:
        return text
    lines = []
    connectors = list(dict.fromkeys(row.connector for row in rows))
    longest = max(map(len, connectors))
    for connector in connectors[:SHOWN]:
        own = [row for row in rows if row.connector == connector]
        mapped, seen = sum(row.mapped for row in own), sum(row.count("seen") for row in own)
        operations = len({row.operation for row in own})
        share = f"{100 * seen / mapped:3.0f}% of the mapped fields seen" if mapped else "nothing is mapped"
        lines.append(f"{connector:<{longest}}  {share}, {pluralize(operations, 'operation')}")
    lines += [f"… and {pluralize(len(connectors) - SHOWN, 'more connector')}"] if len(connectors) > SHOWN else []
    least = sorted((row for row in rows if row.mapped), key=lambda row: row.percent)[: SCREEN - len(lines) - 2]
    longest = max((len(row.operation) for row in least), default=0)
    lines += ["", "least seen:"] if least else []
    for row in least:
        fields = f"{row.count('seen')} of {pluralize(row.mapped, 'field')}{_format_accounts(row)}"
        mark = _mark(row, low, minimum)
        lines.append(f"  {row.percent:3.0f}%  {row.operation:<{longest}}  {row.connector}, {fields}{mark}")
    return join_lines([*lines, "next: see each field: conn coverage -v, or conn coverage OPERATION"])


def _figures(row: OperationCoverage) -> str:
    if not row.cases:
        return f"no recording, {pluralize(row.mapped, 'mapped field')}"
    seen = f"{row.percent:3.0f}% seen ({row.count('seen')} of {pluralize(row.mapped, 'mapped field')})"
    model = f", {row.model - row.count('unmapped')} of {row.model} model fields mapped" if row.model else ""
    return f"{seen}{model}, {pluralize(row.records, 'record')}"


def _format_accounts(row: OperationCoverage) -> str:
    if not row.accounts:
        return ""
    names = ", ".join(row.accounts[:3])
    return f"   {names}" + (f" and {len(row.accounts) - 3:,} more" if len(row.accounts) > 3 else "")


def _mark(row: OperationCoverage, low: Rows, minimum: float | None) -> str:
    return f"   <- below {minimum:g}%" if any(row is other for other in low) else ""


def _details(row: OperationCoverage, *, verbose: bool) -> list[str]:
    lines = [f"not replayed: {reason}" for reason in row.broken]
    empty = [field.field for field in row.fields if field.state == "empty"]
    if empty and row.cases:
        lines.append(f"always empty: {', '.join(empty)}")
    if verbose:
        unmapped = [field.field for field in row.fields if field.state == "unmapped"]
        lines += [f"not mapped: {', '.join(unmapped)}"] if unmapped else []
        lines += [f"vendor fields not read: {', '.join(row.unread)}"] if row.unread else []
    elif row.unread:
        lines.append(f"{pluralize(len(row.unread), 'vendor field')} not read: {_format_names(row.unread)}")
    return lines


def _format_names(names: Sequence[str]) -> str:
    return ", ".join(names[:MOST]) + (f" and {len(names) - MOST} more (--verbose)" if len(names) > MOST else "")


def draw_markdown(rows: Rows, low: Rows, minimum: float | None) -> str:
    """Return a table for a pull request."""
    lines = ["| connector | operation | accounts | seen of mapped | always empty | not mapped | vendor fields unread |"]
    lines.append("|---|---|---:|---:|---|---:|---:|")
    for row in rows:
        empty = ", ".join(cell(field.field) for field in row.fields if field.state == "empty" and row.cases)
        share = f"{row.count('seen')}/{row.mapped} ({row.percent:.0f}%)" if row.cases else "no recording"
        share = f"**{share}** < {minimum:g}%" if _mark(row, low, minimum) else share
        lines.append(
            f"| {cell(row.connector)} | {cell(row.operation)} | {len(row.accounts) or ''} | {share} | {empty} | "
            f"{row.count('unmapped')} | {len(row.unread)} |"
        )
    return "\n".join(lines) + "\n"


STYLE = """
:root{color-scheme:light dark;--seen:#2e7d32;--empty:#c77700;--unmapped:#8a8f98;--line:#8884}
body{font:15px/1.5 system-ui,sans-serif;margin:2rem auto;max-width:70rem;padding:0 1rem}
h2{margin-top:2rem}summary{cursor:pointer;padding:.4rem 0;border-top:1px solid var(--line)}
.bar{display:inline-flex;width:12rem;height:.8em;border-radius:.2em;overflow:hidden;vertical-align:middle;margin:0 .6em}
.bar i{display:block}.seen{background:var(--seen)}.empty{background:var(--empty)}.unmapped{background:var(--unmapped)}
.low{color:#c62828;font-weight:600}table{border-collapse:collapse;margin:.5rem 0 1rem}
td,th{text-align:left;padding:.15rem .8rem .15rem 0;border-bottom:1px solid var(--line)}td.n{text-align:right}
code{font-size:.92em}.key i{display:inline-block;width:.8em;height:.8em;margin:0 .3em 0 1em}.quiet{opacity:.7}
"""


def draw_html(rows: Rows, low: Rows, minimum: float | None) -> str:
    """Return an HTML file without scripts or external resources."""
    parts = [
        "<!doctype html><html lang=en><meta charset=utf-8><meta name=viewport content='width=device-width'>",
        "<meta http-equiv=Content-Security-Policy content=\"default-src 'none'; style-src 'unsafe-inline'\">",
        f"<title>Mapping coverage</title><style>{STYLE}</style><h1>Mapping coverage</h1>",
        "<p class=key><i class=seen></i>seen in a record<i class=empty></i>mapped, always empty"
        "<i class=unmapped></i>in the model, not mapped</p>",
    ]
    for connector in dict.fromkeys(row.connector for row in rows):
        parts.append(f"<h2>{escape(connector)}</h2>")
        parts += [_html_row(row, low, minimum) for row in rows if row.connector == connector]
    return "\n".join(parts) + "\n"


def _html_row(row: OperationCoverage, low: Rows, minimum: float | None) -> str:
    mark = _mark(row, low, minimum).replace("<-", "").strip()
    head = f"<code>{escape(row.operation)}</code> {_bar(row)} {escape(_figures(row))}"
    head += f" <span class=low>{escape(mark)}</span>" if mark else ""
    head += f" <span class=quiet>{escape(_format_accounts(row).strip())}</span>" if row.accounts else ""
    body = "".join(
        f"<tr><td><code>{escape(field.field)}</code><td>{field.state}{'' if field.model else ' (not in the model)'}"
        f"<td class=n>{field.records or ''}"
        for field in row.fields
    )
    unread = ", ".join(f"<code>{escape(name)}</code>" for name in row.unread)
    broken = "".join(f"<p class=low>not replayed: {escape(reason)}</p>" for reason in row.broken)
    return (
        f"<details><summary>{head}</summary>{broken}<table><tr><th>field<th>state<th>records{body}</table>"
        + (f"<p>Vendor fields that no mapping reads: {unread}</p>" if unread else "")
        + "</details>"
    )


def _bar(row: OperationCoverage) -> str:
    total = len(row.fields) or 1
    pieces = "".join(
        f"<i class={state} style='width:{100 * row.count(state) / total:.1f}%'></i>"
        for state in ("seen", "empty", "unmapped")
        if row.count(state)
    )
    return f"<span class=bar role=img aria-label='{row.percent:.0f}% seen'>{pieces}</span>"
