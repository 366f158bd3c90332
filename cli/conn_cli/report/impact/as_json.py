"""The blast radius of a change as JSON: no value of a record, nor of the configuration."""

from conn_cli.report.impact.wording import STATUSES, find_accepted, row_key
from conn_cli.report.markdown import shown_file
from conn_engine.analysis.impact import Impact, Statement, Unjudged
from conn_engine.documents import dump_json

__all__ = ["data", "json_"]


def json_(impact: Impact, *, names: bool = True) -> str:
    """`{"version": 1, "base", "compared", "accounts": {counts}, "names", "breaking", "fields", "unknown", "unjudged",
    "changes", "overrides"}`."""
    return dump_json(data(impact, names=names))


def data(impact: Impact, *, names: bool = True) -> dict[str, object]:
    """The same as JSON data. Without `names` there are no names of accounts."""
    base, accepted = impact.base, find_accepted(impact)
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
                "accepted": row_key(row) in accepted,
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
