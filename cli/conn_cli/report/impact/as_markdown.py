"""Draw the impact of a change as Markdown, without values of records or of the configuration."""

from collections.abc import Iterable, Iterator

from conn_cli.report.impact.wording import (
    MOST,
    NAMED,
    STATUSES,
    UNJUDGED,
    count_more,
    describe_base,
    describe_coverage,
    describe_fault,
    describe_field,
    describe_own_changes,
    find_concerned,
    group_by_place,
    list_accounts,
    list_names,
    locate,
)
from conn_cli.report.markdown import cell, code
from conn_engine.analysis.impact import KINDS, ChangedSetting, FieldImpact, Impact
from conn_engine.analysis.impact.report import find_accepted, make_row_key
from conn_engine.diagnostics import pluralize

__all__ = ["draw_markdown"]


def draw_markdown(impact: Impact, *, names: bool = False) -> str:
    """Return a comment for a pull request, which may be public."""
    if not impact.compared:
        return f"### Nothing to compare\n\n{_against(impact)}\n"
    lines = [f"### {_title(impact)}", "", *([_against(impact), ""] if impact.base is not None else [])]
    concerned = [f"- {word}: {code(list_names(listed))}" for word, listed in find_concerned(impact) if names and listed]
    lines += [*concerned, ""] if concerned else []
    lines += ["| accounts | changed | unchanged | shielded by override | unknown |"]
    counts = [impact.count(status) for status in STATUSES[:-1]]
    lines += [
        "|---:|---:|---:|---:|---:|",
        f"| {len(impact.accounts):,} | {' | '.join(f'{n:,}' for n in counts)} |",
        "",
    ]
    if impact.fields:
        lines += ["| field | kind | accounts | records | shielded |", "|---|---|---:|---:|---:|"]
        accepted = find_accepted(impact)
        lines += [_row(row, accepted=make_row_key(row) in accepted) for row in impact.fields[:MOST]]
        lines += ["", *count_more(len(impact.fields), "field")]
    for unknown in impact.unknown[:MOST]:
        whose = f"{code(unknown.operation) or 'every operation'}, {pluralize(unknown.accounts, 'account')}"
        lines.append(f"- unknown: {whose}: {code(unknown.reason)}{' **(breaking)**' if unknown.breaking else ''}")
    lines += [f"- {line}" for line in _unjudged_rows(impact, names=names)]
    for approval in impact.accepted[:MOST]:
        lines.append(f"- accepted by {code(approval.file)}: {describe_coverage(approval)}: {code(approval.reason)}")
        lines += [f"  - **{f.code}** {code(locate(f.span))}: {code(f.message)}" for f in approval.findings[:NAMED]]
    places = group_by_place(impact.statements)
    if places:
        rows = [_statement_row(statement, number, names=names) for statement, number in places[:MOST]]
        lines += _details("Changes in the configuration", [*rows, *count_more(len(places), "change")])
    if impact.overrides:
        rows = [f"- {code(s.path)} {s.note}, {code(locate(s.span, names=names))}" for s in impact.overrides[:MOST]]
        lines += _details("Overrides that the change affects", [*rows, *count_more(len(impact.overrides), "override")])
    return "\n".join(lines).rstrip() + "\n"


def _details(title: str, lines: Iterable[str]) -> list[str]:
    return ["", f"<details><summary>{title}</summary>", "", *lines, "", "</details>"]


def _statement_row(statement: ChangedSetting, number: int, *, names: bool) -> str:
    more = f" and {pluralize(number - 1, 'more place')}" if number > 1 else ""
    place = code(locate(statement.span, names=names))
    return f"- {statement.level}: {code(statement.path)}{more} {statement.note}, {place}"


def _against(impact: Impact) -> str:
    """Return what the change was compared with, or that nothing differs from it."""
    base = code(describe_base(impact.base))
    return f"Compared with {base}." if impact.compared else f"No document of the workspace differs from {base}."


def _unjudged_rows(impact: Impact, *, names: bool) -> Iterator[str]:
    """Yield the accounts whose configuration cannot be used, with the code and place of the error."""
    for row in impact.unjudged[:MOST]:
        yield f"{UNJUDGED[row.side]}: {code(list_accounts(row, names=names))}, {describe_fault(row, names=names)}"
    yield from count_more(len(impact.unjudged), "reason")


def _title(impact: Impact) -> str:
    changed, unknown, unjudged = (impact.count(status) for status in ("changed", "unknown", "unjudged"))
    broken = sum(account.breaking for account in impact.accounts)
    breaks = f", **{broken:,} break**" if broken else ""
    rest = f", {unjudged:,} could not be judged" if unjudged else ""
    if not changed:
        no_change = f"No account is known to change, {unknown:,} unknown" if unknown else "No account changes"
        return f"{no_change if unknown or not unjudged else 'No account is known to change'}{rest}{breaks}"
    return f"{pluralize(changed, 'account')} of {len(impact.accounts):,} change{rest}{breaks or ', none breaks'}"


def _row(row: FieldImpact, *, accepted: bool) -> str:
    kind = f"**{KINDS[row.kind]}** (breaking)" if row.breaking and row.accounts else KINDS[row.kind]
    kind += ", accepted" if accepted else ""
    kind += f", {describe_own_changes(row)}" if row.own else ""
    return f"| {cell(describe_field(row))} | {kind} | {row.accounts:,} | {row.records:,} | {row.shielded or ''} |"
