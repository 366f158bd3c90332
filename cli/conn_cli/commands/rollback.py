"""`conn rollback`: let a channel serve again what it served before."""

from typing import Annotated

import typer

from conn_cli.console import App
from conn_cli.stores import ByOption, FormatOption, StoreOption, acting, releases_of


def rollback(
    context: typer.Context,
    *,
    channel: Annotated[str, typer.Argument(metavar="ENVIRONMENT", help="The channel: staging, production, …")],
    to: Annotated[
        str, typer.Option("--to", metavar="RELEASE", help="A release that it has served. Default: the one before.")
    ] = "",
    reason: Annotated[str, typer.Option("--reason", help="Why. It is kept.")] = "",
    by: ByOption = None,
    store: StoreOption = None,
    formats: FormatOption = None,
) -> None:
    """Go back to the release that a channel served before. Nothing is checked: it has served already."""
    from conn_cli.report import releases as report
    from conn_cli.report import write_texts
    from conn_engine.releases.promotion import roll_back

    app: App = context.obj
    with releases_of(app, store) as releases:
        event = roll_back(releases, channel, acting(app, by), to=to, reason=reason)
        serving = releases.channel(channel)
    write_texts(formats or ["text"], report.rolled_back(serving, event), app, folder=app.folder)
