"""`conn sync run` and `work`: run syncs in this process."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated

import typer

from conn_cli.commands.sync.parameters import FormatOption, Name, OneAccount, Store
from conn_cli.commands.sync.progress import follow_runs
from conn_cli.commands.sync.results import check_delivered, summarize, write_change, write_runs
from conn_cli.commands.sync.store_access import choose_accounts
from conn_cli.console import App
from conn_cli.sync_worker import KeepDays, KeepDone, KeepFailed, KeepUnverified, Reserve, open_worker

if TYPE_CHECKING:
    from conn_service.syncs.store import RunRow
    from conn_service.syncs.worker import SyncWorker

__all__ = ["print_spools", "run", "work"]


def run(
    context: typer.Context,
    name: Name,
    *,
    account: OneAccount = None,
    to: Annotated[
        str | None,
        typer.Option(
            "--to",
            metavar="DESTINATION",
            help="Deliver there instead: https://…, duckdb:FILE, file:PATH, dlt:NAME or stdout.",
        ),
    ] = None,
    full: Annotated[bool, typer.Option("--full", help="Read everything, not only what is new.")] = False,
    store: Store = None,
    formats: FormatOption = None,
) -> None:
    """Run a sync now, and show whether it is complete."""
    app: App = context.obj
    accounts = choose_accounts(app, name, account, store)
    with open_worker(app, store, works=True) as worker:
        settings = {"to": to} if to is not None else {}
        started = [worker.start(name, one, is_full=full, settings=settings) for one in accounts]
        runs = follow_runs(app, worker, started)
        print_spools(app, worker, runs)
        summaries = [summarize(worker, run) for run in runs]
    write_runs(app, summaries, formats, "some")
    check_delivered(summaries)


def work(
    context: typer.Context,
    *,
    once: Annotated[bool, typer.Option("--once", help="Run what is due, then stop: for cron.")] = False,
    keep_days: KeepDays = 30,
    keep_deliveries: KeepDone = 30,
    keep_failed_deliveries: KeepFailed = 90,
    keep_unverified_deliveries: KeepUnverified = 7,
    reserve: Reserve = 20,
    release: Annotated[
        str | None,
        typer.Option(
            "--release",
            metavar="CHANNEL",
            help="Run the syncs of the release that this channel serves. Default: the files.",
        ),
    ] = None,
    store: Store = None,
    formats: FormatOption = None,
) -> None:
    """Run what is due and what waits, until it is stopped.

    With --release, new runs use the release that the channel serves, without a restart, and each run keeps the one that
    it began with. The store of releases is that of CONN_STORE or conn.yaml.
    """
    from conn_service.inbox import InboxRetention

    app: App = context.obj
    keep = InboxRetention(keep_deliveries, keep_failed_deliveries, keep_unverified_deliveries)
    with open_worker(
        app,
        store,
        works=True,
        keep=keep,
        schedules=not once,
        keep_days=keep_days,
        reserve=reserve / 100,
        channel=release,
    ) as worker:
        resumed = worker.resume_unfinished()
        if not once:
            app.err("waiting for what is due; stop with Ctrl-C")
            worker.wait_until_stopped()
        started = worker.start_now()
        started += _follow_chains(app, worker, list(dict.fromkeys((*resumed, *started))))
        worker.remove_old()
    text = f"{len(started)} started, {len(resumed)} continued"
    write_change(app, formats, text, "worked", runs=[*resumed, *started])


def _follow_chains(app: App, worker: "SyncWorker", pending: "Sequence[str]") -> list[str]:
    """Follow runs, those that they start, and so on. Return the IDs of the others."""
    followed: dict[str, None] = {}
    count = len(pending)
    while pending:
        follow_runs(app, worker, [worker.store.get_run(run_id) for run_id in pending])
        followed |= dict.fromkeys(pending)
        pending = worker.start_following(followed)
    return list(followed)[count:]


def print_spools(app: App, worker: "SyncWorker", runs: "Sequence[RunRow]") -> None:
    """Print what runs with the destination `stdout` have read. One that waits for a login is not finished."""
    from conn_engine.syncs import compile_sync, load_sync
    from conn_service.syncs.targets import find_target

    for run in runs:
        target = find_target(run, compile_sync(app.workspace, load_sync(app.workspace, run.sync, run.account)))
        if target is None or target.type != "stdout" or run.status in ("waiting", "login"):
            continue
        after = (0, -1)
        while rows := worker.store.spool.read(run, after, 1000):
            app.write("\n".join(row.payload for row in rows), form="json")
            after = (rows[-1].seq, rows[-1].n)
        worker.store.spool.clear(run.id)
