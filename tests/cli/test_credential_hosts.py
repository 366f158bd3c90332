"""A stored login stays with the folders and the hosts that it was stored for, whatever a checkout says."""

import asyncio
import json
import shutil

import pytest
from transcript import conn

from conn_cli.console import App
from conn_engine.config import load_workspace
from conn_engine.errors import CredentialError
from conn_engine.runtime.call import Call
from conn_engine.runtime.connection import aconnect, connect

KEY = {"CONN_VAULT_KEY": "a key for the tests alone, long enough"}
TOKEN = "tok-aVerySecretOne-42"
ID = "shop-of-the-tests"


def write(folder, files):
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content if isinstance(content, str) else json.dumps(content), encoding="utf-8")


def checkout(folder, *servers, **more):
    """What a checkout says: its connector at the first server, and a conn.yaml that trusts them all."""
    trusted = [f"127.0.0.1:{server.port}" for server in servers]
    settings = {"version": 1, "id": ID, "trusted_hosts": trusted}
    files = {"conn.yaml": settings, "connectors/shop/connector.yaml": connector(servers[0].url, **more)}
    write(folder, {**files, "accounts/me.yaml": "connector: shop\n"})


def connector(url, **more):
    things = {"list": {"method": "get", "path": "/things", "response_path": "data"}}
    return {
        "base_url": url,
        "credentials": {"format": "bearer"},
        "authorization": {"format": "bearer"},
        "resources": {"things": things},
        **more,
    }


@pytest.fixture
def shop(tmp_path, vendor):
    """A workspace with an account `me`, in `first`; the state is beside it."""
    vendor.answer = lambda got: (200, {}, {"data": [{"id": 1}]})
    folder = tmp_path / "first"
    checkout(folder, vendor)
    return folder


@pytest.fixture
def run(tmp_path):
    environ = {**KEY, "CONN_STATE_DIR": str(tmp_path / "state")}

    def run_in(folder, *words, code=0, stdin="", secret=TOKEN):
        done = conn(folder, *words, stdin=stdin, **environ)
        assert done.code == code, done.out + done.err
        assert secret not in done.out + done.err and "Traceback" not in done.err
        return done

    run_in.environ = {**environ, "CONN_NO_KEYRING": "1"}
    return run_in


def login(run, folder, token=TOKEN):
    return run(folder, "auth", "login", "me", stdin=f"{token}\n", secret=token)


# --- folders


def test_a_clone_with_the_same_id_and_another_base_url_gets_nothing(shop, run, vendor, stranger, tmp_path):
    login(run, shop)
    clone = tmp_path / "clone"
    shutil.copytree(shop, clone)
    checkout(clone, stranger)
    for words in (
        ["run", "things.list", "-a", "me"],
        ["record", "things.list", "-a", "me"],
        ["auth", "verify", "me"],
        ["auth", "status"],
        ["auth", "logout", "me"],
        ["auth", "set", "me", "token"],
        ["auth", "login", "me"],
    ):
        done = run(clone, *words, code=5, stdin="typed-into-the-clone")
        assert str(shop) in done.err and "conn auth adopt" in done.err
    assert stranger.arrived == []
    assert "another host" not in run(clone, "auth", "adopt", "--yes").err
    done = run(clone, "run", "things.list", "-a", "me", code=5)
    assert done.err.startswith(
        f'error: things.list would go to 127.0.0.1:{stranger.port}; the credential of "me" is for'
    )
    assert "to use another host, log in again: conn auth login me" in done.err
    assert stranger.arrived == []
    run(shop, "run", "things.list", "-a", "me")
    assert [got.headers["authorization"] for got in vendor.arrived] == [f"Bearer {TOKEN}"]


def test_a_new_log_in_is_for_the_new_host_and_carries_nothing_over(shop, run, vendor, stranger):
    ask = {"format": "api_key", "config": {"ask": [{"name": "webhook_secret", "required": False}]}}
    parts = {"credentials": ask, "authorization": {"format": "header", "config": {"name": "X-Key"}}}
    more = {"fields": [{"name": "hook_secret", "secret": True, "required": False}], **parts}
    checkout(shop, vendor, **more)
    given = {"api_key": TOKEN, "hook_secret": "hook-aVerySecretOne-42"}
    run(shop, "auth", "login", "me", "--json", stdin=json.dumps(given))
    hook = {"headers": {"X-Key": "{{api_key}}", "X-Hook": "{{hook_secret}}"}}
    theirs = {**more, "authorization": {"format": "header", "config": hook}}
    checkout(shop, stranger, **theirs)
    assert "another host" in run(shop, "run", "things.list", "-a", "me", code=5).err
    done = run(shop, "auth", "login", "me", "--json", stdin='{"api_key": "another-key-entirely"}')
    assert "it is not reused for" in done.err
    run(shop, "run", "things.list", "-a", "me")
    (got,) = stranger.arrived
    assert (got.headers["x-key"], got.headers.get("x-hook")) == ("another-key-entirely", None)


def test_a_moved_workspace_asks_once_and_says_what_for(shop, run, vendor, tmp_path, monkeypatch):
    login(run, shop)
    moved = tmp_path / "moved"
    shop.rename(moved)
    run(moved, "run", "things.list", "-a", "me", code=5)
    refused = run(moved, "auth", "adopt", code=2)
    assert "conn auth adopt --yes" in refused.err
    assert f"used by: {shop}" in refused.out and f"127.0.0.1:{vendor.port}" in refused.out
    monkeypatch.setattr(App, "interactive", property(lambda self: True))
    asked = []
    monkeypatch.setattr(App, "ask", lambda self, question, secret=False: asked.append(question) or answers.pop())
    answers = ["n"]
    assert "nothing was changed" in run(moved, "auth", "adopt").out
    run(moved, "run", "things.list", "-a", "me", code=5)
    answers = ["y"]
    assert f"{moved} can now use the logins" in run(moved, "auth", "adopt").out
    assert asked == [f"let {moved} use them too? [y/N]"] * 2
    run(moved, "run", "things.list", "-a", "me")
    assert "already" in run(moved, "auth", "adopt").out
    moved.rename(shop)
    assert str(moved) in run(shop, "run", "things.list", "-a", "me", code=5).err, "a folder that was gone is forgotten"


def test_adopting_says_where_this_folder_would_send_each(shop, run, stranger, tmp_path):
    login(run, shop)
    clone = tmp_path / "clone"
    shutil.copytree(shop, clone)
    checkout(clone, stranger)
    shown = run(clone, "auth", "adopt", "--yes").out
    assert f"needs a new login here for 127.0.0.1:{stranger.port}" in shown
    write(clone, {"connectors/shop/connector.yaml": "base_url: [\n"})
    shutil.copytree(clone, tmp_path / "third")
    assert "cannot be used here" in run(tmp_path / "third", "auth", "adopt", "--yes").out


@pytest.mark.parametrize(
    ("settings", "stored", "shown"),
    [
        ("version: 1\n", True, "logins belong to the folder"),
        (f"version: 1\nid: {ID}\n", False, "no logins yet"),
    ],
)
def test_there_may_be_nothing_to_adopt(shop, run, settings, stored, shown):
    write(shop, {"conn.yaml": settings})
    if stored:
        login(run, shop)
    assert shown in run(shop, "auth", "adopt").out


def test_the_environment_has_nothing_to_adopt(shop):
    assert "environment" in conn(shop, "auth", "adopt").out


@pytest.mark.parametrize("value", ["/home/me/shop", "..", "C:\\shop", "short", "a b c d e f g h", "x" * 65])
def test_an_id_is_no_path(shop, run, value):
    write(shop, {"conn.yaml": json.dumps({"version": 1, "id": value})})
    assert "id" in run(shop, "auth", "status", code=3).err


def test_a_new_workspace_has_an_id_of_its_own(tmp_path):
    found = []
    for name, more in (("one", []), ("two", []), ("tour", ["--example"]), ("tour-2", ["--example"])):
        assert conn(tmp_path, "init", name, *more).code == 0
        found.append(load_workspace(tmp_path / name).settings.id)
    assert len(set(found)) == 4
    assert None not in found
    assert conn(tmp_path, "init", "one", "--force").code == 0
    assert conn(tmp_path, "init", "tour", "--example", "--force").code == 0
    again = [load_workspace(tmp_path / name).settings.id for name in ("one", "tour")]
    assert again == [found[0], found[2]]


@pytest.mark.parametrize("drawn", ["1234567890123456", "17517e7883518704", "0e00000000000000", "0b01010101010101"])
def test_an_id_is_a_text_whatever_is_drawn(tmp_path, monkeypatch, drawn):
    monkeypatch.setattr("secrets.token_hex", lambda size: drawn)
    assert conn(tmp_path, "init", "one").code == 0
    assert load_workspace(tmp_path / "one").settings.id == f"ws-{drawn}"


# --- hosts


def test_a_token_is_renewed_only_where_it_was_issued(shop, run, vendor, stranger):
    def machine(url):
        return {"credentials": {"format": "oauth2_client_credentials", "config": {"token_url": f"{url}/token"}}}

    answers = {"/token": (200, {}, {"access_token": "short-lived-1"}), "/things": (200, {}, {"data": [{"id": 1}]})}
    vendor.answer = lambda got: answers[got.target]
    checkout(shop, vendor, **machine(vendor.url))
    run(shop, "auth", "login", "me", "--json", stdin=json.dumps({"client_id": "c", "client_secret": TOKEN}))
    run(shop, "run", "things.list", "-a", "me")
    checkout(shop, vendor, stranger, **machine(stranger.url))
    answers["/things"] = (401, {}, {})
    done = run(shop, "run", "things.list", "-a", "me", code=5)
    assert f"token request would go to 127.0.0.1:{stranger.port}" in done.err
    assert stranger.arrived == []


def test_another_subdomain_is_another_host(shop, run):
    url = "https://{{context.subdomain}}.shop.example"
    write(
        shop,
        {
            "connectors/shop/connector.yaml": connector(url, hosts=["*.shop.example"]),
            "accounts/me.yaml": "connector: shop\ncontext: { subdomain: acme }\n",
        },
    )
    login(run, shop)
    write(shop, {"accounts/me.yaml": "connector: shop\ncontext: { subdomain: evil }\n"})
    done = run(shop, "run", "things.list", "-a", "me", code=5)
    assert 'would go to evil.shop.example; the credential of "me" is for acme.shop.example' in done.err
    workspace = load_workspace(shop)

    async def listed():
        async with aconnect(workspace, "me", environ=run.environ) as connection:
            await connection.list("things.list", Call())

    with pytest.raises(CredentialError, match=r"would go to evil\.shop\.example"):
        asyncio.run(listed())


def test_an_environment_may_not_send_it_elsewhere_either(shop, run, vendor, stranger):
    login(run, shop)
    write(
        shop,
        {
            "conn.yaml": {"version": 1, "id": ID, "trusted_hosts": [f"127.0.0.1:{s.port}" for s in (vendor, stranger)]},
            "environments/sandbox.yaml": {"connectors": {"shop": {"base_url": stranger.url}}},
        },
    )
    run(shop, "run", "things.list", "-a", "me")
    write(shop, {"accounts/me.yaml": "connector: shop\nenvironment: sandbox\n"})
    assert "to use another host, log in again" in run(shop, "run", "things.list", "-a", "me", code=5).err
    assert stranger.arrived == []
    login(run, shop, "tok-ofTheSandbox-77")
    run(shop, "run", "things.list", "-a", "me")
    assert [got.headers["authorization"] for got in stranger.arrived] == ["Bearer tok-ofTheSandbox-77"]


def test_a_log_in_of_an_earlier_release_is_bound_to_where_it_is_used_first(shop, run, vendor, stranger, tmp_path):
    from conn_engine.secrets.vault import FileVault
    from conn_engine.secrets.vault.folders import to_file_name

    earlier = FileVault(tmp_path / "state" / "credentials" / to_file_name(str(shop)), KEY["CONN_VAULT_KEY"])
    earlier.save("me", {"token": TOKEN})
    first = run(shop, "run", "things.list", "-a", "me").err
    assert f'account "me": its credential is now for 127.0.0.1:{vendor.port}' in first
    assert "is now for" not in run(shop, "run", "things.list", "-a", "me").err
    assert len(vendor.arrived) == 2
    checkout(shop, stranger)
    assert f"is for 127.0.0.1:{vendor.port}" in run(shop, "run", "things.list", "-a", "me", code=5).err
    assert stranger.arrived == []


def test_a_secret_does_not_leave_in_a_body_or_by_a_step_either(shop, run, vendor, stranger):
    login(run, shop)
    steps = [{"name": "told", "request": {"base_url": stranger.url, "path": "/in", "method": "post"}}]
    checkout(shop, vendor, stranger, connect=steps)
    assert "another host" in run(shop, "auth", "connect", "me", code=5).err
    with connect(load_workspace(shop), "me", environ=run.environ) as connection, pytest.raises(CredentialError):
        connection.prepare()
    assert stranger.arrived == []
