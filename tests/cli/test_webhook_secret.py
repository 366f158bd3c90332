"""The secret of an account's webhooks: asked for at a login, set later, kept by the next login, used for proofs."""

import hmac
import json

import pytest
from transcript import conn

from conn_engine.config import load_workspace
from conn_engine.runtime.connection import connect
from conn_engine.runtime.webhooks import Receiver, begin
from conn_engine.runtime.wiring import vault_of
from conn_engine.webhooks import Delivery
from conn_engine.wire import Headers

KEY = {"CONN_VAULT_KEY": "a key for the tests alone, long enough"}
SECRET = "hook-aVerySecretOne-42"
CONNECTOR = {
    "base_url": "https://api.example.com",
    "credentials": {"format": "api_key"},
    "authorization": {"format": "header", "config": {"name": "X-Key"}},
    "fields": [{"name": "webhook_secret", "label": "Signing secret", "secret": True, "required": False}],
    "webhooks": {
        "verify": {"format": "hmac", "config": {"signature": 'headers."x-signature"'}},
        "challenge": [{"when": "body.token", "verified": False, "capture": {"handed_over": "body.token"}}],
        "events": {"type": "body.type"},
        "subscription": {
            "create": [{"name": "hook", "transform": "{'id': 4}"}],
            "capture": {"webhook_secret": "new_secret"},
        },
    },
    "resources": {"things": {"list": {"method": "get", "path": "/things"}}},
}


@pytest.fixture
def folder(tmp_path):
    for name, text in {
        "conn.yaml": "version: 1\n",
        "connectors/shop/connector.yaml": json.dumps(CONNECTOR),
        "accounts/me.yaml": "connector: shop\n",
    }.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text, encoding="utf-8")
    return tmp_path


def run(folder, *words, code=0, stdin=""):
    done = conn(folder, *words, stdin=stdin, **KEY)
    assert done.code == code, done.out + done.err
    assert SECRET not in done.out + done.err and "Traceback" not in done.err
    return done


def received(folder, data, secret=SECRET):
    workspace = load_workspace(folder)
    environ = {**KEY, "CONN_NO_KEYRING": "1", "CONN_STATE_DIR": str(folder / ".state")}
    body = json.dumps(data).encode()
    signed = Headers({"x-signature": hmac.digest(secret.encode(), body, "sha256").hex()})
    receiver = Receiver(workspace, environ, vault_of(workspace, environ))
    return receiver.receive(Delivery("POST", "https://us.example/in", signed, body), account="me")


def test_it_is_asked_for_stored_and_used(folder):
    run(folder, "auth", "login", "me", "--json", stdin='{"api_key": "k"}')
    assert "present, without webhook_secret" in run(folder, "auth", "status").out
    assert received(folder, {"type": "made"}).error is not None, "nobody can prove it yet"
    stored = run(folder, "auth", "set", "me", "webhook_secret", stdin=f"{SECRET}\n").out
    assert stored == "stored webhook_secret of me in the encrypted file\n"
    assert "without" not in run(folder, "auth", "status").out
    assert [event.type for event in received(folder, {"type": "made"}).events] == ["shop:made"]
    assert received(folder, {"type": "made"}, "another").refusal is not None


def test_the_next_log_in_keeps_it_and_what_the_vendor_handed_over(folder):
    run(folder, "auth", "login", "me", "--json", stdin=json.dumps({"api_key": "k", "webhook_secret": SECRET}))
    assert received(folder, {"token": "given once"}).captured == ("handed_over",)
    run(folder, "auth", "login", "me", "--json", stdin='{"api_key": "another"}')
    assert [event.type for event in received(folder, {"type": "made"}).events] == ["shop:made"]
    other = received(folder, {"token": "given again"})
    assert other.refusal is not None and other.refusal.code == "forbidden"
    run(folder, "auth", "login", "me", "--json", stdin='{"api_key": "k", "webhook_secret": "a new one"}')
    assert received(folder, {"type": "made"}).refusal is not None


def test_the_next_log_in_keeps_the_subscription(folder):
    run(folder, "auth", "login", "me", "--json", stdin='{"api_key": "k"}')
    workspace = load_workspace(folder)
    environ = {**KEY, "CONN_NO_KEYRING": "1", "CONN_STATE_DIR": str(folder / ".state")}
    with connect(workspace, "me", environ=environ) as me:
        begin(me, "https://us.example/in")
    vault = vault_of(workspace, environ)
    before = vault.load("me")
    run(folder, "auth", "login", "me", "--json", stdin='{"api_key": "another"}')
    assert vault.load("me") == {**before, "api_key": "another"}
    assert before["captured"]["subscription"]["hook"] == {"id": 4}


def test_what_cannot_be_set_is_said(folder):
    assert "webhook_secret" in run(folder, "auth", "set", "me", "webhook_secrte", stdin=SECRET, code=2).err
    run(folder, "auth", "login", "me", "--json", stdin='{"api_key": "k"}')
    assert "is empty" in run(folder, "auth", "set", "me", "webhook_secret", code=2).err
    done = conn(folder, "auth", "set", "me", "api_key", stdin="k", **KEY, CONN_ME_API_KEY="k")
    assert done.code == 2 and "unset CONN_ME_*" in done.err


@pytest.mark.parametrize("read", [False, True])
def test_a_recording_tells_what_its_requests_went_without(folder, vendor, read):
    vendor.answer = lambda got: (200, {}, [])
    headers = {"X-Key": "{{api_key}}", **({"X-Hook": "{{webhook_secret}}"} if read else {})}
    told = {**CONNECTOR, "base_url": vendor.url, "authorization": {"format": "header", "config": {"headers": headers}}}
    (folder / "connectors/shop/connector.yaml").write_text(json.dumps(told))
    (folder / "conn.yaml").write_text(f'trusted_hosts: ["127.0.0.1:{vendor.port}"]\n')
    run(folder, "auth", "login", "me", "--json", stdin='{"api_key": "k"}')
    run(folder, "record", "things.list", "--account", "me")
    kept = json.loads((folder / "connectors/shop/recordings/things.list.json").read_text())
    assert kept.get("left_out", []) == (["webhook_secret"] if read else [])


def test_a_computed_token_that_cannot_be_replaced_is_explained(folder):
    verify = {"format": "token", "config": {"token": '$lowercase(headers."x-token")'}}
    changed = {**CONNECTOR, "webhooks": {"verify": verify, "events": {"type": "body.type"}}}
    (folder / "connectors/shop/connector.yaml").write_text(json.dumps(changed))
    (folder / "made.http").write_text(
        'POST /in HTTP/1.1\nHost: hooks.example\nX-Token: PLACEHOLDER\n\n{"type": "made"}'
    )
    done = run(folder, "webhook", "record", "made", "made.http", "-c", "shop", "--contract", code=2)
    assert "its signature or token is computed, and is not in the delivery itself" in done.err
