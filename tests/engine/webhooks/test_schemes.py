"""The language declares how each of 195 vendors' deliveries is verified, answered, routed and read."""

import base64
import hmac
import json
import re
from pathlib import Path
from urllib.parse import urlencode

import jsonschema_rs
import pytest
from desk import NOW, SMALLEST, document, judged, known, post, schemes, workspace

from conn_engine.config.convert import convert
from conn_engine.diagnostics import Severity
from conn_engine.lint import lint_paths
from conn_engine.webhooks import Delivery, Webhooks

OPEN = {("strava", "WHK101")}  # proves nothing
SCHEMA = Path(__file__).parents[3] / "schemas" / "connector.schema.json"


@pytest.fixture(scope="session")
def published():
    return jsonschema_rs.validator_for(json.loads(SCHEMA.read_text(encoding="utf-8")))


@pytest.mark.parametrize("name", schemes())
def test_it_can_be_configured(name, published):
    told = document(schemes()[name])
    published.validate(told)
    assert isinstance(convert(told["webhooks"], Webhooks), Webhooks)


def test_there_are_as_many_as_are_known():
    assert len(schemes()) == 195


LEEWAY = {"messagebird": 1, "livekit": 60}
"""Vendors whose own library allows the clocks to differ."""


def test_each_jwt_states_the_leeway_that_its_vendor_documents():
    stated = {
        name: entry["verify"]["config"] for name, entry in schemes().items() if entry["verify"]["format"] == "jwt"
    }
    assert {name: config.get("leeway_seconds") for name, config in stated.items()} == {
        name: LEEWAY.get(name, 0) for name in stated
    }
    assert len(stated) == 12


def test_no_name_finds_two_schemes():
    names = [
        re.sub(r"[^a-z0-9]", "", name.lower())
        for key, entry in known().items()
        for name in {key, *entry.get("names", [])}
    ]
    assert sorted(names) == sorted(set(names))


ENVELOPES = {
    "openai": ('{"type": "response.completed", "id": "evt_1"}', "response.completed"),
    "anthropic": ('{"type": "event", "id": "whe_1", "data": {"type": "session.created"}}', "session.created"),
    "replicate": ('{"id": "p1", "status": "succeeded"}', "prediction.succeeded"),
    "polar": ('{"type": "order.paid", "data": {"id": "o1"}}', "order.paid"),
    "whop": ('{"type": "payment.succeeded", "id": "msg_1", "data": {}}', "payment.succeeded"),
    "lithic": ('{"event_type": "card.created"}', "card.created"),
    "increase": ('{"type": "event", "id": "event_1", "category": "account.created"}', "account.created"),
    "dodo_payments": ('{"type": "payment.succeeded", "data": {}}', "payment.succeeded"),
    "liveblocks": ('{"type": "commentCreated", "data": {}}', "commentCreated"),
    "render": ('{"type": "deploy_ended", "data": {"id": "evt-1"}}', "deploy_ended"),
    "etsy": ('{"event_type": "order.paid", "shop_id": 42}', "order.paid"),
    "brex": ('{"event_type": "TRANSFER_PROCESSED"}', "TRANSFER_PROCESSED"),
    "incident_io": ('{"event_type": "public_incident.incident_created_v2"}', "public_incident.incident_created_v2"),
    "recall_ai": ('{"event": "recording.done", "data": {}}', "recording.done"),
    "loops": ('{"eventName": "contact.created"}', "contact.created"),
    "clerk": ('{"type": "user.created", "data": {"id": "user_1"}}', "user.created"),
    "resend": ('{"type": "email.sent", "data": {}}', "email.sent"),
    "stytch": ('{"source": "DIRECT", "object_type": "user", "action": "CREATE", "id": "u"}', "direct.user.create"),
    "vanta": ('{"type": "control.updated"}', "control.updated"),
    "supabase": ('{"user": {}}', None),
}
"""A delivery of each vendor that signs by Standard Webhooks, in the form that it documents, and the type in it."""
RAW_KEY = {"polar", "whop"}
SVIX = {"clerk", "resend", "stytch", "vanta"}


@pytest.mark.parametrize("name", ENVELOPES)
def test_a_vendor_that_signs_by_standard_webhooks_is_verified_and_has_its_type(vendors, name):
    text, kind = ENVELOPES[name]
    secret, prefix = base64.b64encode(b"0123456789abcdef01234567").decode(), "svix" if name in SVIX else "webhook"
    key = secret.encode() if name in RAW_KEY else base64.b64decode(secret)
    stamp = str(int(NOW))
    signature = base64.b64encode(hmac.digest(key, f"msg_1.{stamp}.{text}".encode(), "sha256")).decode()
    headers = {f"{prefix}-id": "msg_1", f"{prefix}-timestamp": stamp, f"{prefix}-signature": f"v1,{signature}"}
    stored = {"polar": secret, "whop": secret, "supabase": f"v1,whsec_{secret}"}.get(name, f"whsec_{secret}")
    delivery = post(text.encode(), {"content-type": "application/json", **headers})
    connector = vendors.effective(account=None, connector=name.replace("_", "-"))
    accepted = judged(connector, delivery, {"webhook_secret": stored})
    assert [event.type for event in accepted.events] == ([kind] if kind else [])
    assert accepted.refusal is None
    changed = Delivery("POST", delivery.url, delivery.headers, text.encode() + b" ")
    assert judged(connector, changed, {"webhook_secret": stored}).refusal is not None


def test_lint_finds_only_what_a_scheme_leaves_open(tmp_path):
    """Each with the fields that an account must supply: a name that a scheme uses and lacks is a fault."""
    root = tmp_path.resolve()
    workspace(root, {name.replace("_", "-"): asking(entry) for name, entry in known().items()})
    found = lint_paths(root, [root / "connectors"]).findings
    told = {
        (one.span.file.split("/")[1].replace("-", "_"), one.code) for one in found if one.severity is not Severity.INFO
    }
    assert told == OPEN


def asking(entry):
    """A connector whose accounts are asked for what a scheme says, and for no more."""
    fields = [{"name": name, "secret": True, "required": False} for name in entry.get("secrets", [])]
    routing = entry["webhooks"].get("account")
    names = {routing["context"]} if routing else set()
    names |= set(re.findall(r"context\.(\w+)", json.dumps(entry["webhooks"])))
    fields += [{"name": name, "required": False} for name in sorted(names)]
    return {**SMALLEST, "fields": fields, "webhooks": entry["webhooks"]}


@pytest.mark.parametrize("name", schemes())
def test_each_secret_that_is_asked_for_is_used(name):
    entry = known()[name]
    told = json.dumps({key: said for key, said in entry["webhooks"].items() if key != "account"})
    assert all(re.search(rf"(?<![\w.]){secret}\b", told) for secret in entry.get("secrets", []))
    assert entry["label"].count("(") == entry["label"].count(")")


@pytest.mark.parametrize(
    ("name", "parameter", "text"),
    [
        ("linkedin", "challengeCode", '{"id": 1}'),
        ("x_twitter", "crc_token", '{"for_user_id": "1"}'),
        ("braintree", "bt_challenge", "PG5vdGlmaWNhdGlvbj48L25vdGlmaWNhdGlvbj4="),
    ],
)
def test_a_challenge_signs_no_delivery(vendors, name, parameter, text):
    """Anybody may send these, and the reply is signed with the secret that verifies deliveries."""
    url = f"https://hooks.example.com/in?{urlencode({parameter: text})}"
    own = vendors.effective(account=None, connector=name.replace("_", "-"))
    accepted = judged(own, Delivery("GET", url), {"webhook_secret": "s3cret", "key_id": "k"})
    assert accepted.refusal is not None and accepted.refusal.code == "forbidden"
