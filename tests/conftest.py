"""Settings of all tests. No example is too slow: how long one takes says something of the machine, not of the code."""

import gc
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import settings

sys.path.append(str(Path(__file__).parent))  # so that `vendor` is found under every import mode

import failures
import launching
from parts import QUARTERS, THIRDS, find_part
from postgres_server import PostgresServer, start_postgres

settings.register_profile("conn", deadline=None)
settings.load_profile("conn")
gc.set_threshold(50_000)  # as the command does
launching.heed_interrupts()
pytest_configure = failures.pytest_configure


def pytest_addoption(parser: pytest.Parser) -> None:
    quarter = "run the files of one quarter of the suite, 1 to 4: the same ones in every run"
    parser.addoption("--quarter", type=int, choices=QUARTERS, help=quarter)
    third = "of the tests marked slow, run one third, 1 to 3: the same ones in every run"
    parser.addoption("--third", type=int, choices=THIRDS, help=third)


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """Leave the files of other quarters unread."""
    wanted = config.getoption("--quarter")
    if wanted is None or not collection_path.match("test_*.py"):
        return None
    name = collection_path.relative_to(Path(__file__).parent).as_posix()
    return None if find_part(name, QUARTERS) == wanted else True


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out the slow tests of other thirds."""
    wanted = config.getoption("--third")
    if wanted is None:
        return
    left = [item for item in items if item.get_closest_marker("slow") and find_part(item.nodeid, THIRDS) != wanted]
    config.hook.pytest_deselected(items=left)
    gone = {id(item) for item in left}
    items[:] = [item for item in items if id(item) not in gone]


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
