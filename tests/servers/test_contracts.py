"""Every request that is recorded for a connector is judged against the vendor's published document, or its schema.

What a judge objects to must stand in `tests/connectors/contract-gaps.yaml`, with the reason and a link; and what stands
there must still be objected to.
"""

import json
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import urlencode, urlsplit

import httpx
import pytest
import yaml
from processes import cache
from processes.judges import Judge
from processes.specs import spec

ROOT = Path(__file__).resolve().parents[2]
GAPS = yaml.safe_load((ROOT / "tests/connectors/contract-gaps.yaml").read_text(encoding="utf-8"))
HEADERS = {"xero": {"xero-tenant-id": "45e4708e-d862-4111-ab3a-dd8cd03913e1"}}
"""Headers that a recording leaves out, because they are the account's."""
DOCUMENTS = {
    "asana": ("asana.yaml", ""),
    "attio": ("attio.yaml", "/v2"),
    "google_calendar": ("google-calendar.json", ""),
    "intercom": ("intercom-2.15.yaml", ""),
    "jira": ("jira.json", "/rest/api/3"),
    "pipedrive": ("pipedrive-v2.yaml", ""),
    "xero": ("xero-accounting.yaml", ""),
}
"""The document of each connector, and what its paths have of the connector's base URL."""


def read_requests(connector: str) -> Iterator[tuple[str, str, dict]]:
    """Yield each recorded request once, with the operation that sends it and its path in the document."""
    seen = set()
    for path in sorted((ROOT / "connectors" / connector / "recordings").glob("*.json")):
        recording = json.loads(path.read_text(encoding="utf-8"))
        for exchange in recording["exchanges"]:
            request = exchange["request"]
            key = json.dumps(request, sort_keys=True)
            if exchange["response"]["status"] < 400 and key not in seen:
                seen.add(key)
                below = urlsplit(request["url"]).path.removeprefix(urlsplit(recording["base_url"]).path)
                yield recording["operation"], f"{DOCUMENTS[connector][1]}{below}", request


def read_all(connector: str) -> Iterator[dict]:
    """Yield every recorded request."""
    for path in sorted((ROOT / "connectors" / connector / "recordings").glob("*.json")):
        yield from (row["request"] for row in json.loads(path.read_text(encoding="utf-8"))["exchanges"])


def send(client: httpx.Client, url: str, request: dict, connector: str) -> None:
    query = f"?{urlencode(request['query'], doseq=True)}" if request.get("query") else ""
    headers = {"accept": "application/json", "authorization": "Bearer a-token", **HEADERS.get(connector, {})}
    headers |= request.get("headers", {})
    client.request(request["method"], f"{url}{query}", headers=headers, json=request.get("body"))


@pytest.mark.parametrize("connector", sorted(DOCUMENTS))
def test_what_is_sent_is_in_the_vendors_contract(judge: Callable[..., Judge], connector: str) -> None:
    judged = judge("steady", DOCUMENTS[connector][0], "")
    found: dict[str, set[str]] = {}
    with httpx.Client(timeout=60) as client:
        for operation, path, request in read_requests(connector):
            judged.forget()
            send(client, f"{judged.url}{path}", request, connector)
            for fault in judged.faults():
                found.setdefault(operation, set()).add(fault.partition(": ")[2][:160])
    assert found.keys() == GAPS.get(connector, {}).keys(), found


GRAPHQL = {"linear": "linear-schema.graphql"}
VALIDATE = """\
import json, sys
from graphql import build_schema, parse, validate
with open(sys.argv[1], encoding="utf-8") as file:
    schema = build_schema(file.read())
print(json.dumps([str(fault) for query in json.load(sys.stdin) for fault in validate(schema, parse(query))]))
"""


@pytest.mark.parametrize("connector", sorted(GRAPHQL))
def test_graphql_queries_are_in_the_vendors_schema(connector: str) -> None:
    queries = {request["body"]["query"] for request in read_all(connector) if "query" in (request.get("body") or {})}
    assert len(queries) > 10
    python = cache.venv("graphql-core", "3.2.6") / "python"
    done = subprocess.run(
        [python, "-c", VALIDATE, spec(GRAPHQL[connector])],
        input=json.dumps(sorted(queries)),
        capture_output=True,
        text=True,
        check=True,
        timeout=120,
    )
    assert json.loads(done.stdout) == []


def test_every_gap_has_a_reason_and_a_link() -> None:
    for connector, operations in GAPS.items():
        assert connector in DOCUMENTS
        assert all(gap["reason"] and gap["link"].startswith("https://") for gap in operations.values())
