"""The example workspace with two of its connectors, complete and with few recordings."""

import shutil
from pathlib import Path

import pytest

from conn_engine.documents.locate import find_packaged

RECORDED = (
    "crm.contacts.get.json",
    "crm.contacts.get.not_found.json",
    "crm.contacts.list.json",
    "crm.companies.list.json",
    "ticketing.tickets.list.json",
)


@pytest.fixture(scope="session")
def example(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("example")
    for name in ("hubspot", "github"):
        shutil.copytree(find_packaged("connectors") / name, root / "connectors" / name)
    shutil.copytree(find_packaged("example"), root, dirs_exist_ok=True)
    return root


@pytest.fixture(scope="session")
def small(example: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("small")
    shutil.copytree(example, root, dirs_exist_ok=True)
    for path in (root / "connectors").rglob("*.json"):
        if path.name not in RECORDED or "deliveries" in path.parts:
            path.unlink()
    return root
