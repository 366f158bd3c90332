"""`conn sync`: run syncs, and show what they did."""

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated, Any

import typer

from conn_cli.console import App
from conn_cli.options import Formats, format_option

if TYPE_CHECKING:
    from conn_engine.syncs.report import ListedSync, PlannedCall, SyncRunSummary
    from conn_service.syncs.store import RunRow
    from conn_service.syncs.worker import SyncWorker

group = typer.Typer(help="Run syncs, and show what they did.", no_args_is_help=True, rich_markup_mode=None)

Name = Annotated[str, typer.Argument(metavar="NAME", help="Name of the sync: that of its file.")]
RunId = Annotated[str, typer.Argument(metavar="RUN", help="ID of the run, as `conn sync runs` shows it.")]
OneAccount = Annotated[str | None, typer.Option("--account", "-a", help="Only for this account. Default: all.")]
Store = Annotated[
    str | None,
    typer.Option(
        "--store", metavar="FILE|URL", help="Where runs are stored: a SQLite file, or Postgres. Default: .conn."
    ),
]
FormatOption = Annotated[Formats, format_option()]


@group.callback()
def options() -> None:
    """Run syncs, and show what they did."""


@group.command("list")
def list_syncs(context: typer.Context, store: Store = None, formats: FormatOption = None) -> None:
    """List the syncs with schedule, accounts and last run."""
    from conn_cli.formatting import join_lines
    from conn_cli.report import write_report
    from conn_cli.report.syncs import draw_syncs
    from conn_engine.syncs.report import SyncsReport

    app: App = context.obj
    with _open_worker(app, store) as worker:
        rows = [_list_sync(app, worker, name) for name in app.workspace.syncs()]
    write_report(
        lambda: SyncsReport(syncs=rows),
        formats or [],
        {"text": lambda: join_lines(draw_syncs(rows))},
        app,
        folder=app.folder,
    )


@group.command()
def plan(
    context: typer.Context, name: Name, account: OneAccount = None, store: Store = None, formats: FormatOption = None
) -> None:
    """Show what the next run would request and deliver."""
    from conn_cli.formatting import join_lines
    from conn_cli.report import write_report
    from conn_cli.report.syncs import draw_plans
    from conn_engine.syncs.report import SyncPlansReport

    app: App = context.obj
    with _open_worker(app, store) as worker:
        plans = [_plan_call(app, worker, name, one) for one in _choose_accounts(app, name, account)]
    write_report(
        lambda: SyncPlansReport(sync=name, plans=plans),
        formats or [],
        {"text": lambda: join_lines(draw_plans(name, plans))},
        app,
        folder=app.folder,
    )


@group.command("try")
def try_(
    context: typer.Context,
    name: Name,
    account: Annotated[str, typer.Option("--account", "-a", help="Use the recordings of this account.")],
    formats: FormatOption = None,
) -> None:
    """Show the events that a recording leads to. Nothing is sent."""
    from conn_cli.exits import Exit
    from conn_cli.formatting import join_lines
    from conn_cli.report import write_report
    from conn_cli.report.syncs import draw_trial
    from conn_engine.syncs.report import SyncTrialReport, TrialEvent
    from conn_engine.testing.sync_trial import try_sync

    app: App = context.obj
    trial = try_sync(app.workspace, name, account)
    report = SyncTrialReport(
        sync=name,
        account=account,
        operation=trial.plan.fetch.operation.text,
        recording=app.workspace.format_path(trial.case.path),
        records=trial.records,
        filtered=trial.filtered,
        events=[
            TrialEvent(id=event.id, type=event.type, key=event.key, data=event.body["data"]) for event in trial.events
        ],
        faults=[f"{fault.stage} of record {fault.fault.position + 1}: {fault.fault.message}" for fault in trial.faults],
    )
    write_report(
        lambda: report, formats or [], {"text": lambda: join_lines(draw_trial(report))}, app, folder=app.folder
    )
    if trial.faults:
        raise typer.Exit(Exit.FINDINGS)


@group.command()
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
    from conn_cli.exits import Exit

    app: App = context.obj
    accounts = _choose_accounts(app, name, account)
    with _open_worker(app, store, works=True) as worker:
        settings = {"to": to} if to is not None else {}
        started = [worker.start(name, one, is_full=full, settings=settings) for one in accounts]
        runs = _follow(app, worker, started)
        _print_spools(app, worker, runs)
        summaries = [_summarize(worker, run) for run in runs]
    _write_runs(app, summaries, formats, details=True)
    if any(run.status not in ("complete", "unknown") for run in runs):
        raise typer.Exit(Exit.FINDINGS)


@group.command()
def work(
    context: typer.Context,
    *,
    once: Annotated[bool, typer.Option("--once", help="Run what is due, then stop: for cron.")] = False,
    keep_days: Annotated[
        int,
        typer.Option(
            "--keep-days", metavar="N", min=1, help="Remove delivered events and the pages of runs after N days."
        ),
    ] = 30,
    store: Store = None,
    formats: FormatOption = None,
) -> None:
    """Run what is due and what waits, until it is stopped."""
    app: App = context.obj
    with _open_worker(app, store, works=True, schedules=not once, keep_days=keep_days) as worker:
        resumed = worker.resume_unfinished()
        if not once:
            app.err("waiting for what is due; stop with Ctrl-C")
            worker.wait_until_stopped()
        started = worker.start_now()
        _follow(app, worker, [worker.store.get_run(run_id) for run_id in {*resumed, *started}])
        worker.remove_old()
    text = f"{len(started)} started, {len(resumed)} continued"
    _write_change(app, formats, text, "worked", runs=[*resumed, *started])


@group.command()
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
    with _open_worker(app, store) as worker:
        found = worker.store.find_runs(sync=name, account=account, limit=limit)
        summaries = [_summarize(worker, run) for run in found]
    _write_runs(app, summaries, formats)


@group.command()
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
    with _open_worker(app, store) as worker:
        summary = _summarize(worker, _find_run(worker, run_id))
    _write_runs(app, [summary], formats, details=True)


@group.command()
def cancel(context: typer.Context, run_id: RunId, store: Store = None, formats: FormatOption = None) -> None:
    """End a run after its current page."""
    app: App = context.obj
    with _open_worker(app, store) as worker:
        is_cancelled = worker.store.cancel_run(run_id)
    text = f"{run_id}: cancelled" if is_cancelled else f"{run_id} has ended already"
    _write_change(app, formats, text, "cancelled", runs=[run_id] if is_cancelled else [])


@group.command()
def pause(
    context: typer.Context, name: Name, account: OneAccount = None, store: Store = None, formats: FormatOption = None
) -> None:
    """Pause the schedule of a sync."""
    _set_paused(context.obj, name, account, store, formats, is_paused=True)


@group.command()
def resume(
    context: typer.Context, name: Name, account: OneAccount = None, store: Store = None, formats: FormatOption = None
) -> None:
    """Resume the schedule of a sync."""
    _set_paused(context.obj, name, account, store, formats, is_paused=False)


@group.command()
def reset(
    context: typer.Context,
    name: Name,
    account: Annotated[str, typer.Option("--account", "-a", help="Reset it for this account.")],
    store: Store = None,
    formats: FormatOption = None,
) -> None:
    """Forget what was delivered, so that the next run reads everything."""
    app: App = context.obj
    app.workspace.sync(name)
    app.workspace.account(account)
    with _open_worker(app, store) as worker:
        worker.store.reset_stream(name, account)
    text = f"the next run of {name} for {account} reads everything"
    _write_change(app, formats, text, "reset", sync=name, accounts=[account])


@group.command()
def retry(context: typer.Context, run_id: RunId, store: Store = None, formats: FormatOption = None) -> None:
    """Process and deliver again what a run set aside or could not deliver."""
    app: App = context.obj
    with _open_worker(app, store, works=True) as worker:
        run = worker.retry(run_id)
        summary = _summarize(worker, run)
    _write_runs(app, [summary], formats, details=True)


# --- shared ---


@contextmanager
def _open_worker(
    app: App, store: str | None, *, works: bool = False, schedules: bool = False, keep_days: int = 30
) -> "Iterator[SyncWorker]":
    """Open the store of syncs. With `works`, this process runs them."""
    from conn_engine.releases.store_location import StoreLocation
    from conn_service.store import DEFAULT_FILE
    from conn_service.syncs.worker import FolderReleases, SyncWorker

    root = app.workspace.root
    text = store or app.environ.get("CONN_SYNC_STORE") or str(root / DEFAULT_FILE)
    location = StoreLocation.read(text, app.folder)
    for secret in location.secrets:
        app.redactor.add(secret, "the store's password")
    worker = SyncWorker(
        location, FolderReleases(root), environ=app.environ, clock=app.clock, schedules=schedules, keep_days=keep_days
    )
    if works:
        with worker:
            yield worker
    else:
        try:
            yield worker
        finally:
            worker.close()


def _choose_accounts(app: App, name: str, account: str | None) -> list[str]:
    from conn_engine.errors import UsageError
    from conn_engine.syncs import find_accounts

    accounts = find_accounts(app.workspace, name)
    if account is None:
        if not accounts:
            raise UsageError(
                f'the sync "{name}" runs for no account', hint="check its accounts, and that it is enabled"
            )
        return accounts
    app.workspace.account(account)
    return [account]


def _list_sync(app: App, worker: "SyncWorker", name: str) -> "ListedSync":
    from conn_engine.errors import ConnError
    from conn_engine.syncs import find_accounts
    from conn_engine.syncs.plan import find_sources
    from conn_engine.syncs.report import ListedSync

    accounts: list[str] = []
    fault, title, resource, schedule = "", name, "", ""
    try:
        document = app.workspace.sync(name)
        title, schedule = document.name or name, document.schedule or ""
        resource = ", ".join(source.resource for source in find_sources(document))
        accounts = find_accounts(app.workspace, name)
    except ConnError as error:
        fault = error.message
    last = worker.store.find_runs(sync=name, limit=1)
    return ListedSync(
        name=name,
        title=title,
        resource=resource,
        schedule=schedule,
        accounts=accounts,
        paused=[one for one in accounts if worker.store.get_stream(name, one).is_paused],
        last_status=last[0].status if last else "",
        fault=fault,
    )


def _plan_call(app: App, worker: "SyncWorker", name: str, account: str) -> "PlannedCall":
    from conn_engine.syncs import compile_sync, describe_steps, load_sync
    from conn_engine.syncs.report import PlannedCall
    from conn_service.syncs.runner import to_iso

    plan = compile_sync(app.workspace, load_sync(app.workspace, name, account))
    stream = worker.store.get_stream(name, account)
    last = worker.store.find_runs(sync=name, account=account, statuses=("complete", "unknown"), limit=1)
    due = None
    if plan.schedule is not None and not stream.is_paused:
        from datetime import UTC, datetime

        due = to_iso(plan.schedule.find_next(datetime.fromtimestamp(app.clock.now(), UTC)).timestamp())
    return PlannedCall(
        account=account,
        operation=plan.fetch.operation.text,
        params=dict(plan.fetch.params),
        steps=describe_steps(plan),
        next_run=due,
        last_run_at=None if stream.last_run_at is None else to_iso(stream.last_run_at),
        requests=last[0].counts.get("pages") if last else None,
    )


def _follow(app: App, worker: "SyncWorker", started: "Sequence[RunRow]") -> "list[RunRow]":
    """Show the progress of runs until they have ended, and their events have been delivered once."""
    from conn_service.syncs.worker import POLL_SECONDS

    names = [run.id for run in started]
    with app.progress("records") as progress:
        while True:
            runs = worker.wait(names, 0.5)
            progress.done = sum(run.counts.get("records", 0) for run in runs)
            waiting = [run for run in runs if run.status in ("waiting", "delivering") and run.reason]
            progress.say(waiting[0].reason if waiting else f"page {sum(run.counts.get('pages', 0) for run in runs)}")
            if all(worker.is_settled(run) for run in runs):
                return runs
            time.sleep(POLL_SECONDS)


def _print_spools(app: App, worker: "SyncWorker", runs: "Sequence[RunRow]") -> None:
    """Print what runs with the destination `stdout` have read. One that waits for a login is not finished."""
    from conn_engine.syncs import compile_sync, load_sync
    from conn_service.syncs.targets import find_target

    for run in runs:
        target = find_target(run, compile_sync(app.workspace, load_sync(app.workspace, run.sync, run.account)))
        if target is None or target.type != "stdout" or run.status in ("waiting", "login"):
            continue
        after = (0, -1)
        while rows := worker.store.read_spool(run, after, 1000):
            for row in rows:
                app.write(row.payload, form="json")
            after = (rows[-1].seq, rows[-1].n)
        worker.store.clear_spool(run.id)


def _summarize(worker: "SyncWorker", run: "RunRow") -> "SyncRunSummary":
    from conn_engine.syncs.report import SyncRunSummary
    from conn_service.syncs.runner import to_iso

    events = worker.deliveries.count(run_id=run.id)
    report: dict[str, Any] = dict(run.report)
    return SyncRunSummary(
        id=run.id,
        sync=run.sync,
        account=run.account,
        cause=run.cause,
        status=run.status,
        verdict=str(report.get("verdict", "")),
        reason=run.reason,
        began=to_iso(run.began),
        ended=None if run.ended is None else to_iso(run.ended),
        since=run.since,
        counts=dict(run.counts),
        delivered=int(report.get("delivered", 0)) + events.get("delivered", 0),
        waiting=events.get("waiting", 0),
        dead=events.get("dead", 0),
        state_before=report.get("state_before"),
        state_after=report.get("state_after"),
        moved=bool(report.get("moved")),
    )


def _write_runs(app: App, summaries: "Sequence[SyncRunSummary]", formats: Formats, *, details: bool = False) -> None:
    from conn_cli.formatting import join_lines
    from conn_cli.report import write_report
    from conn_cli.report.syncs import draw_run, draw_runs
    from conn_engine.syncs.report import SyncRunsReport

    def draw() -> str:
        if details:
            return join_lines(line for summary in summaries for line in draw_run(summary))
        return join_lines(draw_runs(summaries))

    write_report(lambda: SyncRunsReport(runs=list(summaries)), formats or [], {"text": draw}, app, folder=app.folder)


def _set_paused(
    app: App, name: str, account: str | None, store: str | None, formats: Formats, *, is_paused: bool
) -> None:
    from conn_engine.diagnostics import pluralize

    accounts = _choose_accounts(app, name, account)
    with _open_worker(app, store) as worker:
        for one in accounts:
            worker.store.pause_stream(name, one, is_paused=is_paused)
    change = "paused" if is_paused else "resumed"
    text = f"{name}: {change} for {pluralize(len(accounts), 'account')}"
    _write_change(app, formats, text, change, sync=name, accounts=accounts)


def _find_run(worker: "SyncWorker", run_id: str | None) -> "RunRow":
    from conn_engine.errors import UsageError

    if run_id is not None:
        return worker.store.get_run(run_id)
    newest = worker.store.find_runs(limit=1)
    if not newest:
        raise UsageError("there is no run yet", hint="start one: conn sync run NAME")
    return newest[0]


def _write_change(
    app: App,
    formats: Formats,
    text: str,
    change: str,
    *,
    sync: str = "",
    accounts: "Sequence[str]" = (),
    runs: "Sequence[str]" = (),
) -> None:
    from conn_cli.report import write_report
    from conn_engine.syncs.report import SyncChangeReport

    write_report(
        lambda: SyncChangeReport(change=change, sync=sync, accounts=list(accounts), runs=list(runs)),
        formats or [],
        {"text": lambda: f"{text}\n"},
        app,
        folder=app.folder,
    )
