"""`conn webhook subscribe`, `renew` and `unsubscribe` against a server on loopback."""

import json
from pathlib import Path
from typing import Any

import pytest
from transcript import conn

KEY = {"CONN_VAULT_KEY": "a key for the tests alone, long enough"}
TOKEN = "tok-aVerySecretOne-42"
URL = "https://hooks.example.org/accounts/me"
CONNECTOR: dict[str, Any] = {
    "base_url": "@V",
    "hosts": ["127.0.0.1:@P"],
    "credentials": {"format": "bearer"},
    "authorization": {"format": "bearer"},
    "fields": [{"name": "webhook_secret", "secret": True, "required": False}],
    "webhooks": {
        "verify": {"format": "hmac", "config": {"signature": 'headers."x-signature"'}},
        "subscription": {
            "create": [
                {"name": "hook", "request": {"path": "/hooks", "method": "post",
                                             "body": {"target": "{{url}}", "secret": "{{new_secret}}"}},
                 "transform": "response.id"},
            ],
            "capture": {"webhook_secret": "new_secret"},
            "expires": "response.ends",
            "renew": [{"name": "again", "request": {"path": "/hooks/{{context.subscription.hook}}",
                                                    "method": "patch"}}],
            "delete": [{"name": "gone", "request": {"path": "/hooks/{{context.subscription.hook}}",
                                                    "method": "delete"}}],
        },
    },
    "resources": {"things": {"list": {"method": "get", "path": "/things"}}},
}  # fmt: skip


class Hooks:
    """What the vendor does: each subscription lasts `days` from `now`."""

    def __init__(self) -> None:
        self.seen: list[tuple[str, str, Any]] = []
        self.ends = "2026-11-20T00:00:00Z"

    def __call__(self, got: Any) -> tuple[int, dict[str, str], Any]:
        body = json.loads(got.body) if got.body else None
        self.seen.append((got.method, got.target, body))
        if got.headers.get("authorization") != f"Bearer {TOKEN}":
            return 401, {}, {"message": "bad token"}
        if got.method == "DELETE":
            return 204, {}, ""
        return 201, {}, {"id": "h-7", "ends": self.ends}


@pytest.fixture
def hooks(vendor: Any) -> Hooks:
    vendor.answer = Hooks()
    made: Hooks = vendor.answer
    return made


@pytest.fixture
def folder(tmp_path: Path, vendor: Any, hooks: Hooks) -> Path:
    text = json.dumps(CONNECTOR).replace("@V", vendor.url).replace("@P", str(vendor.port))
    (tmp_path / "connectors/shop").mkdir(parents=True)
    (tmp_path / "connectors/shop/connector.json").write_text(text)
    (tmp_path / "accounts").mkdir()
    (tmp_path / "accounts/me.yaml").write_text("connector: shop\n")
    (tmp_path / "conn.yaml").write_text(f'version: 1\ntrusted_hosts: ["127.0.0.1:{vendor.port}"]\n')
    assert run(tmp_path, "auth", "login", "me", "--json", stdin=json.dumps({"token": TOKEN})).code == 0
    return tmp_path


def run(folder: Path, *arguments: str, **options: Any) -> Any:
    done = conn(folder, *arguments, **{**KEY, **options})
    for text in (done.out, done.err):
        assert TOKEN not in text
    return done


def test_without_send_nothing_is_sent(folder: Path, hooks: Hooks) -> None:
    done = run(folder, "webhook", "subscribe", "me", "--url", URL)
    assert done.code == 2
    assert "nothing was sent" in done.out and URL in done.out and "--send" in done.err
    assert hooks.seen == []


def test_from_the_subscription_to_its_end(folder: Path, hooks: Hooks) -> None:
    done = run(folder, "webhook", "subscribe", "me", "--url", URL, "--send")
    assert done.code == 0, done.err
    method, path, body = hooks.seen[0]
    assert (method, path, body["target"]) == ("POST", "/hooks", URL)
    assert done.out == "subscribed me: hook h-7, stored webhook_secret, until 2026-11-20T00:00:00.000Z\n"
    for file in folder.rglob("*"):
        assert not file.is_file() or body["secret"].encode() not in file.read_bytes()
    assert body["secret"] not in done.out + done.err

    hooks.ends = "2026-12-24T00:00:00Z"
    assert run(folder, "webhook", "renew", "me", "--send").out == (
        "renewed me: hook h-7, until 2026-12-24T00:00:00.000Z\n"
    )
    assert hooks.seen[1][:2] == ("PATCH", "/hooks/h-7")

    assert run(folder, "webhook", "unsubscribe", "me", "--send").out == "unsubscribed me\n"
    assert hooks.seen[2][:2] == ("DELETE", "/hooks/h-7")
    again = run(folder, "webhook", "unsubscribe", "me", "--send")
    assert again.code == 3 and "has no stored subscription" in again.err


def test_those_that_end_soon_are_due(folder: Path, hooks: Hooks) -> None:
    assert run(folder, "webhook", "renew", "--send").out == "no subscription is due\n"
    hooks.ends = "2026-01-01T00:00:00Z"
    run(folder, "webhook", "subscribe", "me", "--url", URL, "--send")
    hooks.ends = "2099-01-01T00:00:00Z"
    assert run(folder, "webhook", "renew", "--send").out.startswith("renewed me: ")
    assert run(folder, "webhook", "renew", "--send").out == "no subscription is due\n"


def test_a_credential_of_the_environment_cannot_keep_the_secret(folder: Path, hooks: Hooks) -> None:
    done = run(folder, "webhook", "subscribe", "me", "--url", URL, "--send", CONN_ME_TOKEN=TOKEN)
    assert done.code == 2 and "comes from the environment" in done.err
    assert hooks.seen == []


def test_what_the_vendor_refuses(folder: Path, vendor: Any) -> None:
    vendor.answer = lambda got: (422, {}, {"message": "the address does not answer"})
    done = run(folder, "webhook", "subscribe", "me", "--url", URL, "--send")
    assert done.code == 4 and "the address does not answer" in done.err


@pytest.mark.parametrize("url", ["hooks.example.org", "https://user:pass@hooks.example.org/"])
def test_an_address_that_nobody_can_call(folder: Path, hooks: Hooks, url: str) -> None:
    done = run(folder, "webhook", "subscribe", "me", "--url", url)
    assert done.code == 2 and "not a URL" in done.err
    assert hooks.seen == []
