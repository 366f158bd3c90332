"""A small workspace with a sync, its recordings and goldens."""

import json
from collections.abc import Mapping
from pathlib import Path

from conn_engine.config import Workspace, load_workspace
from conn_engine.secrets import Redactor
from conn_engine.testing.goldens import update_golden
from conn_engine.testing.suite import OperationReport, Selection, run_suite

SYNC = "syncs/people.yaml"
HTTP = "connectors/shop/connector.yaml"
MAPPING = "connectors/shop/unified/crm.yaml"
RECORDING = "connectors/shop/recordings/crm.people.list.json"
GOLDEN = "connectors/shop/expected/syncs/people/crm.people.list.json"
PEOPLE = [
    {"id": "1", "mail": "ada@example.com", "age": 36, "plan": "free"},
    {"id": "2", "mail": "joe@example.com", "age": 41, "plan": "paid"},
    {"id": "3", "mail": "mei@example.com", "age": 29, "plan": "paid"},
]
DOCUMENT = """\
schedule: "@daily"
lookback: PT10M
source: { connector: shop, resource: crm.people, params: { since: "{{last_run_at}}" } }
transform:
  id: record.id
  email: record.email
  age: record.age
emit: { type: webhook, event: person.changed }
"""


def _exchange(page: int, people: list[dict[str, object]], following: str | None) -> dict[str, object]:
    url = "https://shop.test/people" + (f"?after={page}" if page else "")
    return {
        "request": {"method": "GET", "url": url},
        "response": {"status": 200, "body": {"next": following, "data": people}},
    }


def build_recording(pages: list[list[dict[str, object]]], scenario: str = "default") -> str:
    """Return the text of a recording of `crm.people.list`."""
    exchanges = [
        _exchange(number, people, str(number + 1) if number + 1 < len(pages) else None)
        for number, people in enumerate(pages)
    ]
    return json.dumps({
        "format": 1, "connector": "shop", "operation": "crm.people.list", "scenario": scenario, "source": "sample",
        "recorded_at": "2026-01-01T00:00:00Z", "base_url": "https://shop.test", "call": {}, "exchanges": exchanges,
    })  # fmt: skip


FILES = {
    "conn.yaml": "version: 1\nmodels: [models]\n",
    HTTP: """\
base_url: https://shop.test
pagination: {format: cursor, cursor_field: next, cursor_param: after}
resources:
  people:
    list: {path: /people, response_path: data}
    removed: {method: get, path: /people/removed, response_path: data}
""",
    MAPPING: """\
resources:
  people:
    list:
      query_mapping: { since: query.since }
      response_mapping: { id: response.id, email: response.mail, age: response.age, plan: response.plan }
""",
    RECORDING: build_recording([PEOPLE[:2], PEOPLE[2:]]),
    "models/crm/people.schema.json": '{"type": "object"}',
    "environments/production.yaml": "connectors: {}\n",
    "accounts/acme.yaml": "connector: shop\ntags: [eu]\n",
    "accounts/globex.yaml": "connector: shop\ntags: [us]\n",
    SYNC: DOCUMENT,
}


def write_shop(root: Path, changes: Mapping[str, str | None] | None = None) -> Workspace:
    """Write the workspace with some files changed, added, or left out (None)."""
    for name, text in {**FILES, **(changes or {})}.items():
        path = root / name
        if text is None:
            path.unlink(missing_ok=True)
            continue
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return load_workspace(root)


def run_syncs(workspace: Workspace, *accounts: str) -> list[OperationReport]:
    """Run the cases of all syncs."""
    return list(run_suite(workspace, Selection(operations=("sync:*",), accounts=accounts)))


def accept(workspace: Workspace, *accounts: str, everything: bool = False) -> int:
    """Store the goldens of all syncs, or of everything, and return how many files changed."""
    reports = list(run_suite(workspace, Selection())) if everything else run_syncs(workspace, *accounts)
    return sum(update_golden(verdict, Redactor()) for report in reports for verdict in report.judgements)


ENRICHING = """\
base_url: https://shop.test
pagination: {format: cursor, cursor_field: next, cursor_param: after}
resources:
  people:
    list: {path: /people, response_path: data}
    get: {path: "/people/{{id}}"}
"""
ENRICHED = """\
steps:
  - { action: fetch_resource, connector: shop, resource: crm.people }
  - { action: enrich, resource: people.get, params: { id: "{{record.id}}" }, into: details }
  - { action: transform, transform: { id: record.id, city: record.details.city } }
  - { action: deliver_webhook, event: person.changed }
"""


def build_details(identifier: str, status: int = 200) -> str:
    """Return the recording of a call that completes a record."""
    body = {"city": f"City {identifier}"} if status == 200 else {"error": "gone"}
    exchange = {
        "request": {"method": "GET", "url": f"https://shop.test/people/{identifier}"},
        "response": {"status": status, "body": body},
    }
    return json.dumps(
        {
            "format": 1,
            "connector": "shop",
            "operation": "people.get",
            "scenario": f"p{identifier}",
            "source": "sample",
            "recorded_at": "2026-01-01T00:00:00Z",
            "base_url": "https://shop.test",
            "call": {"id": identifier},
            "exchanges": [exchange],
        }
    )


def find_enriched_files(*recorded: str) -> dict[str, str]:
    """Return the files of a sync whose records are completed by calls, with the recordings of some of these."""
    files = {f"connectors/shop/recordings/people.get.p{one}.json": build_details(one) for one in recorded}
    return {HTTP: ENRICHING, SYNC: ENRICHED, **files}
