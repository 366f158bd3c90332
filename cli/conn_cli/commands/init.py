"""`conn init`: create a workspace."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from conn_cli.console import App
from conn_cli.options import Formats, format_option

if TYPE_CHECKING:
    from conn_engine.reports import Report


def init(
    context: typer.Context,
    folder: Annotated[
        Path,
        typer.Argument(
            metavar="DIR", help="Folder to create the workspace in. Default: this folder.", show_default=False
        ),
    ] = Path(),
    example: Annotated[
        bool,
        typer.Option("--example", help="Include five connectors with recordings, accounts and overrides."),
    ] = False,
    force: Annotated[bool, typer.Option("--force", help="Overwrite existing files.")] = False,
    formats: Annotated[Formats, format_option()] = None,
) -> None:
    """Create a workspace: conn.yaml, connectors, environments, accounts.

    \b
    Examples:
      conn init
      conn init tour --example
    """
    from conn_cli.formatting import join_lines
    from conn_cli.report import write_report
    from conn_cli.scaffold import copy_example, create_workspace, to_relative
    from conn_engine.diagnostics import pluralize

    app: App = context.obj
    folder = app.folder / folder
    files = copy_example(folder, force=force) if example else create_workspace(folder, force=force)
    path_text = to_relative(folder)
    change_folder = "" if path_text == "." else f"cd {path_text} && "
    lines = [
        f"created the {'example ' if example else ''}workspace in {path_text} ({pluralize(len(files), 'file')})",
        f"next: {change_folder}conn {'test contacts.list --account acme' if example else 'new hubspot'}",
    ]

    def report() -> "Report":
        from conn_engine.command_reports import InitReport

        return InitReport(folder=path_text, example=example, files=[to_relative(path) for path in files])

    write_report(report, formats or [], {"text": lambda: join_lines(lines)}, app, folder=app.folder)
