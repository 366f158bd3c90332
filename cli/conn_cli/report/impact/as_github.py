"""Draw the impact of a change as GitHub annotations, without values of records or of the configuration."""

from collections.abc import Sequence

from conn_cli.report.github import command, join_commands
from conn_cli.report.impact.wording import (
    UNJUDGED,
    describe_fault,
    describe_field,
    list_accounts,
    summarize,
)
from conn_cli.report.sources import Sources
from conn_engine.analysis.impact import KINDS, ChangedSetting, FieldImpact, Impact
from conn_engine.analysis.impact.report import find_accepted, make_row_key
from conn_engine.diagnostics import pluralize

__all__ = ["draw_github"]


def draw_github(impact: Impact, sources: Sources, *, names: bool = True) -> str:
    """Return an annotation for each changed field, on the line of the configuration that changes it, if it is known.

    Without `names`, no message has an account name.
    """
    lines = []
    accepted = find_accepted(impact)
    for finding in (finding for approval in impact.accepted for finding in approval.findings):
        lines.append(command("error", finding.message, title=finding.code, span=finding.span, sources=sources))
    for row in impact.fields:
        if not row.accounts:
            continue
        level = "error" if row.breaking and make_row_key(row) not in accepted else "notice"
        reach = f"{pluralize(row.records, 'record')} of {pluralize(row.accounts, 'account')}"
        message = f"{describe_field(row)}: {KINDS[row.kind]} in {reach}"
        statement = _cause(row, impact.statements)
        span = statement.span if statement is not None else None
        lines.append(command(level, message, title=f"conn impact: {KINDS[row.kind]}", span=span, sources=sources))
    for unknown in (row for row in impact.unknown if row.breaking):
        message = f"{unknown.operation} for {pluralize(unknown.accounts, 'account')}: {unknown.reason}; record it again"
        lines.append(command("error", message, title="conn impact: unknown"))
    for statement in impact.overrides:
        message = f"override {statement.path}: {statement.note}"
        lines.append(command("warning", message, title="conn impact", span=statement.span, sources=sources))
    for approval in impact.unjudged:
        # A place before the change may no longer exist.
        level, span = (
            ("error", approval.findings[0].span if approval.findings else None)
            if approval.side == "after"
            else ("notice", None)
        )
        fault = describe_fault(approval, names=names).replace("`", "")
        message = f"{UNJUDGED[approval.side]}: {list_accounts(approval, names=names)}: {fault}"
        lines.append(command(level, message, title="conn impact", span=span, sources=sources))
    return join_commands(lines) + command("notice", summarize(impact), title="conn impact") + "\n"


def _cause(row: FieldImpact, statements: Sequence[ChangedSetting]) -> ChangedSetting | None:
    """Return the change most likely to affect a field: in its mapping, in its operation, or the first one."""
    prefix = (f"{row.operation}.", f"unified.{row.operation}.")  # `unified` remains before some models
    for_field = [s for s in statements if s.path.startswith(prefix) and s.path.endswith(f".{row.field}")]
    if row.kind == "request_changed" and row.field.startswith("headers."):
        for_field += [s for s in statements if f".{s.path}".lower().endswith(f".{row.field}")]
    return next(
        iter([*for_field, *(s for s in statements if s.path.startswith(prefix))]), statements[0] if statements else None
    )
