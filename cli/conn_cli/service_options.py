"""Options of the commands of the service, and what they open."""

from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated

import typer

from conn_cli.console import App
from conn_cli.database import open_database, redact_password

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sqlalchemy.engine import Engine

    from conn_engine.releases.store_location import StoreLocation
    from conn_service.revisions import Revision

__all__ = [
    "OtherServiceStore",
    "PublicUrl",
    "ServiceStore",
    "explain_missing",
    "find_service_store",
    "open_service_engine",
    "read_revisions",
]

ServiceStore = Annotated[
    str | None,
    typer.Option(
        "--store",
        metavar="FILE|URL",
        help="Database of the service: a SQLite file, or Postgres. Default: CONN_SERVICE_STORE, or .conn.",
        show_default=False,
    ),
]

OtherServiceStore = Annotated[
    str | None,
    typer.Option(
        "--service-store",
        metavar="FILE|URL",
        help="Database of the service: include its accounts, and what it has seen of a rollout.",
        show_default=False,
    ),
]
"""For commands whose `--store` is that of the releases."""
PublicUrl = Annotated[
    str | None,
    typer.Option(
        "--public-url",
        metavar="URL",
        help="Address of conn serve for browsers, in links. Default: CONN_PUBLIC_URL, or this machine.",
        show_default=False,
    ),
]


def find_service_store(app: App, text: str | None) -> "StoreLocation":
    """Return the database of `--store`, CONN_SERVICE_STORE, or the one in the workspace. Its password is redacted."""
    from conn_engine.releases.store_location import StoreLocation
    from conn_service.store import DEFAULT_FILE

    given = text or app.environ.get("CONN_SERVICE_STORE")
    location = StoreLocation.read(given or str(app.workspace_root / DEFAULT_FILE), app.folder)
    redact_password(app, location)
    return location


@contextmanager
def open_service_engine(app: App, store: str | None, *, creates: bool = False) -> "Iterator[Engine]":
    """Open the database of a service."""
    with open_database(app, find_service_store(app, store), creates=creates) as engine:
        yield engine


def read_revisions(app: App, store: str | None) -> "list[Revision]":
    """Return the accounts and connectors of a store of the service; none without a store."""
    if store is None:
        return []
    from conn_cli.account_vault import open_vault_engine
    from conn_service.revisions import RevisionStore

    with open_vault_engine(app, store) as engine:
        return RevisionStore(engine).find_changed()


def explain_missing(error: ModuleNotFoundError, command: str, extra: str = "serve") -> Exception:
    """Return the error that names the command to install what is missing, or the error itself."""
    from conn_engine.errors import UsageError

    missing = (error.name or "").partition(".")[0]
    if missing not in ("starlette", "uvicorn", "sqlalchemy", "dbos", "prometheus_client"):
        return error
    return UsageError(
        f"{command} needs the package {missing}, which is not installed",
        hint=f"install it: pip install 'conn-engine[{extra}]'",
    )
