"""Open the database of what runs for long, which DBOS shares: a SQLite file, or Postgres.

Several packages have tables in it, each with a format of its own: the number of its migrations.
"""

import math
import sqlite3
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy.engine import URL, Connection, Engine

from conn_engine.documents.local_state import create_state_folder
from conn_engine.errors import ConnError, UsageError
from conn_engine.releases.faults import StoreFault, StoreUnreachableError
from conn_engine.releases.store_location import StoreLocation
from conn_engine.releases.translating import translate_store_error

__all__ = [
    "DATABASE_RETRIES",
    "DEFAULT_FILE",
    "KEEPALIVES",
    "Migration",
    "ServiceStoreError",
    "StoreWatch",
    "add_columns",
    "check_database",
    "connect_to_read",
    "is_unreachable",
    "open_engine",
    "prepare_tables",
    "translate_errors",
]

DEFAULT_FILE = Path(".conn") / "service.sqlite3"
"""The default database of a workspace, relative to its folder."""
Migration = Callable[[Connection], None]


def is_unreachable(error: BaseException) -> bool:
    """Return whether an error is that of the database, and not of a value that it cannot hold."""
    return isinstance(error, sa.exc.DBAPIError | sa.exc.TimeoutError) and not isinstance(error, sa.exc.DataError)


def is_passing(error: BaseException) -> bool:
    """Return whether a step should be repeated: the database does not respond, and may do so in a moment."""
    return is_unreachable(error) and not _is_lasting(getattr(error, "orig", None) or error)


DATABASE_RETRIES: Final[Any] = {
    "retries_allowed": True,
    "max_attempts": 8,
    "interval_seconds": 0.5,
    "backoff_rate": 2.0,
    "should_retry": is_passing,
}
"""Options of a step of DBOS that uses the database: about a minute of retries while it is restarted."""
BUSY_SECONDS = 30.0
MOST_CONNECTIONS: Final = 30
IDLE_SECONDS = 15
"""How long a transaction on Postgres may wait for its worker. None waits for anything but the database."""
_LASTING = ("SQLITE_FULL", "SQLITE_IOERR", "SQLITE_READONLY", "SQLITE_CORRUPT", "SQLITE_NOTADB", "SQLITE_CANTOPEN")
_LOCK = 0x636F6E73
KEEPALIVES: Final = {"idle": 10, "interval": 5, "count": 3}
"""After about 25 seconds without an answer, a connection is lost."""
_NETWORK: Final = {
    "connect_timeout": 10,
    "tcp_user_timeout": 25_000,
    **{f"keepalives_{name}": value for name, value in KEEPALIVES.items()},
}


class ServiceStoreError(StoreFault):
    """The database cannot be used as it is."""


@contextmanager
def translate_errors(location: StoreLocation) -> Iterator[None]:
    """Raise the errors of the database as StoreFault, StoreUnreachableError or StoreRefusedError, which say what to do.

    This is for the caller of a worker: DBOS and the steps of its workflows need the errors as they are.
    """
    try:
        yield
    except sa.exc.SQLAlchemyError as error:
        raise translate_store_error(error, location) from None


class StoreWatch:
    """Notes when a worker cannot write its database any more, so that it ends with that reason instead of waiting for
    workflows that nothing continues."""

    def __init__(self, engine: Engine, location: StoreLocation) -> None:
        self._location = location
        self._fault: ConnError | None = None
        sa.event.listen(engine, "handle_error", self._note)

    def _note(self, context: sa.engine.ExceptionContext) -> None:
        error = context.sqlalchemy_exception
        if error is not None and _is_lasting(context.original_exception):
            self._fault = translate_store_error(error, self._location)

    def note_lost_slot(self) -> None:
        """Note that the connection that holds the slot of the worker is lost."""
        where = self._location.public_text
        self._fault = StoreUnreachableError(f"the connection to the store {where} is lost", fault="connect")

    def check(self) -> None:
        """Raise what `translate_errors` does if the database cannot be written any more."""
        if self._fault is not None:
            raise self._fault


def _is_lasting(error: BaseException) -> bool:
    """Return whether an error of SQLite does not pass by itself within moments."""
    name = getattr(error, "sqlite_errorname", "")
    return str(name).startswith(_LASTING)


def open_engine(location: StoreLocation, *, connections: int = MOST_CONNECTIONS, ping_after: float = 0.0) -> Engine:
    """Return an engine for the database, which is created if it is a file that does not exist. On Postgres, it opens
    at most `connections`, and asks the server whether it still has one that was not used for `ping_after` seconds: a
    caller that repeats what fails can save these requests.

    SQLite has a write-ahead log and syncs it to disk at each commit, so that a power loss loses nothing that was
    sent to a vendor or to an endpoint.
    """
    if location.url is not None:
        try:
            import psycopg  # noqa: F401 - for a helpful error if it is missing
        except ImportError:
            raise UsageError(
                "a Postgres store needs the driver psycopg, which is not installed",
                hint="install it: pip install 'conn-engine[postgres]'",
            ) from None
        return _open_postgres(location.url, connections, ping_after)
    if location.file is None:
        raise UsageError("the store has no address", hint="pass a SQLite file or a Postgres URL")
    return _open_sqlite(location.file)


def _open_postgres(url: URL, connections: int, ping_after: float) -> Engine:
    """Return an engine whose transactions end when their worker is stopped, or its machine is gone: they would hold
    rows that other workers wait for. The number of rows of an insertion is kept, as SQLite does: without that, it is -1
    for new rows and for rows that exist."""
    engine = sa.create_engine(
        url,
        pool_pre_ping=not ping_after,
        hide_parameters=True,
        pool_size=connections,
        max_overflow=0,
        execution_options={"preserve_rowcount": True},
        connect_args={name: value for name, value in _NETWORK.items() if name not in url.query},
    )
    if ping_after:
        _ping_after_pauses(engine, ping_after)

    @sa.event.listens_for(engine, "connect")
    def limit_idle_transactions(connection: Any, _record: object) -> None:
        connection.execute(f"SET idle_in_transaction_session_timeout = '{IDLE_SECONDS}s'")
        connection.commit()

    return engine


def _ping_after_pauses(engine: Engine, seconds: float) -> None:
    """Let a connection be replaced that the server has closed while nothing used it for some seconds."""

    @sa.event.listens_for(engine, "checkin")
    def note_use(_connection: Any, record: Any) -> None:
        record.info["used"] = time.monotonic()

    @sa.event.listens_for(engine, "checkout")
    def ping(connection: Any, record: Any, _proxy: object) -> None:
        if time.monotonic() - record.info.get("used", math.inf) < seconds:
            return
        try:
            engine.dialect.do_ping(connection)
        except engine.dialect.loaded_dbapi.Error:
            raise sa.exc.DisconnectionError from None  # the pool connects again


def connect_to_read(engine: Engine) -> Connection:
    """Return a connection for a query that needs no transaction: on Postgres, each begin and end is a request."""
    connection = engine.connect()
    if engine.dialect.name == "postgresql":
        return connection.execution_options(isolation_level="AUTOCOMMIT")
    return connection


def _open_sqlite(file: Path) -> Engine:
    try:
        create_state_folder(file.parent)
    except OSError as error:
        raise ServiceStoreError(
            f"cannot create the store {file}: {error.strerror}", hint="correct the folder's permissions"
        ) from None
    engine = sa.create_engine(
        URL.create("sqlite", database=str(file.absolute())),
        connect_args={"timeout": BUSY_SECONDS},
        hide_parameters=True,
    )

    @sa.event.listens_for(engine, "connect")
    def prepare_connection(connection: Any, _record: object) -> None:
        connection.isolation_level = "IMMEDIATE"  # as DBOS does: a writer takes the lock first
        try:
            for pragma in ("journal_mode = WAL", "synchronous = FULL", "foreign_keys = ON"):
                connection.execute(f"PRAGMA {pragma}")
        except sqlite3.DatabaseError as error:
            raise ServiceStoreError(
                f"the store {file} cannot be used: {str(error).lower()}",
                hint="check the address; the file may be damaged or not be a database",
            ) from None

    return engine


_formats = sa.Table(
    "conn_service_format",
    sa.MetaData(),
    sa.Column("part", sa.String(40), primary_key=True),
    sa.Column("format", sa.Integer, nullable=False),
)


def prepare_tables(engine: Engine, part: str, migrations: Sequence[Migration]) -> None:
    """Create or upgrade the tables of one package. A published migration never changes: another one is added.

    Raises ServiceStoreError if a newer version has written them.
    """
    with engine.begin() as connection:
        if engine.dialect.name == "postgresql":  # one process at a time
            connection.execute(sa.select(sa.func.pg_advisory_xact_lock(_LOCK)))
        else:  # the driver begins a transaction only before a row is written, not before a table is created
            connection.exec_driver_sql("BEGIN IMMEDIATE")
        _formats.create(connection, checkfirst=True)
        query = sa.select(_formats.c.format).where(_formats.c.part == part)
        have = int(connection.execute(query).scalar() or 0)
        if have > len(migrations):
            raise ServiceStoreError(
                f"the store has the format {have} for {part}, but this version supports formats up to "
                f"{len(migrations)}",
                hint="upgrade conn-engine: a newer version has written the store",
            )
        for migrate in migrations[have:]:
            migrate(connection)
        if have < len(migrations):
            connection.execute(sa.delete(_formats).where(_formats.c.part == part))
            connection.execute(sa.insert(_formats).values(part=part, format=len(migrations)))


def check_database(engine: Engine) -> None:
    """Read something from the database. Raises the errors of SQLAlchemy."""
    with engine.connect() as connection:
        connection.execute(sa.select(_formats.c.format).limit(1)).all()


def add_columns(connection: Connection, table: sa.Table) -> None:
    """Add the columns that a table of an earlier format does not have: a migration. They need a default of the
    database, or may be null."""
    existing = {column["name"] for column in sa.inspect(connection).get_columns(table.name)}
    for column in table.columns:
        if column.name not in existing:
            text = sa.schema.CreateColumn(column).compile(dialect=connection.dialect)
            connection.exec_driver_sql(f"ALTER TABLE {table.name} ADD COLUMN {text}")
