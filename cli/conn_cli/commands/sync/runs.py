"""`conn sync runs` and `show`: what runs did."""

from typing import Annotated

import typer

from conn_cli.commands.sync.parameters import FormatOption, OneAccount, Store
from conn_cli.commands.sync.results import summarize, write_runs
from conn_cli.commands.sync.store_access import find_run, open_worker
from conn_cli.console import App

__all__ = ["runs", "show"]


def runs(
    context: typer.Context,
    name: Annotated[str | None, typer.Argument(metavar="NAME", help="Only this sync. Default: all.")] = None,
    *,
    account: OneAccount = None,
    limit: Annotated[int, typer.Option("--limit", "-n", metavar="N", min=1, help="Show at most N runs.")] = 20,
    store: Store = None,
    formats: FormatOption = None,
) -> None:
    """List runs, newest first."""
    app: App = context.obj
    with open_worker(app, store) as worker:
        found = worker.store.find_runs(sync=name, account=account, limit=limit)
        summaries = [summarize(worker, run) for run in found]
    write_runs(app, summaries, formats)


def show(
    context: typer.Context,
    run_id: Annotated[
        str | None, typer.Argument(metavar="RUN", help="ID of the run. Default: the newest.", show_default=False)
    ] = None,
    store: Store = None,
    formats: FormatOption = None,
) -> None:
    """Show whether a run is complete, and what it delivered."""
    app: App = context.obj
    with open_worker(app, store) as worker:
        summary = summarize(worker, find_run(worker, run_id))
    write_runs(app, [summary], formats, details=True)
