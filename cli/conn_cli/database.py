"""Open the database of a service or of syncs for one command."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from conn_cli.console import App
from conn_engine.documents.locate import find_workspace

if TYPE_CHECKING:
    from sqlalchemy.engine import Engine

    from conn_engine.releases.store_location import StoreLocation

__all__ = ["check_exists", "find_default_file", "open_database", "redact_password"]


@contextmanager
def open_database(app: App, location: "StoreLocation", *, creates: bool = False) -> "Iterator[Engine]":
    """Open a database until the command has ended. Its password is redacted. A file that does not exist is made if the
    command `creates` what it works on, or if it is the file of the workspace. Raises UsageError for another one."""
    from conn_service.store import open_engine, translate_errors

    redact_password(app, location)
    if not creates:
        check_exists(app, location)
    with translate_errors(location):
        engine = open_engine(location)
        try:
            yield engine
        finally:
            engine.dispose()


def check_exists(app: App, location: "StoreLocation") -> None:
    """Raise UsageError for a file that does not exist and is not that of the workspace."""
    from conn_engine.errors import UsageError

    file = location.file
    if file is not None and not file.exists() and file != find_default_file(app):
        raise UsageError(f"there is no database {file}", hint="pass the file that conn serve or conn sync work uses")


def find_default_file(app: App) -> Path | None:
    """Return the file of the workspace, which need not exist, or None outside of one."""
    from conn_service.store import DEFAULT_FILE

    root = find_workspace(app.folder)
    return None if root is None else root / DEFAULT_FILE


def redact_password(app: App, location: "StoreLocation") -> None:
    """Show the password in an address nowhere."""
    for secret in location.secrets:
        app.redactor.add(secret, "the store's password")
