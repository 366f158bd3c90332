"""Open the database of a store, check its format, and translate the driver's errors. Releases are in `store`."""

import os
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any
from urllib.parse import quote

import sqlalchemy as sa
from sqlalchemy import exc
from sqlalchemy.engine import Connection, Engine
from sqlalchemy.pool import QueuePool

from conn_engine.documents.local_state import create_state_folder
from conn_engine.errors import ConnError, UsageError
from conn_engine.releases.faults import StoreFault
from conn_engine.releases.store_location import StoreLocation
from conn_engine.releases.tables import MIGRATIONS, Migration, build_newer_error, migrate, read_version
from conn_engine.releases.translating import translate_store_error

__all__ = ["Database"]

BUSY_SECONDS = 15.0
CONNECT_SECONDS = 5
_LOCK = 0x636F6E6E  # the number of our advisory lock; any unused number works


class Database:
    """Transactions on a store. Safe for threads, and for a process that forks: connections are not shared with the
    child.

    `create` creates a missing store; otherwise it is a StoreFault. An older format is upgraded, and a newer one is
    refused.
    """

    def __init__(
        self, address: StoreLocation, *, create: bool = False, migrations: Sequence[Migration] = MIGRATIONS
    ) -> None:
        self.address = address
        self._migrations = migrations
        self._process = os.getpid()
        if address.file is not None:
            self._engine = _open_sqlite(address.file, create=create)
        else:
            self._engine = _open_postgres(address)
        try:
            self._prepare(create)
        except BaseException:
            self.close()
            raise

    @contextmanager
    def begin_read(self) -> Iterator[Connection]:
        """Open a connection with a consistent view. Raises StoreUnreachableError, StoreRefusedError or StoreFault."""
        with self._translate_errors(), self._current().connect() as connection:
            if self.address.url is not None:
                connection.execution_options(isolation_level="REPEATABLE READ")
            with connection.begin():
                yield connection

    @contextmanager
    def begin_poll(self) -> Iterator[Connection]:
        """Open a connection for one small query."""
        with self._translate_errors(), self._current().connect() as connection:
            if self.address.url is not None:
                connection.execution_options(isolation_level="AUTOCOMMIT")
            yield connection

    @contextmanager
    def begin_write(self) -> Iterator[Connection]:
        """Open a connection with a write transaction. Raises like `begin_read`."""
        with self._translate_errors(), self._current().connect() as connection:
            connection.execution_options(conn_writes=True)
            with connection.begin():
                yield connection

    def close(self) -> None:
        """Close the connections."""
        self._engine.dispose()

    def _current(self) -> Engine:
        if self._process != os.getpid():
            # A forked child must neither use nor close its parent's connections.
            self._engine.dispose(close=False)
            self._process = os.getpid()
        return self._engine

    def _prepare(self, create: bool) -> None:
        with self.begin_poll() as connection:
            have = read_version(connection)
        if have > len(self._migrations):
            raise build_newer_error(have, len(self._migrations))
        if have == 0 and not create:
            raise build_missing_error(self.address)
        if have < len(self._migrations):
            with self.begin_write() as connection:
                if self.address.url is not None:  # one at a time; SQLite's write lock does the same
                    connection.execute(sa.select(sa.func.pg_advisory_xact_lock(_LOCK)))
                migrate(connection, self._migrations)

    @contextmanager
    def _translate_errors(self) -> Iterator[None]:
        try:
            yield
        except ConnError:
            raise
        except exc.SQLAlchemyError as error:
            # Its text may contain the address, and a traceback may contain parameters.
            raise translate_store_error(error, self.address) from None


def build_missing_error(address: StoreLocation) -> StoreFault:
    """Build the error for a location without a store."""
    return StoreFault(f"there is no release store at {address.public_text}", hint="create one: conn release")


def _open_postgres(address: StoreLocation) -> Engine:
    try:
        import psycopg  # noqa: F401 - for a helpful error if it is missing
    except ImportError:
        raise UsageError(
            "a Postgres store needs the driver psycopg, which is not installed",
            hint="install it: pip install 'conn-engine[postgres]'",
        ) from None
    if address.url is None:
        raise UsageError(
            "the address has no Postgres database", hint="pass a URL such as postgresql://user@host/database"
        )
    options: dict[str, Any] = {} if "connect_timeout" in address.url.query else {"connect_timeout": CONNECT_SECONDS}
    return sa.create_engine(address.url, connect_args=options, pool_pre_ping=True, hide_parameters=True)


def _open_sqlite(file: Path, *, create: bool) -> Engine:
    if file.is_dir():
        raise StoreFault(f"the store {file} is a folder", hint="name a file")
    if not file.exists():
        if not create:
            raise build_missing_error(StoreLocation(file=file))
        _make_file(file)
    # A file that has been deleted in the meantime is an error, not an empty store.
    location = f"file:{quote(str(file.absolute()))}?mode=rw"

    def connect() -> sqlite3.Connection:
        connection = sqlite3.connect(
            location, uri=True, timeout=BUSY_SECONDS, isolation_level=None, check_same_thread=False
        )
        connection.execute("PRAGMA foreign_keys = ON")
        return connection

    engine = sa.create_engine("sqlite://", creator=connect, poolclass=QueuePool, hide_parameters=True)

    @sa.event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        # A writer takes the lock first, so that what it has read is still valid when it writes.
        writes = connection.get_execution_options().get("conn_writes", False)
        connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")

    return engine


def _take_name(temporary: Path, file: Path) -> None:
    try:
        os.link(temporary, file)  # unlike renaming, this never replaces a file created in the meantime
    except FileExistsError:
        return
    except OSError:  # a file system without hard links
        if not file.exists():
            temporary.replace(file)


def _make_file(file: Path) -> None:
    """Create an empty database with a write-ahead log, so that readers do not wait for a writer. This is atomic: it is
    created under another name, and linked to its own name only if that is free.
    """
    temporary = file.with_name(f".{file.name}.{os.urandom(6).hex()}.tmp")
    try:
        create_state_folder(file.parent)
        connection = sqlite3.connect(temporary)
        connection.execute("PRAGMA journal_mode = WAL")
        connection.close()
        _take_name(temporary, file)
    except (OSError, sqlite3.Error) as fault:
        reason = getattr(fault, "strerror", None) or str(fault)
        raise StoreFault(
            f"cannot create the store {file}: {reason.lower()}", hint="correct the folder's permissions"
        ) from fault
    finally:
        for path in (temporary, *(temporary.with_name(f"{temporary.name}{end}") for end in ("-wal", "-shm"))):
            with suppress(OSError):
                path.unlink(missing_ok=True)
