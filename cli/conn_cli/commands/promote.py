"""`conn promote`: let a channel serve another release, when the checks agree."""

from typing import TYPE_CHECKING, Annotated

import typer

from conn_cli.console import App
from conn_cli.exits import Exit
from conn_cli.release_options import ByOption, FormatOption, StoreOption, find_actor, open_releases

if TYPE_CHECKING:
    from conn_engine.reports import Report


def promote(
    context: typer.Context,
    *,
    source: Annotated[
        str,
        typer.Argument(
            metavar="FROM", help="A channel (what it serves), `latest`, or the beginning of a release's id."
        ),
    ],
    channel: Annotated[
        str, typer.Argument(metavar="TO", help="staging, production, or an environment of the workspace.")
    ],
    override: Annotated[
        str, typer.Option("--override", metavar="REASON", help="Do it although a check refuses. The reason is kept.")
    ] = "",
    expect: Annotated[
        str, typer.Option("--expect", metavar="RELEASE", help="Only if TO serves this now: what was looked at.")
    ] = "",
    by: ByOption = None,
    store: StoreOption = None,
    formats: FormatOption = None,
) -> None:
    """Lint, test and measure the impact of a release; then let a channel serve it. Exit 1 when it is refused."""
    from conn_cli.report import releases as report
    from conn_cli.report import write_report
    from conn_engine.releases.promotion import promote as move

    app: App = context.obj
    with open_releases(app, store) as releases, app.progress("checking") as progress:
        done = move(
            releases,
            source,
            channel,
            find_actor(app, by),
            override=override.strip(),
            expected=expect,
            tell=lambda note: progress.advance(note=note),
        )

    def describe() -> "Report":
        from conn_engine.releases.report import PromotionReport

        return PromotionReport.of(done)

    write_report(describe, formats or [], report.draw_promotion(done), app, folder=app.folder)
    if done.event is None and not done.already:
        app.err(f"error: not promoted: {'; '.join(done.refusals)}")
        app.err('  to do it all the same: --override "why"; the reason is kept in the history')
        raise typer.Exit(Exit.FINDINGS)
