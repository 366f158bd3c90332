"""`conn sync runs`, `show` and `logs`: what runs did."""

import time
from typing import TYPE_CHECKING, Annotated

import typer

from conn_cli.commands.sync.parameters import FormatOption, OneAccount, Store
from conn_cli.commands.sync.results import summarize, write_runs
from conn_cli.commands.sync.store_access import check_names, find_run
from conn_cli.console import App
from conn_cli.sync_worker import open_worker

if TYPE_CHECKING:
    from collections.abc import Iterator

    from conn_engine.syncs.report import LoggedLine
    from conn_service.syncs.worker import SyncWorker

__all__ = ["logs", "runs", "show"]


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
    if not found:
        check_names(app, name, account)
    write_runs(app, summaries, formats)


def show(
    context: typer.Context,
    run_id: Annotated[
        str | None, typer.Argument(metavar="RUN", help="ID of the run. Default: the newest.", show_default=False)
    ] = None,
    *,
    verbose: Annotated[
        bool, typer.Option("--verbose", "-v", help="Add its requests, pages by phase, waits and missing pages.")
    ] = False,
    store: Store = None,
    formats: FormatOption = None,
) -> None:
    """Show whether a run is complete, and what it delivered."""
    from msgspec import structs

    from conn_service.syncs.run_details import read_details

    app: App = context.obj
    with open_worker(app, store) as worker:
        run = find_run(worker, run_id)
        details = read_details(worker.store, run, app.clock.now()) if verbose or formats else None
        summary = structs.replace(summarize(worker, run), details=details)
    write_runs(app, [summary], formats, "all")


def logs(
    context: typer.Context,
    run_id: Annotated[
        str | None, typer.Argument(metavar="RUN", help="ID of the run. Default: the newest.", show_default=False)
    ] = None,
    *,
    follow: Annotated[
        bool, typer.Option("--follow", "-f", help="Wait for more lines until the run has ended.")
    ] = False,
    store: Store = None,
    formats: FormatOption = None,
) -> None:
    """Show what a run did, page by page, and what it waited for."""
    from conn_cli.formatting import join_lines
    from conn_cli.report import write_report
    from conn_cli.report.sync_status import draw_log_line
    from conn_engine.syncs.report import SyncLogReport

    app: App = context.obj
    with open_worker(app, store) as worker:
        run_id = find_run(worker, run_id).id
        lines = []
        for line in _read_lines(worker, run_id, follow=follow):
            if follow and not formats:
                app.write(draw_log_line(line), prose=True)
                app.flush()
            else:
                lines.append(line)
        status = worker.store.get_run(run_id).status
    write_report(
        lambda: SyncLogReport(run=run_id, status=status, lines=lines),
        formats or [],
        {"text": lambda: join_lines(map(draw_log_line, lines))},
        app,
        folder=app.folder,
    )


def _read_lines(worker: "SyncWorker", run_id: str, *, follow: bool) -> "Iterator[LoggedLine]":
    from conn_engine.syncs import to_iso
    from conn_engine.syncs.report import LoggedLine
    from conn_service.syncs.run_log import read_log
    from conn_service.syncs.worker import POLL_SECONDS

    last = 0
    while True:
        is_over = worker.is_settled(worker.store.get_run(run_id))  # before the lines are read: none comes afterwards
        while lines := read_log(worker.store.engine, run_id, after=last):
            for line in lines:
                yield LoggedLine(at=to_iso(line.at), page=line.seq, kind=line.kind, text=line.text)
            last = lines[-1].number
        if is_over or not follow:
            return
        time.sleep(POLL_SECONDS)
