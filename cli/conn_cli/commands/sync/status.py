"""`conn sync status` and `failures`: what each sync does for each account, and what it could not deliver."""

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated

import typer

from conn_cli.commands.sync.parameters import FormatOption, OneAccount, Store
from conn_cli.commands.sync.store_access import check_names
from conn_cli.console import App
from conn_cli.sync_worker import open_worker

if TYPE_CHECKING:
    from collections.abc import Iterator

    from conn_engine.syncs import Schedule
    from conn_engine.syncs.report import SyncAccountStatus
    from conn_service.syncs.overview import StreamKey, StreamOverview

__all__ = ["failures", "status"]


def status(
    context: typer.Context,
    name: Annotated[str | None, typer.Argument(metavar="NAME", help="Only this sync. Default: all.")] = None,
    *,
    account: OneAccount = None,
    every: Annotated[
        bool, typer.Option("--all", help="List every account. Default in a terminal: what fits on a screen.")
    ] = False,
    store: Store = None,
    formats: FormatOption = None,
) -> None:
    """Show what each sync does, waits for, and could not deliver."""
    from conn_cli.formatting import join_lines
    from conn_cli.report import write_report
    from conn_cli.report.sync_status import draw_status
    from conn_engine.syncs import to_iso
    from conn_engine.syncs.report import EndpointStatus, SyncStatusReport
    from conn_service.syncs.overview import read_overview, read_troubled_endpoints

    app: App = context.obj
    with open_worker(app, store) as worker:
        if account is not None:
            app.workspace.account(account)
        found = read_overview(worker.store)
        endpoints = [
            EndpointStatus(
                name=one.name,
                disabled=one.rests_until is None,
                reason=one.reason,
                since=to_iso(one.since),
                rests_until=None if one.rests_until is None else to_iso(one.rests_until),
                waiting=one.waiting,
            )
            for one in read_troubled_endpoints(worker.store)
        ]
    names = app.workspace.syncs() if name is None else [name]
    rows = [row for one in names for row in _describe_sync(app, one, found) if account in (None, row.account)]
    write_report(
        lambda: SyncStatusReport(accounts=rows, endpoints=endpoints),
        formats or [],
        {
            "text": lambda: join_lines(
                draw_status(rows, endpoints, app.width, every=every, today=to_iso(app.clock.now())[:10])
            )
        },
        app,
        folder=app.folder,
    )


def failures(
    context: typer.Context,
    name: Annotated[str | None, typer.Argument(metavar="NAME", help="Only of this sync. Default: all.")] = None,
    *,
    account: OneAccount = None,
    run_id: Annotated[str | None, typer.Option("--run", metavar="RUN", help="Only of this run. Default: all.")] = None,
    limit: Annotated[int, typer.Option("--limit", "-n", metavar="N", min=1, help="Show at most N of them.")] = 20,
    store: Store = None,
    formats: FormatOption = None,
) -> None:
    """List records that were set aside, and events that were given up."""
    from conn_cli.formatting import join_lines
    from conn_cli.report import write_report
    from conn_cli.report.sync_status import draw_failures
    from conn_engine.syncs import to_iso
    from conn_engine.syncs.report import SyncFailure, SyncFailuresReport
    from conn_service.syncs.failures import FailureFilter, count_failures, find_failures

    app: App = context.obj
    wanted = FailureFilter(name, account, run_id)
    with open_worker(app, store) as worker:
        if run_id is not None:
            worker.store.get_run(run_id)
        counts = count_failures(worker.store, wanted)
        found = find_failures(worker.store, wanted, limit)
    if not found:
        check_names(app, name, account)
    report = SyncFailuresReport(
        records=counts["record"],
        events=counts["event"],
        failures=[
            SyncFailure(
                kind=one.kind,
                run=one.run_id,
                sync=one.sync,
                account=one.account,
                key=one.key,
                stage=one.stage,
                field=one.field,
                message=one.message,
                event=one.event_id,
                at=to_iso(one.at),
            )
            for one in found
        ],
    )
    write_report(
        lambda: report,
        formats or [],
        {"text": lambda: join_lines(draw_failures(report, app.width))},
        app,
        folder=app.folder,
    )


def _describe_sync(app: App, name: str, found: "dict[StreamKey, StreamOverview]") -> "Iterator[SyncAccountStatus]":
    """Yield a row for each account that a sync runs for, and for those that something is left of."""
    from conn_engine.errors import ConnError, UsageError
    from conn_engine.syncs import find_accounts
    from conn_service.syncs.overview import StreamOverview

    fault = ""
    try:
        accounts = find_accounts(app.workspace, name)
    except UsageError:  # there is no such sync
        raise
    except ConnError as error:
        accounts, fault = [], error.message
    left = {account for sync, account in found if sync == name}
    schedules: dict[tuple[str, str], Schedule] = {}
    for account in sorted({*accounts, *left}):
        overview = found.get((name, account), StreamOverview())
        if account in accounts or overview.last is not None:
            yield _describe_account(app, (name, account), overview, fault, schedules)
    if fault and not left:
        yield _describe_account(app, (name, ""), StreamOverview(), fault, schedules)


def _describe_account(
    app: App,
    key: "StreamKey",
    overview: "StreamOverview",
    fault: str,
    schedules: "dict[tuple[str, str], Schedule]",
) -> "SyncAccountStatus":
    from conn_engine.errors import ConnError
    from conn_engine.syncs import ScheduleError, to_iso
    from conn_engine.syncs.report import SyncAccountStatus

    last, stream = overview.last, overview.stream
    next_run: float | None = None
    try:
        next_run = None if fault or not key[1] else _find_next_run(app, key, overview, schedules)
    except ConnError as error:
        fault = f"schedule: {error.message}" if isinstance(error, ScheduleError) else error.message
    return SyncAccountStatus(
        sync=key[0],
        account=key[1],
        run=last.id if last else "",
        status=last.status if last else "",
        verdict=str(last.report.get("verdict", "")) if last else "",
        reason=last.reason if last else "",
        began=to_iso(last.began) if last else None,
        ended=to_iso(last.ended) if last and last.ended is not None else None,
        pages=last.counts.get("pages", 0) if last else 0,
        records=last.counts.get("records", 0) if last else 0,
        resumes_at=to_iso(last.resumes_at) if last and last.resumes_at is not None else None,
        last_completed=to_iso(stream.last_run_at) if stream and stream.last_run_at is not None else None,
        next_run=None if next_run is None else to_iso(next_run),
        paused=bool(stream and stream.is_paused),
        waiting=overview.events.get("waiting", 0),
        dead=overview.events.get("dead", 0),
        set_aside=overview.set_aside,
        fault=fault,
    )


def _find_next_run(
    app: App, key: "StreamKey", overview: "StreamOverview", schedules: "dict[tuple[str, str], Schedule]"
) -> float | None:
    """Return when the schedule starts the next run, in Unix seconds: in the past if no worker has started it."""
    from conn_engine.syncs import Schedule, load_sync

    document = load_sync(app.workspace, *key).document
    is_paused = overview.stream is not None and overview.stream.is_paused
    if document.schedule is None or document.trigger not in (None, "schedule") or is_paused:
        return None
    if document.enabled is False:
        return None
    now = app.clock.now()
    due = overview.stream.next_due if overview.stream is not None else None
    if due is not None and due <= now:
        return due
    wording = (document.schedule, document.timezone or "UTC")
    schedule = schedules.setdefault(wording, Schedule(*wording))
    return schedule.find_next(datetime.fromtimestamp(now, UTC)).timestamp()
