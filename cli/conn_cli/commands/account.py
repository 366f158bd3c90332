"""`conn account`: the accounts of the workspace."""

from typing import TYPE_CHECKING, Annotated

import typer

from conn_cli.console import App
from conn_cli.options import Formats, format_option

if TYPE_CHECKING:
    from conn_engine.command_reports import ListedAccount

group = typer.Typer(help="List the accounts of the workspace.", no_args_is_help=True, rich_markup_mode=None)


@group.callback()
def options() -> None:
    """List the accounts of the workspace."""


@group.command("list")
def list_accounts(
    context: typer.Context,
    connector: Annotated[
        str | None, typer.Option("--connector", "-c", help="List only accounts of this connector.")
    ] = None,
    formats: Annotated[Formats, format_option()] = None,
) -> None:
    """List the accounts with connector, environment and overrides."""
    from conn_cli.report import write_report
    from conn_engine.command_reports import AccountsReport, ListedAccount
    from conn_engine.runtime.variants import override_leaves

    app: App = context.obj
    workspace = app.workspace
    rows = []
    for name in workspace.accounts():
        account = workspace.account(name)
        if connector not in (None, account.connector):
            continue
        effective = workspace.effective(account=name)
        row = ListedAccount(
            account=name,
            connector=account.connector,
            environment=effective.environment,
            overrides=len(override_leaves(effective)),
            label=account.label or "",
        )
        rows.append(row)
    report = AccountsReport(accounts=rows)
    write_report(lambda: report, formats or [], {"text": lambda: _text(rows)}, app, folder=app.folder)


def _text(rows: "list[ListedAccount]") -> str:
    from conn_cli.formatting import join_lines
    from conn_engine.diagnostics import pluralize

    if not rows:
        return "no accounts: add accounts/NAME.yaml with `connector:` and `environment:`\n"
    width = max(len(row.account) for row in rows)
    lines = []
    for row in rows:
        columns = (row.connector, row.environment, pluralize(row.overrides, "override"))
        cells = " ".join(f"{text:<14}" for text in columns)
        lines.append(f"{row.account:<{width}}  {cells} {row.label}".rstrip())
    return join_lines(lines)
