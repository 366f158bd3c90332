"""Find what a command of the group is about, in its store."""

from typing import TYPE_CHECKING

from conn_cli.console import App

if TYPE_CHECKING:
    from conn_service.syncs.store import RunRow
    from conn_service.syncs.worker import SyncWorker

__all__ = ["check_names", "choose_accounts", "find_run"]


def choose_accounts(app: App, name: str, account: str | None, store: str | None) -> list[str]:
    """Return the accounts that a sync runs for, also those of the store, or the one that is named. Raises UsageError if
    it runs for none."""
    from conn_cli.sync_worker import use_sync_accounts
    from conn_engine.errors import UsageError
    from conn_engine.syncs import find_accounts, find_syncs

    use_sync_accounts(app, store)
    if account is not None:
        app.workspace.sync(name)
        if name not in find_syncs(app.workspace, app.workspace.effective(account=account), with_drift=True):
            raise UsageError(
                f'the sync "{name}" does not run for the account "{account}"',
                hint=f"check accounts in syncs/{name}.yaml, and that it is enabled; conn sync list --format json lists "
                "the accounts of each sync",
            )
        return [account]
    accounts = find_accounts(app.workspace, name)
    if not accounts:
        raise UsageError(f'the sync "{name}" runs for no account', hint="check its accounts, and that it is enabled")
    return accounts


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
