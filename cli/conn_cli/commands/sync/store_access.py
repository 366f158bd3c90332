"""Open the store of syncs, and find what a command is about."""

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from importlib import import_module
from typing import TYPE_CHECKING

from conn_cli.console import App

if TYPE_CHECKING:
    from sqlalchemy.engine import Engine

    from conn_service.inbox import InboxWork
    from conn_service.syncs.opening import ReleaseLookup
    from conn_service.syncs.store import RunRow
    from conn_service.syncs.worker import SyncWorker

__all__ = ["check_names", "choose_accounts", "find_run", "open_worker"]

_LATER_MODULES = ("conn_cli.fitting", "conn_cli.formatting", "conn_cli.report.sync_runs", "conn_engine.syncs.report")
"""What shows the results is loaded before a run begins: the package may be upgraded while it reads."""


@contextmanager
def open_worker(
    app: App,
    store: str | None,
    *,
    works: bool = False,
    schedules: bool = False,
    keep_days: int = 30,
    reserve: float = 0.0,
    channel: str | None = None,
) -> "Iterator[SyncWorker]":
    """Open the store of syncs. With `works`, this process runs them: those of the folder, or of the release that a
    channel serves."""
    from conn_engine.releases.store_location import StoreLocation
    from conn_service.store import DEFAULT_FILE, translate_errors
    from conn_service.syncs.worker import SyncWorker

    text = store or app.environ.get("CONN_SYNC_STORE") or str(app.workspace_root / DEFAULT_FILE)
    location = StoreLocation.read(text, app.folder)
    for secret in location.secrets:
        app.redactor.add(secret, "the store's password")
    with translate_errors(location), _open_releases(app, channel) as releases:
        worker = SyncWorker(
            location,
            releases,
            environ=app.environ,
            clock=app.clock,
            schedules=schedules,
            keep_days=keep_days,
            reserve=reserve,
            parts=[partial(_open_inbox, app, releases)] if works else (),
        )
        if works:
            for name in _LATER_MODULES:
                import_module(name)
            with worker, _stop_at_sigterm():
                yield worker
        else:
            try:
                yield worker
            finally:
                worker.close()


@contextmanager
def _stop_at_sigterm() -> Iterator[None]:
    """Treat SIGTERM like Ctrl-C: what is being sent to get a token is finished, so that no token is lost."""
    if threading.current_thread() is not threading.main_thread():  # only that one can have a handler
        yield
        return
    before = signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def _open_inbox(app: App, releases: "ReleaseLookup", engine: "Engine") -> "InboxWork":
    """Return what makes the events of the deliveries that `conn serve` has stored."""
    from conn_engine.runtime.wiring import vault_of
    from conn_service.inbox import InboxExpander, InboxStore, InboxWork
    from conn_service.store import WorkerVault
    from conn_service.syncs.opening import open_isolation

    _, workspace = releases.get_current()
    vault = WorkerVault(vault_of(workspace, app.environ), engine, workspace, app.environ)
    expander = InboxExpander(InboxStore(engine), releases.get_current, app.environ, vault, app.clock, open_isolation())
    return InboxWork(expander)


@contextmanager
def _open_releases(app: App, channel: str | None) -> "Iterator[ReleaseLookup]":
    from conn_service.syncs.worker import FolderReleases

    if channel is None:
        yield FolderReleases(app.workspace.root)
        return
    from conn_cli.release_options import find_release_store
    from conn_engine.documents.locate import find_workspace
    from conn_engine.releases import ReleaseSource
    from conn_service.syncs.channel_releases import ChannelReleases

    with ReleaseSource(find_release_store(app), channel) as source:
        source.current()  # raises if the channel serves nothing
        yield ChannelReleases(source, find_workspace(app.folder) or app.folder)


def choose_accounts(app: App, name: str, account: str | None) -> list[str]:
    """Return the accounts that a sync runs for, or the one that is named. Raises UsageError if it runs for none."""
    from conn_engine.errors import UsageError
    from conn_engine.syncs import find_accounts, find_syncs

    if account is not None:
        app.workspace.sync(name)
        if name not in find_syncs(app.workspace, app.workspace.effective(account=account)):
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
