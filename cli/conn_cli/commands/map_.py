"""`conn map`: try an operation's response mapping on a file of vendor records."""

from typing import Annotated

import typer

from conn_cli.console import App


def map_(
    context: typer.Context,
    operation: Annotated[str, typer.Argument(metavar="OPERATION", help="Such as contacts.list.")],
    file: Annotated[
        str,
        typer.Option("--input", "-i", metavar="FILE|-", help="A vendor record, a list, or a whole answer."),
    ] = "-",
    account: Annotated[str | None, typer.Option("--account", "-a", help="With this account's overrides.")] = None,
    connector: Annotated[str | None, typer.Option("--connector", "-c", help="When no account is named.")] = None,
) -> None:
    """Run the response mapping of a unified operation on vendor records and print the unified ones."""
    from conn_cli.calls import read_input
    from conn_cli.choices import choose_effective
    from conn_engine.errors import UsageError
    from conn_engine.testing.trial import map_records

    app: App = context.obj
    effective = choose_effective(app, account, connector, operation)
    name = effective.resolve(operation)
    if name.kind != "unified":
        raise UsageError(f'"{operation}" is the vendor\'s own operation: it has no mapping to try')
    results = map_records(effective, name, read_input(app, file if file == "-" else f"@{file}"))
    app.out_json(results if len(results) != 1 else results[0])
