"""The Typer application, and the only place that handles errors. Each command is a file in `commands`."""

import contextlib
import gc
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from conn_cli.console import App, OutputGone
from conn_cli.error_output import is_json_requested, show_failure
from conn_cli.exits import Exit
from conn_cli.overview import Overview

__all__ = ["application", "execute", "main"]

application = typer.Typer(
    cls=Overview,
    name="conn",
    help="Author, test and roll out API connectors as data.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)


def _show_version(context: typer.Context, requested: bool) -> None:
    if requested:
        from conn_cli.version import installed_version

        app: App = context.obj
        app.write(f"conn {installed_version()}")
        raise typer.Exit


@application.callback()
def options(
    context: typer.Context,
    workspace: Annotated[
        Path | None,
        typer.Option(
            "--workspace",
            "-C",
            help="Folder of the workspace. Default: this folder or the nearest one above it with a conn.yaml.",
        ),
    ] = None,
    no_input: Annotated[
        bool, typer.Option("--no-input", help="Never prompt. A command that needs input fails.")
    ] = False,
    debug: Annotated[
        bool, typer.Option("--debug", help="Show a traceback, with secrets redacted, for an internal error.")
    ] = False,
    version: Annotated[
        bool, typer.Option("--version", callback=_show_version, is_eager=True, help="Show the version and exit.")
    ] = False,
) -> None:
    """Author, test and roll out API connectors as data."""
    from conn_engine.errors import UsageError

    app: App = context.obj
    if workspace is not None:
        if not (app.folder / workspace).is_dir():
            raise UsageError(f"--workspace {workspace}: there is no such folder", hint="pass a folder that exists")
        app.folder = app.folder / workspace
    app.no_input = app.no_input or no_input
    app.debug = debug


def execute(arguments: Sequence[str], app: App) -> int:
    """Run one command line and return its exit code. Every error is handled here, and nothing is printed unredacted."""
    try:
        code = application(list(arguments), prog_name="conn", standalone_mode=False, obj=app)
        if code == Exit.INTERRUPTED:  # how Typer reports Ctrl-C
            raise KeyboardInterrupt
        return int(code) if isinstance(code, int) else Exit.OK
    except typer.Exit as stop:
        return int(stop.exit_code)
    except OutputGone:
        _abandon_output()
        return Exit.OK
    except (Exception, KeyboardInterrupt) as error:
        return show_failure(app, error, as_json=is_json_requested(arguments))


def _abandon_output() -> None:
    """Drop buffered output after its reader is gone, so that the exit does not fail."""
    with contextlib.suppress(OSError, ValueError, AttributeError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def main() -> None:
    """Run the `conn` command."""
    gc.set_threshold(50_000)  # objects created at start-up are never freed, so frequent collections are wasted
    try:
        app = App()
    except FileNotFoundError:
        App(folder=Path(os.sep)).err("error: this folder no longer exists")
        sys.exit(Exit.USAGE)
    code = execute(sys.argv[1:], app)
    try:
        app.flush()
    except OutputGone:
        _abandon_output()
    except OSError as error:
        if code == Exit.OK:
            app.err(f"error: the output cannot be written: {str(error.strerror).lower()}")
            code = Exit.USAGE
        _abandon_output()
    gc.freeze()  # the memory is given back with the process: to look for garbage first takes longer than a command
    sys.exit(code)


if __name__ == "__main__":
    main()
