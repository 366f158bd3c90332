"""Open the vault of a command: that of this machine, or with --store the one in a database."""

import shlex
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from conn_cli.console import App
from conn_cli.database import open_database

if TYPE_CHECKING:
    from sqlalchemy.engine import Engine

    from conn_engine.secrets.vault import LayeredVault

__all__ = [
    "VaultStore",
    "add_store",
    "lay_revisions_over",
    "open_account_vault",
    "open_vault_engine",
    "open_workers_vault",
    "use_accounts",
]

VaultStore = Annotated[
    str | None,
    typer.Option(
        "--store",
        metavar="FILE|URL",
        help="Use the credentials in the database of syncs, not those of this machine.",
    ),
]


@contextmanager
def open_account_vault(app: App, store: str | None, *, creates: bool = False) -> "Iterator[LayeredVault]":
    """Open the vault of the workspace, or that of a database. Raises CredentialError for a database without a key."""
    from conn_engine.runtime.wiring import vault_of

    if store is None:
        yield vault_of(app.workspace, app.environ)
        return
    from conn_service.store import open_database_vault

    with open_vault_engine(app, store, creates=creates) as engine:
        yield open_database_vault(engine, app.workspace, app.environ)


@contextmanager
def open_workers_vault(app: App, store: str | None) -> "Iterator[LayeredVault]":
    """Open the vault of this machine, or with a store the one of its workers, which have both."""
    from conn_engine.runtime.wiring import vault_of

    local = vault_of(app.workspace, app.environ)
    if store is None:
        yield local
        return
    from conn_service.store import WorkerVault

    with open_vault_engine(app, store) as engine:
        yield WorkerVault(local, engine, app.workspace, app.environ)


def use_accounts(app: App, store: str | None, *, creates: bool = False) -> None:
    """Let the workspace have the accounts of a database, too, if there is one."""
    if store is not None:
        with open_vault_engine(app, store, creates=creates) as engine:
            lay_revisions_over(app, engine)


def lay_revisions_over(app: App, engine: "Engine") -> None:
    """Let the workspace of the command have the accounts and connectors of a store of the service."""
    from conn_service.revisions import RevisionStore, with_revisions

    app.workspace = with_revisions(app.workspace, RevisionStore(engine).find_changed())


@contextmanager
def open_vault_engine(app: App, store: str, *, creates: bool = False) -> "Iterator[Engine]":
    """Open a database that has credentials."""
    from conn_engine.releases.store_location import StoreLocation

    with open_database(app, StoreLocation.read(store, app.folder), creates=creates) as engine:
        yield engine


def add_store(command: str, store: str | None) -> str:
    """Return a command with the option that chooses the same vault. A password in the address is not shown."""
    if store is None:
        return command
    from conn_engine.releases.store_location import StoreLocation

    location = StoreLocation.read(store, Path())
    return f"{command} --store {shlex.quote(store if location.url is None else location.public_text)}"
