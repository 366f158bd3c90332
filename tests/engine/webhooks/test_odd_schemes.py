"""Schemes for which there are no deliveries of a vendor's library: each is signed here by its recipe, proved, and
refused when a word of it is another."""

import base64
import hashlib
import hmac
import json
import zlib
from urllib.parse import urlencode

import jwt
import pytest
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa
from desk import NOW, URL, Vendor, judged, post, renamed

from conn_engine.webhooks import Delivery
from conn_engine.wire import Headers, Response

RSA = rsa.generate_private_key(public_exponent=65537, key_size=2048)
EC = ec.generate_private_key(ec.SECP256R1())
ED = ed25519.Ed25519PrivateKey.generate()
STAMP = str(int(NOW))
FORM = "application/x-www-form-urlencoded"


def public(key, encoding="PEM"):
    form = serialization.PublicFormat.SubjectPublicKeyInfo
    return key.public_key().public_bytes(getattr(serialization.Encoding, encoding), form)


def b64(raw):
    return base64.b64encode(raw).decode()


def mac(secret, content, algorithm="sha256"):
    key = secret if isinstance(secret, bytes) else secret.encode()
    return hmac.new(key, content if isinstance(content, bytes) else content.encode(), algorithm)


def form(fields, **headers):
    return Delivery("POST", URL, Headers({"content-type": FORM, **headers}), urlencode(fields).encode())


def sent(data, headers, url=URL):
    return post(
        data if isinstance(data, bytes) else json.dumps(data).encode(),
        {"content-type": "application/json", **headers},
        url,
    )


def answering(data, kind="application/json"):
    body = data if isinstance(data, bytes) else json.dumps(data).encode()
    return Vendor(lambda request: Response(200, Headers({"content-type": kind}), body))


def bearer(claims, key="a secret of thirty-two bytes or more", algorithm="HS256", **header):
    return jwt.encode(claims, key, algorithm=algorithm, headers=header or None)


SHARED = {"secret": "a secret of thirty-two bytes or more"}


def mercadopago():
    signed = f"id:42;request-id:r-1;ts:{STAMP};"
    headers = {"x-signature": f"ts={STAMP}, v1={mac('s', signed).hexdigest()}", "x-request-id": "r-1"}
    return sent({"type": "payment", "id": 7}, headers, f"{URL}?data.id=42"), {"secret": "s"}, None, ["payment"]


def docusign():
    body = b'{"event": "envelope-completed"}'
    headers = {"x-docusign-signature-1": b64(bytes(32)), "X-DocuSign-Signature-2": b64(mac("s", body).digest())}
    return sent(body, headers), {"secret": "s"}, None, ["envelope-completed"]


def mandrill():
    fields = {"mandrill_events": json.dumps([{"event": "send"}, {"event": "open"}]), "a": "1"}
    signed = URL + "".join(name + fields[name] for name in sorted(fields))
    came = form(fields, **{"x-mandrill-signature": b64(mac("s", signed, "sha1").digest())})
    return came, {"secret": "s"}, None, ["send", "open"]


def braintree():
    xml = "<notification><kind>check</kind><timestamp type='datetime'>2025-10-09T08:53:20Z</timestamp></notification>"
    payload = b64(xml.encode()) + "\n"
    digest = mac(hashlib.sha1(b"private").digest(), payload, "sha1").hexdigest()
    fields = {"bt_signature": f"other|{'0' * 40}&public|{digest}", "bt_payload": payload}
    return form(fields), {"secret": "private", "key_id": "public"}, None, ["check"]


def salesforce_outbound():
    notes = "".join(f"<Notification><Id>{number}</Id></Notification>" for number in (1, 2))
    body = (
        '<?xml version="1.0"?><soapenv:Envelope xmlns:soapenv="http://schemas.xmlsoap.org/soap/envelope/"><soapenv:Body>'
        f'<notifications xmlns="http://soap.sforce.com/2005/09/outbound"><OrganizationId>00D1</OrganizationId>{notes}'
        "</notifications></soapenv:Body></soapenv:Envelope>"
    ).encode()
    return (
        sent(body, {"content-type": "text/xml"}),
        {"context": {"organization_id": "00D1"}},
        None,
        ["outbound_message"] * 2,
    )


def paypal():
    body = '{"event_type": "PAYMENT.SALE.COMPLETED", "note": "ë"}'.encode()
    signed = f"t-1|2025-10-09T08:53:20Z|W1|{zlib.crc32(body)}".encode()
    headers = {
        "paypal-transmission-id": "t-1",
        "paypal-transmission-time": "2025-10-09T08:53:20Z",
        "paypal-transmission-sig": b64(RSA.sign(signed, padding.PKCS1v15(), hashes.SHA256())),
        "paypal-auth-algo": "SHA256withRSA",
        "paypal-cert-url": "https://api.paypal.com/v1/notifications/certs/CERT-1",
    }
    return sent(body, headers), {"webhook_id": "W1"}, answering(public(RSA), "text/plain"), ["PAYMENT.SALE.COMPLETED"]


def ebay():
    body = b'{"metadata": {"topic": "MARKETPLACE_ACCOUNT_DELETION"}}'
    said = {"alg": "ecdsa", "kid": "k-1", "digest": "SHA1", "signature": b64(EC.sign(body, ec.ECDSA(hashes.SHA1())))}
    key = public(EC).decode().replace("\n", "")
    vendor = answering({"key": key, "algorithm": "ECDSA", "digest": "SHA1"})
    headers = {"x-ebay-signature": b64(json.dumps(said).encode())}
    return sent(body, headers), {"token": "app"}, vendor, ["MARKETPLACE_ACCOUNT_DELETION"]


def qstash():
    body = b'{"a": 1}'
    digest = base64.urlsafe_b64encode(hashlib.sha256(body).digest()).decode()
    claims = {"iss": "Upstash", "sub": URL, "exp": NOW + 60, "nbf": NOW, "iat": NOW, "body": digest}
    return sent(body, {"upstash-signature": bearer(claims)}), SHARED, None, ["message"]


def livekit():
    body = b'{"event": "room_started"}'
    claims = {"iss": "key", "exp": NOW + 60, "sha256": b64(hashlib.sha256(body).digest())}
    return sent(body, {"authorization": bearer(claims)}), {**SHARED, "key_id": "key"}, None, ["room_started"]


def vonage():
    body = b'{"message_uuid": "m"}'
    claims = {"iat": NOW, "payload_hash": hashlib.sha256(body).hexdigest()}
    return sent(body, {"authorization": f"Bearer {bearer(claims)}"}), SHARED, None, ["message"]


def netlify():
    body = b"{}"
    claims = {"iss": "netlify", "sha256": hashlib.sha256(body).hexdigest()}
    return sent(body, {"x-webhook-signature": bearer(claims), "x-netlify-event": "deploy"}), SHARED, None, ["deploy"]


def plaid():
    body = b'{\n  "webhook_type": "ITEM",\n  "webhook_code": "ERROR"\n}'
    claims = {"iat": NOW, "request_body_sha256": hashlib.sha256(body).hexdigest()}
    key = {**json.loads(jwt.algorithms.ECAlgorithm.to_jwk(EC.public_key())), "kid": "k", "expired_at": None}
    token = bearer(claims, EC, "ES256", kid="k")
    return (
        sent(body, {"plaid-verification": token}),
        {"client_id": "c", "secret": "s"},
        answering({"key": key}),
        ["ITEM.ERROR"],
    )


def monday():
    return sent({"event": {"type": "update"}}, {"authorization": bearer({"iat": NOW})}), SHARED, None, ["update"]


def wix():
    data = json.dumps({"eventType": "created", "instanceId": "i", "data": json.dumps({"id": "e"})})
    return (
        sent(bearer({"data": data}, RSA, "RS256").encode(), {}),
        {"public_key": public(RSA).decode()},
        None,
        ["created"],
    )


def kinde():
    key = {**json.loads(jwt.algorithms.RSAAlgorithm.to_jwk(RSA.public_key())), "kid": "k"}
    token = bearer({"type": "user.created"}, RSA, "RS256", kid="k")
    return sent(token.encode(), {}), {"context": {"subdomain": "acme"}}, answering({"keys": [key]}), ["user.created"]


def dialpad():
    return sent(bearer({"state": "hangup"}).encode(), {}), SHARED, None, []


def google_pubsub():
    claims = {
        "iss": "https://accounts.google.com",
        "aud": "us",
        "email": "robot",
        "email_verified": True,
        "exp": NOW + 60,
    }
    key = {**json.loads(jwt.algorithms.RSAAlgorithm.to_jwk(RSA.public_key())), "kid": "k"}
    headers = {"authorization": f"Bearer {bearer(claims, RSA, 'RS256', kid='k')}"}
    kept = {"audience": "us", "service_account": "robot"}
    return sent({"message": {"messageId": "1"}}, headers), kept, answering({"keys": [key]}), ["pubsub"]


def microsoft_graph():
    items = [{"resource": "r", "changeType": kind, "clientState": "state"} for kind in ("created", "deleted")]
    return sent({"value": items}, {}), {"client_state": "state"}, None, ["r.created", "r.deleted"]


def persona():
    body = b'{"data": {"attributes": {"name": "inquiry.approved"}}}'
    good = mac("s", STAMP.encode() + b"." + body).hexdigest()
    headers = {"persona-signature": f"t={STAMP},v1={'0' * 64} t={STAMP},v1={good}"}
    return sent(body, headers), {"secret": "s"}, None, ["inquiry.approved"]


def recurly():
    body = b'{"event_type": "created"}'
    good = mac("s", f"{STAMP}000.".encode() + body).hexdigest()
    return sent(body, {"recurly-signature": f"{STAMP}000,{'0' * 64},{good}"}), {"secret": "s"}, None, ["created"]


def gitlab():
    key = bytes(range(32))
    signed = b"m-1." + STAMP.encode() + b".{}"
    headers = {"webhook-id": "m-1", "webhook-timestamp": STAMP, "x-gitlab-event": "Push Hook"}
    headers["webhook-signature"] = f"v1,{b64(mac(key, signed).digest())}"
    return sent(b"{}", headers), {"secret": f"whsec_{b64(key)}", "token": "t"}, None, ["Push Hook"]


def standard_webhooks_ed25519():
    signature = b64(ED.sign(b"m-1." + STAMP.encode() + b".{}"))
    headers = {"webhook-id": "m-1", "webhook-timestamp": STAMP, "webhook-signature": f"v1,AAAA v1a,{signature}"}
    raw = ED.public_key().public_bytes(serialization.Encoding.Raw, serialization.PublicFormat.Raw)
    return sent(b"{}", headers), {"public_key": f"whpk_{b64(raw)}"}, None, []


def sendgrid():
    body = b'[{"event": "open"}]\r\n'
    headers = {
        "x-twilio-email-event-webhook-signature": b64(EC.sign(STAMP.encode() + body, ec.ECDSA(hashes.SHA256()))),
        "x-twilio-email-event-webhook-timestamp": STAMP,
    }
    return sent(body, headers), {"public_key": b64(public(EC, "DER"))}, None, ["open"]


def easypost():
    body = b'{"description": "batch.created"}'
    signature = mac("se\u0301cret", body).hexdigest()  # é as two characters: the form that compatibility asks for
    return (
        sent(body, {"x-hmac-signature": f"hmac-sha256-hex={signature}"}),
        {"secret": "sécret"},
        None,
        ["batch.created"],
    )


SCHEMES = [
    mercadopago,
    docusign,
    mandrill,
    braintree,
    salesforce_outbound,
    paypal,
    ebay,
    qstash,
    livekit,
    vonage,
    netlify,
    plaid,
    monday,
    wix,
    kinde,
    dialpad,
    google_pubsub,
    microsoft_graph,
    persona,
    recurly,
    gitlab,
    standard_webhooks_ed25519,
    sendgrid,
    easypost,
]
WITHOUT_BODY = {"mercadopago", "monday", "microsoft_graph", "google_pubsub", "salesforce_outbound"}
"""Vendors that do not sign the body."""


def found(vendors, scheme, came, kept, vendor):
    told = vendors.effective(account=None, connector=scheme.__name__.replace("_", "-"))
    told.learn(kept.get("context", {}))
    kept = kept if scheme in (plaid, ebay) else renamed(kept)  # these ask for a key by a secret of the API
    return judged(told, came, kept, vendor=vendor)


@pytest.mark.parametrize("scheme", SCHEMES)
def test_what_is_signed_by_its_recipe_is_verified_and_its_events_are_read(vendors, scheme):
    came, kept, vendor, types = scheme()
    accepted = found(vendors, scheme, came, kept, vendor)
    assert accepted.refusal is None
    assert accepted.verified_by
    assert [event.type for event in accepted.events] == types


SECOND = "next secret, of thirty-two bytes or more"


def rotated_qstash():
    came, *_ = qstash()
    claims = jwt.decode(came.headers["upstash-signature"], options={"verify_signature": False})
    return "qstash", sent(came.body, {"upstash-signature": bearer(claims, SECOND)}), "next_webhook_secret"


def rotated_shopify():
    signed = {"x-shopify-hmac-sha256": b64(mac(SECOND, "{}").digest()), "x-shopify-topic": "orders/create"}
    return "shopify", sent(b"{}", signed), "old_webhook_secret"


def rotated_inngest():
    signed = {"x-inngest-signature": f"t={STAMP}&s={mac(SECOND, '{}' + STAMP).hexdigest()}"}
    return "inngest", sent(b"{}", signed), "fallback_webhook_secret"


def rotated_brex():
    body = '{"event_type": "USER_UPDATED"}'
    signature = b64(mac(SECOND, f"msg_1.{STAMP}.{body}").digest())
    headers = {"webhook-id": "msg_1", "webhook-timestamp": STAMP, "webhook-signature": f"v1,{signature}"}
    return "brex", sent(body.encode(), headers), "old_webhook_secret"


@pytest.mark.parametrize("rotated", [rotated_qstash, rotated_shopify, rotated_inngest, rotated_brex])
def test_a_vendor_that_rotates_two_keys_is_verified_by_either(vendors, rotated):
    name, came, second = rotated()
    connector = vendors.effective(account=None, connector=name)
    written = b64(SECOND.encode()) if name == "brex" else SECOND
    first = b64(b"another secret of thirty-two bytes")
    assert judged(connector, came, {"webhook_secret": first, second: written}).refusal is None
    assert judged(connector, came, {"webhook_secret": written}).refusal is None
    assert judged(connector, came, {"webhook_secret": first}).refusal is not None


@pytest.mark.parametrize("scheme", [scheme for scheme in SCHEMES if scheme.__name__ not in WITHOUT_BODY])
def test_another_body_is_refused(vendors, scheme):
    came, kept, vendor, _ = scheme()
    at = len(came.body) - 4
    other = came.body[:at] + bytes([came.body[at] ^ 1]) + came.body[at + 1 :]
    forged = Delivery(came.method, came.url, came.headers, other)
    assert found(vendors, scheme, forged, kept, vendor).refusal is not None


@pytest.mark.parametrize("scheme", SCHEMES)
def test_another_secret_is_refused(vendors, scheme):
    came, kept, vendor, _ = scheme()
    if vendor is not None and scheme is not google_pubsub:
        kept, vendor = {**kept, "webhook_id": "W2"}, answering({"keys": []}) if scheme is not paypal else vendor
        if scheme is ebay:
            vendor = answering({"key": public(ec.generate_private_key(ec.SECP256R1())).decode()})
        if scheme is plaid:
            other = ec.generate_private_key(ec.SECP256R1())
            vendor = answering(
                {"key": {**json.loads(jwt.algorithms.ECAlgorithm.to_jwk(other.public_key())), "kid": "k"}}
            )
    else:
        other = "an other secret of thirty-two bytes or more"
        kept = {name: value if name == "key_id" else other for name, value in kept.items()}
        if "public_key" in kept:
            same = {wix: lambda: public(rsa.generate_private_key(public_exponent=65537, key_size=2048)).decode()}
            same[standard_webhooks_ed25519] = lambda: b64(bytes(range(32)))
            same[sendgrid] = lambda: b64(public(ec.generate_private_key(ec.SECP256R1()), "DER"))
            kept = {"public_key": same[scheme]()}
        if scheme is salesforce_outbound:
            kept = {"context": {"organization_id": other}}
        if scheme is gitlab:
            kept = {"secret": b64(bytes(32))}
    assert found(vendors, scheme, came, kept, vendor).refusal is not None


def test_a_verified_claim_can_identify_the_account(vendors):
    came, kept, vendor, _ = salesforce_outbound()
    assert [event.routes for event in found(vendors, salesforce_outbound, came, kept, vendor).events] == ["00D1"] * 2


def test_a_key_that_has_ended_proves_nothing(vendors):
    came, kept, _, _ = plaid()
    key = {**json.loads(jwt.algorithms.ECAlgorithm.to_jwk(EC.public_key())), "kid": "k", "expired_at": 1750000000}
    assert found(vendors, plaid, came, kept, answering({"key": key})).refusal is not None


def test_a_plain_token_does_where_there_is_no_signature(vendors):
    kept = {"secret": f"whsec_{b64(bytes(32))}", "token": "t"}
    assert (
        found(vendors, gitlab, sent(b"{}", {"x-gitlab-token": "t", "x-gitlab-event": "x"}), kept, None).verified_by
        == "any"
    )
    both = {"x-gitlab-token": "t", "webhook-signature": "v1,AAAA", "webhook-id": "1", "webhook-timestamp": STAMP}
    assert found(vendors, gitlab, sent(b"{}", both), kept, None).refusal is not None
