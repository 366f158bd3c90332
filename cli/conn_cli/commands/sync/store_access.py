"""Open the store of syncs, and find what a command is about."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from conn_cli.console import App

if TYPE_CHECKING:
    from conn_service.syncs.store import RunRow
    from conn_service.syncs.worker import SyncWorker

__all__ = ["check_names", "choose_accounts", "find_run", "open_worker"]


@contextmanager
def open_worker(
    app: App,
    store: str | None,
    *,
    works: bool = False,
    schedules: bool = False,
    keep_days: int = 30,
    reserve: float = 0.0,
) -> "Iterator[SyncWorker]":
    """Open the store of syncs. With `works`, this process runs them."""
    from conn_engine.releases.store_location import StoreLocation
    from conn_service.store import DEFAULT_FILE, translate_errors
    from conn_service.syncs.worker import FolderReleases, SyncWorker

    root = app.workspace.root
    text = store or app.environ.get("CONN_SYNC_STORE") or str(root / DEFAULT_FILE)
    location = StoreLocation.read(text, app.folder)
    for secret in location.secrets:
        app.redactor.add(secret, "the store's password")
    with translate_errors(location):
        worker = SyncWorker(
            location,
            FolderReleases(root),
            environ=app.environ,
            clock=app.clock,
            schedules=schedules,
            keep_days=keep_days,
            reserve=reserve,
        )
        if works:
            with worker:
                yield worker
        else:
            try:
                yield worker
            finally:
                worker.close()


def choose_accounts(app: App, name: str, account: str | None) -> list[str]:
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


def check_names(app: App, name: str | None, account: str | None) -> None:
    """Raise UsageError for a sync or an account that does not exist. For a command that found nothing: the store may
    have something about one that was removed."""
    if name is not None:
        app.workspace.sync(name)
    if account is not None:
        app.workspace.account(account)


def find_run(worker: "SyncWorker", run_id: str | None) -> "RunRow":
    from conn_engine.errors import UsageError

    if run_id is not None:
        return worker.store.get_run(run_id)
    newest = worker.store.find_runs(limit=1)
    if not newest:
        raise UsageError("there is no run yet", hint="start one: conn sync run NAME")
    return newest[0]
