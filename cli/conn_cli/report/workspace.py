"""Draw the contents of a workspace: completely, or as a line for each connector if that is more than a screen."""

from collections.abc import Iterator, Sequence

from conn_cli.formatting import join_lines
from conn_engine.config.report import ShownConnector, WorkspaceReport
from conn_engine.diagnostics import join_words, pluralize

__all__ = ["draw_workspace"]

SCREEN = 20
"""The lines that fit on a screen, with the command above and the prompt below."""
_NAMED = 3


def draw_workspace(report: WorkspaceReport, *, complete: bool) -> str:
    """Return the environments, and the connectors with their accounts and operations."""
    lines = [f"workspace     {report.workspace}", f"environments  {', '.join(report.environments) or '-'}"]
    operations = [line for row in report.connectors for line in _draw_operations(row, complete=complete)]
    if complete or len(operations) + len(lines) <= SCREEN:
        return join_lines([*lines, *operations])
    lines += ["", *_draw_connectors(report.connectors[:SCREEN])]
    if len(report.connectors) > SCREEN:
        lines.append(f"… and {pluralize(len(report.connectors) - SCREEN, 'more connector')}")
    return join_lines([*lines, "next: see every operation and account: conn show --all"])


def _draw_operations(row: ShownConnector, *, complete: bool) -> Iterator[str]:
    names = row.accounts if complete else row.accounts[:_NAMED]
    accounts = ", ".join(names) or "-"
    if len(names) < len(row.accounts):
        accounts += f" and {len(row.accounts) - len(names):,} more"
    yield ""
    yield f"{row.connector}   accounts: {accounts}"
    unified: dict[str, list[str]] = {}
    for name in row.operations:
        resource, _, method = name.rpartition(".")
        unified.setdefault(resource, []).append(method)
    resources = {**unified, **row.resources}
    width = max(map(len, resources), default=0)
    for resource, methods in resources.items():
        marked = [_mark(resource, method, row.disabled) for method in methods]
        yield f"  {resource:<{width}}  {', '.join(marked)}"


def _mark(resource: str, method: str, disabled: Sequence[str]) -> str:
    return f"{method} (disabled)" if f"{resource}.{method}" in disabled else method


def _draw_connectors(connectors: Sequence[ShownConnector]) -> Iterator[str]:
    rows = [
        (
            row.connector,
            pluralize(len(row.accounts), "account"),
            f"{pluralize(len(row.operations), 'operation')} of {_list_resources(row)}"
            if row.operations
            else pluralize(sum(map(len, row.resources.values())), "vendor operation"),
        )
        for row in connectors
    ]
    widths = [max(len(row[column]) for row in rows) for column in (0, 1)]
    for name, accounts, operations in rows:
        yield f"{name:<{widths[0]}}  {accounts:<{widths[1]}}  {operations}"


def _list_resources(row: ShownConnector) -> str:
    return join_words(list(dict.fromkeys(name.rpartition(".")[0] for name in row.operations)), most=_NAMED)
