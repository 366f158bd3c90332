"""`conn account`: the accounts of the workspace."""

from typing import Annotated, Any

import typer

from conn_cli.console import App

group = typer.Typer(help="The accounts of the workspace.", no_args_is_help=True, rich_markup_mode=None)


@group.callback()
def options() -> None:
    """The accounts of the workspace."""


@group.command("list")
def list_accounts(
    context: typer.Context,
    connector: Annotated[str | None, typer.Option("--connector", "-c", help="Only of this connector.")] = None,
    as_format: Annotated[str, typer.Option("--format", help="text or json.")] = "text",
) -> None:
    """List the accounts: connector, environment, how many overrides."""
    from conn_cli.choices import choose_format
    from conn_cli.words import counted
    from conn_engine.runtime.variants import override_leaves

    app: App = context.obj
    choose_format(as_format, "text", "json")
    workspace = app.workspace
    rows: list[dict[str, Any]] = []
    for name in workspace.accounts():
        account = workspace.account(name)
        if connector not in (None, account.connector):
            continue
        effective = workspace.effective(account=name)
        rows.append(
            {
                "account": name,
                "connector": account.connector,
                "environment": effective.environment,
                "overrides": len(override_leaves(effective)),
                "label": account.label or "",
            }
        )
    if as_format == "json":
        app.out_json(rows)
        return
    if not rows:
        app.out("no accounts: add accounts/NAME.yaml with `connector:` and `environment:`")
        return
    wide = max(len(row["account"]) for row in rows)
    for row in rows:
        columns = (row["connector"], row["environment"], counted(row["overrides"], "override"))
        told = " ".join(f"{text:<14}" for text in columns)
        app.out(f"{row['account']:<{wide}}  {told} {row['label']}".rstrip())
