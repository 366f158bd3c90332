"""The Typer application, the order of its commands, the only error boundary. Each command is a file in `commands`."""

import contextlib
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from conn_cli.boundary import show_crash, show_error, show_file_error, show_usage
from conn_cli.commands import (
    account,
    auth,
    ci,
    coverage,
    diff,
    diff_override,
    doctor,
    drift,
    eval_,
    explain,
    har,
    history,
    impact,
    import_,
    init,
    lint,
    map_,
    mutate,
    new,
    promote,
    record,
    release,
    rollback,
    run,
    schema,
    show,
    test,
    webhook,
    why,
)
from conn_cli.console import App, OutputGone
from conn_cli.exits import Exit
from conn_cli.overview import ACCOUNTS, CHANGE, HELP, LOOP, START, VERSIONS, Overview
from conn_engine.wire import use_clock

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


def _version(context: typer.Context, asked: bool) -> None:
    if asked:
        from conn_cli.release import installed_version

        app: App = context.obj
        app.out(f"conn {installed_version()}")
        raise typer.Exit


@application.callback()
def options(
    context: typer.Context,
    workspace: Annotated[
        Path | None,
        typer.Option("--workspace", "-C", help="Folder of the workspace. Default: found from here upwards."),
    ] = None,
    no_input: Annotated[bool, typer.Option("--no-input", help="Never ask; fail when something is missing.")] = False,
    debug: Annotated[bool, typer.Option("--debug", help="Show our own faults with a (redacted) traceback.")] = False,
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Show the version.")
    ] = False,
) -> None:
    """Author, test and roll out API connectors as data."""
    from conn_engine.errors import UsageError

    app: App = context.obj
    if workspace is not None:
        if not (app.folder / workspace).is_dir():
            raise UsageError(f"--workspace {workspace}: there is no such folder")
        app.folder = app.folder / workspace
    app.no_input = app.no_input or no_input
    app.debug = debug


application.command("init", rich_help_panel=START)(init.init)
application.command("new", rich_help_panel=START)(new.new)
application.command("import", rich_help_panel=START)(import_.import_)
application.command("lint", rich_help_panel=LOOP)(lint.lint)
application.command("test", rich_help_panel=LOOP)(test.test)
application.command("run", rich_help_panel=LOOP)(run.run)
application.command("record", rich_help_panel=LOOP)(record.record)
application.command("eval", rich_help_panel=LOOP)(eval_.evaluate)
application.command("map", rich_help_panel=LOOP)(map_.map_)
application.add_typer(har.group, name="har", rich_help_panel=LOOP)
application.add_typer(webhook.group, name="webhook", rich_help_panel=LOOP)
application.command("show", rich_help_panel=CHANGE)(show.show)
application.command("why", rich_help_panel=CHANGE)(why.why)
application.command("diff-override", rich_help_panel=CHANGE)(diff_override.diff_override)
application.command("coverage", rich_help_panel=CHANGE)(coverage.coverage)
application.command("mutate", rich_help_panel=CHANGE)(mutate.mutate)
application.command("drift", rich_help_panel=CHANGE)(drift.drift)
application.command("ci", rich_help_panel=CHANGE)(ci.ci)
application.command("impact", rich_help_panel=CHANGE)(impact.impact)
application.command("release", rich_help_panel=VERSIONS)(release.release)
application.command("promote", rich_help_panel=VERSIONS)(promote.promote)
application.command("rollback", rich_help_panel=VERSIONS)(rollback.rollback)
application.command("history", rich_help_panel=VERSIONS)(history.history)
application.command("diff", rich_help_panel=VERSIONS)(diff.diff)
application.add_typer(auth.group, name="auth", rich_help_panel=ACCOUNTS)
application.add_typer(account.group, name="account", rich_help_panel=ACCOUNTS)
application.command("explain", rich_help_panel=HELP)(explain.explain)
application.command("schema", rich_help_panel=HELP)(schema.schema)
application.command("doctor", rich_help_panel=HELP)(doctor.doctor)


def execute(arguments: Sequence[str], app: App) -> int:
    """Run one command line and return its exit code. Every error ends here; nothing is printed unredacted."""
    from conn_engine.errors import ConnError

    try:
        with use_clock(app.clock):
            code = application(list(arguments), prog_name="conn", standalone_mode=False, obj=app)
        if code == Exit.INTERRUPTED:  # how Typer tells of Ctrl-C
            app.err("interrupted")
        return int(code) if isinstance(code, int) else Exit.OK
    except typer.Exit as stop:
        return int(stop.exit_code)
    except (typer.Abort, KeyboardInterrupt):
        app.err("interrupted")
        return Exit.INTERRUPTED
    except ConnError as error:
        show_error(app, error)
        return error.exit_code
    except OutputGone:
        _abandon_output()
        return Exit.OK
    except OSError as error:
        show_file_error(app, error)
        return Exit.CONFIGURATION
    except Exception as error:
        if hasattr(error, "format_message"):  # the option parser's own errors, whichever parser Typer brings along
            show_usage(app, error)
            return Exit.USAGE
        show_crash(app, error)
        return Exit.INTERNAL


def _abandon_output() -> None:
    """Whoever read our output is gone: what is still buffered must go nowhere, not into an error at exit."""
    with contextlib.suppress(OSError, ValueError, AttributeError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def main() -> None:
    """The `conn` command."""
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
    sys.exit(code)


if __name__ == "__main__":
    main()
