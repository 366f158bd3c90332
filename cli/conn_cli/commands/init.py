"""`conn init`: make a workspace."""

from pathlib import Path
from typing import Annotated

import typer

from conn_cli.console import App


def init(
    context: typer.Context,
    folder: Annotated[Path, typer.Argument(metavar="[DIR]", help="Where. Default: here.")] = Path(),
    example: Annotated[
        bool,
        typer.Option("--example", help="With five connectors, their recordings, accounts and overrides."),
    ] = False,
    force: Annotated[bool, typer.Option("--force", help="Overwrite files of the same names.")] = False,
) -> None:
    """Make a workspace: a folder with conn.yaml, connectors, environments and accounts."""
    from conn_cli.scaffold import copy_example, new_workspace, relative
    from conn_cli.words import counted

    app: App = context.obj
    folder = app.folder / folder
    made = copy_example(folder, force=force) if example else new_workspace(folder, force=force)
    where = relative(folder)
    app.out(f"made the {'example ' if example else ''}workspace in {where} ({counted(len(made), 'file')})")
    go = "" if where == "." else f"cd {where} && "
    if example:
        app.out(f"next: {go}conn test contacts.list --account acme")
    else:
        app.out(f"next: {go}conn new hubspot")
