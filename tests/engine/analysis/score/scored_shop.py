"""A small connector whose score is counted by hand, and what its parts need."""

import json
from pathlib import Path
from typing import Any

from conn_engine.config import load_workspace
from conn_engine.secrets import Redactor
from conn_engine.testing.goldens import update_golden
from conn_engine.testing.suite import Selection, run_suite

__all__ = ["BASE", "NOW", "build_recording", "create_shop", "update_goldens"]

BASE = "https://shop.example"
NOW = 1_767_312_000.0
"""2026-01-02T00:00:00Z, a day after the recordings."""
MODEL = {
    "type": "object",
    "properties": {
        "id": {"type": "string"},
        "name": {"type": "string"},
        "phone": {"type": ["string", "null"]},
        "fax": {"type": ["string", "null"], "x-served-by": ["bazaar"]},
        "shelf": {"type": ["string", "null"], "x-served-by": ["shop"]},
        "deleted": {"type": "boolean"},
    },
}
CONNECTOR = """\
label: Shop
base_url: https://shop.example
resources:
  things:
    list: {path: /things}
    get: {path: "/things/{{id}}"}
"""
UNIFIED = """\
resources:
  things:
    response_mapping: {id: response.id, name: response.n, shelf: response.s}
    list: {}
    get: {}
"""


def build_recording(operation: str, answers: list[tuple[str, int, Any]], **more: Any) -> dict[str, Any]:
    exchanges = [
        {"request": {"method": "GET", "url": BASE + path}, "response": {"status": status, "body": body}}
        for path, status, body in answers
    ]
    return {
        "format": 1,
        "connector": "shop",
        "operation": operation,
        "source": "contract",
        "base_url": BASE,
        "recorded_at": "2026-01-01T00:00:00Z",
        "exchanges": exchanges,
        **more,
    }


def create_shop(root: Path, **files: str) -> Path:
    """Create the workspace with goldens. `files` are further ones of the connector, or replace one, by path."""
    thing = {"id": "1", "n": "Vase", "s": "A1"}
    texts = {
        "conn.yaml": "version: 1\n",
        "models/m/thing.schema.json": json.dumps(MODEL),
        "connectors/shop/connector.yaml": CONNECTOR,
        "connectors/shop/unified/m.yaml": UNIFIED,
        "connectors/shop/recordings/m.things.list.json": json.dumps(
            build_recording("m.things.list", [("/things", 200, [thing])])
        ),
        "connectors/shop/recordings/m.things.get.json": json.dumps(
            build_recording("m.things.get", [("/things/1", 200, thing)], call={"id": "1"})
        ),
        **{f"connectors/shop/{name}": text for name, text in files.items()},
    }
    for name, text in texts.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text, encoding="utf-8")
    update_goldens(root)
    return root


def update_goldens(root: Path) -> None:
    workspace = load_workspace(root)
    for report in run_suite(workspace, Selection()):
        for judgement in report.judgements:
            update_golden(judgement, Redactor())
