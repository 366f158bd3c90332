"""Recorded deliveries have no personal data in them, and are signed again, so that a replay proves them."""

import base64
import json
from typing import Any
from urllib.parse import quote_plus

import pytest
from desk import record_to_file
from test_recorded import HMAC, NOW, SECRET, URL, WAYS, connected, signed

from conn_engine.errors import ConfigurationError
from conn_engine.personal import Pseudonyms
from conn_engine.recordings.files import Exchange, RecordedRequest, RecordedResponse
from conn_engine.testing.deliveries.replaying import replay_delivery
from conn_engine.testing.personal import PersonalData
from conn_engine.webhooks import Delivery
from conn_engine.webhooks.recorded import load_delivery
from conn_engine.wire import Headers

PERSONAL = PersonalData(Pseudonyms(b"k" * 32))
BODY = {
    "type": "person.created",
    "event": "e-1",
    "at": 1_759_999_990,
    "person": {"id": 5, "name": "Ada", "mail": "ada@acme.com"},
    "text": "Ada \u00fcber +49 170 1234567",
}
ORIGINALS = ("Ada", "ada@", "acme", "1234567")


@pytest.mark.parametrize("way", WAYS)
def test_a_delivery_is_verified_again_and_has_nobody_in_it(make: Any, tmp_path: Any, way: str) -> None:
    verify, secrets, headers, private = WAYS[way]
    wiring = connected(make(verify), secrets)
    url = f"{URL}&token=tok%2Ben%2Fof%3Dthe+url" if way == "all" else URL
    named = Headers([*headers.items(), ("Content-Type", "application/json")])
    plain = Delivery("POST", f"{url}&by=ada%40acme.com", named, json.dumps(BODY, indent=1).encode())
    delivery = signed(wiring, plain, private)
    path = tmp_path / "connectors/shop/deliveries/created.json"
    kept = record_to_file(wiring, delivery, path, received_at=NOW, personal=PERSONAL)
    assert [value for value in ORIGINALS if value in path.read_text()] == []
    assert kept.people is not None
    assert kept.people.summary.replaced == {"email": 1, "phone": 1, "name": 1}
    recorded = load_delivery(path)
    assert recorded.verified_by is None
    outcome = replay_delivery(wiring.effective, recorded)
    assert (outcome.error, outcome.verified_by) == (None, verify["format"])
    body = json.loads(recorded.body or "")
    assert outcome.records[0]["data"] == {"id": "5", "first_name": body["person"]["name"]}
    assert (recorded.body or "").startswith('{\n "type"')  # only the values are other ones
    assert body["text"].startswith(f"{body['person']['name']} \u00fcber +49 ")


def test_a_form_a_claim_and_what_was_asked_have_nobody_in_them(make: Any, tmp_path: Any) -> None:
    import jwt

    verify = {"format": "jwt", "config": {"token": "query.jwt", "key": "{{webhook_secret}}", "algorithms": ["HS256"]}}
    events = {"type": "body.type", "id": "body.event", "record_id": "body.who"}
    wiring = connected(make(verify, events=events), {"webhook_secret": SECRET * 2})
    token = jwt.encode({"sub": "ada@acme.com", "exp": int(NOW) + 60}, SECRET * 2, "HS256")
    form = f"type=person.updated&event=e1&who=5&payload={quote_plus(json.dumps(BODY))}"
    kind = Headers({"Content-Type": "application/x-www-form-urlencoded", "X-User": "ada@acme.com"})
    person = {"id": 5, "name": "Ada", "next": base64.b64encode(b"ada@acme.com").decode()}
    exchange = Exchange(
        request=RecordedRequest(method="GET", url="https://api.example.com/v1/people/5"),
        response=RecordedResponse(status=200, body=person),
    )
    kept = record_to_file(
        wiring,
        Delivery("POST", f"{URL}&jwt={token}", kind, form.encode()),
        tmp_path / "d.json",
        received_at=NOW,
        exchanges=[exchange],
        personal=PERSONAL,
    )
    assert (kept.outcome.error, kept.outcome.verified_by, kept.outcome.unused) == (None, "jwt", 0)
    text = (tmp_path / "d.json").read_text()
    assert [value for value in (*ORIGINALS, base64.b64encode(b"ada@acme").decode()) if value in text] == []
    new = kept.recorded.url.partition("jwt=")[2]
    claims = jwt.decode(new, options={"verify_signature": False})
    assert claims["sub"].endswith(".example.com")
    assert kept.outcome.records[0]["data"]["first_name"] == kept.recorded.exchanges[0].response.body["name"]


@pytest.mark.parametrize(
    ("kind", "fault"),
    [
        ('$length(body.person.name) = 3 ? body.type : "other"', "record 1 has a different shape"),
        ("$length(body.person.name) = 3 ? body.kinds[0] : body.kinds[1]", "events of other types"),
    ],
)
def test_a_delivery_that_is_another_event_without_its_person_is_not_kept(
    make: Any, tmp_path: Any, kind: str, fault: str
) -> None:
    events = {"type": kind, "id": "body.event", "record": "body.person"}
    wiring = connected(make(HMAC, events=events), {"webhook_secret": SECRET})
    body = json.dumps({**BODY, "kinds": ["x", "y"]}).encode()
    plain = Delivery("POST", URL, Headers({"X-Signature": "sha256=00ff"}), body)
    with pytest.raises(ConfigurationError, match=fault) as raised:
        record_to_file(wiring, signed(wiring, plain), tmp_path / "d.json", received_at=NOW, personal=PERSONAL)
    assert [finding.code for finding in raised.value.findings] == ["REC005"]
    assert not (tmp_path / "d.json").exists()
