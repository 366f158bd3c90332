"""A delivery tries to make the engine ask a stranger, send a credential, ask without end, or keep a secret of its own;
and its answer tries to be more than an answer."""

import base64
import json
from typing import Any

import jwt
import pytest
from attack import KEY, World
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from inbox import ADDRESS, HMAC, HOOK, NOW, Inbox, plain, signed, webhooks
from vendor import Arrived

from conn_engine.webhooks import Delivery

VENDORS, FORGERS = rsa.generate_private_key(65537, 2048), rsa.generate_private_key(65537, 2048)
ANY = {"type": "'x'"}


@pytest.fixture
def inbox(world: World) -> Inbox:
    world.vendor.answer = lambda got: (200, {}, {"keys": [jwk(VENDORS, "v1")]})
    world.stranger.answer = lambda got: (200, {}, {"keys": [jwk(FORGERS, "v1")]})
    return Inbox(world)


def jwk(key: rsa.RSAPrivateKey, kid: str) -> dict[str, Any]:
    return {**json.loads(jwt.algorithms.RSAAlgorithm.to_jwk(key.public_key())), "kid": kid}


def pem(key: rsa.RSAPrivateKey) -> bytes:
    form = serialization.PublicFormat.SubjectPublicKeyInfo
    return key.public_key().public_bytes(serialization.Encoding.PEM, form)


def by_jwt(key: rsa.RSAPrivateKey = VENDORS, **header: Any) -> Delivery:
    token = jwt.encode({"iat": NOW}, key, "RS256", headers={"kid": "v1", **header})
    return plain({}, headers=[("authorization", f"Bearer {token}")])


def by_certificate(url: str | None, key: rsa.RSAPrivateKey = FORGERS) -> Delivery:
    """A delivery that names where its key is, as some vendors' do."""
    signature = base64.b64encode(key.sign(b"{}", padding.PKCS1v15(), hashes.SHA256())).decode()
    named = [("x-cert", url)] if url is not None else []
    return plain(b"{}", headers=[("x-sig", signature), *named])


def jwks(**request: Any) -> dict[str, Any]:
    verify = {"format": "jwt", "config": {"algorithms": ["RS256"], "key_request": request}}
    return webhooks(verify=verify, events=ANY)


def certificate(inbox: Inbox, url: str = "{{headers.'x-cert'}}", **request: Any) -> dict[str, Any]:
    """The key's address is the delivery's to say, and the credential goes with the request."""
    asking = {"url": url, "hosts": [f"127.0.0.1:{inbox.world.vendor.port}"], "headers": {"x-key": "{{api_key}}"}}
    config = {"signature": "headers.'x-sig'", "encoding": "base64", "key_request": {**asking, **request}}
    return webhooks(verify={"format": "rsa", "config": config}, events=ANY)


def nothing_left(inbox: Inbox) -> None:
    assert inbox.world.stranger.arrived == []


ELSEWHERE = (
    "http://127.0.0.1:{stranger}/k", "http://127.0.0.1:{vendor}@127.0.0.1:{stranger}/k",
    "http://u:p@127.0.0.1:{vendor}/k", "http://127.0.0.1:{vendor}\\@127.0.0.1:{stranger}/k",
    "http://localhost:{vendor}/k", "http://[::1]:{vendor}/k", "http://[::ffff:127.0.0.1]:{vendor}/k",
    "http://2130706433:{vendor}/k", "http://127.1:{vendor}/k", "http://127.0.0.1:0{vendor}/k", "http://127.0.0.1/k",
    "http://127.0.0.1:99999/k", "https://127.0.0.1.example.com:{vendor}/k", "//127.0.0.1:{vendor}/k",
    "file:///etc/passwd", "ftp://127.0.0.1:{vendor}/k", "http://169.254.169.254/latest/meta-data/", "", " ", "k",
    "http://127.0.0.1:{vendor}\r\nx-a: b/k", "http://127.0.0.1:{stranger}#@127.0.0.1:{vendor}/",
    "http://127.0.0.1:{stranger}?@127.0.0.1:{vendor}/",
)  # fmt: skip


@pytest.mark.parametrize("url", ELSEWHERE)
def test_a_key_comes_from_the_vendors_hosts_alone(inbox: Inbox, url: str) -> None:
    said = url.format(vendor=inbox.world.vendor.port, stranger=inbox.world.stranger.port)
    receipt = inbox.lay_out(certificate(inbox)).receive(by_certificate(said))
    assert (receipt.reply.status, receipt.verified_by) == (401, "")
    nothing_left(inbox)
    assert inbox.world.vendor.arrived == []


def test_a_key_that_the_delivery_does_not_name(inbox: Inbox) -> None:
    receipt = inbox.lay_out(certificate(inbox)).receive(by_certificate(None))
    assert receipt.reply.status == 401 and inbox.world.vendor.arrived == []


def test_hosts_that_nobody_bounds_are_the_author_s_fault(inbox: Inbox) -> None:
    url = "http://{{headers.'x-cert'}}/k"
    inbox.lay_out(certificate(inbox, url, hosts=[]))
    receipt = inbox.receive(by_certificate(f"127.0.0.1:{inbox.world.vendor.port}"))
    assert receipt.error is not None and "`hosts` is not set" in receipt.error.message
    assert inbox.world.vendor.arrived == []


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
@pytest.mark.parametrize("fixed", [True, False])
def test_a_redirect_of_the_vendors_leads_to_no_key(inbox: Inbox, status: int, *, fixed: bool) -> None:
    """An attacker who can make the vendor's host redirect would otherwise pass for the vendor."""
    vendor, stranger = inbox.world.vendor, inbox.world.stranger
    inbox.world.trusted = ("127.0.0.0/8",)  # a redirect may reach the stranger
    vendor.answer = lambda got: (status, {"location": f"{stranger.url}/k"}, {})
    stranger.answer = lambda got: (200, {}, {"keys": [pem(FORGERS).decode(), jwk(FORGERS, "v1")]})
    if fixed:
        receipt = inbox.lay_out(jwks(url=f"{vendor.url}/keys")).receive(by_jwt(FORGERS))
    else:
        receipt = inbox.lay_out(certificate(inbox)).receive(by_certificate(f"{vendor.url}/go?to=stranger"))
    assert (receipt.reply.status, receipt.verified_by) == (401, "")
    assert all("x-key" not in got.headers and KEY not in str(got) for got in stranger.arrived)


@pytest.mark.parametrize(
    "kid", ["../files/mine", "..", ".", "a/b", "a?b=c", "a#b", "a\\b", "%2e%2e", "{{api_key}}", "", " ",
            "é", "\r\n", "a" * 2000]
)  # fmt: skip
def test_a_name_of_a_key_is_no_path(inbox: Inbox, kid: str) -> None:
    """On the vendor's own host others may keep files, keys of theirs too."""
    url = f"{inbox.world.vendor.url}/keys/{{{{header.kid}}}}"
    receipt = inbox.lay_out(jwks(url=url)).receive(by_jwt(kid=kid))
    assert (receipt.reply.status, receipt.verified_by, inbox.world.vendor.arrived) == (401, "", [])
    assert inbox.receive(by_jwt(kid="v1")).verified_by == "jwt"
    assert [got.target for got in inbox.world.vendor.arrived] == ["/keys/v1"]


def nothing(got: Arrived) -> tuple[int, dict[str, str], Any]:
    return 404, {}, {}


def broken(got: Arrived) -> tuple[int, dict[str, str], Any]:
    return 503, {}, {}


def empty(got: Arrived) -> tuple[int, dict[str, str], Any]:
    return 200, {}, []


@pytest.mark.parametrize("answer", [nothing, broken, empty, None])
@pytest.mark.parametrize(
    "url", ["/keys", "/keys/{{header.kid}}", "/keys?x={{query.n}}", "/keys/{{header.kid}}?n={{query.n}}"]
)
def test_keys_are_not_asked_for_without_end(inbox: Inbox, url: str, answer: Any) -> None:
    inbox.world.vendor.answer = answer or inbox.world.vendor.answer
    receiver = inbox.lay_out(jwks(url=inbox.world.vendor.url + url)).receiver()
    for number in range(45):
        delivery = by_jwt(FORGERS, kid=f"k{number}")
        told = Delivery(delivery.method, f"{ADDRESS}?n={number}", delivery.headers, delivery.body)
        assert receiver.receive(told, account="acme").reply.status in (401, 503)
    assert 1 <= len(inbox.world.vendor.arrived) <= 30
    inbox.clock.sleep(61)
    inbox.world.vendor.answer = lambda got: (200, {}, {"keys": [jwk(VENDORS, "v1")]})
    told = Delivery("POST", f"{ADDRESS}?n=last", by_jwt().headers, b"{}")
    assert receiver.receive(told, account="acme").verified_by == "jwt", (
        "a minute later the vendor's own are believed again"
    )


def test_a_known_key_is_believed_while_others_ask(inbox: Inbox) -> None:
    receiver = inbox.lay_out(jwks(url=f"{inbox.world.vendor.url}/keys/{{{{header.kid}}}}")).receiver()
    assert receiver.receive(by_jwt(), account="acme").verified_by == "jwt"
    for number in range(60):
        receiver.receive(by_jwt(FORGERS, kid=f"k{number}"), account="acme")
    assert receiver.receive(by_jwt(), account="acme").verified_by == "jwt"


@pytest.mark.parametrize(
    "header", [b'{"alg":"none"}', b'{"alg":"HS256"}', b'{"alg":"RS256","jku":"http://127.0.0.1:%d/k"}', b"null", b"[]",
               b'{"alg":["RS256"]}', b'{"alg":"RS256","kid":{}}', b'{"alg":"RS256","crit":["b64"],"b64":false}',
               b'{"alg":"RS256","a":' + b"[" * 40_000, b'{"alg":"RS256","kid":"\\ud800"}', b"\xff"]
)  # fmt: skip
def test_a_header_of_a_jwt_chooses_nothing(inbox: Inbox, header: bytes) -> None:
    header = header % inbox.world.stranger.port if b"%d" in header else header
    text = b".".join(base64.urlsafe_b64encode(part).rstrip(b"=") for part in (header, b"{}", b"sign")).decode()
    inbox.lay_out(jwks(url=f"{inbox.world.vendor.url}/keys"))
    receipt = inbox.receive(plain({}, headers=[("authorization", f"Bearer {text}")]))
    assert (receipt.reply.status, receipt.verified_by) == (401, "")
    nothing_left(inbox)


# --- challenges ---


def challenge(**said: Any) -> dict[str, Any]:
    return webhooks(challenge=[{"when": "body.c", "verified": False, **said}], events=ANY)


@pytest.mark.parametrize("url", ELSEWHERE)
def test_a_confirmation_goes_to_the_vendors_hosts_alone(inbox: Inbox, url: str) -> None:
    said = url.format(vendor=inbox.world.vendor.port, stranger=inbox.world.stranger.port)
    told = challenge(request={"method": "get", "url": "{{body.u}}", "headers": {"x-key": "{{api_key}}"}})
    receipt = inbox.lay_out(told).receive(plain({"c": 1, "u": said}))
    assert receipt.reply.status == 403
    nothing_left(inbox)
    assert inbox.world.vendor.arrived == []


@pytest.mark.parametrize("said", [None, 5, ["a"], {"a": 1}, "a\r\nb: c"])
def test_a_confirmation_that_cannot_be_made(inbox: Inbox, said: Any) -> None:
    vendor = inbox.world.vendor
    told = challenge(request={"url": f"{vendor.url}/{{{{body.u}}}}", "headers": {"x-a": "{{body.u}}"}})
    receipt = inbox.lay_out(told).receive(plain({"c": 1, "u": said}))
    assert receipt.reply.status in (200, 403, 503)
    assert all("\n" not in value for got in vendor.arrived for value in got.headers.values())


def test_a_confirmation_that_is_redirected_carries_nothing(inbox: Inbox) -> None:
    vendor, stranger = inbox.world.vendor, inbox.world.stranger
    vendor.answer = lambda got: (302, {"location": f"{stranger.url}/?a=b"}, {})
    told = challenge(request={"method": "get", "url": f"{vendor.url}/c", "headers": {"x-key": "{{api_key}}"}})
    inbox.lay_out(told).receive(plain({"c": 1}))
    assert all(KEY not in str(got) for got in stranger.arrived)


# --- what is captured ---


@pytest.mark.parametrize(
    ("capture", "body"),
    [
        ({"webhook_secret": "body.v"}, {"c": 1, "v": "mine-mine-mine"}),
        ({"new": "body.w", "webhook_secret": "body.v"}, {"c": 1, "v": "mine-mine-mine", "w": "new"}),
        ({"api_key": "body.v"}, {"c": 1, "v": "mine-mine-mine"}),
        ({"new": "body.v"}, {"c": 1, "v": {"a": 1}}),
        ({"new": "body.v"}, {"c": 1, "v": ["a", "b"]}),
        ({"new": "body.v"}, {"c": 1, "v": ""}),
        ({"new": "body.v"}, {"c": 1, "v": "x" * 9000}),
        ({"new": "body.v"}, {"c": 1}),
    ],
)
def test_nothing_is_captured(inbox: Inbox, capture: dict[str, str], body: dict[str, Any]) -> None:
    inbox.lay_out(challenge(capture=capture))
    before = inbox.vault.load("acme")
    assert inbox.receive(plain(body)).reply.status == 403
    assert inbox.vault.load("acme") == before


def test_a_secret_is_captured_once_and_shown_nowhere(inbox: Inbox) -> None:
    inbox.lay_out(challenge(capture={"new": "body.v"}))
    receiver = inbox.receiver()
    first = receiver.receive(plain({"c": 1, "v": "mine-mine-mine"}), account="acme")
    assert (first.reply.status, first.captured) == (200, ("new",))
    assert "mine-mine" not in inbox.shown(first)
    assert receiver.receive(plain({"c": 1, "v": "mine-mine-mine"}), account="acme").reply.status == 200
    assert receiver.receive(plain({"c": 1, "v": "other-other"}), account="acme").reply.status == 403
    assert (inbox.vault.load("acme") or {})["new"] == "mine-mine-mine"
    paired = receiver.receive(plain({"c": 1, "v": "other-other"}), account="acme", pairing=True)
    assert paired.captured == ("new",) and (inbox.vault.load("acme") or {})["webhook_secret"] == HOOK


def test_what_has_no_account_captures_nothing(inbox: Inbox) -> None:
    inbox.lay_out(challenge(capture={"new": "body.v"}))
    assert inbox.receive(plain({"c": 1, "v": "mine"}), connector="demo").reply.status == 403


# --- answers ---


@pytest.mark.parametrize(
    "said", ["a\r\nset-cookie: b", "a\nb", "a\rb", "\0", "\x0b", "\x85\u2028", "\ud800", "€", "x" * 9000]
)
def test_an_answer_has_no_header_of_the_delivery_s(inbox: Inbox, said: str) -> None:
    raw = json.dumps({"c": 1, "v": said}).encode()
    receipt = inbox.lay_out(challenge(reply={"headers": {"x-a": "{{body.v}}"}})).receive(plain(raw))
    for name, value in receipt.reply.headers.pairs:
        assert all(letter >= " " and letter not in "\x7f" for letter in name + value)
        (name + value).encode("latin-1")
    assert receipt.reply.status in (401, 403) or receipt.reply.headers["x-a"] == said.strip()


@pytest.mark.parametrize(
    ("headers", "inert"),
    [({}, True), ({"content-type": "text/plain"}, True), ({"Content-Type": "application/json; charset=utf-8"}, True),
     ({"content-type": "text/html"}, False), ({"content-type": "{{body.t}}"}, False),
     ({"content-type": "text/xml"}, False), ({"content-type": "image/svg+xml"}, False), ({"x-a": "b"}, True)],
)  # fmt: skip
@pytest.mark.parametrize("verified", [True, False])
def test_no_browser_runs_an_answer(inbox: Inbox, headers: dict[str, str], *, inert: bool, verified: bool) -> None:
    said = {"c": 1, "v": "<script>alert(1)</script>", "t": "text/html"}
    reply = {"headers": headers, "body": "{{body.v}}"}
    told = webhooks(reply=reply, events=ANY) if verified else challenge(reply=reply)
    answer = inbox.lay_out({**told, "verify": HMAC}).receive(signed(said) if verified else plain(said)).reply
    assert answer.headers["x-content-type-options"] == "nosniff"
    kind = answer.headers["content-type"].split(";")[0]
    assert (kind in ("text/plain", "application/json")) is inert
    assert ("sandbox" in answer.headers.get("content-security-policy", "")) is not inert
