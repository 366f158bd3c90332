"""Draw the impact of a change as text for people, which may quote values of the configuration."""

from collections.abc import Iterator

from conn_cli.neutralize import Styled
from conn_cli.report.columns import fit_cells
from conn_cli.report.impact.wording import (
    MOST,
    NAMED,
    UNJUDGED,
    count_more,
    describe_base,
    describe_coverage,
    describe_field,
    describe_own_changes,
    find_concerned,
    group_by_place,
    list_accounts,
    list_names,
    locate,
    summarize,
)
from conn_cli.report.text import Piece, Style, paint
from conn_engine.analysis.impact import KINDS, ChangedSetting, Impact
from conn_engine.analysis.impact.report import find_accepted, make_row_key
from conn_engine.diagnostics import pluralize

__all__ = ["count_breaking", "draw_text"]

ACCEPTED = ", accepted"
BREAKING = "   <- breaking"
RECORD_AGAIN = f"{BREAKING}: record it again"
_ERROR: Style = "error"
_LABEL = 10
"""The width of the label before the names of accounts."""


def draw_text(
    impact: Impact, *, names: bool = True, most: int = MOST, color: bool = False, width: int | None = None
) -> Styled:
    """Return the changed settings, the accounts by status, a line for each field, and what is unknown. Each list has at
    most `most` lines; changes that break accounts have more. With `color`, what breaks an account is red until it is
    accepted. With `width`, the line of a field is at most that wide."""
    return paint(
        [(f"{line}\n", style) for line, style in _draw_lines(impact, names=names, most=most, width=width)], color
    )


def count_breaking(impact: Impact) -> int:
    """Count the lines of fields that break accounts in the text."""
    return min(MOST, sum(row.breaking for row in impact.fields))


def _draw_lines(impact: Impact, *, names: bool, most: int, width: int | None) -> Iterator[Piece]:
    if not impact.compared:
        yield summarize(impact), ""
        return
    yield from ((line, "") for line in _list_changes(impact, names=names, most=most, width=width))
    yield from _draw_fields(impact, most, width)
    for unknown in impact.unknown[:most]:
        whose = f"{unknown.operation or 'every operation'} for {pluralize(unknown.accounts, 'account')}"
        note, style = (RECORD_AGAIN, _ERROR) if unknown.breaking else ("", "")
        yield f"  unknown: {whose}: {unknown.reason}{note}", style
    yield from ((f"  {line}", "") for line in _unjudged_lines(impact, names=names, most=most))
    for approval in impact.accepted[:most]:
        yield f"  accepted: {describe_coverage(approval)}   {approval.file}: {approval.reason}", ""
        yield from ((f"    {locate(f.span)}  {f.code}  {f.message}", "") for f in approval.findings[: min(NAMED, most)])
    for statement in impact.overrides[:most]:
        yield f"  override {statement.path}: {statement.note}   {locate(statement.span, names=names)}", ""
    yield from ((line, "") for line in count_more(len(impact.overrides), "override", most))


def _list_changes(impact: Impact, *, names: bool, most: int, width: int | None) -> Iterator[str]:
    """List the changed settings and the accounts that they concern."""
    if impact.base is not None:
        yield f"compared with {describe_base(impact.base)}"
    width = width if most < MOST else None
    places = group_by_place(impact.statements)
    yield from (_statement_line(statement, count, names=names, width=width) for statement, count in places[:most])
    yield from count_more(len(places), "change", most)
    yield summarize(impact)
    room = width - _LABEL if width is not None else None
    yield from (f"  {word}: {list_names(listed, room)}" for word, listed in find_concerned(impact) if names and listed)
    yield from [f"  renamed: {old} -> {new}" for new, old in impact.renamed.items() if names][:most]


def _draw_fields(impact: Impact, most: int, width: int | None) -> Iterator[Piece]:
    """Draw a line for each field, those that break accounts first."""
    fields = sorted(impact.fields, key=lambda row: not row.breaking)
    shown = fields[: max(min(MOST, most), count_breaking(impact))]
    if not shown:
        return
    accepted = find_accepted(impact)
    notes, styles = [], list[Style]([""])
    for row in shown:
        breaks, is_accepted = row.breaking and row.accounts > 0, make_row_key(row) in accepted
        own = f", {describe_own_changes(row)}" if row.own else ""
        shielded = f", shielded in {pluralize(row.shielded, 'account')}" if row.shielded else ""
        notes.append(f"{KINDS[row.kind]}{own}{shielded}{BREAKING if breaks else ''}{ACCEPTED if is_accepted else ''}")
        styles.append(_ERROR if breaks and not is_accepted else "")
    counts = [(f"{row.accounts:>8,}", f"{row.records:>9,}") for row in shown]
    cells = [(describe_field(row), *counted, note) for row, counted, note in zip(shown, counts, notes, strict=True)]
    lines = fit_cells([("field", "accounts", "  records", "kind"), *cells], width)
    yield from ((f"  {'  '.join(line)}".rstrip(), style) for line, style in zip(lines, styles, strict=True))
    yield from ((line, "") for line in count_more(len(fields), "field", len(shown)))


def _unjudged_lines(impact: Impact, *, names: bool, most: int) -> Iterator[str]:
    for row in impact.unjudged[:most]:
        reasons = [f"{locate(f.span)}  {f.code}  {f.message}" for f in row.findings[:1]] or [row.message]
        yield f"{UNJUDGED[row.side]}: {list_accounts(row, names=names)}{f'   {reasons[0]}' if names else ''}"
    yield from count_more(len(impact.unjudged), "reason", most)


def _statement_line(statement: ChangedSetting, places: int, *, names: bool, width: int | None) -> str:
    """Describe a changed setting and its place, without the place if that does not fit in `width`."""
    change = {
        "added": f"+ {statement.after}",
        "removed": f"- {statement.before}",
        "changed": f"{statement.before} -> {statement.after}",
    }[statement.note]
    more = f" (and {pluralize(places - 1, 'more place')})" if places > 1 else ""
    place = locate(statement.span, names=names)
    line = f"{statement.level} change: {statement.path}{more}   {change}"
    return f"{line}   {place}" if width is None or len(f"{line}   {place}") <= width else line
