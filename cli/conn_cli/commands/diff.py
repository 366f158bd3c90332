"""`conn diff`: what differs between two releases."""

from typing import TYPE_CHECKING, Annotated

import typer

from conn_cli.console import App
from conn_cli.exits import Exit
from conn_cli.release_options import FormatOption, StoreOption, open_releases

if TYPE_CHECKING:
    from conn_engine.reports import Report


def diff(
    context: typer.Context,
    *,
    before: Annotated[
        str,
        typer.Argument(
            metavar="BEFORE", help="A channel, latest, the start of a release's id, or . for the workspace."
        ),
    ],
    after: Annotated[str, typer.Argument(metavar="AFTER", help="What to compare it with, in the same notation.")],
    store: StoreOption = None,
    formats: FormatOption = None,
    exit_code: Annotated[bool, typer.Option("--exit-code", help="Exit with 1 if anything differs.")] = False,
) -> None:
    """Compare the files and effective configurations of two releases.

    \b
    Example:
      conn diff production .
    """
    from conn_cli.report import releases as report
    from conn_cli.report import write_report
    from conn_engine.releases.difference import compare, content_of

    app: App = context.obj
    with open_releases(app, store) as releases:
        sides = [content_of(releases, app.workspace if name == "." else name) for name in (before, after)]
        difference = compare(*sides)

    def describe() -> "Report":
        from conn_engine.releases.report import DifferenceReport

        return DifferenceReport.from_difference(difference)

    write_report(describe, formats or [], report.draw_difference(difference), app, folder=app.folder)
    raise typer.Exit(Exit.FINDINGS if exit_code and not difference.same else Exit.OK)
