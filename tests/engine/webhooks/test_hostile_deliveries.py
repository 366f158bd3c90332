"""Whatever anybody sends to an address is refused soon: no vendor's scheme lets it through, or falls over it."""

import json
import re

import pytest
from desk import NOW, Vendor, judged, schemes
from hypothesis import given, settings
from hypothesis import strategies as st
from measuring import cpu_limit

from conn_engine.errors import CredentialError, VendorError
from conn_engine.webhooks import Delivery
from conn_engine.wire import Headers, Response

KEPT = {
    "secret": "c2VjcmV0IG9mIHRoZSBhY2NvdW50IGhlcmU=",
    "next_secret": "another",
    "token": "a token",
    "public_key": "19bf44096984cdfe8541bac167dc3b96c85086aa30b6b6cb0c5c38ad703166e1",
    "key_id": "key",
    "user": "user",
    "password": "password",
    "primary": "one",
    "secondary": "two",
    "verify_token": "token",
    "client_id": "client",
    "client_state": "state",
    "webhook_id": "8PT5",
    "audience": "us",
    "service_account": "robot",
}
CLOSED = [name for name, told in schemes().items() if told["verify"]["format"] != "none"]
TYPES = [
    "application/json",
    "application/x-www-form-urlencoded",
    "text/xml",
    "application/x-ndjson",
    "multipart/form-data; boundary=b",
    "",
    "x",
]


def said(name):
    """The names of headers, parameters and fields that a scheme reads."""
    text = json.dumps(schemes()[name]).replace('\\"', '"')
    return {
        kind: sorted({one.strip('"') for one in re.findall(rf'\b{kind}\.("[^"]+"|\w+)', text)})
        for kind in ("headers", "query", "body", "item", "parts")
    }


WORDS = st.sampled_from(
    [
        "",
        "0",
        "v1=00",
        "t=1760000000,v1=00",
        "sha256=",
        "Bearer ",
        "Basic Og==",
        "=",
        ",",
        " ",
        "null",
        "{",
        "A" * 40,
        "1760000000",
        "1760000000000",
        "2025-10-09T08:53:20Z",
    ]
)
LETTERS = st.text(st.characters(max_codepoint=0xFF, blacklist_categories=["Cc"]), max_size=40)
VALUES = WORDS | LETTERS | st.binary(max_size=30).map(lambda raw: raw.decode("latin-1"))
TREES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8) | WORDS,
    lambda part: st.lists(part, max_size=3) | st.dictionaries(st.text(max_size=4), part, max_size=3),
    max_leaves=10,
)


@st.composite
def deliveries(draw):
    name = draw(st.sampled_from(CLOSED))
    names = said(name)
    headers = [(one, draw(VALUES)) for one in names["headers"] if draw(st.booleans())]
    headers += [("content-type", draw(st.sampled_from(TYPES)))]
    headers += draw(st.lists(st.sampled_from(headers), max_size=1))
    query = "&".join(f"{one}={draw(LETTERS)}" for one in names["query"] if draw(st.booleans()))
    fields = names["body"] + names["item"]
    tree = draw(st.fixed_dictionaries({}, optional=dict.fromkeys(fields, TREES)) | TREES)
    body = draw(st.just(json.dumps(tree).encode()) | st.binary(max_size=80))
    host = draw(st.sampled_from(["hooks.example.com", "hooks.example.com:8443", "[::1", "", "a@b:c", "x" * 300, "é"]))
    method = draw(st.sampled_from(["POST", "GET", "PUT", "HEAD", "x" * 100, ""]))
    return name, Delivery(method, f"https://{host}/in?{query}", Headers(headers), body)


def refused(vendors, name, came, kept):
    """Whether nothing came of it. Anything but what `accept` promises to raise falls through."""
    told = vendors.effective(account=None, connector=name.replace("_", "-"))
    vendor = Vendor(lambda request: Response(200, Headers({"content-type": "application/json"}), b'{"keys": [{}]}'))
    try:
        accepted = judged(told, came, kept, now=NOW, vendor=vendor)
    except (CredentialError, VendorError):
        return True
    assert accepted.events == []
    return accepted.refusal is not None or accepted.challenge is not None


@pytest.mark.slow
@settings(max_examples=600)
@given(sent=deliveries(), knows=st.booleans())
def test_what_anybody_sends_is_refused(vendors, sent, knows):
    name, came = sent
    assert refused(vendors, name, came, KEPT if knows else {})


LARGE = {
    "deep": b"[" * 200_000,
    "deep objects": b'{"a":' * 100_000,
    "deep and whole": b'{"a":' * 400 + b"1" + b"}" * 400,
    "many numbers": b"[" + b"1," * 300_000 + b"1]",
    "many objects": b'{"events":[' + b"{}," * 50_000 + b"{}]}",
    "a long number": b'{"a":' + b"1" * 500_000 + b"}",
    "a long text": b'{"a":"' + b"x" * 2_000_000 + b'"}',
    "halves of characters": b'{"type":"\\ud800","id":"\\udfff"}',
    "names that are repeated": b"{" + b'"a":1,' * 50_000 + b'"a":1}',
    "many fields": b"a=1&" * 200_000,
    "zeros": b"\0" * 1_000_000,
    "many entities": b'<?xml version="1.0"?><!DOCTYPE x [<!ENTITY a "'
    + b"x" * 1000
    + b'"><!ENTITY b "'
    + b"&a;" * 1000
    + b'">]><x>'
    + b"&b;" * 1000
    + b"</x>",
    "many parts": b"--b\r\ncontent-disposition: form-data; name=a\r\n\r\n1\r\n" * 20_000,
}


@pytest.mark.slow
@pytest.mark.parametrize("kind", LARGE)
@pytest.mark.parametrize("content_type", [one for one in TYPES if one])
def test_large_bodies_are_refused_soon(vendors, kind, content_type):
    names = (
        "dropbox_sign",
        "adyen",
        "inngest",
        "twilio",
        "mailgun",
        "microsoft_graph",
        "aws_sns",
        "braintree",
        "salesforce_outbound",
    )
    with cpu_limit(10 * len(names)):
        for name in names:
            headers = dict.fromkeys(said(name)["headers"], "t=1760000000,s=00")
            came = Delivery(
                "POST", "https://hooks.example.com/in", Headers({**headers, "content-type": content_type}), LARGE[kind]
            )
            assert refused(vendors, name, came, KEPT)


@pytest.mark.parametrize(
    "name", ["stripe", "standard_webhooks", "telnyx", "sendgrid", "docusign", "plaid", "wix", "chargebee"]
)
def test_long_headers_are_refused_soon(vendors, name):
    with cpu_limit(20):
        for value in (
            "v1=" + "0" * 500_000,
            "v1=00," * 100_000,
            "v1,AAAA " * 100_000,
            "." * 500_000,
            "A" * 500_000,
            "t=1," * 100_000,
        ):
            headers = dict.fromkeys(said(name)["headers"], value)
            assert refused(
                vendors, name, Delivery("POST", "https://hooks.example.com/in", Headers(headers), b"{}"), KEPT
            )
        many = [(f"x-docusign-signature-{number}", "AAAA") for number in range(20_000)]
        assert refused(vendors, name, Delivery("POST", "https://hooks.example.com/in", Headers(many), b"{}"), KEPT)
