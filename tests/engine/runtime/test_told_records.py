"""The record of an event is mapped like an operation's response, with the record's id."""

import json

import pytest

from conn_engine.config import load_workspace
from conn_engine.runtime.webhooks import Receiver
from conn_engine.secrets.vault.memory import MemoryVault
from conn_engine.webhooks import Delivery
from conn_engine.wire import Headers

CONNECTOR = {
    "base_url": "https://api.example.com",
    "webhooks": {
        "verify": {"format": "token", "config": {"token": "headers.token", "key": "t"}},
        "events": {"type": "body.type", "record": "body.record", "record_id": "body.id"},
    },
    "resources": {"contacts": {method: {"method": method, "path": "/c/{{id}}"} for method in ("get", "delete")}},
}
EVENTS = {
    "updated": {"when": 'event.type = "changed"'},
    "deleted": {"when": 'event.type = "gone"', "record": "event.item", "method": "delete"},
}
CRM = {
    "resources": {
        "contacts": {
            "events": EVENTS,
            "get": {"response_mapping": {"id": "response.id", "email": "response.email"}},
            "delete": {"response_mapping": {"id": "id", "deleted": "true"}},
        }
    }
}


@pytest.fixture
def told(tmp_path):
    for name, data in {
        "conn.yaml": {"version": 1},
        "connectors/shop/connector.yaml": CONNECTOR,
        "connectors/shop/unified/crm.yaml": CRM,
        "accounts/me.yaml": {"connector": "shop"},
    }.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(data))

    def run(body, ids=False):
        delivery = Delivery("POST", "https://us.example/in", Headers({"token": "t"}), json.dumps(body).encode())
        receipt = Receiver(load_workspace(tmp_path), {}, MemoryVault()).receive(delivery, account="me")
        assert (receipt.refusal, receipt.error) == (None, None)
        return [event.id if ids else (event.type, event.data) for event in receipt.events]

    return run


def test_a_record_is_mapped_as_an_operations_is(told):
    assert told({"type": "changed", "record": {"id": "7", "email": "a@b.c", "x": 1}}) == [
        ("crm.contact.updated", {"id": "7", "email": "a@b.c"})
    ]


def test_a_deleted_record_gives_the_event_of_its_deletion(told):
    assert told({"type": "gone", "id": 7}) == [("crm.contact.deleted", {"id": "7", "deleted": True})]


def test_several_records_of_one_event_have_ids_of_their_own(tmp_path, told):
    mapping = tmp_path / "connectors/shop/unified/crm.yaml"
    several = json.loads(json.dumps(CRM))
    several["resources"]["contacts"]["get"]["response_mapping"] = 'response.people.{"id": id}'
    mapping.write_text(json.dumps(several))
    body = {"type": "changed", "record": {"people": [{"id": "7"}, {"id": "8"}]}}
    first, again = (told(body, ids=True) for _ in range(2))
    assert [data for _, data in told(body)] == [{"id": "7"}, {"id": "8"}]
    assert len(set(first)) == 2 and first == again
