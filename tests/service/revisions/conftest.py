"""A database of each kind, and a workspace with two connectors."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa

from conn_engine.config import Workspace, load_workspace
from conn_engine.releases.store_location import StoreLocation
from conn_service.revisions import RevisionStore
from conn_service.store import open_engine

FILES = {
    "conn.yaml": "version: 1\n",
    "connectors/shop/connector.yaml": "base_url: https://api.shop.example\nresources: {}\n",
    "connectors/mail/connector.json": '{"base_url": "https://api.mail.example", "resources": {}}\n',
    "accounts/acme.yaml": "connector: shop\ncontext: { region: eu }\n",
    "accounts/globex.json": '{"connector": "mail"}\n',
}


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    for name, text in FILES.items():
        (tmp_path / "workspace" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "workspace" / name).write_text(text)
    return load_workspace(tmp_path / "workspace")


@pytest.fixture(params=["sqlite", "postgres"])
def location(request: pytest.FixtureRequest, tmp_path: Path) -> StoreLocation:
    if request.param == "sqlite":
        return StoreLocation(file=tmp_path / "service.sqlite3")
    database: Callable[[], str] = request.getfixturevalue("postgres")
    return StoreLocation(url=sa.engine.make_url(database()))


@pytest.fixture
def engine(location: StoreLocation) -> Iterator[sa.Engine]:
    opened = open_engine(location)
    yield opened
    opened.dispose()


@pytest.fixture
def store(engine: sa.Engine) -> RevisionStore:
    return RevisionStore(engine)
