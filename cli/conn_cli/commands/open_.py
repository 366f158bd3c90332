"""`conn open`: the page at one place."""

from typing import Annotated

import typer

from conn_cli.commands.studio import NoOpen, Port, ReadOnly, serve_page
from conn_cli.console import App


def open_(
    context: typer.Context,
    *,
    operation: Annotated[
        str, typer.Argument(metavar="OPERATION", help="Unified operation, such as contacts.list or crm.contacts.list.")
    ],
    account: Annotated[str, typer.Option("--account", "-a", help="Account whose mapping is edited.")],
    scenario: Annotated[
        str | None, typer.Option("--scenario", help="Scenario of the recording to show. Default: the first one.")
    ] = None,
    field: Annotated[str | None, typer.Option("--field", help="Field to edit, such as email.")] = None,
    port: Port = 0,
    read_only: ReadOnly = False,
    no_open: NoOpen = False,
) -> None:
    """Open the page of conn studio at an operation of an account.

    \b
    Example:
      conn open contacts.list --account acme
    """
    from urllib.parse import quote, urlencode

    from conn_engine.errors import UsageError

    app: App = context.obj
    name = app.workspace.effective(account=account).resolve(operation)
    if name.kind != "unified":
        raise UsageError(
            f"{name.text} is an operation of the vendor and has no mapping",
            hint="name a unified operation, such as contacts.list",
        )
    chosen = {key: text for key, text in (("case", scenario), ("field", field)) if text}
    path = f"/edit/{quote(account, safe='')}/{quote(name.text, safe='')}"
    place = f"{path}?{urlencode(chosen)}" if chosen else path
    serve_page(app, place, port=port, is_read_only=read_only, opens=not no_open)
