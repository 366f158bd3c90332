"""`conn release`: store the workspace as an immutable release."""

from typing import TYPE_CHECKING, Annotated

import typer

from conn_cli.console import App
from conn_cli.exits import Exit
from conn_cli.release_options import ByOption, FormatOption, StoreOption, find_actor, find_local_secrets, open_releases

if TYPE_CHECKING:
    from conn_engine.releases.promotion import CreatedRelease
    from conn_engine.reports import Report


def release(
    context: typer.Context,
    *,
    message: Annotated[str, typer.Option("--message", "-m", help="Describe the release.")] = "",
    by: ByOption = None,
    store: StoreOption = None,
    formats: FormatOption = None,
) -> None:
    """Store the workspace as an immutable release.

    Runs lint and the tests, and stores their results with the release. If one fails, the release is stored but cannot
    be promoted, and the command exits with 1. The same content is always the same release.

    \b
    Example:
      conn release --message "Map the industry of contacts"
    """
    from conn_cli.report import releases as report
    from conn_cli.report import write_report

    app: App = context.obj
    created = _make_release(app, store, by, message)

    def describe() -> "Report":
        from conn_engine.releases.report import ReleaseReport

        return ReleaseReport.from_created(created)

    write_report(describe, formats or [], report.draw_release(created), app, folder=app.folder)
    raise typer.Exit(Exit.OK if created.verdict.good else Exit.FINDINGS)


def _make_release(app: App, store: str | None, by: str | None, message: str) -> "CreatedRelease":
    from conn_cli.effective_selection import learn_found_literals
    from conn_cli.report import Sources
    from conn_engine.releases import ReleaseRefusedError
    from conn_engine.releases.promotion import make_release

    workspace = app.workspace
    secrets = find_local_secrets(app)
    with open_releases(app, store, create=True) as releases, app.progress("releasing") as progress:
        try:
            return make_release(
                releases,
                workspace,
                find_actor(app, by),
                message=message,
                redactor=secrets,
                tell=lambda note: progress.advance(note=note),
            )
        except ReleaseRefusedError as error:
            learn_found_literals(app, error.findings, Sources(workspace.root))
            raise
