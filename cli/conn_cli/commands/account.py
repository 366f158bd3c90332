"""`conn account`: the accounts of the workspace."""

from collections import Counter
from collections.abc import Mapping
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
from conn_cli.commands.account_history import history_command
from conn_cli.commands.account_link import link_command, links_command
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
group.command(name="history")(history_command)
group.command(name="link")(link_command)
group.command(name="links")(links_command)


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
    """List the accounts with connector, environment and overrides.

    With --store, accounts whose logins no longer work are marked.
    """
    from conn_cli.report import write_report
    from conn_engine.command_reports import AccountsReport

    app: App = context.obj
    broken = _use_store(app, store)
    workspace = app.workspace
    names = [name for name in workspace.accounts() if connector in {None, workspace.account(name).connector}]
    if connector is not None and not names:
        workspace.file("connector", connector)  # refuses an unknown name
    most = len(names) if every or app.width is None else MOST
    write_report(
        lambda: AccountsReport(accounts=[_describe(workspace, name, broken) for name in names]),
        formats or [],
        {"text": lambda: _text(workspace, names, most, broken)},
        app,
        folder=app.folder,
    )


def _use_store(app: App, store: str | None) -> Mapping[str, float]:
    """Let the workspace have the accounts of a store. Return those whose logins no longer work, with the time."""
    if store is None:
        return {}
    from conn_cli.account_vault import lay_revisions_over, open_vault_engine
    from conn_service.connect.needs_login import LoginMonitor

    with open_vault_engine(app, store) as engine:
        lay_revisions_over(app, engine)
        return {login.account: login.since for login in LoginMonitor(engine, app.environ).find_broken()}


def _describe(workspace: "Workspace", name: str, broken: Mapping[str, float]) -> "ListedAccount":
    from conn_cli.formatting import format_time
    from conn_engine.command_reports import ListedAccount
    from conn_engine.runtime.variants import count_account_overrides

    account, effective = workspace.account(name), workspace.effective(account=name)
    return ListedAccount(
        account=name,
        connector=account.connector,
        environment=effective.environment,
        overrides=count_account_overrides(effective),
        label=account.label or "",
        enabled=account.enabled,
        needs_login_since=format_time(broken[name]) if name in broken else None,
    )


def _text(workspace: "Workspace", names: "Sequence[str]", most: int, broken: Mapping[str, float]) -> str:
    """Return a line for each of the first accounts, and the number of accounts of each connector."""
    from conn_cli.formatting import join_lines
    from conn_engine.diagnostics import join_words, pluralize

    if not names:
        return "no accounts: add accounts/NAME.yaml with `connector:` and `environment:`\n"
    rows = [_describe(workspace, name, broken) for name in names[:most]]
    width = max(len(row.account) for row in rows)
    lines = []
    for row in rows:
        columns = (row.connector, row.environment, pluralize(row.overrides, "override"))
        cells = " ".join(f"{text:<14}" for text in columns)
        state = "" if row.enabled else "   disabled"
        if row.needs_login_since is not None:
            state += f"   must log in since {row.needs_login_since}: conn account link {row.account}"
        lines.append(f"{row.account:<{width}}  {cells} {row.label}".rstrip() + state)
    if len(names) > most:
        connectors = Counter(workspace.account(name).connector for name in names)
        counts = [f"{count:,} of {connector}" for connector, count in connectors.most_common()]
        lines.append(f"… and {pluralize(len(names) - most, 'more account')}; {join_words(counts, most=NAMED)}")
        lines.append("next: see the others: conn account list --all, or --connector NAME")
    return join_lines(lines)
