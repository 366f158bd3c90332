"""Suggest the command to run after `conn test`."""

from collections.abc import Sequence

from conn_cli.report.operation_rows import GOLDEN_DIFFERENCES, OperationRow
from conn_engine.diagnostics import Severity

__all__ = ["suggest_command", "suggest_next"]

_RECORDED_ERRORS = frozenset({"RUN101", "RUN201"})


def suggest_command(row: OperationRow, *, live: bool = False) -> str:
    """Return the command that tests only this operation, for the account if it is one."""
    name = row.name.replace("webhook ", "webhooks ", 1) if row.is_delivery else row.name
    report = row.reports[0]
    accounts = row.accounts
    target = f"--account {accounts[0]}" if len(accounts) == 1 else f"--connector {row.connector}"
    raw = " --raw" if not row.is_delivery and not row.is_sync and report.name.kind == "vendor" else ""
    return f"conn test {name} {target}{raw}{' --live' if live else ''}"


def suggest_next(rows: Sequence[OperationRow], *, verbose: bool, live: bool) -> str:
    """Return what to do after these results: one sentence with one command."""
    if not rows:
        return "record an operation: conn record OPERATION --account ACCOUNT"
    failed = [row for row in rows if row.state == "FAIL"]
    unknown = [row for row in rows if row.state == "unknown"]
    if len(failed) > 1:
        again = suggest_command(failed[0], live=live) if live else "conn test --failed"
        return f"correct the first failure, then test again what failed: {again}"
    if failed:
        command = suggest_command(failed[0], live=live)
        errors = [finding for finding in failed[0].findings if finding.severity is Severity.ERROR]
        if errors and all(finding.code in _RECORDED_ERRORS and finding.hint.endswith("--update") for finding in errors):
            return f"if this error is the expected result, save it as the golden: {command} --update"
        if GOLDEN_DIFFERENCES.issuperset(finding.code for finding in errors) and not live:
            return f"correct the mapping or, if the change is intended, accept it: {command} --update"
        return f"correct it, then test again: {command}"
    if unknown and unknown[0].is_sync:
        return f"give the sync a case: {unknown[0].findings[0].hint}"
    if unknown:
        account = next(iter(unknown[0].accounts), "ACCOUNT")
        return f"record what is unknown: conn record {unknown[0].name} --account {account}"
    new = next((row for row in rows if any(finding.code == "TST103" for finding in row.findings)), None)
    if new is not None and verbose:
        return f"if the result is right, save it as the golden: {suggest_command(new)} --update"
    if new is not None:
        return f"look at the result: {suggest_command(new)} -v"
    if len(rows) == 1 and not verbose:
        return f"see the requests and the coverage: {suggest_command(rows[0], live=live)} -v"
    return "see which mapped fields no recording fills: conn coverage"
