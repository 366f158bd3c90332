"""Requests of the catalogue's pipedrive and hubspot connectors, judged against the vendors' own documents."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from processes.command import Conn
from processes.judges import Judge
from processes.workspace import workspace

CONTACT = {
    "first_name": "Ada",
    "last_name": "Lovelace",
    "email": "ada@example.com",
    "emails": [{"email": "ada@example.com", "type": "work"}],
    "phone_numbers": [{"number": "+44 20 7946 0000", "type": "work"}],
}
CHANGE = {"last_name": "King"}
DOCUMENTS = {"hubspot": "hubspot-crm-contacts-v3.json", "pipedrive": "pipedrive-v2.yaml"}
ACCOUNTS = {"hubspot": "acme", "pipedrive": "pipes"}
ID = "17"


@pytest.fixture
def bench(judge: Callable[..., Judge]) -> Callable[[str, str], Judge]:
    """A judge over the document of one vendor; its paths begin after the version in the base URL."""

    def get(kind: str, vendor: str) -> Judge:
        return judge(kind, DOCUMENTS[vendor], "/api/v2" if vendor == "pipedrive" else "")

    return get


def run_in(tmp_path: Path, vendor: str, port: int) -> Conn:
    root = workspace(
        tmp_path,
        "catalogue",
        connectors=(vendor,),
        port=port,
        hubspot="",
        github="/none",
        pipedrive="/api/v2",
    )
    for account in (root / "accounts").glob("*.yaml"):
        if account.stem != ACCOUNTS[vendor]:
            account.unlink()
    token = {"access_token": "an-access-token", "token_type": "Bearer"}
    environ = {
        "HUBSPOT_CLIENT_ID": "id",
        "HUBSPOT_CLIENT_SECRET": "client-secret-1",
        "CONN_ACME_CREDENTIALS": json.dumps({"oauth": {"token": token}}),
        "CONN_PIPES_CREDENTIALS": json.dumps({"api_key": "an-api-key"}),
    }
    return Conn(root, tmp_path / "home", environ, ["an-access-token", "client-secret-1", "an-api-key"])


CALLS = {
    "list": ("contacts.list", "--param", "limit=2", "--limit", "1"),
    "get": ("contacts.get", "--param", f"id={ID}"),
    "create": ("contacts.create", "--body", json.dumps(CONTACT), "--send"),
    "update": ("contacts.update", "--param", f"id={ID}", "--body", json.dumps(CHANGE), "--send"),
    "delete": ("contacts.delete", "--param", f"id={ID}", "--send"),
}
METHODS = {"list": "GET", "get": "GET", "create": "POST", "update": "PATCH", "delete": "DELETE"}


@pytest.mark.parametrize("call", list(CALLS))
@pytest.mark.parametrize("vendor", ["hubspot", "pipedrive"])
@pytest.mark.parametrize("kind", ["steady", "prism"])
def test_requests_keep_the_vendor_s_contract(
    bench: Callable[[str, str], Judge], tmp_path: Path, kind: str, vendor: str, call: str
) -> None:
    judged = bench(kind, vendor)
    run = run_in(tmp_path, vendor, judged.bench.port)
    run("run", *CALLS[call], "--account", ACCOUNTS[vendor], "--output", "jsonl")
    assert judged.faults() == []
    first, *steps = [seen.method for seen in reversed(judged.exchanges)]
    assert first == METHODS[call]
    assert set(steps) <= {"GET"}, "steps before the request only read"
