"""A credential that an account may leave out, from the login to the replay, on a server on loopback."""

import base64
import json

import pytest
from transcript import conn

KEY = {"CONN_VAULT_KEY": "a key for the tests alone, long enough"}
SECRET = "key-aVerySecretOne-42"
BY_QUERY = {
    "credentials": {"format": "api_key", "config": {"required": False}},
    "authorization": {"format": "query", "config": {"name": "key"}},
}
BY_PAIR = {
    "credentials": {"format": "basic", "config": {"password_required": False}},
    "authorization": {"format": "basic"},
}


@pytest.fixture
def shop(tmp_path, vendor):
    vendor.answer = lambda got: (200, {}, {"items": [{"id": 1}]})

    def made(settings):
        connector = {
            "base_url": vendor.url,
            **settings,
            "resources": {"things": {"list": {"method": "get", "path": "/things", "response_path": "items"}}},
        }
        for name, text in {
            "conn.yaml": f'trusted_hosts: ["127.0.0.1:{vendor.port}"]\n',
            "connectors/shop/connector.yaml": json.dumps(connector),
            "accounts/me.yaml": "connector: shop\n",
        }.items():
            (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / name).write_text(text, encoding="utf-8")
        return tmp_path

    return made


def run(folder, *words, code=0, **options):
    done = conn(folder, *words, **{**KEY, **options})
    assert done.code == code, done.out + done.err
    assert SECRET not in done.out + done.err and "Traceback" not in done.err
    return done


def test_an_account_without_the_key_asks_without_it(shop, vendor):
    folder = shop(BY_QUERY)
    assert "no findings" in run(folder, "lint").out
    status = run(folder, "auth", "status").out
    assert "it is optional; to store one: conn auth login me" in status
    planned = run(folder, "run", "things.list", "--account", "me", "--dry-run").out
    assert f"GET {vendor.url}/things\n" in planned
    run(folder, "run", "things.list", "--account", "me")
    assert vendor.arrived[-1].target == "/things"
    assert "stored" in run(folder, "auth", "login", "me", "--json", stdin="{}").out
    assert "present, without api_key" in run(folder, "auth", "status").out
    run(folder, "run", "things.list", "--account", "me")
    assert vendor.arrived[-1].target == "/things"


def test_an_account_with_the_key_sends_it(shop, vendor):
    folder = shop(BY_QUERY)
    run(folder, "auth", "login", "me", "--json", stdin=json.dumps({"api_key": SECRET}))
    assert "without" not in run(folder, "auth", "status").out
    run(folder, "run", "things.list", "--account", "me")
    assert vendor.arrived[-1].target == f"/things?key={SECRET}"


@pytest.mark.parametrize("stored", ["{}", json.dumps({"api_key": SECRET})])
def test_what_was_recorded_replays_with_and_without_the_key(shop, vendor, stored):
    folder = shop(BY_QUERY)
    run(folder, "auth", "login", "me", "--json", stdin=stored)
    run(folder, "record", "things.list", "--account", "me")
    kept = json.loads((folder / "connectors/shop/recordings/things.list.json").read_text())
    assert kept.get("left_out", []) == (["api_key"] if stored == "{}" else [])
    assert "1 operation passed" in run(folder, "test").out


def test_a_pair_without_its_password(shop, vendor):
    folder = shop(BY_PAIR)
    assert "conn auth login me" in run(folder, "auth", "status", code=5).out
    assert "username" in run(folder, "auth", "login", "me", "--json", stdin="{}", code=2).err
    run(folder, "auth", "login", "me", "--json", stdin='{"username": "ann"}')
    assert "present, without password" in run(folder, "auth", "status").out
    run(folder, "run", "things.list", "--account", "me")
    sent = vendor.arrived[-1].headers["authorization"].removeprefix("Basic ")
    assert base64.b64decode(sent) == b"ann:"
    run(folder, "run", "things.list", "--account", "me", CONN_ME_USERNAME="bea")
    assert base64.b64decode(vendor.arrived[-1].headers["authorization"].removeprefix("Basic ")) == b"bea:"
