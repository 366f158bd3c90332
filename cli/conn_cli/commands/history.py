"""`conn history`: show the releases, what the channels serve, and their moves."""

from typing import TYPE_CHECKING, Annotated

import typer

from conn_cli.console import App
from conn_cli.release_options import FormatOption, StoreOption, open_releases

if TYPE_CHECKING:
    from conn_engine.reports import Report


def history(
    context: typer.Context,
    *,
    channel: Annotated[str | None, typer.Option("--channel", help="Show only this channel.")] = None,
    limit: Annotated[
        int, typer.Option("--limit", "-n", metavar="N", min=1, help="Show at most N entries, newest first.")
    ] = 20,
    store: StoreOption = None,
    formats: FormatOption = None,
) -> None:
    """Show the releases, and what each channel has served.

    Promotions, rollbacks and releases are listed newest first.
    """
    from conn_cli.report import releases as report
    from conn_cli.report import write_report
    from conn_engine.diagnostics import did_you_mean
    from conn_engine.errors import UsageError

    app: App = context.obj
    with open_releases(app, store) as releases:
        channels = releases.channels()
        if channel is not None:
            names = [listed_channel.name for listed_channel in channels]
            if channel not in names:
                hint = did_you_mean(channel, names) or f"channels: {', '.join(names) or 'none yet'}"
                raise UsageError(f'the channel "{channel}" has never served anything', hint=hint)
            channels = [listed_channel for listed_channel in channels if listed_channel.name == channel]
        events = releases.history(channel, limit)
        rows = releases.releases(limit) if channel is None else []

    def describe() -> "Report":
        from conn_engine.releases.report import HistoryReport

        return HistoryReport.from_rows(channels, events, rows)

    write_report(describe, formats or [], report.draw_history(channels, events, rows), app, folder=app.folder)
