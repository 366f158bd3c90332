"""A store of each kind, a real Postgres among them, started once for the session."""

import os
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))  # so that `desks` is found, by processes that tests start too

from desks import Desk


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
