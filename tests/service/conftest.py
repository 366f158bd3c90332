"""A database of each kind: a file, and a real Postgres."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa

from conn_engine.releases.store_location import StoreLocation
from conn_service.store import open_engine


@pytest.fixture(params=["sqlite", "postgres"])
def location(request: pytest.FixtureRequest, tmp_path: Path) -> StoreLocation:
    """Where a database may be made."""
    if request.param == "sqlite":
        return StoreLocation(file=tmp_path / "service.sqlite3")
    database: Callable[[], str] = request.getfixturevalue("postgres")
    return StoreLocation(url=sa.engine.make_url(database()))


@pytest.fixture
def engine(location: StoreLocation) -> Iterator[sa.Engine]:
    opened = open_engine(location)
    yield opened
    opened.dispose()
