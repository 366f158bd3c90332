"""Settings of all tests. No example is too slow: how long one takes says something of the machine, not of the code."""

import gc
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import settings

sys.path.append(str(Path(__file__).parent))  # so that `vendor` is found under every import mode

from postgres_server import PostgresServer, start_postgres

settings.register_profile("conn", deadline=None)
settings.load_profile("conn")
gc.set_threshold(50_000)  # as the command does


def pytest_collection_finish() -> None:
    """Take the collected tests, which stay until the end, out of the garbage collector's work."""
    gc.collect()
    gc.freeze()


@pytest.fixture(scope="session", autouse=True)
def _state_folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """No test reads or leaves files in the user's own folder for state."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("CONN_STATE_DIR", str(tmp_path_factory.mktemp("state")))
        yield


@pytest.fixture(scope="session")
def postgres() -> Iterator[Callable[[], str]]:
    """Makes the URL of a new database. The server is real, and starts when a test first asks."""
    with start_postgres() as server:
        yield server.create_database


@pytest.fixture
def postgres_server() -> Iterator[PostgresServer]:
    """A server of its own, which the test may stop and start."""
    with start_postgres() as server:
        yield server
