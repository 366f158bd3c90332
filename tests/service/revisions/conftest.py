"""A database of each kind, and a workspace with two connectors."""

from pathlib import Path

import pytest
import sqlalchemy as sa

from conn_engine.config import Workspace, load_workspace
from conn_service.revisions import RevisionStore

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


@pytest.fixture
def store(engine: sa.Engine) -> RevisionStore:
    return RevisionStore(engine)
