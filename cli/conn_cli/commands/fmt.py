"""`conn fmt`: write documents in the short form, and lay out YAML and expressions, without changing what they mean."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from conn_cli.console import App
from conn_cli.exits import Exit
from conn_cli.options import Formats, format_option

if TYPE_CHECKING:
    from conn_engine.config import File


def fmt(
    context: typer.Context,
    paths: Annotated[
        list[Path] | None,
        typer.Argument(metavar="PATH", help="Files or folders to format. Default: the workspace."),
    ] = None,
    check: Annotated[
        bool, typer.Option("--check", help="Write nothing, and exit with 1 if a file would change.")
    ] = False,
    formats: Annotated[Formats, format_option()] = None,
) -> None:
    """Write documents in the short form, and lay out YAML and expressions.

    Settings move next to their format and get their current names; what names imply is left out. YAML gets two spaces
    for each level, one style of quotes, and at most one blank line. Expressions get the usual spaces, and long ones in
    a block (|) a line for each item. Comments stay, and each document means the same as before: otherwise, no file is
    written.
    """
    from conn_cli.report import write_report
    from conn_engine.command_reports import FormattingReport
    from conn_engine.config.formatting import format_document
    from conn_engine.documents import write_whole
    from conn_engine.documents.files import check_writable

    app: App = context.obj
    workspace = app.workspace
    files = _choose_files(app, paths or [])
    changed: dict[File, str] = {}
    for file in files:
        document = workspace.read(file)
        text = format_document(document, file.kind)
        if text != document.text:
            changed[file] = text
    for file in changed if not check else ():
        check_writable(file.path, workspace.format_path(file.path))
    for file, text in changed.items() if not check else ():
        write_whole(file.path, text, within=workspace.root)
    names = [workspace.format_path(file.path) for file in changed]
    write_report(
        lambda: FormattingReport(files=len(files), changed=names, written=not check),
        formats or [],
        {"text": lambda: _text(names, len(files), check=check)},
        app,
        folder=app.folder,
    )
    raise typer.Exit(Exit.FINDINGS if check and names else Exit.OK)


def _choose_files(app: App, paths: list[Path]) -> "list[File]":
    """Return the documents below the paths. Raises UsageError for a path without one."""
    from conn_engine.errors import UsageError

    files = app.workspace.files()
    places = [(app.folder / path).resolve() for path in paths]
    for path, place in zip(paths, places, strict=True):
        if not any(file.path.resolve().is_relative_to(place) for file in files):
            raise UsageError(f"there is no document in {path}", hint="name a document or a folder of the workspace")
    return [file for file in files if not places or any(file.path.resolve().is_relative_to(one) for one in places)]


def _text(names: list[str], total: int, *, check: bool) -> str:
    from conn_cli.formatting import join_lines
    from conn_engine.diagnostics import pluralize

    verb = "would format" if check else "formatted"
    lines = [f"{verb} {name}" for name in names]
    rest = total - len(names)
    summary = f"{pluralize(total, 'file')} checked, {len(names)} {'to format' if check else 'formatted'}"
    return join_lines([*lines, summary if names else f"{pluralize(rest, 'file')} checked: nothing to format"])
