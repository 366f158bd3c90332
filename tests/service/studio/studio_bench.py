"""Opens the page of a workspace in this process, as a browser with a session sees it."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import launching
from starlette.testclient import TestClient

from conn_service.studio.app import StudioSettings, create_app
from conn_service.studio.guard import StudioSecrets
from conn_service.studio.hosting import QueryContext, StudioUser
from conn_service.studio.session import StudioSession

__all__ = ["HOST", "PORT", "READ_ONLY", "Post", "ask", "edit", "find_row", "open_page", "write_shop"]

PORT = 4100
_REASON = "the page was started with --read-only"
READ_ONLY = QueryContext(user=StudioUser(edit_refusal=_REASON, release_refusal=_REASON))
_RECORDING = {
    "format": 1, "connector": "shop", "operation": "crm.contacts.list", "source": "sample", "call": {},
    "recorded_at": "2026-01-01T00:00:00Z", "base_url": "https://shop.example",
    "exchanges": [{
        "request": {"method": "GET", "url": "https://shop.example/people"},
        "response": {"status": 200, "headers": {}, "body": {"items": [{"id": "1", "mail": "Ada@shop.example"}]}},
    }],
}  # fmt: skip
_SHOP = {
    "conn.yaml": "version: 1\n",
    "connectors/shop/connector.yaml": "base_url: https://shop.example\npagination: none\nresources:\n  people:\n"
    "    list: { path: /people, response_path: items }\n",
    "connectors/shop/unified/crm.yaml": "resources:\n  contacts:\n    response_mapping: { id: response.id }\n"
    "    list: { resource: people }\n",
    "connectors/shop/recordings/crm.contacts.list.json": json.dumps(_RECORDING),
    "accounts/acme.yaml": "connector: shop\noverride:\n  crm.contacts.response_mapping.email: response.mail\n",
    "accounts/globex.yaml": "connector: shop\n",
}
"""A workspace of one operation, with one recording of one record."""
HOST = f"127.0.0.1:{PORT}"
Post = Callable[..., Any]


def open_page(root: Path, reason: str = "") -> TestClient:
    """Return a client with a session; leave it with `__exit__`."""
    keys = StudioSecrets()
    client = TestClient(create_app(StudioSettings(root, PORT, reason), keys), base_url=f"http://{HOST}")
    client.__enter__()
    assert client.get(f"/edit?token={keys.token}", follow_redirects=False).status_code == 303
    return client


def write_shop(root: Path) -> None:
    """Write the smallest workspace with a recording, in a repository with one commit."""
    for name, text in _SHOP.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)
    for words in (
        ["init", "-q", "-b", "main"],
        ["config", "user.name", "Ada"],
        ["config", "user.email", "ada@example.com"],
        ["add", "-A"],
        ["commit", "-q", "-m", "start"],
    ):
        launching.run(["git", *words], cwd=root, check=True, capture_output=True)


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
