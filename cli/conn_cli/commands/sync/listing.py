"""`conn sync list`, `plan` and `try`: what syncs would do."""

from typing import TYPE_CHECKING, Annotated

import typer

from conn_cli.commands.sync.parameters import FormatOption, Name, OneAccount, Store
from conn_cli.commands.sync.store_access import choose_accounts
from conn_cli.console import App
from conn_cli.sync_worker import open_worker

if TYPE_CHECKING:
    from conn_engine.config import Effective
    from conn_engine.syncs import SyncPlan
    from conn_engine.syncs.report import ListedSync, PlannedCall, PlannedCheck
    from conn_service.syncs.worker import SyncWorker

__all__ = ["list_syncs", "plan", "try_"]


def list_syncs(context: typer.Context, store: Store = None, formats: FormatOption = None) -> None:
    """List the syncs with schedule, accounts and last run."""
    from conn_cli.formatting import join_lines
    from conn_cli.report import write_report
    from conn_cli.report.syncs import draw_syncs
    from conn_engine.syncs.report import SyncsReport

    app: App = context.obj
    with open_worker(app, store) as worker:
        paused = {key for key, stream in worker.store.streams.find_all().items() if stream.is_paused}
        rows = [_list_sync(app, worker, name, paused) for name in app.workspace.syncs()]
    write_report(
        lambda: SyncsReport(syncs=rows),
        formats or [],
        {"text": lambda: join_lines(draw_syncs(rows))},
        app,
        folder=app.folder,
    )


def plan(
    context: typer.Context, name: Name, account: OneAccount = None, store: Store = None, formats: FormatOption = None
) -> None:
    """Show what the next run would request and deliver."""
    from conn_cli.formatting import join_lines
    from conn_cli.report import write_report
    from conn_cli.report.syncs import draw_plans
    from conn_engine.syncs.report import SyncPlansReport

    app: App = context.obj
    with open_worker(app, store) as worker:
        plans = [_plan_call(app, worker, name, one) for one in choose_accounts(app, name, account, store)]
    write_report(
        lambda: SyncPlansReport(sync=name, plans=plans),
        formats or [],
        {"text": lambda: join_lines(draw_plans(name, plans))},
        app,
        folder=app.folder,
    )


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
    from conn_engine.diagnostics import pluralize
    from conn_engine.syncs.report import SyncTrialReport, TrialEvent
    from conn_engine.testing.sync_trial import try_sync

    app: App = context.obj
    trial = try_sync(app.workspace, name, account)
    faults = [f"{fault.stage} of record {fault.fault.position + 1}: {fault.fault.message}" for fault in trial.faults]
    faults += [
        f"enrich: no recording of {operation.text} has the response for {pluralize(count, 'record')}"
        for operation, count in trial.unrecorded.items()
    ]
    if trial.records > trial.filtered and not trial.events and not faults:
        faults.append("transform gives nothing for any record: to leave records out, use filter")
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
        faults=faults,
        empty=list(trial.empty),
    )
    write_report(
        lambda: report, formats or [], {"text": lambda: join_lines(draw_trial(report))}, app, folder=app.folder
    )
    if faults:
        raise typer.Exit(Exit.FINDINGS)


def _list_sync(app: App, worker: "SyncWorker", name: str, paused: "set[tuple[str, str]]") -> "ListedSync":
    from conn_engine.config.sync_models import SyncTrigger
    from conn_engine.errors import ConnError
    from conn_engine.syncs import Schedule, find_accounts
    from conn_engine.syncs.report import ListedSync
    from conn_engine.syncs.resources import find_sources

    accounts: list[str] = []
    fault, title, resource, schedule, trigger = "", name, "", "", ""
    try:
        document = app.workspace.sync(name)
        title, schedule = document.name or name, document.schedule or ""
        trigger = document.trigger.text if isinstance(document.trigger, SyncTrigger) else ""
        resource = ", ".join(source.resource for source in find_sources(document))
        if document.kind == "drift":
            connector = document.drift.connector if document.drift is not None else None
            resource = f"drift of {connector or 'each connector'}"
        accounts = find_accounts(app.workspace, name)
        if document.schedule is not None:
            Schedule(document.schedule, document.timezone or "UTC").check()
    except ConnError as error:
        fault = error.message
    last = worker.store.find_runs(sync=name, limit=1)
    return ListedSync(
        name=name,
        title=title,
        resource=resource,
        schedule=schedule,
        trigger=trigger,
        accounts=accounts,
        paused=[one for one in accounts if (name, one) in paused],
        last_status=last[0].status if last else "",
        fault=fault,
    )


def _plan_call(app: App, worker: "SyncWorker", name: str, account: str) -> "PlannedCall":
    from datetime import UTC, datetime

    from conn_engine.errors import ConfigurationError
    from conn_engine.syncs import ScheduleError, compile_sync, describe_steps, load_sync, to_iso
    from conn_engine.syncs.estimating import count_runs, describe_budgets
    from conn_engine.syncs.report import PlannedCall

    sync = load_sync(app.workspace, name, account)
    plan = compile_sync(app.workspace, sync)
    stream = worker.store.streams.find(name, account)
    last = worker.store.find_runs(sync=name, account=account, statuses=("complete", "unknown"), limit=1)
    due, runs = None, 0
    if plan.schedule is not None and not (stream is not None and stream.is_paused):
        try:
            due = to_iso(plan.schedule.find_next(datetime.fromtimestamp(app.clock.now(), UTC)).timestamp())
            runs = count_runs(plan.schedule, app.clock.now())
        except ScheduleError as error:
            raise ConfigurationError(
                f'the schedule of "{name}" for {account}: {error.message}', hint=error.hint
            ) from None
    effective = app.workspace.effective(account=account)
    checks = _plan_checks(app, plan, effective)
    requests = sum(last[0].counts.get(kind, 0) for kind in ("pages", "loop_pages", "deletes_pages")) if last else None
    fetch = None if plan.drift is not None else plan.fetch
    if plan.drift is not None:
        asked = sum(not check.reason for check in checks)
        requests = asked * plan.drift.pages + (asked if plan.drift.record == "all" else 0)
    return PlannedCall(
        account=account,
        operation="" if fetch is None else fetch.operation.text,
        params={} if fetch is None else dict(fetch.params),
        steps=describe_steps(plan),
        schedule=sync.document.schedule or "" if plan.schedule is not None else "",
        runs_per_day=runs,
        next_run=due,
        last_run_at=None if stream is None or stream.last_run_at is None else to_iso(stream.last_run_at),
        requests=requests,
        limits=[]
        if fetch is None
        else list(describe_budgets(effective, fetch.operation, 1 if requests is None else requests)),
        checks=checks,
    )


def _plan_checks(app: App, plan: "SyncPlan", effective: "Effective") -> "list[PlannedCheck]":
    """Return what a check of drift would compare; nothing for another sync."""
    if plan.drift is None:
        return []
    from conn_engine.analysis.drift.checking import RecordedCalls
    from conn_engine.syncs.report import PlannedCheck

    calls = RecordedCalls(app.workspace, effective, plan.drift.operations)
    rows = [*((name, "") for name in calls.names), *calls.left_out]
    return [PlannedCheck(operation=name, reason=reason) for name, reason in rows]
