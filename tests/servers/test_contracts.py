"""Every request that is recorded for a connector is judged against the vendor's published document.

What a judge objects to must stand in `tests/connectors/contract-gaps.yaml`, with the reason and a link; and what stands
there must still be objected to.
"""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import urlencode, urlsplit

import httpx
import pytest
import yaml
from processes.judges import Judge

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


def test_every_gap_has_a_reason_and_a_link() -> None:
    for connector, operations in GAPS.items():
        assert connector in DOCUMENTS
        assert all(gap["reason"] and gap["link"].startswith("https://") for gap in operations.values())
