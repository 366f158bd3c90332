"""The wording that all reports of an impact share: paths, counts and names, but no values."""

from collections.abc import Iterable, Mapping, Sequence

from conn_cli.report.markdown import code
from conn_engine.analysis.impact import (
    Approval,
    BaseVersion,
    ChangedSetting,
    FieldImpact,
    Impact,
    SideName,
    Status,
    Unjudged,
)
from conn_engine.diagnostics import Span, pluralize
from conn_engine.diagnostics.codes import find_code
from conn_engine.reports import format_file

__all__ = [
    "MOST",
    "NAMED",
    "STATUSES",
    "UNJUDGED",
    "count_more",
    "describe_base",
    "describe_coverage",
    "describe_fault",
    "describe_field",
    "describe_own_changes",
    "find_concerned",
    "group_by_place",
    "list_accounts",
    "list_names",
    "locate",
    "summarize",
]

MOST = 20
"""The most lines of one list in a report for people."""
NAMED = 10
"""The most accounts in one line of a report for people."""
UNJUDGED: Mapping[SideName, str] = {"after": "could not be judged", "before": "could not be read before the change"}
STATUSES: tuple[Status, ...] = ("changed", "unchanged", "shielded", "unknown", "unjudged")
FIELD_WORDS = {
    "": "the record",
    "body": "the body",
    "method": "the method",
    "request": "the request",
    "url": "the URL",
}


def summarize(impact: Impact) -> str:
    """Return the number of accounts of each status, or that there is nothing to compare."""
    if not impact.compared:
        return f"nothing to compare: no document differs from {describe_base(impact.base)}"
    parts = [f"{impact.count('changed')} changed", f"{impact.count('unchanged')} unchanged"]
    parts += [f"{impact.count('shielded')} shielded by override", f"{impact.count('unknown')} unknown"]
    parts += [f"{number} could not be judged"] if (number := impact.count("unjudged")) else []
    return f"accounts {len(impact.accounts)} | {' | '.join(parts)}"


def describe_base(base: BaseVersion | None) -> str:
    """Return what the change was compared with: a branch and revision with its date, or a folder."""
    if base is None:
        return "the base"
    if not base.revision:
        return base.name
    revision = base.revision[:12]
    return f"{f'{base.branch} at {revision}' if base.branch else revision}{f' of {base.date}' if base.date else ''}"


def describe_coverage(approval: Approval) -> str:
    """Return how many effects and accounts a document of `changes/` covers."""
    return f"{pluralize(len(approval.covers), 'effect')} on {pluralize(approval.accounts, 'account')}"


def find_concerned(impact: Impact) -> list[tuple[str, list[str]]]:
    """Return the accounts that break, and the others that change."""
    changed = [account.name for account in impact.accounts if account.status == "changed" and not account.breaking]
    return [("break", [account.name for account in impact.accounts if account.breaking]), ("change", changed)]


def list_names(names: Sequence[str], width: int | None = None) -> str:
    """Return the first names, and the number of the others. With `width`, as many names as fit, and at least one."""

    def list_first(most: int) -> str:
        listed = ", ".join(names[:most])
        return f"{listed} and {len(names) - most:,} more" if len(names) > most else listed

    lists = (list_first(most) for most in range(NAMED, 1, -1))
    return next((text for text in lists if width is None or len(text) <= width), list_first(1))


def list_accounts(row: Unjudged, *, names: bool = True) -> str:
    """Return the accounts of a row or, without `names`, their number."""
    return list_names(row.accounts) if names else pluralize(len(row.accounts), "account")


def describe_fault(row: Unjudged, *, names: bool = True) -> str:
    """Return, as Markdown, the code and place of the error for which a configuration cannot be used."""
    if not row.findings:
        return "the configuration cannot be used"
    finding = row.findings[0]
    row_of_code = find_code(finding.code)
    return f"{finding.code} {row_of_code.title if row_of_code else ''}, {code(locate(finding.span, names=names))}"


def locate(span: Span | None, *, names: bool = True) -> str:
    """Return the file and line. Without `names`, the path has no account name."""
    return f"{format_file(span.file, names=names)}:{span.line}" if span is not None else ""


def group_by_place(statements: Iterable[ChangedSetting]) -> list[tuple[ChangedSetting, int]]:
    """Group changes by the line that makes them, because an anchor can change many operations."""
    groups: dict[tuple[object, ...], list[ChangedSetting]] = {}
    for statement in statements:
        span = statement.span
        place = (span.file, span.line, span.column) if span else (statement.path,)
        groups.setdefault((*place, statement.note, statement.path.rpartition(".")[2]), []).append(statement)
    return [(group[0], len(group)) for group in groups.values()]


def describe_field(row: FieldImpact) -> str:
    """Return the operation and the field of a row in words."""
    if not row.operation:
        return f"{row.connector} {row.field or 'every operation'}"
    if row.operation.startswith("sync:") and not row.field:
        return row.operation if row.kind in ("operation_missing", "operation_added") else f"{row.operation} the event"
    special = row.kind == "request_changed" or not row.field
    return f"{row.operation} {_words(row.field) if special else row.field}"


def describe_own_changes(row: FieldImpact) -> str:
    """Return the number of accounts for which only their own file causes the change."""
    return f"in {pluralize(row.own, 'account')} by {'its own file' if row.own == 1 else 'their own files'}"


def _words(field: str) -> str:
    header = field.removeprefix("headers.")
    return FIELD_WORDS.get(field, field) if header == field else f"the header {header}"


def count_more(number: int, word: str, most: int = MOST) -> list[str]:
    """Return a line that counts the rows that are left out, if there are any."""
    return [f"… and {pluralize(number - most, f'more {word}')}"] if number > most else []
