"""`conn account`: the accounts of the workspace."""

from collections import Counter
from typing import TYPE_CHECKING, Annotated

import typer

from conn_cli.commands.account_edit import (
    change_command,
    create_command,
    delete_command,
    disable_command,
    enable_command,
    import_command,
)
from conn_cli.commands.account_link import link_command
from conn_cli.console import App
from conn_cli.options import Formats, format_option

if TYPE_CHECKING:
    from collections.abc import Sequence

    from conn_engine.command_reports import ListedAccount
    from conn_engine.config import Workspace

MOST = 20
"""The accounts that fit on a screen."""
NAMED = 4

group = typer.Typer(help="List, change and connect the accounts.", no_args_is_help=True, rich_markup_mode=None)
group.command(name="create")(create_command)
group.command(name="change")(change_command)
group.command(name="disable")(disable_command)
group.command(name="enable")(enable_command)
group.command(name="delete")(delete_command)
group.command(name="import")(import_command)
group.command(name="link")(link_command)


@group.callback()
def options() -> None:
    """List and change the accounts of the workspace or of a store, and let customers connect them."""


@group.command("list")
def list_accounts(
    context: typer.Context,
    connector: Annotated[
        str | None, typer.Option("--connector", "-c", help="List only accounts of this connector.")
    ] = None,
    store: Annotated[
        str | None,
        typer.Option("--store", metavar="FILE|URL", help="List the accounts in this database of the service, too."),
    ] = None,
    every: Annotated[
        bool, typer.Option("--all", help="List every account. Default in a terminal: the first 20.")
    ] = False,
    formats: Annotated[Formats, format_option()] = None,
) -> None:
    """List the accounts with connector, environment and overrides."""
    from conn_cli.account_vault import use_accounts
    from conn_cli.report import write_report
    from conn_engine.command_reports import AccountsReport

    app: App = context.obj
    use_accounts(app, store)
    workspace = app.workspace
    names = [name for name in workspace.accounts() if connector in {None, workspace.account(name).connector}]
    if connector is not None and not names:
        workspace.file("connector", connector)  # refuses an unknown name
    most = len(names) if every or app.width is None else MOST
    write_report(
        lambda: AccountsReport(accounts=[_describe(workspace, name) for name in names]),
        formats or [],
        {"text": lambda: _text(workspace, names, most)},
        app,
        folder=app.folder,
    )


def _describe(workspace: "Workspace", name: str) -> "ListedAccount":
    from conn_engine.command_reports import ListedAccount
    from conn_engine.runtime.variants import count_account_overrides

    account, effective = workspace.account(name), workspace.effective(account=name)
    return ListedAccount(
        account=name,
        connector=account.connector,
        environment=effective.environment,
        overrides=count_account_overrides(effective),
        label=account.label or "",
    )


def _text(workspace: "Workspace", names: "Sequence[str]", most: int) -> str:
    """Return a line for each of the first accounts, and the number of accounts of each connector."""
    from conn_cli.formatting import join_lines
    from conn_engine.diagnostics import join_words, pluralize

    if not names:
        return "no accounts: add accounts/NAME.yaml with `connector:` and `environment:`\n"
    rows = [_describe(workspace, name) for name in names[:most]]
    width = max(len(row.account) for row in rows)
    lines = []
    for row in rows:
        columns = (row.connector, row.environment, pluralize(row.overrides, "override"))
        cells = " ".join(f"{text:<14}" for text in columns)
        lines.append(f"{row.account:<{width}}  {cells} {row.label}".rstrip())
    if len(names) > most:
        connectors = Counter(workspace.account(name).connector for name in names)
        counts = [f"{count:,} of {connector}" for connector, count in connectors.most_common()]
        lines.append(f"… and {pluralize(len(names) - most, 'more account')}; {join_words(counts, most=NAMED)}")
        lines.append("next: see the others: conn account list --all, or --connector NAME")
    return join_lines(lines)
