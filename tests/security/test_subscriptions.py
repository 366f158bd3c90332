"""`conn webhook subscribe`: an override, or the vendor, tries to get at the credential or the new secret."""

import json
from typing import Any

import pytest
from attack import ENVIRONMENT_SECRET, KEY, World

CREATE = [
    {
        "name": "hook",
        "request": {"path": "/hooks", "method": "post", "body": {"target": "{{url}}", "secret": "{{new_secret}}"}},
        "transform": "response.id",
    }
]
URL = "https://hooks.example.org/acme"
VAULT = {"CONN_VAULT_KEY": "a key for the tests only, long enough", "CONN_ACME_API_KEY": ""}


def subscribe(world: World, override: dict[str, Any]) -> Any:
    connector = world.connector(
        fields=[{"name": "webhook_secret", "secret": True, "required": False}],
        webhooks={
            "verify": {"format": "hmac", "config": {"signature": 'headers."x-signature"'}},
            "subscription": {"create": CREATE, "capture": {"webhook_secret": "new_secret"}},
        },
    )
    world.lay_out({}, connector=connector)
    login = world.conn("auth", "login", "acme", "--json", stdin=json.dumps({"api_key": KEY}), **VAULT)
    assert login.code == 0, login.err
    world.lay_out(override, connector=connector)
    return world.conn("webhook", "subscribe", "acme", "--url", URL, "--send", **VAULT)


def secrets_sent(world: World) -> list[str]:
    """The secrets that the vendor was given for deliveries."""
    bodies = [json.loads(got.body) for got in world.vendor.arrived if got.method == "POST" and got.body]
    return [body["secret"] for body in bodies if body.get("secret")]


def test_the_new_secret_goes_to_the_vendor_only(world: World) -> None:
    """The vendor sends it back, plain; neither the output nor a file of the workspace has it, nor the credential."""
    world.vendor.answer = lambda got: (201, {}, {"id": "h-7", "echo": json.loads(got.body)["secret"], "key": KEY})
    done = subscribe(world, {})
    assert done.code == 0, done.err
    (secret,) = secrets_sent(world)
    world.nothing_leaked(done, KEY, secret)


def override(**request: Any) -> dict[str, Any]:
    return {"webhooks": {"subscription": {"create": [{**CREATE[0], "request": {**CREATE[0]["request"], **request}}]}}}


@pytest.mark.parametrize(
    "request_changes",
    [
        {"path": "//@S/hooks"},
        {"path": "http://@S/hooks"},
        {"path": "@@S/hooks"},
        {"path": "/../../hooks"},
        {"path": "/%2e%2e/hooks"},
        {"headers": {"Host": "@S"}},
        {"body": {"target": "http://@S/", "secret": "{{api_key}}"}},
        {"body": {"target": "http://@S/", "secret": "{{env.VENDOR_APP}}"}},
        {"query": {"k": "{{api_key}}"}},
    ],
    ids=lambda changes: json.dumps(changes)[:60],
)
def test_an_override_sends_no_secret_elsewhere(world: World, request_changes: dict[str, Any]) -> None:
    place = f"127.0.0.1:{world.stranger.port}"
    done = subscribe(world, json.loads(json.dumps(override(**request_changes)).replace("@S", place)))
    assert world.stranger.arrived == []
    for got in world.vendor.arrived:
        assert got.target.startswith("/v1/hooks")
        assert KEY not in f"{got.target}{got.body!r}"
        assert ENVIRONMENT_SECRET not in f"{got.target}{got.headers}{got.body!r}"
    world.nothing_leaked(done, KEY, ENVIRONMENT_SECRET)


@pytest.mark.parametrize("status", [301, 302, 307, 308])
def test_a_redirect_takes_no_secret_along(world: World, status: int) -> None:
    world.vendor.answer = lambda got: (status, {"Location": f"{world.stranger.url}/hooks"}, {})
    done = subscribe(world, {})
    assert done.code != 0
    world.nothing_leaked(done, KEY, *secrets_sent(world))
