"""Each kind of challenge, with which vendors check an address, is answered over HTTP, and nothing of it is stored."""

import hashlib
import hmac
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from inbox_bench import HOOKS, SECRET, InboxBench, changed, open_inbox

PATH = "/webhooks/shop/acme"
CHALLENGES = """\
  challenge:
    - when: method = "GET" and query.challenge
      verified: false
      expect: query.token = webhook_secret
      reply: { body: "{{query.challenge}}" }
    - { when: body.type = "url_verification", verified: false, reply: { body: { challenge: "{{body.challenge}}" } } }
    - when: body.type = "crc"
      verified: false
      expect: $match(body.token, /^[a-z]{4}$/)
      reply: { body: { signed: "{{$sign(body.token, 'SHA-256', webhook_secret)}}" } }
    - when: headers."x-hook-secret"
      verified: false
      capture: { hook_secret: headers."x-hook-secret" }
      reply: { headers: { X-Hook-Secret: '{{headers."x-hook-secret"}}' } }
    - { when: body.type = "confirm", verified: false, request: { method: get, url: "{{body.url}}" } }
    - { when: method = "HEAD", verified: false }
    - { when: headers."x-event" = "ping", reply: { body: pong } }
"""
FIELD = "fields: [{ name: hook_secret, label: Handshake, secret: true, required: false }, "


@pytest.fixture(scope="module")
def inbox(tmp_path_factory: pytest.TempPathFactory) -> Iterator[InboxBench]:
    hooks = HOOKS.replace("fields: [", FIELD) + CHALLENGES
    with open_inbox(Path(tmp_path_factory.mktemp("challenges")), hooks=hooks) as opened:
        yield opened
        assert [row.status for row in opened.store.find(limit=100) if row.status != "refused"] == []


def post(inbox: InboxBench, data: Any, **headers: str) -> Any:
    return inbox.service.client.post(PATH, content=json.dumps(data), headers=headers)


def test_a_value_of_the_query_is_sent_back_to_who_knows_the_token(inbox: InboxBench) -> None:
    reply = inbox.service.client.get(PATH, params={"challenge": "a1", "token": SECRET})
    assert (reply.status_code, reply.text) == (200, "a1")
    assert reply.headers["content-type"].startswith("text/plain")
    assert reply.headers["x-content-type-options"] == "nosniff"
    assert inbox.service.client.get(PATH, params={"challenge": "a1", "token": "wrong"}).status_code == 403


def test_a_value_of_the_body_is_sent_back(inbox: InboxBench) -> None:
    reply = post(inbox, {"type": "url_verification", "challenge": "b2"})
    assert (reply.status_code, reply.json()) == (200, {"challenge": "b2"})


def test_a_value_is_signed_with_the_secret(inbox: InboxBench) -> None:
    reply = post(inbox, {"type": "crc", "token": "abcd"})
    signed = hmac.new(SECRET.encode(), b"abcd", hashlib.sha256).hexdigest()
    assert (reply.status_code, reply.json()) == (200, {"signed": signed})
    assert post(inbox, {"type": "crc", "token": json.dumps(changed())}).status_code == 403, "not everything is signed"


def test_a_secret_of_a_header_is_stored_once_and_sent_back(inbox: InboxBench) -> None:
    reply = post(inbox, {}, **{"X-Hook-Secret": "handshake-1"})
    assert (reply.status_code, reply.headers["x-hook-secret"]) == (200, "handshake-1")
    assert (inbox.service.vault.load("acme") or {})["hook_secret"] == "handshake-1"
    assert post(inbox, {}, **{"X-Hook-Secret": "another"}).status_code == 403
    assert (inbox.service.vault.load("acme") or {})["hook_secret"] == "handshake-1"


def test_an_address_of_the_vendor_is_requested(inbox: InboxBench) -> None:
    vendor = inbox.service.vendor
    vendor.arrived.clear()
    vendor.answer = lambda _: {}
    assert post(inbox, {"type": "confirm", "url": f"{vendor.url}/confirm?x=1"}).status_code == 200
    assert [got.target for got in vendor.arrived] == ["/confirm?x=1"]
    assert post(inbox, {"type": "confirm", "url": "https://elsewhere.example/confirm"}).status_code == 403


def test_a_request_without_a_body_is_answered(inbox: InboxBench) -> None:
    assert inbox.service.client.head(PATH).status_code == 200


def test_a_signed_challenge_is_verified_first(inbox: InboxBench) -> None:
    reply = inbox.send(**{"x-event": "ping"})
    assert (reply.status_code, reply.text) == (200, "pong")
    assert inbox.send(secret="wrong", **{"x-event": "ping"}).status_code == 401
