"""`conn sync backfill`: read a range of time again, in chunks."""

from typing import TYPE_CHECKING, Annotated

import typer

from conn_cli.commands.sync.parameters import FormatOption, Name, OneAccount, Store
from conn_cli.commands.sync.progress import follow_runs
from conn_cli.commands.sync.results import summarize, write_runs
from conn_cli.commands.sync.running import print_spools
from conn_cli.commands.sync.store_access import choose_accounts
from conn_cli.console import App
from conn_cli.sync_worker import open_worker

if TYPE_CHECKING:
    from collections.abc import Sequence

    from conn_cli.options import Formats
    from conn_engine.syncs import BackfillRange, SyncPlan
    from conn_engine.syncs.report import PlannedBackfill
    from conn_service.syncs.store import RunRow, RunStatus
    from conn_service.syncs.worker import SyncWorker

__all__ = ["backfill"]

_GOOD: "tuple[RunStatus, ...]" = ("complete", "unknown")


def backfill(
    context: typer.Context,
    name: Name,
    *,
    start: Annotated[
        str, typer.Option("--from", metavar="TIME", help="Start of the range, such as 2025-01-01. UTC by default.")
    ],
    end: Annotated[str, typer.Option("--to", metavar="TIME", help="End of the range. UTC by default.")],
    chunk: Annotated[
        str | None,
        typer.Option(
            "--chunk", metavar="LENGTH", help="Length of a chunk, such as 7d, 12h or P1M. Default: the sync's, or 7d."
        ),
    ] = None,
    account: OneAccount = None,
    destination: Annotated[
        str | None,
        typer.Option(
            "--destination",
            metavar="DESTINATION",
            help="Deliver there instead: https://…, duckdb:FILE, dlt:NAME or stdout.",
        ),
    ] = None,
    plan: Annotated[bool, typer.Option("--plan", help="Show the chunks and the requests. Nothing is sent.")] = False,
    store: Store = None,
    formats: FormatOption = None,
) -> None:
    """Read a range of time again, in chunks.

    Each chunk is a run of its own. The place where the next scheduled run begins does not move.

    \b
    Example:
      conn sync backfill contacts --from 2025-01-01 --to 2025-07-01 --chunk 7d
    """
    from conn_cli.exits import Exit
    from conn_engine.syncs import BackfillRange

    app: App = context.obj
    accounts = choose_accounts(app, name, account, store)
    settings = app.workspace.sync(name).backfill
    wanted = BackfillRange.read(start, end, chunk or (settings.chunk if settings is not None else "P7D"))
    if plan:
        _write_plan(app, name, accounts, wanted, store, formats)
        return
    with open_worker(app, store, works=True) as worker:
        for one in accounts:  # all of them are refused, or none
            _compile(app, name, one)
        started = [worker.start_backfill(name, one, wanted, to=destination) for one in accounts]
        runs = _follow_chunks(app, worker, started)
        summaries = [summarize(worker, run) for run in runs]
    write_runs(app, summaries, formats, details="some")
    if any(run.status not in _GOOD for run in runs):
        raise typer.Exit(Exit.FINDINGS)


def _follow_chunks(app: App, worker: "SyncWorker", started: "Sequence[RunRow]") -> "list[RunRow]":
    """Follow the run of each chunk and the one after it, and return all."""
    ended: list[RunRow] = []
    current = list(started)
    while current:
        runs = follow_runs(app, worker, current)
        print_spools(app, worker, runs)
        ended += runs
        following = (worker.continue_backfill(run) for run in runs if run.status in _GOOD)
        current = [run for run in following if run is not None]
    return ended


def _write_plan(  # noqa: PLR0917
    app: App, name: str, accounts: "Sequence[str]", wanted: "BackfillRange", store: str | None, formats: "Formats"
) -> None:
    from conn_cli.formatting import join_lines
    from conn_cli.report import write_report
    from conn_cli.report.sync_backfill import draw_backfill
    from conn_engine.syncs import to_iso
    from conn_engine.syncs.report import ChunkWindow, SyncBackfillPlanReport

    chunks = [
        ChunkWindow(start=to_iso(first.timestamp()), end=to_iso(last.timestamp()))
        for first, last in wanted.list_chunks()
    ]
    with open_worker(app, store) as worker:
        plans = [_plan_account(app, worker, name, one, wanted) for one in accounts]
    report = SyncBackfillPlanReport(sync=name, chunks=chunks, plans=plans)
    write_report(
        lambda: report, formats or [], {"text": lambda: join_lines(draw_backfill(report))}, app, folder=app.folder
    )


def _plan_account(
    app: App, worker: "SyncWorker", name: str, account: str, wanted: "BackfillRange"
) -> "PlannedBackfill":
    from conn_engine.syncs.report import PlannedBackfill
    from conn_service.syncs.following import estimate_requests
    from conn_service.syncs.phases import find_loop

    plan = _compile(app, name, account)
    loop = find_loop(plan)
    listings = len(wanted.list_chunks()) * max(len(loop.ids) if loop is not None else 1, 1)
    earlier = worker.store.find_runs(sync=name, account=account, statuses=_GOOD, limit=100)
    return PlannedBackfill(
        account=account,
        operation=plan.fetch.operation.text,
        params=dict(plan.fetch.params),
        listings=listings,
        requests=estimate_requests(earlier, wanted, listings),
    )


def _compile(app: App, name: str, account: str) -> "SyncPlan":
    from conn_engine.syncs import compile_sync, limit_to_window, load_sync

    plan = compile_sync(app.workspace, load_sync(app.workspace, name, account))
    return limit_to_window(plan, app.workspace.effective(account=account))
