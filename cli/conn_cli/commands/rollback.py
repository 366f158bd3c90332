"""`conn rollback`: return a channel to a release that it served before."""

from typing import TYPE_CHECKING, Annotated

import typer

from conn_cli.console import App
from conn_cli.release_options import ByOption, FormatOption, StoreOption, find_actor, open_releases

if TYPE_CHECKING:
    from conn_engine.reports import Report


def rollback(
    context: typer.Context,
    *,
    channel: Annotated[str, typer.Argument(metavar="CHANNEL", help="Channel to change, such as production.")],
    to: Annotated[
        str, typer.Option("--to", metavar="RELEASE", help="Release to return to. Default: the one served before.")
    ] = "",
    reason: Annotated[str, typer.Option("--reason", help="Reason to record in the history.")] = "",
    by: ByOption = None,
    store: StoreOption = None,
    formats: FormatOption = None,
) -> None:
    """Return a channel to a release that it served before.

    No checks are run.

    \b
    Example:
      conn rollback production --reason "wrong email mapping"
    """
    from conn_cli.report import releases as report
    from conn_cli.report import write_report
    from conn_engine.releases.rollouts import roll_back

    app: App = context.obj
    with open_releases(app, store) as releases:
        event = roll_back(releases, channel, find_actor(app, by), to=to, reason=reason)
        serving = releases.channel(channel)

    def describe() -> "Report":
        from conn_engine.releases.report import RollbackReport

        return RollbackReport.from_channel(serving, event)

    write_report(describe, formats or [], report.draw_rollback(serving, event), app, folder=app.folder)
