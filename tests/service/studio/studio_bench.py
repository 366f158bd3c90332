"""Opens the page of a workspace in this process, as a browser with a session sees it."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from starlette.testclient import TestClient

from conn_service.studio.app import StudioSettings, create_app
from conn_service.studio.guard import StudioSecrets
from conn_service.studio.session import StudioSession

__all__ = ["HOST", "PORT", "Post", "ask", "edit", "find_row", "open_page"]

PORT = 4100
HOST = f"127.0.0.1:{PORT}"
Post = Callable[..., Any]


def open_page(root: Path, reason: str = "") -> TestClient:
    """Return a client with a session; leave it with `__exit__`."""
    keys = StudioSecrets()
    client = TestClient(create_app(StudioSettings(root, PORT, reason), keys), base_url=f"http://{HOST}")
    client.__enter__()
    assert client.get(f"/edit?token={keys.token}", follow_redirects=False).status_code == 303
    return client


def ask(session: StudioSession, name: str, expected: int = 200, **values: Any) -> Any:
    """Return the answer of a session in this process."""
    status, answer = session.answer(name, json.dumps(values).encode())
    assert status == expected, answer
    return answer


def edit(field: str, expression: str = "", **more: Any) -> dict[str, Any]:
    """Return an edit of a field of the contacts."""
    return {"operation": "crm.contacts.list", "field": field, "expression": expression, **more}


def find_row(answer: Any, field: str) -> Any:
    """Return the row of a field."""
    return next(row for row in answer["rows"] if row["field"] == field)
