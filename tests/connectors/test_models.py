"""What serves the fields of the unified models: each has a value in the results of two connectors, or names the one."""

import json
from collections import defaultdict
from functools import cache
from pathlib import Path

import pytest

from conn_engine.config import load_workspace

ROOT = Path(__file__).parents[2]
MODELS = sorted((ROOT / "schemas" / "models").glob("*/*.schema.json"))
SHARED = {"id", "created_at", "updated_at", "deleted", "url", "custom_fields", "remote_data"}
"""The fields that every record has."""


@cache
def find_serving() -> dict[str, dict[str, set[str]]]:
    """The connectors whose golden results have a value, by record and field."""
    workspace, found = load_workspace(ROOT), defaultdict(lambda: defaultdict(set))
    for connector in workspace.connectors():
        effective = workspace.effective(account=None, connector=connector)
        for name in effective.operations():
            if name.kind != "unified":
                continue
            record = f"{name.model}.{effective.get_unified(name.model, name.resource, name.method).record}"
            for path in (ROOT / "connectors" / connector / "expected").glob(f"{name.text}.*"):
                for row in json.loads(path.read_text(encoding="utf-8")).get("records", []):
                    for field, value in row.items():
                        if value not in (None, [], {}, ""):
                            found[record][field].add(connector)
    return found


@pytest.mark.parametrize("path", MODELS, ids=lambda path: f"{path.parent.name}.{path.name.partition('.')[0]}")
def test_a_field_that_only_one_connector_serves_says_which(path: Path) -> None:
    record = f"{path.parent.name}.{path.name.partition('.')[0]}"
    properties = json.loads(path.read_text(encoding="utf-8"))["properties"]
    serving = {field: sorted(find_serving()[record][field]) for field in properties if field not in SHARED}
    few = {field: connectors for field, connectors in serving.items() if len(connectors) < 2}
    marked = {field: of["x-served-by"] for field, of in properties.items() if "x-served-by" in of}
    assert marked == few
