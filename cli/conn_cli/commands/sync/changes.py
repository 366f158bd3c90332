"""`conn sync cancel`, `pause`, `resume`, `reset` and `retry`: change runs and schedules."""

from typing import Annotated

import typer

from conn_cli.commands.sync.parameters import FormatOption, Name, OneAccount, RunId, Store
from conn_cli.commands.sync.progress import follow_runs
from conn_cli.commands.sync.results import check_delivered, summarize, write_change, write_runs
from conn_cli.commands.sync.store_access import choose_accounts
from conn_cli.console import App
from conn_cli.options import Formats
from conn_cli.sync_worker import open_worker

__all__ = ["cancel", "pause", "reset", "resume", "retry"]


def cancel(context: typer.Context, run_id: RunId, store: Store = None, formats: FormatOption = None) -> None:
    """End a run after its current page."""
    app: App = context.obj
    with open_worker(app, store) as worker:
        is_cancelled = worker.store.cancel_run(run_id)
    text = f"{run_id}: cancelled" if is_cancelled else f"{run_id} has ended already"
    write_change(app, formats, text, "cancelled", runs=[run_id] if is_cancelled else [])


def pause(
    context: typer.Context, name: Name, account: OneAccount = None, store: Store = None, formats: FormatOption = None
) -> None:
    """Pause the schedule of a sync."""
    _set_paused(context.obj, name, account, store, formats, is_paused=True)


def resume(
    context: typer.Context, name: Name, account: OneAccount = None, store: Store = None, formats: FormatOption = None
) -> None:
    """Resume the schedule of a sync."""
    _set_paused(context.obj, name, account, store, formats, is_paused=False)


def reset(
    context: typer.Context,
    name: Name,
    account: Annotated[str, typer.Option("--account", "-a", help="Reset it for this account.")],
    store: Store = None,
    formats: FormatOption = None,
) -> None:
    """Forget what was delivered: the next run reads everything."""
    app: App = context.obj
    app.workspace.sync(name)
    with open_worker(app, store) as worker:
        app.workspace.account(account)
        worker.store.streams.reset(name, account)
    text = f"the next run of {name} for {account} reads everything"
    write_change(app, formats, text, "reset", sync=name, accounts=[account])


def retry(
    context: typer.Context,
    run_id: Annotated[str, typer.Argument(metavar="RUN", help="ID of the run, as `conn sync runs` shows it.")],
    *,
    store: Store = None,
    formats: FormatOption = None,
) -> None:
    """Deliver again what failed of a run.

    Records that were set aside are processed again, and events that were given up are sent again. A run that has failed
    is started again, where it began. For all that an endpoint has not received: conn endpoint redeliver.
    """
    app: App = context.obj
    with open_worker(app, store, works=True) as worker:
        run = worker.retry(run_id)
        if not worker.is_settled(run):
            [run] = follow_runs(app, worker, [run])
        summary = summarize(worker, run)
    write_runs(app, [summary], formats, "some")
    check_delivered([summary])


def _set_paused(
    app: App, name: str, account: str | None, store: str | None, formats: Formats, *, is_paused: bool
) -> None:
    from conn_engine.diagnostics import pluralize

    accounts = choose_accounts(app, name, account, store)
    with open_worker(app, store) as worker:
        for one in accounts:
            worker.store.streams.pause(name, one, is_paused=is_paused)
    change = "paused" if is_paused else "resumed"
    text = f"{name}: {change} for {pluralize(len(accounts), 'account')}"
    write_change(app, formats, text, change, sync=name, accounts=accounts)
