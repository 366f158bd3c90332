"""Subscriptions to a vendor's deliveries, on scripted responses: created, renewed, deleted, stored."""

import json
from typing import Any

import pytest

from conn_engine.auth import CAPTURED
from conn_engine.errors import ConfigurationError, UsageError, VendorError
from conn_engine.runtime.connection import Connection
from conn_engine.runtime.webhooks import begin, due, end, extend
from conn_engine.runtime.wiring import wire_account
from conn_engine.secrets.vault.memory import MemoryVault
from conn_engine.transport.faults import Faults, json_answer
from conn_engine.wire import FrozenClock

URL = "https://hooks.example.com/accounts/acme"
BASE = """\
base_url: https://api.example.com
credentials: { format: bearer }
authorization: { format: bearer }
resources:
  hooks:
    create: { method: post, path: /hooks }
    delete: { method: delete, path: "/hooks/{{id}}" }
webhooks:
  verify: { format: hmac, config: { signature: 'headers."x-signature"' } }
"""
CREATED = """\
  subscription:
    create:
      - name: hook
        request: { resource: hooks, method: create, body: { target: "{{url}}", secret: "{{new_secret}}" } }
        transform: response.id
    capture: { webhook_secret: new_secret }
    delete:
      - { name: gone, request: { resource: hooks, method: delete, id: "{{context.subscription.hook}}" } }
"""
EXPIRES = "    expires: response.ends\n"
RENEW = """\
    renew:
      - name: again
        request: { method: patch, path: "/hooks/{{context.subscription.hook}}", body: { days: 3 } }
"""


def connected(make: Any, answers: list[Any], *parts: str, base: str = BASE) -> tuple[Connection, Faults, MemoryVault]:
    workspace = make(
        {
            "connectors/shop/connector.yaml": base + "".join(parts),
            "connectors/shop/unified/crm.yaml": "resources: {}\n",
            "accounts/acme.yaml": "connector: shop\n",
        }
    )
    vault = MemoryVault()
    vault.save("acme", {"token": "token-1", CAPTURED: {"shard": "eu"}})
    faults = Faults(answers)
    wiring = wire_account(workspace, "acme", environ={}, vault=vault, clock=FrozenClock(1_760_000_000))
    return Connection(wiring, faults), faults, vault


def test_the_vendor_gets_the_address_and_a_secret_of_ours(make: Any) -> None:
    connection, faults, vault = connected(make, [json_answer({"id": 7})], CREATED)
    made = begin(connection, URL)
    sent = json.loads(faults.requests[0].body or b"")
    assert sent["target"] == URL and len(sent["secret"]) == 64
    assert vault.load("acme") == {
        "token": "token-1",
        "webhook_secret": sent["secret"],
        CAPTURED: {"shard": "eu", "subscription": {"hook": 7, "url": URL}},
    }
    assert made.expires_at is None and not due(connection.effective, 1e12)
    assert connection.effective.context["subscription"]["hook"] == 7
    assert sent["secret"] not in repr(made)
    assert connection.wiring.redactor.text(sent["secret"]) == "[redacted]"


def test_the_expiry_does_not_contain_the_secret(make: Any) -> None:
    """What is kept of a subscription is context, which every mapping reads."""
    told = "    expires: \"new_secret ? '2030-01-01T00:00:00Z'\"\n"
    connection, _, vault = connected(make, [json_answer({"id": 7})], CREATED, told)
    with pytest.raises(ConfigurationError, match="finds no time"):
        begin(connection, URL)
    assert "subscription" not in (vault.load("acme") or {})[CAPTURED]


def test_two_subscriptions_have_two_secrets(make: Any) -> None:
    connection, faults, _ = connected(make, [json_answer({"id": 7}), json_answer({"id": 8})], CREATED)
    begin(connection, URL)
    begin(connection, URL)
    secrets = {json.loads(request.body or b"")["secret"] for request in faults.requests}
    assert len(secrets) == 2


def test_a_secret_that_came_meanwhile_is_not_lost(make: Any) -> None:
    connection, _, vault = connected(
        make, [json_answer({"id": 7})], CREATED.replace("capture: { webhook_secret: new_secret }", "capture: {}")
    )
    send = connection.transport.send

    def handshake(request: Any) -> Any:
        vault.save("acme", {**(vault.load("acme") or {}), "webhook_secret": "handed over"})
        return send(request)

    connection.transport.send = handshake  # type: ignore[method-assign]
    begin(connection, URL)
    stored = vault.load("acme") or {}
    assert stored["webhook_secret"] == "handed over"
    assert stored[CAPTURED]["subscription"]["hook"] == 7


def test_one_that_ends_is_due_before_and_renewed(make: Any) -> None:
    answers = [json_answer({"id": 7, "ends": 1_760_259_200}), json_answer({"ends": "2025-10-15T10:00:00Z"})]
    connection, faults, vault = connected(make, answers, CREATED, EXPIRES, RENEW)
    made = begin(connection, URL)
    assert made.expires_at == "2025-10-12T08:53:20.000Z"
    assert not due(connection.effective, 1_760_000_000)
    assert due(connection.effective, 1_760_259_200 - 3600)
    extend(connection)
    assert (faults.requests[1].method, faults.requests[1].url) == ("PATCH", "https://api.example.com/hooks/7")
    kept = (vault.load("acme") or {})[CAPTURED]["subscription"]
    assert kept == {"hook": 7, "url": URL, "expires_at": "2025-10-15T10:00:00.000Z"}


def test_without_renew_a_new_one_takes_its_place_before_the_old_one_goes(make: Any) -> None:
    answers = [
        json_answer({"id": 7, "ends": 1_760_259_200}),
        json_answer({"id": 8, "ends": 1_760_359_200}),
        json_answer({}),
    ]
    connection, faults, vault = connected(make, answers, CREATED, EXPIRES)
    begin(connection, URL)
    extend(connection)
    assert [f"{request.method} {request.url}" for request in faults.requests[1:]] == [
        "POST https://api.example.com/hooks",
        "DELETE https://api.example.com/hooks/7",
    ]
    assert json.loads(faults.requests[1].body or b"")["target"] == URL
    assert (vault.load("acme") or {})[CAPTURED]["subscription"]["hook"] == 8


def test_an_old_one_that_ended_meanwhile_is_no_fault(make: Any) -> None:
    answers = [
        json_answer({"id": 7, "ends": 1_760_259_200}),
        json_answer({"id": 8, "ends": 1_760_359_200}),
        json_answer({"error": "gone"}, status=404),
    ]
    connection, _, vault = connected(make, answers, CREATED, EXPIRES)
    begin(connection, URL)
    extend(connection)
    assert (vault.load("acme") or {})[CAPTURED]["subscription"]["hook"] == 8


def test_it_is_ended_and_forgotten(make: Any) -> None:
    connection, faults, vault = connected(make, [json_answer({"id": 7}), json_answer({})], CREATED)
    begin(connection, URL)
    end(connection)
    assert faults.requests[1].method == "DELETE"
    assert (vault.load("acme") or {})[CAPTURED] == {"shard": "eu"}
    with pytest.raises(ConfigurationError, match="has no stored subscription"):
        end(connection)


def test_what_the_vendor_refuses_changes_nothing(make: Any) -> None:
    connection, _, vault = connected(make, [json_answer({"error": "no"}, status=422)], CREATED)
    before = vault.load("acme")
    with pytest.raises(VendorError):
        begin(connection, URL)
    assert vault.load("acme") == before


@pytest.mark.parametrize(
    ("parts", "message"),
    [
        ((), "does not configure how to subscribe"),
        ((CREATED, EXPIRES.replace("ends", "missing")), "finds no time"),
        ((CREATED.replace("webhook_secret: new_secret", "webhook_secret: response.missing"),), "finds no text"),
    ],
)
def test_mistakes_in_the_connector_are_errors(make: Any, parts: tuple[str, ...], message: str) -> None:
    connection, _, _ = connected(make, [json_answer({"id": 7})], *parts)
    with pytest.raises(ConfigurationError, match=message):
        begin(connection, URL)


@pytest.mark.parametrize(
    "url", ["", "hooks", "ftp://x.example.com/", "https://a:b@x.example.com/", "https://x.example.com/#a"]
)
def test_urls_that_a_vendor_cannot_call(make: Any, url: str) -> None:
    connection, faults, _ = connected(make, [], CREATED)
    with pytest.raises(UsageError, match="not a URL"):
        begin(connection, url)
    assert faults.requests == []


LISTING = """\
  subscription:
    create: [{ name: hook, request: { resource: hooks, method: list } }]
    capture: { webhook_secret: new_secret }
"""
PAGED = """\
    list:
      method: get
      path: /hooks
      response_path: items
      pagination: { format: cursor, config: { cursor_field: next, cursor_param: after } }
webhooks:
"""


def test_a_listing_of_unknown_end_is_logged_without_secrets(make: Any, caplog: pytest.LogCaptureFixture) -> None:
    base = BASE.replace("webhooks:\n", PAGED)
    connection, _, _ = connected(make, [json_answer({"items": [1], "token-1": {}})], LISTING, base=base)
    begin(connection, URL)
    [record] = caplog.records
    assert "may be incomplete" in record.getMessage()
    assert "[redacted]" in record.getMessage()
    assert "token-1" not in record.getMessage()
