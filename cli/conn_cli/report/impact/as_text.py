"""Draw the impact of a change as text for people, which may quote values of the configuration."""

from collections.abc import Iterator

from conn_cli.neutralize import Styled
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
from conn_cli.report.text import paint
from conn_engine.analysis.impact import KINDS, ChangedSetting, Impact
from conn_engine.analysis.impact.report import find_accepted, make_row_key
from conn_engine.diagnostics import pluralize

__all__ = ["draw_text"]

ACCEPTED = ", accepted"
BREAKING = "   <- breaking"
RECORD_AGAIN = f"{BREAKING}: record it again"


def draw_text(impact: Impact, *, names: bool = True, most: int = MOST, color: bool = False) -> Styled:
    """Return the changed settings, the accounts by status, a line for each field, and what is unknown. Each list has at
    most `most` lines; changes that break accounts have more. With `color`, what breaks an account is red until it is
    accepted."""
    lines = _draw_lines(impact, names=names, most=most)
    return paint([(f"{line}\n", "error" if BREAKING in line and ACCEPTED not in line else "") for line in lines], color)


def _draw_lines(impact: Impact, *, names: bool, most: int) -> list[str]:
    if not impact.compared:
        return [summarize(impact)]
    places = group_by_place(impact.statements)
    lines = [f"compared with {describe_base(impact.base)}"] if impact.base is not None else []
    lines += [_statement_line(statement, count, names=names) for statement, count in places[:most]]
    lines += count_more(len(places), "change", most)
    lines.append(summarize(impact))
    lines += [f"  {word}: {list_names(listed)}" for word, listed in find_concerned(impact) if names and listed]
    lines += [f"  renamed: {old} -> {new}" for new, old in impact.renamed.items() if names][:most]
    accepted = find_accepted(impact)
    width = max((len(describe_field(row)) for row in impact.fields), default=5)
    if impact.fields:
        lines.append(f"  {'field':<{width}}  accounts    records  kind")
    fields = sorted(impact.fields, key=lambda row: not row.breaking)
    most_fields = min(MOST, max(most, sum(row.breaking for row in fields)))
    for row in fields[:most_fields]:
        lines.append(
            f"  {describe_field(row):<{width}}  {row.accounts:>8,}  {row.records:>9,}  {KINDS[row.kind]}"
            + (f", {describe_own_changes(row)}" if row.own else "")
            + (f", shielded in {pluralize(row.shielded, 'account')}" if row.shielded else "")
            + (BREAKING if row.breaking and row.accounts else "")
            + (ACCEPTED if make_row_key(row) in accepted else "")
        )
    lines += count_more(len(fields), "field", most_fields)
    for unknown in impact.unknown[:most]:
        whose = f"{unknown.operation or 'every operation'} for {pluralize(unknown.accounts, 'account')}"
        lines.append(f"  unknown: {whose}: {unknown.reason}{RECORD_AGAIN if unknown.breaking else ''}")
    lines += [f"  {line}" for line in _unjudged_lines(impact, names=names, most=most)]
    for approval in impact.accepted[:most]:
        lines.append(f"  accepted: {describe_coverage(approval)}   {approval.file}: {approval.reason}")
        lines += [f"    {locate(f.span)}  {f.code}  {f.message}" for f in approval.findings[:NAMED]]
    for statement in impact.overrides[:most]:
        lines.append(f"  override {statement.path}: {statement.note}   {locate(statement.span, names=names)}")
    lines += count_more(len(impact.overrides), "override", most)
    return lines


def _unjudged_lines(impact: Impact, *, names: bool, most: int) -> Iterator[str]:
    for row in impact.unjudged[:most]:
        reasons = [f"{locate(f.span)}  {f.code}  {f.message}" for f in row.findings[:1]] or [row.message]
        yield f"{UNJUDGED[row.side]}: {list_accounts(row, names=names)}{f'   {reasons[0]}' if names else ''}"
    yield from count_more(len(impact.unjudged), "reason", most)


def _statement_line(statement: ChangedSetting, places: int, *, names: bool) -> str:
    change = {
        "added": f"+ {statement.after}",
        "removed": f"- {statement.before}",
        "changed": f"{statement.before} -> {statement.after}",
    }[statement.note]
    more = f" (and {pluralize(places - 1, 'more place')})" if places > 1 else ""
    place = locate(statement.span, names=names)
    return f"{statement.level} change: {statement.path}{more}   {change}   {place}"
