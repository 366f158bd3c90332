"""`conn export`: write a workspace, a release, or what a service serves into a folder."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from conn_cli.console import App
from conn_cli.options import Formats, format_option

if TYPE_CHECKING:
    from conn_engine.config import Workspace
    from conn_service.revisions import Revision


def export(
    context: typer.Context,
    folder: Annotated[Path, typer.Argument(metavar="FOLDER", help="Folder to write to. It must be empty or missing.")],
    *,
    release: Annotated[
        str | None,
        typer.Option(
            "--release", metavar="NAME", help="Release, by its ID, channel or `latest`. Default: this workspace."
        ),
    ] = None,
    releases: Annotated[
        str | None, typer.Option("--releases", metavar="FILE|URL", help="Store of the releases, with --release.")
    ] = None,
    store: Annotated[
        str | None,
        typer.Option(
            "--store", metavar="FILE|URL", help="Add the accounts and connectors in this database of the service."
        ),
    ] = None,
    formats: Annotated[Formats, format_option()] = None,
) -> None:
    """Write a release, with the accounts of a service, into a folder.

    Every file is the same to the byte. The folder is a workspace, in which all commands work.

    \b
    Example:
      conn export served --release production --store postgresql://conn@db/conn
    """
    from conn_cli.report import write_report
    from conn_engine.command_reports import ExportReport
    from conn_engine.diagnostics import join_words, pluralize
    from conn_engine.errors import UsageError

    app: App = context.obj
    target = app.folder / folder
    if target.exists() and (not target.is_dir() or any(target.iterdir())):
        raise UsageError(f"{folder} is not an empty folder", hint="name another one")
    if releases is not None and release is None:
        raise UsageError("--releases needs a release", hint="pass --release latest too")
    revisions = _read_revisions(app, store)
    with _open_base(app, release, releases) as (identifier, workspace):
        files = _collect(workspace, revisions)
    for path, content in files.items():
        place = target / path
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(content)
    revised = [revision.subject.path for revision in revisions]
    report = ExportReport(folder=str(folder), release=identifier, files=len(files), revised=revised)

    def draw() -> str:
        source = "this workspace" if identifier is None else f"release {identifier[:12]}"
        over = f", with {join_words(revised, most=4)} from the store" if revised else ""
        return f"wrote {pluralize(len(files), 'file')} of {source} to {folder}{over}\n"

    write_report(lambda: report, formats or [], {"text": draw}, app, folder=app.folder)


def _read_revisions(app: App, store: str | None) -> "list[Revision]":
    if store is None:
        return []
    from conn_cli.account_vault import open_vault_engine
    from conn_service.revisions import RevisionStore

    with open_vault_engine(app, store) as engine:
        return RevisionStore(engine).find_changed()


@contextmanager
def _open_base(app: App, release: str | None, releases: str | None) -> "Iterator[tuple[str | None, Workspace]]":
    """Provide the ID of a release and its workspace, or this workspace."""
    if release is None:
        yield None, app.workspace
        return
    from conn_cli.release_options import open_releases
    from conn_engine.config import load_workspace
    from conn_engine.releases.promotion import lay_out_release

    with open_releases(app, releases) as opened:
        identifier = opened.resolve(release)
        with lay_out_release(opened, identifier) as place:
            yield identifier, load_workspace(place)


def _collect(workspace: "Workspace", revisions: "list[Revision]") -> Mapping[str, bytes]:
    """Return every file that determines what a workspace does, with those of the revisions instead of its own."""
    from conn_engine.releases import collect
    from conn_service.revisions import list_files

    collected = collect(workspace)
    files = {path: collected.blobs[digest] for path, digest in collected.manifest.files.items()}
    for revision in revisions:
        for path in list_files(workspace, revision.subject):
            files.pop(path, None)
        files |= {path: text.encode() for path, text in revision.files.items()}
    return dict(sorted(files.items()))
