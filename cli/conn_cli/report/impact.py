"""The blast radius of a change, drawn: text for people, JSON, Markdown for a pull request, GitHub annotations.

All but the text hold paths and counts only: no value of a record, nor of the configuration.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence

from conn_cli.report.github import command, join_commands
from conn_cli.report.markdown import cell, code, shown_file
from conn_cli.report.sources import Sources
from conn_cli.words import counted
from conn_engine.analysis.impact import (
    KINDS,
    Approval,
    BaseVersion,
    Consequence,
    FieldImpact,
    Impact,
    SideName,
    Statement,
    Status,
    Unjudged,
)
from conn_engine.diagnostics import Span
from conn_engine.diagnostics.codes import explain
from conn_engine.documents import dump_json

__all__ = ["compared_with", "data", "github", "json_", "markdown", "summary", "text"]

MOST = 20
"""Lines of one list that a report for people shows."""
NAMED = 10
"""Accounts that a report for people names at one place."""
UNJUDGED: Mapping[SideName, str] = {"after": "could not be judged", "before": "could not be read before the change"}
RECORD_AGAIN = "   <- breaking: record it again"
STATUSES: tuple[Status, ...] = ("changed", "unchanged", "shielded", "unknown", "unjudged")
FIELD_WORDS = {
    "": "the record",
    "body": "the body",
    "method": "the method",
    "request": "the request",
    "url": "the URL",
}


def summary(impact: Impact) -> str:
    """One line: how many accounts, and what becomes of them; or that there is nothing to compare."""
    if not impact.compared:
        return f"nothing to compare: no document differs from {compared_with(impact.base)}"
    parts = [f"{impact.count('changed')} changed", f"{impact.count('unchanged')} unchanged"]
    parts += [f"{impact.count('shielded')} shielded by override", f"{impact.count('unknown')} unknown"]
    parts += [f"{number} could not be judged"] if (number := impact.count("unjudged")) else []
    return f"accounts {len(impact.accounts)} | {' | '.join(parts)}"


def compared_with(base: BaseVersion | None) -> str:
    """What was compared with, in words: a branch and revision with its day, or a folder."""
    if base is None:
        return "the other side"
    if not base.revision:
        return base.name
    revision = base.revision[:12]
    return f"{f'{base.branch} at {revision}' if base.branch else revision}{f' of {base.date}' if base.date else ''}"


def text(impact: Impact, *, names: bool = True) -> str:
    """For people: what changes in the configuration, the accounts by verdict, a line per field, what is unknown."""
    if not impact.compared:
        return f"{summary(impact)}\n"
    lines = [f"compared with {compared_with(impact.base)}"] if impact.base is not None else []
    lines += [_statement_line(statement, count, names=names) for statement, count in _places(impact.statements)[:MOST]]
    lines += _more(len(_places(impact.statements)), "change")
    lines.append(summary(impact))
    lines += [f"  {word}: {_listed(listed)}" for word, listed in _concerned(impact) if names and listed]
    lines += [f"  renamed: {old} -> {new}" for new, old in impact.renamed.items() if names][:MOST]
    accepted = _accepted(impact)
    width = max((len(_name(row)) for row in impact.fields), default=5)
    if impact.fields:
        lines.append(f"  {'field':<{width}}  accounts    records  kind")
    for row in impact.fields[:MOST]:
        lines.append(
            f"  {_name(row):<{width}}  {row.accounts:>8,}  {row.records:>9,}  {KINDS[row.kind]}"
            + (f", own change of {counted(row.own, 'account')}" if row.own else "")
            + (f", shielded in {counted(row.shielded, 'account')}" if row.shielded else "")
            + ("   <- breaking" if row.breaking and row.accounts else "")
            + (", accepted" if _key(row) in accepted else "")
        )
    lines += _more(len(impact.fields), "field")
    for unknown in impact.unknown[:MOST]:
        whose = f"{unknown.operation or 'every operation'} for {counted(unknown.accounts, 'account')}"
        lines.append(f"  unknown: {whose}: {unknown.reason}{RECORD_AGAIN if unknown.breaking else ''}")
    lines += [f"  {line}" for line in _unjudged_lines(impact, names=names)]
    for one in impact.accepted[:MOST]:
        lines.append(f"  accepted: {_coverage(one)}   {one.file}: {one.reason}")
        lines += [f"    {_place(f.span)}  {f.code}  {f.message}" for f in one.findings[:NAMED]]
    for statement in impact.overrides[:MOST]:
        lines.append(f"  override {statement.path}: {statement.note}   {_place(statement.span, names=names)}")
    lines += _more(len(impact.overrides), "override")
    return "".join(f"{line}\n" for line in lines)


def _key(row: FieldImpact | Consequence) -> tuple[str, str, str, str]:
    return row.connector, row.operation, row.field, row.kind


def _accepted(impact: Impact) -> set[tuple[str, str, str, str]]:
    """The lines that break and are accepted for every account."""
    if not impact.accepted:
        return set()
    breaking = {_key(row) for row in impact.fields if row.breaking}
    return breaking - {_key(row) for row in impact.failing("breaking")}


def _coverage(one: Approval) -> str:
    return f"{counted(len(one.covers), 'effect')} on {counted(one.accounts, 'account')}"


def _concerned(impact: Impact) -> list[tuple[str, list[str]]]:
    """Which accounts change, and which of them break."""
    changed = [account.name for account in impact.accounts if account.status == "changed" and not account.breaking]
    return [("break", [account.name for account in impact.accounts if account.breaking]), ("change", changed)]


def _listed(names: Sequence[str]) -> str:
    shown = ", ".join(names[:NAMED])
    return f"{shown} and {len(names) - NAMED:,} more" if len(names) > NAMED else shown


def _unjudged_lines(impact: Impact, *, names: bool) -> Iterator[str]:
    for row in impact.unjudged[:MOST]:
        said = [f"{_place(f.span)}  {f.code}  {f.message}" for f in row.findings[:1]] or [row.message]
        yield f"{UNJUDGED[row.side]}: {_names(row, names=names)}{f'   {said[0]}' if names else ''}"
    yield from _more(len(impact.unjudged), "reason")


def _names(row: Unjudged, *, names: bool = True) -> str:
    return _listed(row.accounts) if names else counted(len(row.accounts), "account")


def _place(span: Span | None, *, names: bool = True) -> str:
    return f"{shown_file(span.file, names=names)}:{span.line}" if span is not None else ""


def _statement_line(statement: Statement, places: int, *, names: bool) -> str:
    said = {
        "added": f"+ {statement.after}",
        "removed": f"- {statement.before}",
        "changed": f"{statement.before} -> {statement.after}",
    }[statement.note]
    more = f" (and {counted(places - 1, 'more place')})" if places > 1 else ""
    return f"{statement.level} change: {_short(statement.path)}{more}   {said}   {_place(statement.span, names=names)}"


def json_(impact: Impact, *, names: bool = True) -> str:
    """`{"version": 1, "base", "compared", "accounts": {counts}, "names", "breaking", "fields", "unknown", "unjudged",
    "changes", "overrides"}`."""
    return dump_json(data(impact, names=names))


def data(impact: Impact, *, names: bool = True) -> dict[str, object]:
    """The same as JSON data. Without `names` there are no names of accounts."""
    base, accepted = impact.base, _accepted(impact)
    return {
        "version": 1,
        "base": None
        if base is None
        else {"revision": base.revision, "branch": base.branch, "date": base.date, "name": base.name},
        "compared": impact.compared,
        "breaking": impact.breaking,
        "accounts": {"total": len(impact.accounts), **{str(status): impact.count(status) for status in STATUSES}},
        "names": {
            "changed": [account.name for account in impact.accounts if names and account.status == "changed"],
            "breaking": [account.name for account in impact.accounts if names and account.breaking],
            "renamed": dict(impact.renamed) if names else {},
        },
        "fields": [
            {
                "connector": row.connector,
                "operation": row.operation,
                "field": row.field,
                "kind": row.kind,
                "accounts": row.accounts,
                "records": row.records,
                "breaking": row.breaking,
                "shielded_accounts": row.shielded,
                "own_accounts": row.own,
                "accepted": _key(row) in accepted,
            }
            for row in impact.fields
        ],
        "unknown": [
            {"operation": row.operation, "reason": row.reason, "accounts": row.accounts, "breaking": row.breaking}
            for row in impact.unknown
        ],
        "unjudged": [_unjudged_data(row, names=names) for row in impact.unjudged],
        "accepted": [
            {
                "file": one.file,
                "reason": one.reason,
                "effects": len(one.covers),
                "accounts": one.accounts,
                "expired": [{"code": f.code, "line": f.span.line if f.span else None} for f in one.findings],
            }
            for one in impact.accepted
        ],
        "changes": [_statement_data(statement, names=names) for statement in impact.statements],
        "overrides": [_statement_data(statement, names=names) for statement in impact.overrides],
    }


def _unjudged_data(row: Unjudged, *, names: bool) -> dict[str, object]:
    """The fault by its code and place: its message may quote the configuration."""
    finding = row.findings[0] if row.findings else None
    span = finding.span if finding is not None else None
    return {
        "accounts": list(row.accounts) if names else [],
        "side": row.side,
        "code": finding.code if finding is not None else None,
        "file": shown_file(span.file, names=names) if span is not None else None,
        "line": span.line if span is not None else None,
    }


def _statement_data(statement: Statement, *, names: bool) -> dict[str, object]:
    span = statement.span
    return {
        "level": statement.level,
        "path": statement.path,
        "note": statement.note,
        "file": shown_file(span.file, names=names) if span else None,
        "line": span.line if span else None,
    }


def markdown(impact: Impact, *, names: bool = False) -> str:
    """A comment for a pull request, which may be public."""
    if not impact.compared:
        return f"### Nothing to compare\n\n{_against(impact)}\n"
    lines = [f"### {_title(impact)}", "", *([_against(impact), ""] if impact.base is not None else [])]
    concerned = [f"- {word}: {code(_listed(listed))}" for word, listed in _concerned(impact) if names and listed]
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
        accepted = _accepted(impact)
        lines += [_row(row, accepted=_key(row) in accepted) for row in impact.fields[:MOST]]
        lines += ["", *_more(len(impact.fields), "field")]
    for unknown in impact.unknown[:MOST]:
        whose = f"{code(unknown.operation) or 'every operation'}, {unknown.accounts:,} accounts"
        lines.append(f"- unknown: {whose}: {code(unknown.reason)}{' **(breaking)**' if unknown.breaking else ''}")
    lines += [f"- {line}" for line in _unjudged_rows(impact, names=names)]
    for one in impact.accepted[:MOST]:
        lines.append(f"- accepted by {code(one.file)}: {_coverage(one)}: {code(one.reason)}")
        lines += [f"  - **{f.code}** {code(_place(f.span))}: {code(f.message)}" for f in one.findings[:NAMED]]
    places = _places(impact.statements)
    if places:
        lines += ["", "<details><summary>What the change says</summary>", ""]
        for statement, number in places[:MOST]:
            more = f" and {counted(number - 1, 'more place')}" if number > 1 else ""
            lines.append(
                f"- {statement.level}: {code(_short(statement.path))}{more} {statement.note}, "
                f"{code(_place(statement.span, names=names))}"
            )
        lines += [*_more(len(places), "change"), "", "</details>"]
    if impact.overrides:
        lines += ["", "<details><summary>Overrides that it touches</summary>", ""]
        lines += [f"- {code(s.path)} {s.note}, {code(_place(s.span, names=names))}" for s in impact.overrides[:MOST]]
        lines += [*_more(len(impact.overrides), "override"), "", "</details>"]
    return "\n".join(lines).rstrip() + "\n"


def _against(impact: Impact) -> str:
    """Markdown: what was compared, or that nothing differs from it."""
    what = code(compared_with(impact.base))
    return f"Compared with {what}." if impact.compared else f"No document of the workspace differs from {what}."


def _unjudged_rows(impact: Impact, *, names: bool) -> Iterator[str]:
    """Markdown: whose configuration cannot be had, and the fault by its code and place."""
    for row in impact.unjudged[:MOST]:
        yield f"{UNJUDGED[row.side]}: {code(_names(row, names=names))}, {_fault(row, names=names)}"
    yield from _more(len(impact.unjudged), "reason")


def _fault(row: Unjudged, *, names: bool = True) -> str:
    if not row.findings:
        return "the configuration cannot be used"
    finding = row.findings[0]
    row_of_code = explain(finding.code)
    return f"{finding.code} {row_of_code.title if row_of_code else ''}, {code(_place(finding.span, names=names))}"


def _title(impact: Impact) -> str:
    changed, unknown, unjudged = (impact.count(status) for status in ("changed", "unknown", "unjudged"))
    broken = sum(account.breaking for account in impact.accounts)
    breaks = f", **{broken:,} break**" if broken else ""
    rest = f", {unjudged:,} could not be judged" if unjudged else ""
    if not changed:
        known = f"No account is known to change, {unknown:,} unknown" if unknown else "No account changes"
        return f"{known if unknown or not unjudged else 'No account is known to change'}{rest}{breaks}"
    return f"{counted(changed, 'account')} of {len(impact.accounts):,} change{rest}{breaks or ', none breaks'}"


def _row(row: FieldImpact, *, accepted: bool) -> str:
    kind = f"**{KINDS[row.kind]}** (breaking)" if row.breaking and row.accounts else KINDS[row.kind]
    kind += ", accepted" if accepted else ""
    kind += f", own change of {counted(row.own, 'account')}" if row.own else ""
    return f"| {cell(_name(row))} | {kind} | {row.accounts:,} | {row.records:,} | {row.shielded or ''} |"


def github(impact: Impact, sources: Sources) -> str:
    """One annotation per field that changes, on the line of the configuration that changes it where one is known."""
    lines = []
    accepted = _accepted(impact)
    for finding in (finding for one in impact.accepted for finding in one.findings):
        lines.append(command("error", finding.message, title=finding.code, span=finding.span, sources=sources))
    for row in impact.fields:
        if not row.accounts:
            continue
        level = "error" if row.breaking and _key(row) not in accepted else "notice"
        message = f"{_name(row)}: {KINDS[row.kind]} in {row.records:,} records of {counted(row.accounts, 'account')}"
        statement = _cause(row, impact.statements)
        span = statement.span if statement is not None else None
        lines.append(command(level, message, title=f"conn impact: {KINDS[row.kind]}", span=span, sources=sources))
    for unknown in (row for row in impact.unknown if row.breaking):
        message = f"{unknown.operation} for {counted(unknown.accounts, 'account')}: {unknown.reason}; record it again"
        lines.append(command("error", message, title="conn impact: unknown"))
    for statement in impact.overrides:
        told = f"override {statement.path}: {statement.note}"
        lines.append(command("warning", told, title="conn impact", span=statement.span, sources=sources))
    for one in impact.unjudged:
        # A place of before the change is none of today.
        level, span = (
            ("error", one.findings[0].span if one.findings else None) if one.side == "after" else ("notice", None)
        )
        told = f"{UNJUDGED[one.side]}: {_names(one)}: {_fault(one)}".replace("`", "")
        lines.append(command(level, told, title="conn impact", span=span, sources=sources))
    return join_commands(lines) + command("notice", summary(impact), title="conn impact") + "\n"


def _cause(row: FieldImpact, statements: Sequence[Statement]) -> Statement | None:
    """The changed line nearest to a field: the field's own mapping, else one of the operation, else none."""
    own = f"unified.{row.operation}."
    named = [s for s in statements if s.path.startswith(own) and s.path.endswith(f".{row.field}")]
    if row.kind == "request_changed" and row.field.startswith("headers."):
        named += [s for s in statements if f".{s.path}".lower().endswith(f".{row.field}")]
    return next(
        iter([*named, *(s for s in statements if s.path.startswith(own))]), statements[0] if statements else None
    )


def _places(statements: Iterable[Statement]) -> list[tuple[Statement, int]]:
    """Changes by the line that says them: an anchor may serve many operations."""
    found: dict[tuple[object, ...], list[Statement]] = {}
    for statement in statements:
        span = statement.span
        place = (span.file, span.line, span.column) if span else (statement.path,)
        found.setdefault((*place, statement.note, statement.path.rpartition(".")[2]), []).append(statement)
    return [(group[0], len(group)) for group in found.values()]


def _name(row: FieldImpact) -> str:
    if not row.operation:
        return f"{row.connector} {row.field or 'every operation'}"
    special = row.kind == "request_changed" or not row.field
    return f"{row.operation} {_words(row.field) if special else row.field}"


def _words(field: str) -> str:
    header = field.removeprefix("headers.")
    return FIELD_WORDS.get(field, field) if header == field else f"the header {header}"


def _short(path: str) -> str:
    return path.removeprefix("unified.").replace(".response_mapping.", ".")


def _more(number: int, word: str) -> list[str]:
    return [f"… and {counted(number - MOST, f'more {word}')}"] if number > MOST else []
