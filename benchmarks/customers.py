"""A workspace of many customers, made with a seed: one connector, ten operations, recordings of 300 records each.

Nine of ten accounts differ in their contexts alone; every tenth has an override of its own, of one operation.
"""

import json
from pathlib import Path
from random import Random
from typing import Any

__all__ = ["RECORDS", "RESOURCES", "change", "customers"]

RESOURCES = tuple(f"kind{number}" for number in range(10))
RECORDS = 300
PAGE = 100
FIELDS = ("first_name", "last_name", "email", "city", "title", "phone", "company", "status", "score", "stage")
BASE = "https://api.vendor.example"


def customers(folder: Path, accounts: int, *, seed: int = 1) -> Path:
    """Write the workspace. The same seed and number give the same files."""
    random = Random(seed)
    connector = folder / "connectors" / "vendor"
    _write(folder / "conn.yaml", {"version": 1})
    _write(folder / "models" / "crm" / "contact.schema.json", _schema())
    _write(connector / "connector.yaml", _connector())
    _write(connector / "unified" / "crm.yaml", {"resources": {name: _unified() for name in RESOURCES}})
    for name in RESOURCES:
        _write(connector / "recordings" / f"crm.{name}.list.json", _recording(name, random))
    for number in range(accounts):
        account: dict[str, Any] = {"connector": "vendor", "context": {"owner": f"owner-{number}"}}
        if number % 10 == 0:
            field, other = random.sample(FIELDS, 2)
            mapping = {field: f"response.properties.{other}", "custom": f"'{number}'"}
            override = {random.choice(RESOURCES): {"list": {"response_mapping": mapping}}}
            account["override"] = {"unified": {"crm": override}}
        _write(folder / "accounts" / f"account-{number:05d}.yaml", account)
    return folder


def change(folder: Path) -> None:
    """Change one field of the base in every operation: the worst that one line with an anchor can do."""
    path = folder / "connectors" / "vendor" / "unified" / "crm.yaml"
    text = path.read_text("utf-8")
    path.write_text(text.replace("response.properties.email", "response.properties.work_email"), "utf-8")


def _connector() -> dict[str, Any]:
    listing = {"method": "get", "response_path": "results"}
    return {
        "base_url": BASE,
        "credentials": {"format": "bearer"},
        "authorization": {"format": "bearer"},
        "pagination": {"format": "cursor", "config": {"cursor_field": "next.after", "cursor_param": "after"}},
        "resources": {name: {"list": {**listing, "path": f"/{name}"}} for name in RESOURCES},
    }


def _schema() -> dict[str, Any]:
    texts = {key: {"type": "string"} for key in (*FIELDS, "id", "name", "custom", "created_at")}
    return {"type": "object", "required": ["id"], "properties": {**texts, "tags": {}}, "additionalProperties": False}


def _unified() -> dict[str, Any]:
    mapping: dict[str, str] = {name: f"response.properties.{name}" for name in FIELDS}
    computed = {
        "id": "response.id",
        "name": "$join([response.properties.first_name, response.properties.last_name], ' ')",
        "tags": "response.labels.name",
        "created_at": "response.createdAt",
    }
    return {"record": "contact", "list": {"response_mapping": {**computed, **mapping}}}


def _recording(resource: str, random: Random) -> dict[str, Any]:
    exchanges = []
    for start in range(0, RECORDS, PAGE):
        results = [_record(number, random) for number in range(start, start + PAGE)]
        body: dict[str, Any] = {"results": results}
        if start + PAGE < RECORDS:
            body["next"] = {"after": str(start + PAGE)}
        request: dict[str, Any] = {"method": "GET", "url": f"{BASE}/{resource}"}
        if start:
            request["query"] = {"after": str(start)}
        exchanges.append({"request": request, "response": {"status": 200, "body": body}})
    return {
        "format": 1,
        "connector": "vendor",
        "operation": f"crm.{resource}.list",
        "source": "sample",
        "recorded_at": "2026-01-01T00:00:00Z",
        "base_url": BASE,
        "exchanges": exchanges,
    }


def _record(number: int, random: Random) -> dict[str, Any]:
    properties = {name: f"{name} {random.randrange(10**6)}" for name in FIELDS if random.random() < 0.9}
    properties["work_email"] = f"{number}@example.com"
    return {
        "id": str(number),
        "createdAt": "2026-01-01T00:00:00Z",
        "labels": [{"name": random.choice("abc")} for _ in range(random.randrange(3))],
        "properties": properties,
    }


def _write(path: Path, data: Any) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(data), "utf-8")  # JSON is YAML
