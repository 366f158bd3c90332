"""Recording from the vendor in the page: what is asked first, what is written, and what is never shown."""

import json
import re
from collections.abc import Iterator
from html import unescape
from pathlib import Path

import pytest
from starlette.testclient import TestClient
from studio_bench import HOST, open_page
from vendor import Arrived, Reply, Vendor, start_vendor

pytestmark = pytest.mark.slow

TOKEN = "tok-aVerySecretOne-42"
_CONNECTOR = """\
base_url: {url}
credentials: {{ format: bearer }}
authorization: {{ format: bearer }}
pagination: none
resources:
  people:
    list: {{ path: /people, response_path: items }}
    get: {{ path: "/people/{{{{id}}}}" }}
    create: {{ path: /people, method: POST }}
"""
_UNIFIED = """\
resources:
  contacts:
    response_mapping: { id: response.id, email: response.email, first_name: response.first_name }
    list: { resource: people }
    get: { resource: people }
"""


def _answer(arrived: Arrived) -> Reply:
    if arrived.headers.get("authorization") != f"Bearer {TOKEN}":
        return 401, {}, {"message": f"bad token {arrived.headers.get('authorization')}"}
    person = {"id": "7", "email": "ada.king@real.example", "first_name": "Ada", "seen": TOKEN}
    if arrived.path == "/people/7":
        return 200, {}, person
    if arrived.path != "/people":
        return 404, {}, {"message": "no such person"}
    return 200, {"set-cookie": f"session={TOKEN}-cookie"}, {"items": [person]}


@pytest.fixture
def vendor() -> Iterator[Vendor]:
    with start_vendor(_answer) as running:
        yield running


@pytest.fixture
def root(tmp_path: Path, vendor: Vendor, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A workspace whose connector is for the vendor on loopback: ada has a credential, bob has none."""
    for name, text in {
        "conn.yaml": f'version: 1\ntrusted_hosts: ["{vendor.host}"]\n',
        "connectors/shop/connector.yaml": _CONNECTOR.format(url=vendor.url),
        "connectors/shop/unified/crm.yaml": _UNIFIED,
        "accounts/ada.yaml": "connector: shop\n",
        "accounts/bob.yaml": "connector: shop\n",
    }.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    monkeypatch.setenv("CONN_ADA_TOKEN", TOKEN)
    monkeypatch.setenv("CONN_NO_KEYRING", "1")
    monkeypatch.setenv("CONN_PERSONAL_DATA_KEY", "a long random text for pseudonyms")
    return tmp_path


@pytest.fixture
def client(root: Path) -> Iterator[TestClient]:
    client = open_page(root)
    yield client
    client.__exit__(None, None, None)


def read(answer: object, status: int = 200) -> str:
    assert answer.status_code == status, answer.text
    assert TOKEN not in answer.text
    assert "ada.king" not in answer.text
    return unescape(re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", answer.text)))


def ask(client: TestClient, status: int = 200, **values: str) -> str:
    return read(client.get("/recordings/record", params={"connector": "shop", **values}), status)


def send(client: TestClient, status: int = 200, **values: str) -> str:
    headers = {"origin": f"http://{HOST}"}
    form = {"connector": "shop", "account": "ada", "operation": "crm.contacts.list", **values}
    return read(client.post("/recordings/record/send", data=form, headers=headers), status)


def test_only_accounts_with_a_credential_are_offered_and_nothing_is_sent_before_it_is_confirmed(
    client: TestClient, vendor: Vendor
) -> None:
    assert 'href="/recordings/record?connector=shop"' in client.get("/recordings").text
    offered = client.get("/recordings/record?connector=shop").text
    assert "<option>ada</option>" in offered
    assert "bob" not in offered
    shown = ask(client, account="ada", operation="crm.contacts.list")
    assert f"GET {vendor.host.partition(':')[0]}/people" in shown
    assert "connectors/shop/recordings/crm.contacts.list.json" in shown
    assert "Is replaced by pseudonyms" in shown
    assert "is replaced " not in shown
    assert vendor.arrived == []


def test_a_run_is_recorded_without_secrets_and_personal_data(client: TestClient, root: Path, vendor: Vendor) -> None:
    shown = send(client)
    assert "1 exchange, 1 record in connectors/shop/recordings/crm.contacts.list.json" in shown
    assert "Replaced: 1 " in shown
    assert [arrived.target for arrived in vendor.arrived] == ["/people"]
    text = (root / "connectors/shop/recordings/crm.contacts.list.json").read_text()
    assert TOKEN not in text
    assert "ada.king" not in text
    assert "cookie" not in text
    recorded = json.loads(text)
    assert recorded["source"] == "live"
    assert recorded["exchanges"][0]["response"]["body"]["items"][0]["id"] == "7"
    assert "GET /people" in read(client.get("/recordings/shop/crm.contacts.list.json"))
    assert "exists" in send(client, 422)
    assert "is replaced" in ask(client, account="ada", operation="crm.contacts.list")
    assert "1 exchange" in send(client, replace="yes")


def test_the_values_of_a_call_and_an_error_of_the_vendor_are_recorded(client: TestClient, root: Path) -> None:
    assert "1 record in" in send(client, operation="contacts.get", values="id = 7\n", own="yes")
    assert (root / "connectors/shop/recordings/ada/crm.contacts.get.json").is_file()
    shown = send(client, operation="crm.contacts.get", values="id=8", scenario="not_found")
    assert "The operation ended with:" in shown
    assert "no such person" in shown
    again = client.get("/recordings/shop/crm.contacts.get.not_found.json").text
    assert "values=id%3D8" in again
    assert "1 exchange, 1 record" in send(client, operation="shop:people.list")


@pytest.mark.parametrize(
    ("values", "text"),
    [
        ({"account": "bob"}, 'account "bob" has no credential'),
        ({"account": "eve"}, "eve"),
        ({"operation": "shop:people.create"}, "writes, and the page records only reads"),
        ({"operation": "crm.contacts.lst"}, "did you mean"),
        ({"operation": "crm.contacts.get", "values": "id"}, '"id" is not NAME=VALUE'),
        ({"operation": "crm.contacts.get", "values": "idd=7"}, 'has no parameter "idd"'),
        ({"scenario": "../x"}, "is not a valid name of a scenario"),
        ({"account": ""}, "the account is missing"),
    ],
)
def test_what_cannot_be_recorded_is_said_and_sends_nothing(
    client: TestClient, root: Path, vendor: Vendor, values: dict[str, str], text: str
) -> None:
    assert text in send(client, 422, **values)
    assert vendor.arrived == []
    assert not (root / "connectors/shop/recordings").exists()


def test_a_token_that_the_vendor_repeats_is_not_shown(
    client: TestClient, monkeypatch: pytest.MonkeyPatch, vendor: Vendor
) -> None:
    other = "tok-anotherSecretOne-43"
    monkeypatch.setenv("CONN_ADA_TOKEN", other)
    shown = send(client)
    assert "bad token" in shown
    assert other not in shown
    assert len(vendor.arrived) == 1


def test_a_read_only_page_records_nothing(root: Path, vendor: Vendor) -> None:
    client = open_page(root, "the page was started with --read-only")
    assert "nothing was saved: the page was started with --read-only" in ask(client, 403)
    assert "nothing was saved" in send(client, 403)
    assert vendor.arrived == []
    client.__exit__(None, None, None)
