"""A small workspace with a connector `shop`, and recordings of it."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from conn_engine.config import Workspace, load_workspace

ITEMS = [
    {"id": "1", "props": {"email": "a@example.com", "score": "87", "first name": "Ada"}, "tags": [], "note": ""},
    {
        "id": "2",
        "props": {"email": None, "score": "9", "true": True},
        "tags": ["x", "y"],
        "phones": [{"n": 1}, {"n": 2}],
    },
]
MAPPING = {
    "id": "response.id",
    "email": "response.props.email",
    "custom_fields": '$omit(response.props, ["email"])',
}
UNIFIED: dict[str, Any] = {
    "things": {"response_mapping": MAPPING, "list": {}, "get": {"resource": "items"}, "create": {}}
}
OPERATIONS = {"list": {"method": "get", "path": "/things"}, "create": {"path": "/things"}}


def record(operation: str, items: Any, account: str = "", path: str = "/things") -> dict[str, Any]:
    return {
        "format": 1, "connector": "shop", "operation": operation, "source": "sample", "account": account,
        "recorded_at": "2026-01-01T00:00:00Z", "base_url": "https://shop.example", "exchanges": [{
            "request": {"method": "GET", "url": f"https://shop.example{path}"},
            "response": {"status": 200, "body": items},
        }],
    }  # fmt: skip


def build(root: Path, files: Mapping[str, Any] = {}, recordings: Mapping[str, Any] = {}) -> Workspace:
    everything = {
        "conn.yaml": {"version": 1},
        "connectors/shop/connector.yaml": {
            "base_url": "https://shop.example",
            "resources": {"things": OPERATIONS, "items": {"get": {"path": "/things"}}, "other": {"list": "/other"}},
        },
        "connectors/shop/unified/m.yaml": {"resources": UNIFIED},
        "accounts/acme.yaml": {"connector": "shop"},
        "accounts/beta.yaml": {"connector": "shop"},
        **files,
        **{f"connectors/shop/recordings/{name}.json": data for name, data in recordings.items()},
    }
    for name, data in everything.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(json.dumps(data), encoding="utf-8")
    return load_workspace(root)
