"""Recorded deliveries are verified again in a replay, changed ones are not, and no secret is in the file."""

import base64
import hmac
import json
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from desk import record_to_file
from evaluating import usual
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from msgspec import structs

from conn_engine.config import Workspace
from conn_engine.config.convert import convert
from conn_engine.errors import ConfigurationError, UsageError
from conn_engine.recordings.files import Exchange, RecordedRequest, RecordedResponse
from conn_engine.runtime.call import Run, Session
from conn_engine.runtime.drive import finish
from conn_engine.runtime.request import authorization_scope
from conn_engine.runtime.webhooks import accept
from conn_engine.runtime.wiring import Wiring
from conn_engine.secrets import Redactor
from conn_engine.secrets.vault.memory import MemoryVault
from conn_engine.testing.deliveries.replaying import replay_delivery
from conn_engine.testing.deliveries.sending import sendable
from conn_engine.webhooks import Delivery, KeyCache, VerificationContext
from conn_engine.webhooks.recorded import RecordedDelivery, load_delivery, to_delivery
from conn_engine.webhooks.recording_secrets import SigningKeys
from conn_engine.webhooks.resigning import ResignedDelivery, resign_for_recording, resign_for_sending
from conn_engine.webhooks.secret_replacement import build_name_check
from conn_engine.webhooks.settings import Webhooks
from conn_engine.wire import FrozenClock, Headers

NOW = 1_760_000_000.0
URL = "https://hooks.example.org/in/shop?tenant=7"
SECRET = "a-real-secret-of-the-account"
BODY = {"type": "person.created", "event": "e-1", "at": 1_759_999_990, "person": {"id": 5, "name": "Ada"}}


def pem(private: Any) -> str:
    return private.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()


RSA = rsa.generate_private_key(public_exponent=65537, key_size=2048)
EC = ec.generate_private_key(ec.SECP256R1())
ED = ed25519.Ed25519PrivateKey.generate()
RAW_ED = ED.public_key().public_bytes_raw()

HMAC = {"format": "hmac", "config": {"signature": 'headers."x-signature"', "prefix": "sha256=", "content": "text"}}
STAMPED = {
    "format": "hmac",
    "config": {
        "signature": 'headers."x-sign"',
        "separator": ",",
        "pair": "=",
        "take": "v1",
        "timestamp": "parts.t",
        "content": 'timestamp & "." & text',
    },
}
WAYS: dict[str, tuple[dict[str, Any], dict[str, Any], dict[str, str], Any]] = {
    # the settings, the secrets, the headers with a place for each proof, the private key of the vendor
    "hmac": (HMAC, {"webhook_secret": SECRET}, {"X-Signature": "sha256=00ff"}, None),
    "stamped": (STAMPED, {"webhook_secret": SECRET}, {"X-Sign": f"t={int(NOW)},v1=00ff,v0=ab"}, None),
    "base64 over the url": (
        {
            "format": "hmac",
            "config": {
                "signature": 'headers."x-hmac"',
                "encoding": "base64",
                "content": "method & url & text & webhook_secret",
                "algorithm": "sha512",
            },
        },
        {"webhook_secret": SECRET},
        {"X-Hmac": "AAAA"},
        None,
    ),
    "standard": (
        {"format": "standard_webhooks"},
        {"webhook_secret": f"whsec_{base64.b64encode(b'0123456789abcdef01234567').decode()}"},
        {"webhook-id": "m1", "webhook-timestamp": str(int(NOW)), "webhook-signature": "v1,AAAA"},
        None,
    ),
    "digest": (
        {
            "format": "hmac",
            "config": {"key": "", "signature": 'headers."x-sum"', "content": "webhook_secret & text"},
        },
        {"webhook_secret": SECRET},
        {"X-Sum": "00ff"},
        None,
    ),
    "token": (
        {"format": "token", "config": {"token": "headers.authorization", "prefix": "Bearer "}},
        {"webhook_secret": SECRET},
        {"Authorization": f"Bearer {SECRET}"},
        None,
    ),
    "basic": (
        {"format": "basic"},
        {"webhook_username": "the-vendor", "webhook_password": SECRET},
        {"Authorization": f"Basic {base64.b64encode(f'the-vendor:{SECRET}'.encode()).decode()}"},
        None,
    ),
    "rsa": (
        {
            "format": "rsa",
            "config": {"signature": 'headers."x-sig"', "encoding": "base64", "key": "{{webhook_secret}}"},
        },
        {"webhook_secret": pem(RSA)},
        {"X-Sig": "AAAA"},
        RSA,
    ),
    "ecdsa": (
        {
            "format": "ecdsa",
            "config": {
                "signature": 'headers."x-sig"',
                "encoding": "base64url",
                "form": "pair",
                "key": "{{webhook_secret}}",
                "key_encoding": "base64",
            },
        },
        {
            "webhook_secret": base64.b64encode(
                EC.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
            ).decode()
        },
        {"X-Sig": "AAAA"},
        EC,
    ),
    "ed25519": (
        {
            "format": "ed25519",
            "config": {
                "signature": 'headers."x-ed"',
                "content": 'headers."x-time" & text',
                "timestamp": 'headers."x-time"',
                "key": "{{public_key}}",
                "key_encoding": "hex",
            },
        },
        {"public_key": RAW_ED.hex()},
        {"X-Ed": "00ff", "X-Time": str(int(NOW))},
        ED,
    ),
    "any": (
        {
            "format": "any",
            "config": {"of": [{**STAMPED, "config": {**STAMPED["config"], "when": "headers.none"}}, HMAC]},
        },
        {"webhook_secret": SECRET},
        {"X-Signature": "sha256=00ff"},
        None,
    ),
    "all": (
        {
            "format": "all",
            "config": {"of": [HMAC, {"format": "token", "config": {"token": "query.token", "key": "{{url_token}}"}}]},
        },
        {"webhook_secret": SECRET, "url_token": "tok+en/of=the url"},
        {"X-Signature": "sha256=00ff"},
        None,
    ),
}


def connected(workspace: Workspace, secrets: dict[str, Any], environ: dict[str, str] | None = None) -> Wiring:
    effective = workspace.effective(account="acme")
    document = {"token": "the-api-token", **secrets}
    redactor = Redactor()
    redactor.add_document(document)
    for value in (environ or {}).values():
        redactor.add(value)
    return Wiring(effective, Session("acme", document, environ or {}, FrozenClock(NOW)), MemoryVault({}), redactor)


def signed(wiring: Wiring, delivery: Delivery, private: Any = None) -> Delivery:
    """As the vendor would send it."""
    told = wiring.effective.webhooks
    assert told is not None
    scope = authorization_scope(Run(wiring.effective, wiring.session))
    verification = VerificationContext(delivery, scope, FrozenClock(NOW), wiring.effective.hosts)
    made = resign_for_sending(told, verification, scope, SigningKeys(own=private), NOW)
    assert not made.unsigned
    return made.delivery


def accepted(wiring: Wiring, delivery: Delivery, answers: Any = None) -> Any:
    flow = accept(Run(wiring.effective, wiring.session), delivery, KeyCache())
    return finish(flow, answers, wiring.vault, FrozenClock(NOW), wiring.redactor)


def changed(recorded: RecordedDelivery) -> RecordedDelivery:
    """The same with another body, as a forger would send it."""
    return structs.replace(recorded, body=(recorded.body or "").replace("person.created", "person.deleted"))


@pytest.mark.parametrize("way", WAYS)
def test_a_recording_is_verified_again_a_changed_one_is_not_and_no_secret_is_in_it(make, tmp_path, way):
    verify, secrets, headers, private = WAYS[way]
    wiring = connected(make(verify), secrets)
    url = f"{URL}&token=tok%2Ben%2Fof%3Dthe+url" if way == "all" else URL
    body = json.dumps({**BODY, "password": "hunter22", "echo": "the-api-token"}).encode()
    named = Headers([*headers.items(), ("Content-Type", "application/json"), ("X-Forwarded-For", "10.1.2.3")])
    delivery = signed(wiring, Delivery("POST", url, named, body), private)
    assert accepted(wiring, delivery).refusal is None  # true to the account's own secrets

    path = tmp_path / "connectors/shop/deliveries/created.json"
    kept = record_to_file(wiring, delivery, path, received_at=NOW)
    recorded = load_delivery(path)
    assert recorded == structs.replace(kept.recorded, schema_url=recorded.schema_url)
    assert recorded.verified_by is None
    outcome = replay_delivery(wiring.effective, recorded)
    assert (outcome.error, outcome.verified_by) == (None, verify["format"])
    assert [event["data"] for event in outcome.records] == [{"id": "5", "first_name": "Ada"}]

    text = path.read_text()
    assert wiring.redactor.find(text) == []
    assert "hunter22" not in text
    assert "10.1.2.3" not in text
    for header, value in delivery.headers.pairs:  # what the real secrets signed is not there either
        assert value not in text or header.lower() in ("content-type", "webhook-id", "webhook-timestamp", "x-time")

    if way not in ("token", "basic"):  # which say nothing of the body
        refused = replay_delivery(wiring.effective, changed(recorded)).refusal
        assert refused is not None
        assert refused.code == "wrong_signature"
    others = {name: value[::-1] for name, value in recorded.secrets.items() if isinstance(value, str)}
    with_others = replay_delivery(wiring.effective, structs.replace(recorded, secrets=others))
    assert with_others.error is not None


@pytest.mark.parametrize("way", WAYS)
def test_sent_later_it_is_signed_anew_by_the_account_s_secrets_for_where_it_goes(make, tmp_path, way):
    verify, secrets, headers, private = WAYS[way]
    wiring = connected(make(verify), secrets)
    url = f"{URL}&token=tok%2Ben%2Fof%3Dthe+url" if way == "all" else URL
    delivery = signed(wiring, Delivery("POST", url, Headers(headers), json.dumps(BODY).encode()), private)
    kept = record_to_file(wiring, delivery, tmp_path / "d.json", received_at=NOW)
    later = NOW + 5_000
    to = "http://127.0.0.1:8000/mine"
    request = sendable(wiring.effective, kept.recorded, to, later, secrets=wiring.session.document, private=private)
    assert request.url == f"{to}?{request.url.partition('?')[2]}"
    assert "the-api-token" not in f"{request.url}{request.headers.pairs}{request.body!r}"
    wiring.session.clock = FrozenClock(later)
    assert accepted(wiring, Delivery("POST", request.url, request.headers, request.body or b"")).refusal is None


def test_what_only_the_vendor_can_sign_is_not_sent_without_a_key(make, tmp_path):
    verify, secrets, headers, private = WAYS["rsa"]
    wiring = connected(make(verify), secrets)
    delivery = signed(wiring, Delivery("POST", URL, Headers(headers), json.dumps(BODY).encode()), private)
    kept = record_to_file(wiring, delivery, tmp_path / "d.json", received_at=NOW)
    with pytest.raises(UsageError, match="only the vendor has the private key"):
        sendable(wiring.effective, kept.recorded, URL, NOW)


def test_the_clock_of_a_replay_is_the_delivery_s_own(make, tmp_path):
    verify, secrets, headers, _ = WAYS["stamped"]
    wiring = connected(make(verify), secrets)
    delivery = signed(wiring, Delivery("POST", URL, Headers(headers), json.dumps(BODY).encode()))
    kept = record_to_file(wiring, delivery, tmp_path / "d.json", received_at=NOW)
    late = structs.replace(kept.recorded, received_at="2025-10-09T10:00:00Z")
    refused = replay_delivery(wiring.effective, late).refusal
    assert refused is not None
    assert refused.code == "stale"


def test_items_that_are_proved_each_are_signed_each(make, tmp_path):
    items = [{**BODY, "event": name, "sign": mark} for name, mark in (("e1", "0011"), ("e2", "0022"))]
    verify = {
        "format": "hmac",
        "config": {"each": "body.items", "signature": "item.sign", "content": 'item.event & ":" & item.type'},
    }
    workspace = make(verify, events={"each": "body.items", "type": "item.type", "id": "item.event"})
    wiring = connected(workspace, {"webhook_secret": SECRET})
    delivery = signed(wiring, Delivery("POST", URL, Headers(), json.dumps({"items": items}).encode()))
    kept = record_to_file(wiring, delivery, tmp_path / "d.json", received_at=NOW)
    assert kept.outcome.error is not None or len(kept.outcome.records) == 2
    before, after = json.loads(delivery.body)["items"], json.loads(kept.recorded.body or "")["items"]
    assert not {item["sign"] for item in before} & {item["sign"] for item in after}


def jwks(private: Any, kid: str) -> dict[str, Any]:
    from jwt.algorithms import RSAAlgorithm

    return {**RSAAlgorithm.to_jwk(private.public_key(), as_dict=True), "kid": kid, "use": "sig"}


@pytest.mark.parametrize("form", ["jwks", "pem"])
def test_keys_that_the_vendor_publishes_are_replaced_in_the_answer(make, tmp_path, form):
    answer = {"keys": [jwks(RSA, "k1")]} if form == "jwks" else {"keys": [pem(RSA)]}
    verify = {
        "format": "rsa",
        "config": {
            "signature": 'headers."x-sig"',
            "encoding": "base64",
            "key_request": {"url": "https://api.example.com/keys"},
        },
    }
    wiring = connected(make(verify), {})
    exchange = Exchange(
        request=RecordedRequest(method="GET", url="https://api.example.com/keys"),
        response=RecordedResponse(status=200, body=answer),
    )
    plain = Delivery("POST", URL, Headers({"X-Sig": "AAAA"}), json.dumps(BODY).encode())
    delivery = signed(wiring, plain, RSA)
    kept = record_to_file(wiring, delivery, tmp_path / "d.json", received_at=NOW, exchanges=[exchange])
    assert kept.recorded.verified_by is None
    assert kept.outcome.error is None
    assert kept.outcome.verified_by == "rsa"
    assert answer["keys"][0] not in kept.recorded.exchanges[0].response.body["keys"]
    if form == "jwks":
        assert kept.recorded.exchanges[0].response.body["keys"][0]["kid"] == "k1"
    assert replay_delivery(wiring.effective, changed(kept.recorded)).refusal is not None


@pytest.mark.parametrize("algorithm", ["HS256", "RS256"])
def test_a_jwt_keeps_its_claims_and_its_digest_follows_the_body(make, tmp_path, algorithm):
    import hashlib

    import jwt

    secret = SECRET * 2 if algorithm == "HS256" else pem(RSA)
    verify = {
        "format": "jwt",
        "config": {
            "algorithms": [algorithm],
            "key": "{{webhook_secret}}",
            "expect": "claims.sha = body_sha256",
            "issuer": "vendor",
        },
    }
    wiring = connected(make(verify), {"webhook_secret": secret})
    body = json.dumps({**BODY, "password": "hunter22"}).encode()
    claims = {"iss": "vendor", "iat": int(NOW), "exp": int(NOW) + 60, "sha": hashlib.sha256(body).hexdigest()}
    token = jwt.encode(claims, secret if algorithm == "HS256" else RSA, algorithm=algorithm, headers={"kid": "k"})
    delivery = Delivery("POST", URL, Headers({"Authorization": f"Bearer {token}"}), body)
    assert accepted(wiring, delivery).refusal is None
    kept = record_to_file(wiring, delivery, tmp_path / "d.json", received_at=NOW)
    assert kept.outcome.error is None
    assert kept.recorded.verified_by is None
    assert "hunter22" not in (tmp_path / "d.json").read_text()
    assert token not in (tmp_path / "d.json").read_text()
    assert replay_delivery(wiring.effective, changed(kept.recorded)).refusal is not None


def test_a_delivery_that_cannot_be_signed_again_stays_as_recorded(make, tmp_path):
    """The key stands in the connector: a throwaway cannot take its place."""
    verify = {"format": "rsa", "config": {"signature": 'headers."x-sig"', "encoding": "base64", "key": pem(RSA)}}
    wiring = connected(make(verify), {})
    plain = Delivery("POST", URL, Headers({"X-Sig": "AAAA"}), json.dumps(BODY).encode())
    delivery = signed(wiring, plain, RSA)
    kept = record_to_file(wiring, delivery, tmp_path / "d.json", received_at=NOW)
    assert kept.recorded.verified_by == "as recorded"
    assert (kept.outcome.error, kept.outcome.verified_by) == (None, "as recorded")
    assert len(kept.outcome.records) == 1


def test_a_secret_that_the_vendor_hands_over_is_another_in_the_file(make, tmp_path):
    challenge = {
        "when": 'headers."x-hook-secret"',
        "verified": False,
        "capture": {"webhook_secret": 'headers."x-hook-secret"'},
        "reply": {"headers": {"x-hook-secret": '{{headers."x-hook-secret"}}'}},
    }
    wiring = connected(make(HMAC, challenge=[challenge]), {})
    delivery = Delivery("POST", URL, Headers({"X-Hook-Secret": "handed-over-by-the-vendor"}))
    kept = record_to_file(wiring, delivery, tmp_path / "d.json", received_at=NOW)
    assert kept.outcome.challenge == 0
    reply = kept.outcome.reply
    assert reply is not None
    assert reply.headers["x-hook-secret"] == Headers(kept.recorded.headers)["x-hook-secret"]
    assert "handed-over" not in (tmp_path / "d.json").read_text()


def test_a_variable_that_signs_is_replaced_too(make, tmp_path):
    verify = {"format": "hmac", "config": {**HMAC["config"], "key": "{{env.APP_SECRET}}"}}
    files = {"conn.yaml": "version: 1\nenv: [APP_SECRET]\n"}
    wiring = connected(make(verify, files=files), {}, {"APP_SECRET": "the-secret-of-the-app"})
    delivery = signed(wiring, Delivery("POST", URL, Headers({"X-Signature": "sha256=00"}), json.dumps(BODY).encode()))
    kept = record_to_file(wiring, delivery, tmp_path / "d.json", received_at=NOW)
    assert list(kept.recorded.secrets) == ["env.APP_SECRET"]
    assert (kept.outcome.error, kept.outcome.verified_by) == (None, "hmac")


def test_a_fetched_record_comes_from_the_recorded_exchanges(make, tmp_path):
    wiring = connected(make(HMAC), {"webhook_secret": SECRET})
    exchange = Exchange(
        request=RecordedRequest(method="GET", url="https://api.example.com/v1/people/5"),
        response=RecordedResponse(status=200, body={"id": 5, "name": "Grace"}),
    )
    body = json.dumps({**BODY, "type": "person.updated"}).encode()
    delivery = signed(wiring, Delivery("POST", URL, Headers({"X-Signature": "sha256=00"}), body))
    kept = record_to_file(wiring, delivery, tmp_path / "d.json", received_at=NOW, exchanges=[exchange])
    assert [event["data"]["first_name"] for event in kept.outcome.records] == ["Grace"]
    without = replay_delivery(wiring.effective, structs.replace(kept.recorded, exchanges=[]))
    assert type(without.error).__name__ == "MissingRecording"


SECRETS = st.text(
    st.characters(min_codepoint=33, max_codepoint=0x24F, exclude_categories=["Cc", "Cs"]), min_size=8, max_size=60
)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**9), 10**9) | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=12), inner, max_size=4),
    max_leaves=12,
)


@pytest.mark.slow
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(secret=SECRETS, extra=JSON, place=st.tuples(st.sampled_from(["header", "body", "query"]), st.booleans()))
@example(secret="0000000\\", extra=None, place=("header", False))  # its JSON is longer by a backslash at either end
@example(secret="\\0000000", extra=None, place=("header", False))
@example(secret="ü000000\\", extra=None, place=("query", False))  # and is not written in ASCII
@example(secret='00"0000/\\', extra=None, place=("body", False))
@example(secret="00000000", extra=500000000, place=("header", False))
def test_whatever_the_secret_and_the_body(make, tmp_path, secret, extra, place):
    """The law: a recorded and replayed delivery is verified, and the file has neither the secret nor what it signed."""
    where, form = place
    sign = {"header": 'headers."x-signature"', "body": "body.sign", "query": "query.sign"}[where]
    content = "text" if where != "body" else 'body.type & "|" & body.event'
    verify = {"format": "hmac", "config": {"signature": sign, "content": content}}
    wiring = connected(make(verify), {"webhook_secret": secret})
    data = {**BODY, "extra": extra, "sign": "00ff", "secret": secret}
    from urllib.parse import urlencode

    body = urlencode({"type": "t", "event": "e", "sign": "00ff", "secret": secret, "extra": json.dumps(extra)})
    raw = body.encode() if form else json.dumps(data, ensure_ascii=False).encode("utf-8", "replace")
    kind = "application/x-www-form-urlencoded" if form else "application/json"
    url = f"{URL}&sign=00ff" if where == "query" else URL
    headers = {"Content-Type": kind, **({"X-Signature": "00ff"} if where == "header" else {})}
    plain = Delivery("POST", url, Headers(headers), raw)
    delivery = signed(wiring, plain)
    assert accepted(wiring, delivery).refusal is None
    path = tmp_path / "d.json"
    try:
        kept = record_to_file(wiring, delivery, path, received_at=NOW)
    except ConfigurationError as error:  # a secret that is also a word of every file cannot be kept, and is not
        assert error.findings[0].code == "REC002"
        return
    outcome = replay_delivery(wiring.effective, kept.recorded)
    assert (outcome.refusal, outcome.verified_by) == (None, "hmac")
    assert kept.recorded.verified_by is None
    assert wiring.redactor.find(path.read_text()) == []
    assert replay_delivery(wiring.effective, structs.replace(kept.recorded, secrets={"webhook_secret": "no"})).error


def test_a_file_that_is_none_is_refused_with_its_place(tmp_path: Path):
    path = tmp_path / "d.json"
    path.write_text('{"format": 1, "received_at": "noon", "url": "https://x.example"}')
    with pytest.raises(ConfigurationError) as caught:
        load_delivery(path, "d.json")
    assert [finding.code for finding in caught.value.findings] == ["REC001"]
    path.write_text('{"received_at": "2025-01-01T00:00:00Z", "url": "https://x", "body": "", "body_base64": ""}')
    with pytest.raises(ConfigurationError, match="body and body_base64 cannot both be set"):
        load_delivery(path, "d.json")
    path.write_text('{"received_at": "2025-01-01T00:00:00Z", "url": "https://x", "body_base64": "%"}')
    with pytest.raises(ConfigurationError, match="not base64"):
        load_delivery(path, "d.json")


def test_bytes_that_are_no_text_stay_what_they_are(make, tmp_path):
    wiring = connected(
        make({"format": "hmac", "config": {**HMAC["config"]}}, events={"type": '"ping"'}), {"webhook_secret": SECRET}
    )
    delivery = signed(wiring, Delivery("POST", URL, Headers({"X-Signature": "sha256=00"}), b"\xff\xfe\x00 bytes"))
    kept = record_to_file(wiring, delivery, tmp_path / "d.json", received_at=NOW)
    assert to_delivery(kept.recorded).body == delivery.body
    assert kept.outcome.verified_by == "hmac"


@pytest.mark.parametrize("placeholder", ["x", "e", "k", "conn", "v1"])
def test_a_short_placeholder_is_replaced_only_where_it_is_the_signature(placeholder) -> None:
    way = {"format": "hmac", "config": {"signature": 'headers."x-signature"', "prefix": "sha256=", "content": "text"}}
    headers = Headers({"X-Signature": f"sha256={placeholder}", "X-Kind": f"x e k conn {placeholder}"})
    url = f"https://example.org/{placeholder}/in?x={placeholder}"
    body = json.dumps({"type": f"made {placeholder}", "x": placeholder}).encode()
    signed = sign_example(way, Delivery("POST", url, headers, body), {"webhook_secret": SECRET})
    assert (signed.delivery.url, signed.delivery.body, signed.unsigned) == (url, body, 0)
    key = signed.secrets["webhook_secret"].encode()
    assert signed.delivery.headers["x-signature"] == f"sha256={hmac.digest(key, body, 'sha256').hex()}"


@pytest.mark.parametrize(
    ("token", "url", "body"),
    [
        ("query.x", "https://x.example/x?x=x&y=x", {"x": "x"}),
        ("body.x", "https://hooks.example/y", {"x": "x", "text": "x or xx", "more": ["x"]}),
    ],
)
def test_a_short_token_is_replaced_only_in_its_parameter_or_field(token, url, body) -> None:
    way = {"format": "token", "config": {"token": token}}
    delivery = Delivery("POST", url, Headers({}), json.dumps(body).encode())
    signed = sign_example(way, delivery, {"webhook_secret": SECRET})
    secret = signed.secrets["webhook_secret"]
    expected = (url.replace("?x=x", f"?x={secret}"), body) if "query" in token else (url, {**body, "x": secret})
    assert (signed.delivery.url, json.loads(signed.delivery.body)) == expected


def test_a_token_in_base64_is_replaced() -> None:
    expression = '$base64decode($substringAfter(headers.authorization, "Basic "))'
    way = {"format": "token", "config": {"token": expression}}
    text = base64.b64encode(b"shop:an-example").decode()
    delivery = Delivery("POST", URL, Headers({"Authorization": f"Basic {text}"}), b"{}")
    signed = sign_example(way, delivery, {"webhook_secret": SECRET})
    expected = base64.b64encode(signed.secrets["webhook_secret"].encode()).decode()
    assert (signed.delivery.headers["authorization"], signed.unsigned) == (f"Basic {expected}", 0)


def sign_example(way: dict[str, Any], delivery: Delivery, secrets: dict[str, str]) -> ResignedDelivery:
    webhooks = convert({"verify": way}, Webhooks)
    verification = VerificationContext(delivery, usual(secrets), FrozenClock(NOW))
    return resign_for_recording(
        webhooks, verification, Redactor(), SigningKeys(), document=secrets, environ={}, captured={},
        is_credential_name=build_name_check(webhooks),
    )  # fmt: skip
