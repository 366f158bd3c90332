"""`conn har`: convert HAR files to recordings, and recordings to HAR files."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from conn_cli.console import App
from conn_cli.options import Formats, format_option
from conn_cli.personal_data import KeepPersonal

if TYPE_CHECKING:
    from conn_engine.reports import Report

group = typer.Typer(help="Convert between HAR files and recordings.", no_args_is_help=True, rich_markup_mode=None)


@group.callback()
def options() -> None:
    """Convert between HAR files and recordings."""


@group.command("import")
def import_har(
    context: typer.Context,
    *,
    file: Annotated[Path, typer.Argument(metavar="FILE", help="HAR 1.2 file, such as a browser's export.")],
    connector: Annotated[str, typer.Option("--connector", "-c", help="Connector whose hosts the exchanges went to.")],
    operation: Annotated[str, typer.Option("--operation", help="Operation to record, such as contacts.list.")],
    scenario: Annotated[str, typer.Option("--scenario", help="Name of the case.")] = "default",
    force: Annotated[bool, typer.Option("--force", help="Overwrite an existing recording.")] = False,
    keep_personal: KeepPersonal = False,
    formats: Annotated[Formats, format_option()] = None,
) -> None:
    """Create a recording from a HAR file.

    Only exchanges with the connector's hosts are imported. Secrets are redacted, and personal data, such as names and
    email addresses, is replaced by pseudonyms.
    """
    from conn_cli.personal_data import choose_personal_data, show_summary
    from conn_cli.report import write_report
    from conn_cli.scaffold import to_relative
    from conn_engine.diagnostics import pluralize
    from conn_engine.errors import UsageError
    from conn_engine.testing.har_files import import_recording
    from conn_engine.testing.recording_path import find_recording_path

    app: App = context.obj
    effective = app.workspace.effective(account=None, connector=connector)
    name = effective.resolve(operation)
    path = find_recording_path(app.workspace, connector, name, scenario)
    if path.exists() and not force:
        raise UsageError(f"{to_relative(path)} exists", hint="add --force to replace it, or --scenario NAME")
    unanswered: list[str] = []
    count, summary = import_recording(
        effective,
        name,
        app.folder / file,
        path,
        scenario=scenario,
        redactor=app.redactor,
        clock=app.clock,
        within=app.workspace.root,
        overwrite=force,
        personal=choose_personal_data(app, app.workspace, keep=keep_personal),
        unanswered=unanswered,
    )
    for request in unanswered:
        app.err(f"skipped {request}: it has no response in {file.name}")
    path_text = to_relative(path)
    text = f"created {path_text} from {pluralize(count, 'exchange')}; set its `call` to the caller's parameters\n"
    texts = {"text": lambda: text}
    write_report(lambda: _report(file, path_text, count, unanswered), formats or [], texts, app, folder=app.folder)
    show_summary(app, summary)


@group.command("export")
def export_har(
    context: typer.Context,
    recording: Annotated[Path, typer.Argument(metavar="RECORDING", help="Recording to convert (JSON).")],
    output: Annotated[Path, typer.Option("--output", "-o", metavar="FILE", help="HAR file to write.")],
    formats: Annotated[Formats, format_option()] = None,
) -> None:
    """Convert a recording to a HAR 1.2 file."""
    from conn_cli.report import write_report
    from conn_engine.diagnostics import pluralize
    from conn_engine.testing.har_files import export_recording

    app: App = context.obj
    count = export_recording(app.folder / recording, app.folder / output)
    text = {"text": lambda: f"wrote {pluralize(count, 'exchange')} to {output}\n"}
    write_report(lambda: _report(recording, str(output), count, []), formats or [], text, app, folder=app.folder)


def _report(source: Path, written: str, exchanges: int, unanswered: list[str]) -> "Report":
    from conn_engine.command_reports import HarReport

    return HarReport(source=str(source), written=written, exchanges=exchanges, unanswered=unanswered)
