"""`conn promote`: check a release, and make a channel serve it."""

from typing import TYPE_CHECKING, Annotated

import typer

from conn_cli.console import App
from conn_cli.exits import Exit
from conn_cli.release_options import ByOption, FormatOption, StoreOption, find_actor, open_releases
from conn_cli.service_options import read_revisions, write_revisions

if TYPE_CHECKING:
    from conn_engine.reports import Report


def promote(
    context: typer.Context,
    *,
    source: Annotated[
        str,
        typer.Argument(
            metavar="FROM", help="Release to promote: a channel (what it serves), latest, or the start of an id."
        ),
    ],
    channel: Annotated[
        str,
        typer.Argument(
            metavar="TO", help="Channel to change: staging, production, or an environment of the workspace."
        ),
    ],
    despite: Annotated[
        str,
        typer.Option(
            "--despite",
            metavar="REASON",
            help="Promote despite failed checks. The reason is recorded in the history.",
        ),
    ] = "",
    override: Annotated[str, typer.Option("--override", hidden=True)] = "",
    expect: Annotated[
        str, typer.Option("--expect", metavar="RELEASE", help="Promote only if TO still serves this release.")
    ] = "",
    accounts: Annotated[
        str | None,
        typer.Option(
            "--accounts",
            metavar="FILE|URL",
            help="Check the accounts and connectors in this database of the service, too.",
            show_default=False,
        ),
    ] = None,
    by: ByOption = None,
    store: StoreOption = None,
    formats: FormatOption = None,
) -> None:
    """Check a release, and make a channel serve it.

    Runs lint, the tests, and the impact on every account. Exits with 1 if a check fails and the channel was not
    changed.

    \b
    Examples:
      conn promote latest staging
      conn promote staging production
    """
    from conn_cli.report import releases as report
    from conn_cli.report import write_report
    from conn_engine.releases.promotion import promote as move

    app: App = context.obj
    revisions = read_revisions(app, accounts)
    with open_releases(app, store) as releases, app.progress("checking") as progress:
        done = move(
            releases,
            source,
            channel,
            find_actor(app, by),
            override=(despite or override).strip(),
            expected=expect,
            tell=lambda note: progress.advance(note=note),
            complete=lambda folder: write_revisions(folder, revisions),
        )

    def describe() -> "Report":
        from conn_engine.releases.report import PromotionReport

        return PromotionReport.from_promotion(done)

    write_report(describe, formats or [], report.draw_promotion(done), app, folder=app.folder)
    if done.event is None and not done.already:
        app.err(f"error: not promoted: {'; '.join(done.refusals)}")
        app.err('  to promote despite this: --despite "REASON"; the history records the reason')
        raise typer.Exit(Exit.FINDINGS)
