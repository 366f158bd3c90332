"""The page of the example workspace, with a session."""

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

sys.path.insert(0, str(Path(__file__).parent))

from studio_bench import Post, open_page

from conn_cli.scaffold import copy_example


@pytest.fixture(scope="session")
def tour(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The example workspace, which no test changes."""
    root = tmp_path_factory.mktemp("studio") / "tour"
    copy_example(root)
    return root


@pytest.fixture(scope="session")
def page(tour: Path) -> Iterator[TestClient]:
    client = open_page(tour)
    yield client
    client.__exit__(None, None, None)


@pytest.fixture
def post(page: TestClient) -> Post:
    """Send a query about Acme's contacts.list, and return the answer."""

    def send(name: str, status: int = 200, **values: Any) -> Any:
        body = {"account": "acme", "operation": "crm.contacts.list", **values}
        answer = page.post(f"/api/{name}", json=body)
        assert answer.status_code == status, answer.text
        return answer.json()

    return send
