"""`conn export`: write a workspace, a release, or what a service serves into a folder."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from conn_cli.console import App
from conn_cli.options import Formats, format_option
from conn_cli.service_options import read_revisions

if TYPE_CHECKING:
    from conn_engine.config import Workspace


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
    from conn_engine.releases import collect, lay_out

    app: App = context.obj
    target = app.folder / folder
    if target.exists() and (not target.is_dir() or any(target.iterdir())):
        raise UsageError(f"{folder} is not an empty folder", hint="name another one")
    if releases is not None and release is None:
        raise UsageError("--releases needs a release", hint="pass --release latest too")
    revisions = read_revisions(app, store)
    with _open_base(app, release, releases) as (identifier, workspace):
        collected = collect(workspace)
    target.mkdir(parents=True, exist_ok=True)
    blobs = collected.blobs
    lay_out(collected.manifest.files, lambda digests: ((digest, blobs[digest]) for digest in digests), target)
    if revisions:
        from conn_service.revisions import write_revisions

        write_revisions(target, revisions)
    count = sum(path.is_file() for path in target.rglob("*"))
    revised = [revision.subject.path for revision in revisions]
    report = ExportReport(folder=str(folder), release=identifier, files=count, revised=revised)

    def draw() -> str:
        source = "this workspace" if identifier is None else f"release {identifier[:12]}"
        over = f", with {join_words(revised, most=4)} from the store" if revised else ""
        return f"wrote {pluralize(count, 'file')} of {source} to {folder}{over}\n"

    write_report(lambda: report, formats or [], {"text": draw}, app, folder=app.folder)


@contextmanager
def _open_base(app: App, release: str | None, releases: str | None) -> "Iterator[tuple[str | None, Workspace]]":
    """Provide the ID of a release and its workspace, or this workspace."""
    if release is None:
        yield None, app.workspace
        return
    from conn_cli.release_options import open_releases
    from conn_engine.config import load_workspace
    from conn_engine.diagnostics import join_words
    from conn_engine.releases import shorten
    from conn_engine.releases.promotion import lay_out_release

    with open_releases(app, releases) as opened:
        identifier = opened.resolve(release)
        others = [shorten(other) for other in opened.channel(release).list_releases() if other not in ("", identifier)]
        if others:
            app.err(f"{release} also serves {join_words(others)} to some accounts, which this export does not contain")
            app.err(f"  to see which: conn rollout {release}")
        with lay_out_release(opened, identifier) as place:
            yield identifier, load_workspace(place)
