"""Keys that vendors publish: asked for once, kept, asked for again when one is missing, and from their hosts alone."""

import json
import re

import jwt
import pytest
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from desk import NOW, Vendor, outcome, post, verify_delivery

from conn_engine.errors import ConfigurationError, CredentialError, VendorError
from conn_engine.secrets import Redactor
from conn_engine.transport.gateway import check_request
from conn_engine.transport.hosts import bind_hosts
from conn_engine.webhooks import KeyCache, VerificationError
from conn_engine.wire import Headers, Response

JWKS = "https://id.vendor.example/jwks"
KEYS = {name: rsa.generate_private_key(public_exponent=65537, key_size=2048) for name in ("one", "two", "three")}


def jwk(name, **more):
    return {**json.loads(jwt.algorithms.RSAAlgorithm.to_jwk(KEYS[name].public_key())), "kid": name, **more}


def pem(name):
    form = serialization.PublicFormat.SubjectPublicKeyInfo
    return KEYS[name].public_key().public_bytes(serialization.Encoding.PEM, form).decode()


def way(**more):
    return {"format": "jwt", "config": {"algorithms": ["RS256"], "key_request": {"url": JWKS, **more}}}


def by(name, kid=None):
    headers = {"kid": kid or name} if kid != "" else {}
    token = jwt.encode({"iss": "vendor"}, KEYS[name], algorithm="RS256", headers=headers)
    return post(b"{}", {"authorization": f"Bearer {token}"})


class Publisher(Vendor):
    """Publishes the keys that it has now."""

    def __init__(self, *names):
        super().__init__(lambda request: said({"keys": [jwk(name) for name in self.names]}))
        self.names = list(names)


def said(data, status=200, **headers):
    return Response(status, Headers({"content-type": "application/json", **headers}), json.dumps(data).encode())


def test_keys_are_requested_once_and_cached():
    vendor, cache = Publisher("one", "two"), KeyCache()
    for moment, asked in ((0, 1), (1, 1), (3599, 1), (3601, 2), (3700, 2)):
        assert outcome(way(), by("one"), {}, vendor=vendor, cache=cache, now=NOW + moment) == "verified"
        assert outcome(way(), by("two"), {}, vendor=vendor, cache=cache, now=NOW + moment) == "verified"
        assert len(vendor.asked) == asked
    assert vendor.asked[0].method == "GET"


def test_a_forged_signature_asks_no_further():
    vendor, cache = Publisher("one"), KeyCache()
    for _ in range(5):
        assert outcome(way(), by("two", kid="one"), {}, vendor=vendor, cache=cache) == "wrong_signature"
    assert len(vendor.asked) == 1


def test_an_unknown_key_is_asked_for_once_more_and_not_again_within_a_minute():
    vendor, cache = Publisher("one"), KeyCache()
    assert outcome(way(), by("one"), {}, vendor=vendor, cache=cache) == "verified"
    for seconds in (1, 30, 59):
        assert outcome(way(), by("two"), {}, vendor=vendor, cache=cache, now=NOW + seconds) == "wrong_signature"
    assert len(vendor.asked) == 1
    vendor.names = ["one", "two"]
    assert outcome(way(), by("two"), {}, vendor=vendor, cache=cache, now=NOW + 61) == "verified"
    assert len(vendor.asked) == 2
    for seconds in (62, 100, 121):
        assert outcome(way(), by("three"), {}, vendor=vendor, cache=cache, now=NOW + seconds) == "wrong_signature"
    assert len(vendor.asked) == 2
    assert outcome(way(), by("one"), {}, vendor=vendor, cache=cache, now=NOW + 122) == "verified"


def test_a_key_that_the_vendor_takes_back_proves_nothing_when_it_is_noticed():
    vendor, cache = Publisher("one"), KeyCache()
    assert outcome(way(keep_seconds=600), by("one"), {}, vendor=vendor, cache=cache) == "verified"
    vendor.names = ["two"]
    assert outcome(way(keep_seconds=600), by("one"), {}, vendor=vendor, cache=cache, now=NOW + 601) == "wrong_signature"
    assert outcome(way(keep_seconds=600), by("two"), {}, vendor=vendor, cache=cache, now=NOW + 602) == "verified"


def test_without_a_name_every_key_is_tried_and_one_of_another_kind_left_out():
    curve = json.loads(jwt.algorithms.ECAlgorithm.to_jwk(ec.generate_private_key(ec.SECP256R1()).public_key()))
    odd = [{**curve, "kid": "e"}, {"kty": "made-up", "kid": "m"}, {"kid": "empty"}]
    vendor = Vendor(lambda request: said({"keys": [*odd, jwk("one"), jwk("two")]}))
    assert outcome(way(), by("two", kid=""), {}, vendor=vendor) == "verified"
    assert outcome(way(), by("three", kid=""), {}, vendor=vendor) == "wrong_signature"
    assert outcome(way(), by("two", kid="e"), {}, vendor=vendor) == "credential"


def test_keys_without_names_are_tried_too():
    vendor = Vendor(lambda request: said({"pem": pem("one")}))
    assert outcome(way(keys="response.pem"), by("one"), {}, vendor=vendor) == "verified"
    several = Vendor(lambda request: said({"a": pem("two"), "b": pem("one")}))
    assert outcome(way(keys="response.*"), by("one"), {}, vendor=several) == "verified"


def test_a_key_may_be_asked_for_by_its_name_and_with_the_accounts_credential():
    settings = way(
        url="https://id.vendor.example/keys/{{header.kid}}",
        headers={"authorization": "Bearer {{token}}"},
        keys="response.key",
    )
    vendor = Vendor(lambda request: said({"key": jwk("one", kid=request.url.rpartition("/")[2])}))
    assert outcome(settings, by("one", kid="k-7"), {"token": "t"}, vendor=vendor) == "verified"
    (request,) = vendor.asked
    assert (request.url, request.headers["authorization"]) == ("https://id.vendor.example/keys/k-7", "Bearer t")
    assert outcome(settings, by("one", kid="k-7"), {}, vendor=vendor) == "credential"
    assert len(vendor.asked) == 1


@pytest.mark.parametrize(
    "place",
    [
        {"query": {"tenant": "{{context.tenant}}"}},
        {"headers": {"x-tenant": "{{context.tenant}}", "x-at": "{{timestamp}}"}},
    ],
)
def test_the_keys_of_one_account_prove_nothing_to_another(place):
    def answer(request):
        return said(
            {
                "keys": [
                    jwk("one" if "a" in (request.url.rpartition("=")[2], request.headers.get("x-tenant")) else "two")
                ]
            }
        )

    vendor, cache = Vendor(answer), KeyCache()
    a, b = ({"context": {"tenant": name}} for name in "ab")
    assert outcome(way(**place), by("one", kid=""), a, vendor=vendor, cache=cache) == "verified"
    assert outcome(way(**place), by("one", kid=""), b, vendor=vendor, cache=cache) == "wrong_signature"
    assert outcome(way(**place), by("two", kid=""), b, vendor=vendor, cache=cache) == "verified"
    assert outcome(way(**place), by("one", kid=""), a, vendor=vendor, cache=cache) == "verified"
    assert len(vendor.asked) == 2
    assert "tenant" not in repr(cache)


def test_keys_that_are_asked_for_by_a_signed_request_are_kept_for_the_account():
    config = {"key": "{{token}}", "content": "request.url", "headers": {"x-signature": "{{signature}}"}}
    signature = {"format": "hmac", "config": config}
    vendor, cache = Publisher("one"), KeyCache()
    for kept in ({"token": "a"}, {"token": "a"}, {"token": "b"}):
        assert outcome(way(signature=signature), by("one"), kept, vendor=vendor, cache=cache) == "verified"
    assert len(vendor.asked) == 2


def test_two_settings_of_one_address_have_their_own_keys():
    vendor, cache = Vendor(lambda request: said({"a": [jwk("one")], "b": [jwk("two")]})), KeyCache()
    for name, keys, found in (
        ("one", "response.a", "verified"),
        ("one", "response.b", "wrong_signature"),
        ("two", "response.b", "verified"),
    ):
        assert outcome(way(keys=keys), by(name, kid=""), {}, vendor=vendor, cache=cache) == found


@pytest.mark.parametrize("status", [500, 503, 404, 403])
def test_a_vendor_without_keys_to_give_is_no_proof(status):
    vendor = Vendor(lambda request: said({"error": "x"}, status))
    with pytest.raises((VendorError, CredentialError)):
        verify_delivery(way(), by("one"), {}, vendor=vendor)


@pytest.mark.parametrize("data", [[], {"keys": []}, {"keys": None}, None])
def test_an_answer_without_keys_proves_nothing(data):
    assert outcome(way(), by("one"), {}, vendor=Vendor(lambda request: said(data))) == "wrong_signature"


@pytest.mark.parametrize("data", [{}, "x", 7, ["x"], {"keys": ["x", None]}, {"keys": {"kty": "oct", "k": "AAAA"}}])
def test_an_answer_with_what_is_no_key_is_the_vendors_fault(data):
    assert outcome(way(), by("one"), {}, vendor=Vendor(lambda request: said(data))) == "credential"


# --- where they may be fetched ---

CERTIFIED = {
    "format": "rsa",
    "config": {
        "signature": "headers.signature",
        "encoding": "base64",
        "key_request": {
            "url": "{{headers.key}}",
            "hosts": ["keys.*.vendor.example"],
            "response_format": "text",
            "keys": "response",
        },
    },
}


def certified(url, body=b"{}", name="one"):
    import base64

    signature = base64.b64encode(KEYS[name].sign(body, padding.PKCS1v15(), hashes.SHA256())).decode()
    return post(body, {"signature": signature, "key": url})


def texts(name="one"):
    return Vendor(lambda request: Response(200, Headers({"content-type": "text/plain"}), pem(name).encode()))


def test_a_delivery_may_say_where_its_key_is_among_the_vendors_hosts():
    vendor, cache = texts(), KeyCache()
    came = certified("https://keys.eu.vendor.example/2025.pem")
    assert outcome(CERTIFIED, came, {}, vendor=vendor, cache=cache) == "verified"
    assert outcome(CERTIFIED, came, {}, vendor=vendor, cache=cache) == "verified"
    assert [request.url for request in vendor.asked] == ["https://keys.eu.vendor.example/2025.pem"]
    assert outcome(CERTIFIED, certified("https://keys.eu.vendor.example/2025.pem", name="two"), {}, vendor=vendor) == (
        "wrong_signature"
    )


@pytest.mark.parametrize(
    "url",
    [
        "https://evil.example/k.pem",
        "https://keys.vendor.example/k.pem",
        "https://keys.a.b.vendor.example/k.pem",
        "https://keys.eu.vendor.example.evil.example/k.pem",
        "https://keys.eu.vendor.example@evil.example/k.pem",
        "https://evil.example#keys.eu.vendor.example",
        "https://evil.example?keys.eu.vendor.example",
        "https://evil.example\\keys.eu.vendor.example",
        "https://keys.evil.example/.vendor.example/k.pem",
        "http://keys.eu.vendor.example/k.pem",
        "https://keys.eu.vendor.example:8443/k.pem",
        "//keys.eu.vendor.example/k.pem",
        "ftp://keys.eu.vendor.example/k.pem",
        "https://127.0.0.1/k.pem",
        "https://[::1]/k.pem",
        "https://[::1",
        "javascript:alert(1)",
        "https://kéys.eu.vendor.example/k.pem",
        "https://keys.eu.vendor.example\n.evil.example/",
        " ",
    ],
)
def test_no_other_host_is_asked(url):
    vendor = Vendor()
    assert outcome(CERTIFIED, certified(url), {}, vendor=vendor) in ("foreign_key", "unsigned")
    assert vendor.asked == []


def test_a_delivery_without_a_key_url_sends_no_request():
    vendor = Vendor()
    headers = {name: value for name, value in certified("").headers.pairs if name != "key"}
    assert outcome(CERTIFIED, post(b"{}", headers), {}, vendor=vendor) in ("unsigned", "foreign_key", "credential")
    assert vendor.asked == []


def test_a_delivery_with_two_key_urls_sends_no_request():
    vendor = Vendor()
    good = "https://keys.eu.vendor.example/k.pem"
    twice = [*certified(good).headers.pairs, ("Key", good)]
    assert outcome(CERTIFIED, post(b"{}", twice), {}, vendor=vendor) in ("ambiguous", "foreign_key", "unsigned")
    assert vendor.asked == []


PLACES = [
    {"url": "{{body.it}}", "hosts": ["keys.vendor.example"]},
    {"url": "https://keys.vendor.example/{{body.it}}"},
    {"url": "https://{{body.it}}.vendor.example/", "hosts": ["*.vendor.example"]},
    {"url": "https://keys.vendor.example/", "method": "post", "body": {"id": "a-{{body.it}}"}},
    {"url": "https://keys.vendor.example/", "query": {"id": "a-{{body.it}}"}},
    {"url": "https://keys.vendor.example/", "headers": {"x-id": "{{body.it}}"}},
    {"url": "https://keys.vendor.example/", "headers": {"x-id": "a-{{$number(body.it)}}"}},
]


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize(
    "it", ["[1, 2]", '{"a": 1}', "null", "true", '""', '"a b"', '"\\r\\nx: y"', '"\\u6f22"', "[[]]", "1e999"]
)
def test_whatever_a_delivery_says_of_its_key_is_refused_and_breaks_nothing(place, it):
    config = {"signature": "headers.signature", "encoding": "base64", "key_request": place}
    vendor = Vendor(lambda request: said({"keys": [jwk("two")]}))
    came = post(b'{"it": %s}' % it.encode(), {"signature": "AAAA", "content-type": "application/json"})
    found = outcome({"format": "rsa", "config": config}, came, {}, vendor=vendor)
    assert found in ("unsigned", "foreign_key", "wrong_signature")
    assert all(re.match(r"https://\w+\.vendor\.example/", request.url) for request in vendor.asked)


def test_hosts_are_required_if_the_delivery_has_the_host():
    config = {name: value for name, value in CERTIFIED["config"]["key_request"].items() if name != "hosts"}
    settings = {"format": "rsa", "config": {**CERTIFIED["config"], "key_request": config}}
    with pytest.raises(ConfigurationError, match="`hosts` is not set"):
        verify_delivery(settings, certified("https://keys.eu.vendor.example/k.pem"), {}, vendor=Vendor())


def test_many_names_do_not_ask_without_end():
    settings = way(url="https://id.vendor.example/keys/{{header.kid}}", keys="response.key")
    vendor, cache = Vendor(lambda request: said({"key": jwk("one", kid="other")})), KeyCache()
    for number in range(100):
        with pytest.raises((VerificationError, VendorError)):  # refused, or not judged: it was asked too often
            verify_delivery(settings, by("two", kid=f"k{number}"), {}, vendor=vendor, cache=cache)
    assert len(vendor.asked) <= 30


def test_the_oldest_answers_go_when_there_are_too_many():
    cache = KeyCache()
    for number in range(1200):
        cache.put(number, NOW, number)
    kept = [number for number in range(1200) if cache.get(number, NOW, 60) is not None]
    assert kept == list(range(200, 1200))
    assert cache.get(1199, NOW + 61, 60) is None
    assert cache.get(1199, NOW - 1, 60) is None


@pytest.mark.parametrize(
    ("more", "bound"),
    [
        ({}, False),
        ({"query": {"tenant": "{{context.tenant}}"}}, False),
        ({"headers": {"x-key": "{{api_key}}"}}, True),
        ({"query": {"key": "{{env.KEY}}"}}, True),
        ({"assertion": {"algorithm": "HS256", "key": "{{api_key}}", "claims": {"iss": "us"}}}, True),
    ],
)
def test_a_request_for_keys_with_a_secret_goes_only_where_that_was_stored_for(more, bound):
    kept = {"api_key": "a-long-enough-secret-of-acme-1234", "env": {"KEY": "k-1"}, "context": {"tenant": "t"}}
    hosts = bind_hosts(("api.vendor.example",), ("api.vendor.example",), "acme")
    vendor = Publisher("one")
    verify_delivery(way(**more), by("one"), kept, vendor=vendor, hosts=hosts)
    (asked,) = vendor.asked
    if not bound:
        assert check_request(asked, Redactor()).host == "id.vendor.example"
        return
    with pytest.raises(CredentialError, match=r'the credential of "acme" is for api\.vendor\.example'):
        check_request(asked, Redactor())
