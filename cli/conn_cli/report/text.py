"""Draw findings for people: place, code, message, the source line with a marker, the fix and related places."""

from collections.abc import Iterator, Sequence
from typing import Literal

from conn_cli.fitting import fit_line, shorten_middle
from conn_cli.neutralize import Styled, neutralize
from conn_cli.plain import measure_width, to_plain
from conn_cli.report.sources import Sources
from conn_engine.diagnostics import Diagnostic, Severity, Span, pluralize

__all__ = ["COLORS", "Piece", "Style", "draw_brief", "draw_finding", "paint", "render", "summarize"]

Style = Literal["", "error", "warning", "info", "bold", "good"]
Piece = tuple[str, Style]

COLORS: dict[Style, str] = {
    "error": "bold red",
    "warning": "bold magenta",
    "info": "bold",
    "bold": "bold",
    "good": "green",
}
_LEVELS: dict[Severity, Style] = {
    Severity.ERROR: "error",
    Severity.WARNING: "warning",
    Severity.INFO: "info",
}
_COLUMNS = 110
_MARGIN = 12


def render(findings: Sequence[Diagnostic], sources: Sources, *, color: bool = False) -> str:
    """Draw the findings in their order, and a summary. With `color`, the text has ANSI colors."""
    parts = [piece for finding in findings for piece in (*draw_finding(finding, sources), ("\n", ""))]
    return paint([*parts, (summarize(findings), "good" if not findings else "bold"), ("\n", "")], color)


def paint(parts: Sequence[Piece], color: bool) -> Styled:
    """Join the pieces, with colors if `color` is set, and without any other escape sequence."""
    parts = [(neutralize(text), style) for text, style in parts]
    if not color:
        return Styled("".join(text for text, _ in parts))
    from rich.color import ColorSystem
    from rich.style import Style as RichStyle

    def add_color(text: str, style: Style) -> str:
        if not style or not text.strip():
            return text
        return RichStyle.parse(COLORS[style]).render(text, color_system=ColorSystem.STANDARD)

    return Styled("".join(add_color(text, style) for text, style in parts))


def summarize(findings: Sequence[Diagnostic]) -> str:
    """Return the counts, such as `2 errors, 1 warning in 2 files`, or `no findings`."""
    if not findings:
        return "no findings"
    counts = [
        pluralize(number, word)
        for level, word in ((Severity.ERROR, "error"), (Severity.WARNING, "warning"), (Severity.INFO, "note"))
        if (number := sum(finding.severity is level for finding in findings))
    ]
    files = {finding.span.file for finding in findings if finding.span}
    where = f" in {pluralize(len(files), 'file')}" if files else ""
    return ", ".join(counts) + where


def draw_brief(finding: Diagnostic, *, hint: bool = False, width: int | None = None) -> Iterator[Piece]:
    """Draw a finding as one line, at most `width` columns wide, and, with `hint`, its fix as another."""
    level, severity = _LEVELS[finding.severity], finding.severity.name.lower()
    place = _place(finding.span) if finding.span else ""
    place = shorten_middle(place, width // 2) if width is not None else place
    if place:
        yield f"{place}  ", "bold"
    yield severity, level
    yield f" {finding.code}", level
    used = len(f"{place}  {severity} {finding.code}  ")
    yield f"  {fit_line(to_plain(finding.message), width - used if width is not None else None)}\n", ""
    if hint and finding.hint:
        yield "  fix: ", "good"
        yield f"{to_plain(finding.hint)}\n", ""


def draw_finding(
    finding: Diagnostic, sources: Sources, *, brief: bool = False, width: int | None = None
) -> Iterator[Piece]:
    """Draw a finding with its source line and its fix. Without `brief`, its path and the related places follow. Its
    first line is at most `width` columns wide."""
    level = _LEVELS[finding.severity]
    yield from draw_brief(finding, width=width)
    if finding.span:
        yield from _excerpt(finding.span, sources, level)
    if finding.path and finding.path not in finding.message and not brief:
        yield f"  at {to_plain(finding.path)}\n", ""
    if finding.hint:
        yield "  fix: ", "good"
        yield f"{to_plain(finding.hint)}\n", ""
    for span, note in () if brief else finding.related:
        yield f"  {_place(span)}", "bold"
        yield f"  {to_plain(note)}\n", ""
        yield from _excerpt(span, sources, "")


def _place(span: Span) -> str:
    return f"{to_plain(span.file)}:{span.line}:{span.column}"


def _excerpt(span: Span, sources: Sources, style: Style) -> Iterator[Piece]:
    line = sources.line(span.file, span.line)
    whole_file = (span.line, span.column, span.end_line) == (1, 1, 0)
    if whole_file or not line.strip():
        return
    start = min(span.column - 1, len(line))
    end = span.end_column - 1 if span.end_line == span.line else len(line.rstrip())
    end = min(max(end, start + 1), max(len(line), start + 1))
    first, last = _window(line, start)
    marked = line[first:last]
    before = "…" if first else ""
    after = "…" if last < len(line) else ""
    number = str(span.line)
    yield f"  {number} | ", ""
    yield f"{before}{to_plain(marked)}{after}\n", ""
    yield f"  {' ' * len(number)} | ", ""
    lead = measure_width(before + line[first:start])
    marks = max(1, measure_width(line[start : min(end, last)]))
    yield " " * lead, ""
    yield "^" * marks + "\n", style


def _window(line: str, start: int) -> tuple[int, int]:
    """Return the part of a long line to show, which includes `start`."""
    if len(line) <= _COLUMNS:
        return 0, len(line)
    first = 0 if start < _COLUMNS - _MARGIN * 2 else start - _MARGIN * 2
    return first, min(len(line), first + _COLUMNS)
