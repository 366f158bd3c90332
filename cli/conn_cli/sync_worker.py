"""Open the worker of syncs and webhooks that a command needs."""

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from importlib import import_module
from typing import TYPE_CHECKING, Annotated

import typer

from conn_cli.console import App
from conn_cli.database import open_database, redact_password

if TYPE_CHECKING:
    from sqlalchemy.engine import Engine

    from conn_engine.releases.store_location import StoreLocation
    from conn_service.inbox import InboxRetention, InboxWork
    from conn_service.syncs.opening import ReleaseLookup
    from conn_service.syncs.worker import SyncWorker

__all__ = [
    "KeepDays",
    "KeepDone",
    "KeepFailed",
    "KeepUnverified",
    "Reserve",
    "build_worker",
    "open_worker",
    "open_worker_releases",
    "use_sync_accounts",
]

KeepDays = Annotated[
    int,
    typer.Option("--keep-days", metavar="N", min=1, help="Remove delivered events and the pages of runs after N days."),
]
Reserve = Annotated[
    int,
    typer.Option(
        "--reserve",
        metavar="PERCENT",
        min=0,
        max=90,
        help="Leave this share of each rate budget to interactive calls. Default: 20.",
    ),
]
KeepDone = Annotated[
    int,
    typer.Option(
        "--keep-deliveries", metavar="N", min=1, help="Remove received webhooks N days after their events are made."
    ),
]
KeepFailed = Annotated[
    int,
    typer.Option(
        "--keep-failed-deliveries", metavar="N", min=1, help="Remove those whose events cannot be made after N days."
    ),
]
KeepUnverified = Annotated[
    int,
    typer.Option(
        "--keep-unverified-deliveries", metavar="N", min=1, help="Remove those that nothing verified after N days."
    ),
]
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
    keep: "InboxRetention | None" = None,
) -> "Iterator[SyncWorker]":
    """Open the store of syncs. With `works`, this process runs them: those of the folder, or of the release that a
    channel serves. The workspace of the command then has the accounts of the store, too."""
    from conn_cli.account_vault import lay_revisions_over
    from conn_service.store import translate_errors

    location = _find_sync_store(app, store)
    with translate_errors(location), open_worker_releases(app, channel) as releases:
        worker = build_worker(
            app, location, releases, works=works, schedules=schedules, keep_days=keep_days, reserve=reserve, keep=keep
        )
        if channel is None:
            lay_revisions_over(app, worker.store.engine)
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


def use_sync_accounts(app: App, store: str | None) -> None:
    """Let the workspace have the accounts of the store of syncs, too, if there is one."""
    from conn_cli.account_vault import lay_revisions_over

    location = _find_sync_store(app, store)
    if location.file is None or location.file.exists():
        with open_database(app, location) as engine:
            lay_revisions_over(app, engine)


def _find_sync_store(app: App, store: str | None) -> "StoreLocation":
    """Return the store of `--store`, CONN_SYNC_STORE, or the one in the workspace. Its password is redacted."""
    from conn_engine.releases.store_location import StoreLocation
    from conn_service.store import DEFAULT_FILE

    text = store or app.environ.get("CONN_SYNC_STORE") or str(app.workspace_root / DEFAULT_FILE)
    location = StoreLocation.read(text, app.folder)
    redact_password(app, location)
    return location


def build_worker(
    app: App,
    location: "StoreLocation",
    releases: "ReleaseLookup",
    *,
    works: bool = True,
    schedules: bool = True,
    keep_days: int = 30,
    reserve: float = 0.0,
    drain_seconds: int = 0,
    ends_process: bool = True,
    keep: "InboxRetention | None" = None,
) -> "SyncWorker":
    """Return a worker on a store. With `works`, it also makes the events of received webhooks. Without `ends_process`,
    its caller opens another one when it loses the connection to the store."""
    from conn_service.syncs.worker import SyncWorker

    return SyncWorker(
        location,
        releases,
        environ=app.environ,
        clock=app.clock,
        schedules=schedules,
        keep_days=keep_days,
        reserve=reserve,
        drain_seconds=drain_seconds,
        ends_process=ends_process,
        parts=[partial(_open_inbox, app, keep)] if works else (),
    )


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


def _open_inbox(app: App, keep: "InboxRetention | None", engine: "Engine", releases: "ReleaseLookup") -> "InboxWork":
    """Return what makes the events of the deliveries that `conn serve` has stored."""
    from conn_engine.runtime.wiring import vault_of
    from conn_service.inbox import InboxExpander, InboxStore, InboxWork
    from conn_service.store import WorkerVault
    from conn_service.syncs.opening import open_isolation

    _, workspace = releases.get_current()
    vault = WorkerVault(vault_of(workspace, app.environ), engine, workspace, app.environ)
    expander = InboxExpander(InboxStore(engine), releases.get_current, app.environ, vault, app.clock, open_isolation())
    return InboxWork(expander, keep)


@contextmanager
def open_worker_releases(app: App, channel: str | None, store: str | None = None) -> "Iterator[ReleaseLookup]":
    """Yield the folder as the only release, or those that a channel serves. `store` is the store of the releases."""
    from conn_service.syncs.worker import FolderReleases

    if channel is None:
        yield FolderReleases(app.workspace.root)
        return
    from conn_cli.release_options import find_release_store
    from conn_engine.documents.locate import find_workspace
    from conn_engine.releases import ReleaseSource
    from conn_service.syncs.channel_releases import ChannelReleases

    with ReleaseSource(find_release_store(app, store), channel) as source:
        source.current()  # raises if the channel serves nothing
        yield ChannelReleases(source, find_workspace(app.folder) or app.folder)
