"""Recorded deliveries in what is said of overrides and changes."""

import json

import pytest
from test_recorded import NOW, SECRET, URL, connected, signed

from conn_engine.checks.reach import reach_of
from conn_engine.runtime.effects import override_report
from conn_engine.runtime.webhooks.recording import record_delivery
from conn_engine.webhooks import Delivery
from conn_engine.wire import Headers

HMAC = {"format": "hmac", "config": {"signature": 'headers."x-signature"'}}
BODY = {"type": "person.created", "event": "e-1", "at": 1_759_999_990, "person": {"id": 5, "name": "Ada", "nick": "A"}}
OVERRIDING = """\
connector: shop
override:
  unified: { crm: { contacts: { get: { response_mapping: { first_name: response.nick } } } } }
"""


@pytest.fixture
def recorded(make, tmp_path):
    def build(**more):
        workspace = make(HMAC, **more)
        wiring = connected(workspace, {"webhook_secret": SECRET})
        body = json.dumps(BODY).encode()
        delivery = signed(wiring, Delivery("POST", URL, Headers({"X-Signature": "00ff"}), body))
        record_delivery(wiring, delivery, tmp_path / "connectors/shop/deliveries/created.json", received_at=NOW)
        return workspace

    return build


def test_an_override_of_a_mapping_shows_in_the_events(recorded):
    workspace = recorded(files={"accounts/acme.yaml": OVERRIDING})
    effective = workspace.effective(account="acme")
    report = override_report(workspace, effective, [], deliveries=True)
    (effect,) = report.effects
    assert (effect.name.text, effect.unknown, effect.records) == ("webhook created", False, 1)
    assert effect.fields == {("data.first_name", "changed"): 1}
    assert override_report(workspace, effective, []).effects == ()


@pytest.mark.parametrize(
    ("changed", "accounts"),
    [
        ("connectors/shop/deliveries/created.json", ("acme", "other")),
        ("connectors/shop/expected/deliveries/created.json", ("acme", "other")),
        ("connectors/shop/deliveries/acme/created.json", ("acme",)),
        ("connectors/shop/expected/deliveries/acme/created.json", ("acme",)),
    ],
)
def test_a_changed_delivery_reaches_those_whom_it_serves(recorded, changed, accounts):
    workspace = recorded(files={"accounts/other.yaml": "connector: shop\n"})
    assert reach_of(workspace, [changed]).accounts == accounts
