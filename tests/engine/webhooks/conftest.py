"""A workspace with one connector that receives deliveries, verified as a test declares; and one with a connector
for each known vendor. Makes `desk` importable under every import mode."""

import json
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from conn_engine.config import Workspace, load_workspace

sys.path.insert(0, str(Path(__file__).parent))

from desk import document, schemes, workspace

CONNECTOR = """\
base_url: https://api.example.com/v1
credentials: { format: bearer }
authorization: { format: bearer }
fields:
  - { name: webhook_secret, secret: true, required: false }
resources:
  people:
    list: { method: get, path: /people, response_path: items }
    get: { method: get, path: "/people/{{id}}" }
"""
CRM = """\
resources:
  contacts:
    get:
      resource: people
      response_mapping: { id: $string(response.id), first_name: response.name }
    events:
      created: { when: 'event.type = "person.created"', record: event.record }
      updated: { when: 'event.type = "person.updated"', fetch: event.record_id }
      deleted: { when: 'event.type = "person.deleted"', record: '{"id": event.record_id}' }
"""
EVENTS = {
    "type": "item.type",
    "id": "item.event",
    "occurred_at": "item.at",
    "record": "item.person",
    "record_id": "item.person.id",
}

Make = Callable[..., Workspace]


@pytest.fixture
def make(tmp_path: Path) -> Make:
    """`make(verify, **more)`: the workspace; `more` are further keys of `webhooks`, `files` further files."""

    def build(verify: Mapping[str, Any], files: Mapping[str, str] | None = None, **more: Any) -> Workspace:
        webhooks = {"verify": verify, "events": EVENTS, **more}
        every = {
            "conn.yaml": "version: 1\n",
            "connectors/shop/connector.yaml": f"{CONNECTOR}webhooks: {json.dumps(webhooks)}\n",
            "connectors/shop/unified/crm.yaml": CRM,
            "accounts/acme.yaml": "connector: shop\n",
            **(files or {}),
        }
        for name, content in every.items():
            path = tmp_path / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(content, encoding="utf-8")
        return load_workspace(tmp_path)

    return build


@pytest.fixture(scope="session")
def vendors(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    """A workspace with a connector for each vendor."""
    root = tmp_path_factory.mktemp("vendors").resolve()
    return workspace(root, {name.replace("_", "-"): document(told) for name, told in schemes().items()})
