"""Challenges are answered as vendors want them: status, headers, body, and what is kept for later."""

import base64
import hmac
import json
from datetime import UTC, datetime, timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from desk import HERE, NOW, Vendor, delivery, judged, post, renamed, secrets

from conn_engine.wire import Headers, Response

CASES = json.loads((HERE / "handshakes.json").read_text(encoding="utf-8"))["cases"]
ELSEWHERE = {"slack": "ok_url_verification", "discord": "ok_ping"}
"""Cases whose signed delivery stands among the vectors."""
SIGNED = {
    "zoom": ("x-zm-signature", "x-zm-request-timestamp", "v0=", "v0:{stamp}:{body}", str(int(NOW))),
    "twitch": (
        "twitch-eventsub-message-signature",
        "twitch-eventsub-message-timestamp",
        "sha256=",
        "msg-1{stamp}{body}",
        "2025-10-09T08:53:20.5Z",
    ),
}
"""Cases that say no signature, although the vendor sends one: an answer to anybody would sign whatever is asked."""


def named(case):
    return f"{case['vendor']}-{case['expect']['status']}-{case['method']}"


def connector(vendors, vendor):
    return vendors.effective(account=None, connector=vendor.replace("_", "-"))


def received(case):
    """The delivery of a case, signed where the case leaves that out, and the account's secrets."""
    vendor, kept = case["vendor"], secrets(case)
    if vendor in ELSEWHERE:
        told = json.loads((HERE / "vectors" / f"{vendor}.json").read_text(encoding="utf-8"))["cases"]
        (same,) = [one for one in told if one["id"] == ELSEWHERE[vendor]]
        return delivery(same), secrets(same), same["now"]
    if vendor in SIGNED:
        header, stamped, prefix, content, stamp = SIGNED[vendor]
        kept = kept or {"webhook_secret": "made for this"}
        signed = content.format(stamp=stamp, body=case["body"]).encode()
        digest = hmac.new(kept["webhook_secret"].encode(), signed, "sha256").hexdigest()
        more = {header: prefix + digest, stamped: stamp, "twitch-eventsub-message-id": "msg-1"}
        return delivery({**case, "headers": {**case["headers"], **more}}), kept, NOW
    return delivery(case), kept, NOW


@pytest.mark.parametrize("case", [case for case in CASES if case["vendor"] != "aws_sns"], ids=named)
def test_it_is_answered_as_the_vendor_wants_it(vendors, case):
    came, kept, now = received(case)
    accepted = judged(connector(vendors, case["vendor"]), came, kept, now=now)
    expected, reply = case["expect"], accepted.reply
    assert reply.status == expected["status"]
    assert (accepted.challenge is not None) is (reply.status == 200)
    assert accepted.events == []
    for name, value in expected.get("headers", {}).items():
        said = reply.headers[name]
        assert said.partition(";")[0] == value if name == "content-type" else said == value
    if "body" in expected:
        assert reply.body == (expected["body"].encode() if case["vendor"] not in ELSEWHERE else reply.body)
    if "json" in expected:
        assert json.loads(reply.body) == expected["json"]
    assert accepted.captured == renamed(case.get("capture", {}))


def test_the_challenge_of_a_vector_is_what_is_answered(vendors):
    came, kept, now = received({"vendor": "slack", "secrets": {}})
    accepted = judged(connector(vendors, "slack"), came, kept, now=now)
    assert accepted.reply.body == json.loads(came.body)["challenge"].encode()
    assert accepted.reply.headers["x-content-type-options"] == "nosniff"


@pytest.mark.parametrize("vendor", ["zoom", "twitch", "slack", "discord", "okta"])
def test_who_does_not_prove_it_gets_no_answer(vendors, vendor):
    (case,) = [case for case in CASES if case["vendor"] == vendor]
    headers = {name: value for name, value in case["headers"].items() if value.isascii() and name != "Authorization"}
    kept = {"webhook_secret": "s", "webhook_token": "t", "public_key": "00" * 32}
    accepted = judged(connector(vendors, vendor), delivery({**case, "headers": headers}), kept)
    assert (accepted.reply.status, accepted.challenge, accepted.reply.body) == (
        401,
        None,
        b'{"error":"the delivery is not accepted"}',
    )


def test_a_secret_that_the_account_has_is_replaced_in_pairing_alone(vendors):
    (case,) = [case for case in CASES if case["vendor"] == "asana"]
    told, came = connector(vendors, "asana"), delivery(case)
    assert judged(told, came, {"webhook_secret": "older"}).reply.status == 403
    assert judged(told, came, {"webhook_secret": "older"}).captured == {}
    assert judged(told, came, {"webhook_secret": "older"}, pairing=True).captured == renamed(case["capture"])
    assert judged(told, came, renamed(case["capture"])).reply.status == 200


# --- a subscription that is confirmed by a request ---

KEY = rsa.generate_private_key(public_exponent=65537, key_size=2048)


def certificate():
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "sns.example")])
    day = datetime(2025, 1, 1, tzinfo=UTC)
    built = x509.CertificateBuilder(name, name, KEY.public_key(), 1, day, day + timedelta(days=3650))
    return built.sign(KEY, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)


def confirmation(version="2", **more):
    said = {
        "Type": "SubscriptionConfirmation",
        "MessageId": "165545c9",
        "Token": "tok",
        "TopicArn": "arn:aws:sns:us-east-1:123456789012:MyTopic",
        "Message": "You have chosen to subscribe …",
        "SubscribeURL": "https://sns.us-east-1.amazonaws.com/?Action=ConfirmSubscription&Token=tok",
        "Timestamp": "2025-10-09T08:53:20.000Z",
        "SigningCertURL": "https://sns.us-east-1.amazonaws.com/SimpleNotificationService.pem",
        "SignatureVersion": version,
        **more,
    }
    signed = "".join(f"{name}\n{said[name]}\n" for name in sorted(said) if not name.startswith("Sign")).encode()
    digest = hashes.SHA256() if version == "2" else hashes.SHA1()
    said["Signature"] = base64.b64encode(KEY.sign(signed, padding.PKCS1v15(), digest)).decode()
    return said


def cloud():
    def answer(request):
        kind = "application/x-pem-file" if request.url.endswith(".pem") else "text/xml"
        return Response(
            200, Headers({"content-type": kind}), certificate() if request.url.endswith(".pem") else b"<ok/>"
        )

    return Vendor(answer)


@pytest.mark.parametrize("host", ["sns.us-east-1.amazonaws.com", "sns.cn-north-1.amazonaws.com.cn"])
@pytest.mark.parametrize("version", ["1", "2"])
def test_a_subscription_is_confirmed_after_it_is_verified(vendors, version, host):
    vendor = cloud()
    certificate_url = f"https://{host}/SimpleNotificationService.pem"
    confirm_url = f"https://{host}/?Action=ConfirmSubscription&Token=tok"
    signed = confirmation(version, SubscribeURL=confirm_url, SigningCertURL=certificate_url)
    accepted = judged(connector(vendors, "aws_sns"), post(json.dumps(signed).encode()), vendor=vendor)
    assert (accepted.reply.status, accepted.challenge, accepted.verified_by) == (200, 0, "any")
    assert [(one.method, one.url) for one in vendor.asked] == [("GET", certificate_url), ("GET", confirm_url)]
    assert all(one.hosts == ("sns.*.amazonaws.com", "sns.*.amazonaws.com.cn") for one in vendor.asked)


def test_a_subscription_that_is_not_proved_is_not_confirmed(vendors):
    vendor = cloud()
    forged = {**confirmation(), "SubscribeURL": "https://sns.us-east-1.amazonaws.com/?Action=Other"}
    accepted = judged(connector(vendors, "aws_sns"), post(json.dumps(forged).encode()), vendor=vendor)
    assert accepted.reply.status == 401
    assert [one.url for one in vendor.asked] == ["https://sns.us-east-1.amazonaws.com/SimpleNotificationService.pem"]


@pytest.mark.parametrize(
    "url",
    [
        "https://evil.example/key.pem",
        "https://sns.us-east-1.amazonaws.com.evil.example/key.pem",
        "https://sns.cn-north-1.amazonaws.com.cn.evil.example/key.pem",
        "https://sns.us-east-1.amazonaws.com@evil.example/key.pem",
        "https://sns.us.east.amazonaws.com/key.pem",
        "http://sns.us-east-1.amazonaws.com/key.pem",
        "https://sns.us-east-1.amazonaws.com:8443/key.pem",
        "file:///etc/passwd",
        "",
        None,
    ],
)
def test_a_key_from_elsewhere_is_not_asked_for(vendors, url):
    vendor = Vendor()
    forged = confirmation(SigningCertURL=url)
    accepted = judged(connector(vendors, "aws_sns"), post(json.dumps(forged).encode()), vendor=vendor)
    assert accepted.reply.status == 401
    assert vendor.asked == []


@pytest.mark.parametrize(
    "url", ["https://evil.example/", "http://sns.us-east-1.amazonaws.com/?Action=ConfirmSubscription"]
)
def test_a_confirmation_goes_to_the_vendors_hosts_alone(vendors, url):
    vendor = cloud()
    signed = confirmation(SubscribeURL=url)
    accepted = judged(connector(vendors, "aws_sns"), post(json.dumps(signed).encode()), vendor=vendor)
    assert accepted.reply.status == 403
    assert [one.url for one in vendor.asked] == ["https://sns.us-east-1.amazonaws.com/SimpleNotificationService.pem"]
