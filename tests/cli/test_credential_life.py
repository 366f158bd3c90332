"""From the login to the logout: `connect` steps, `verify` with an expectation, `revoke`, on a server on loopback."""

import json
from typing import Any
from urllib.parse import parse_qs

import pytest
from transcript import conn

KEY = {"CONN_VAULT_KEY": "a key for the tests alone, long enough"}
TOKEN = "tok-aVerySecretOne-42"
CONNECTOR: dict[str, Any] = {
    "base_url": "@V/ex/{{context.cloud_id}}",
    "hosts": ["127.0.0.1:@P"],
    "credentials": {
        "format": "bearer",
        "config": {
            "revoke": [
                {
                    "url": "@V/revoke",
                    "headers": {"authorization": "Bearer {{token}}"},
                    "body": {"token": "{{token}}"},
                    "done": "status = 200 and response.revoked",
                }
            ]
        },
    },
    "authorization": {"format": "bearer"},
    "connect": [
        {"name": "clouds", "request": {"base_url": "@V", "path": "/clouds"}},
        {"name": "cloud_id", "transform": "connect.clouds[name = $$.context.site].id"},
        {"name": "installed", "when": "context.cloud_id = 'c-2'",
         "request": {"path": "/installed", "method": "post", "body": {"cloud": "{{context.cloud_id}}"}}},
        {"name": "owner", "request": {"resource": "me", "method": "get"}, "transform": "response.name"},
    ],
    "verify": {
        "operation": "me.get",
        "expect": "body.active = true",
        "message": "'the user ' & body.name & ' is disabled'",
    },
    "resources": {
        "me": {"get": {"method": "get", "path": "/me"}},
        "things": {"list": {"method": "get", "path": "/things", "query": {"owner": "{{context.owner}}"}}},
    },
}  # fmt: skip


class Cloud:
    """What the vendor does. `active` is the user, `revokes` whether it forgets tokens."""

    def __init__(self) -> None:
        self.active = True
        self.revokes = True
        self.live = True
        self.paths: list[str] = []

    def __call__(self, got: Any) -> tuple[int, dict[str, str], Any]:
        self.paths.append(f"{got.method} {got.target}")
        if got.headers.get("authorization") != f"Bearer {TOKEN}" or not self.live:
            return 401, {}, {"message": "bad token"}
        if got.target == "/clouds":
            return 200, {}, [{"id": "c-1", "name": "one"}, {"id": "c-2", "name": "two"}]
        if got.target == "/revoke":
            assert parse_qs(got.body.decode()) == {"token": [TOKEN]}
            self.live = not self.revokes
            return 200, {}, {"revoked": self.revokes}
        if not got.target.startswith("/ex/c-2/"):
            return 404, {}, {}
        return 200, {}, {"name": "Ada", "active": self.active} if got.target.endswith("/me") else []


@pytest.fixture
def cloud(tmp_path, vendor):
    vendor.answer = Cloud()
    text = json.dumps(CONNECTOR).replace("@V", vendor.url).replace("@P", str(vendor.port))
    for name, content in {
        "conn.yaml": "version: 1\ntrusted_hosts: [127.0.0.0/8]\n",
        "connectors/cloud/connector.yaml": text,
        "accounts/me.yaml": "connector: cloud\ncontext: { site: two }\n",
    }.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(content, encoding="utf-8")
    return vendor.answer


def run(folder, *words, code=0, **options):
    done = conn(folder, *words, **{**KEY, **options})
    assert done.code == code, done.out + done.err
    assert TOKEN not in done.out + done.err and "Traceback" not in done.err
    return done


def login(folder, **options):
    return run(folder, "auth", "login", "me", "--json", stdin=json.dumps({"token": TOKEN}), **options)


def test_what_a_log_in_finds_out_is_known_to_every_request(tmp_path, cloud):
    assert run(tmp_path, "lint").out.startswith("no findings")
    done = login(tmp_path)
    assert '  cloud_id = "c-2"\n  owner = "Ada"\nconnected me\n' in done.out
    assert cloud.paths == ["GET /clouds", "POST /ex/c-2/installed", "GET /ex/c-2/me"]
    cloud.paths.clear()
    run(tmp_path, "run", "things.list", "--account", "me")
    assert cloud.paths == ["GET /ex/c-2/things?owner=Ada"]
    assert "accepted by the vendor" in run(tmp_path, "auth", "verify", "me").out


def test_the_steps_run_again_when_they_failed(tmp_path, cloud):
    (tmp_path / "accounts/me.yaml").write_text("connector: cloud\ncontext: { site: three }\n")
    done = login(tmp_path, code=3)
    assert "stored the credential" in done.out
    assert "context.cloud_id" in done.err and "conn auth connect me" in done.err
    (tmp_path / "accounts/me.yaml").write_text("connector: cloud\ncontext: { site: two }\n")
    assert "connected me" in run(tmp_path, "auth", "connect", "me").out
    run(tmp_path, "run", "things.list", "--account", "me")


def test_what_the_environment_cannot_keep_is_said(tmp_path, cloud):
    done = conn(tmp_path, "auth", "connect", "me", CONN_ME_TOKEN=TOKEN)
    assert done.code == 0 and 'cloud_id = "c-2"' in done.out
    assert "add them to the context of me" in done.err


def test_an_answer_that_does_not_prove_the_credential(tmp_path, cloud):
    login(tmp_path)
    cloud.active = False
    done = run(tmp_path, "auth", "verify", "me", code=5)
    assert "the user Ada is disabled" in done.err
    cloud.live = False
    assert "the vendor refused the account's credential" in run(tmp_path, "auth", "verify", "me", code=5).err


def test_a_connector_without_either_says_so(tmp_path, cloud):
    file = tmp_path / "connectors/cloud/connector.yaml"
    data = json.loads(file.read_text())
    file.write_text(json.dumps({**data, "connect": [], "verify": None}))
    assert "stored" in login(tmp_path).out
    assert "no `connect` steps" in run(tmp_path, "auth", "connect", "me").out
    assert "no `verify`" in run(tmp_path, "auth", "verify", "me", code=3).out


def test_a_log_out_revokes_before_it_forgets(tmp_path, cloud):
    login(tmp_path)
    done = run(tmp_path, "auth", "logout", "me")
    assert done.out.splitlines() == [
        "the vendor revoked the credential of me",
        "removed the credential of me from the encrypted file",
    ]
    assert not cloud.live
    assert "had no credential" in run(tmp_path, "auth", "logout", "me").out


def test_what_is_not_revoked_is_kept_unless_forced(tmp_path, cloud):
    login(tmp_path)
    cloud.revokes = False
    done = run(tmp_path, "auth", "logout", "me", code=5)
    assert "did not revoke the credential (status 200)" in done.err and "conn auth logout me --force" in done.err
    assert "present" in run(tmp_path, "auth", "status", "me").out
    cloud.paths.clear()
    done = run(tmp_path, "auth", "logout", "me", "--force")
    assert "warning: 127.0.0.1 did not revoke" in done.err and "removed" in done.out
    login(tmp_path)
    cloud.paths.clear()
    assert "removed" in run(tmp_path, "auth", "logout", "me", "--local").out
    assert cloud.paths == []


def test_a_broken_connector_does_not_hold_a_credential(tmp_path, cloud):
    login(tmp_path)
    (tmp_path / "connectors/cloud/connector.yaml").write_text("base_url: 7\n")
    run(tmp_path, "auth", "logout", "me", code=3)
    assert "removed" in run(tmp_path, "auth", "logout", "me", "--local").out


def test_a_key_with_lines_is_read_from_a_file(tmp_path, cloud, monkeypatch):
    data = json.loads((tmp_path / "connectors/cloud/connector.yaml").read_text())
    data |= {"connect": [], "credentials": {"format": "bearer", "config": {"ask": [{"name": "pem", "lines": True}]}}}
    (tmp_path / "connectors/cloud/connector.yaml").write_text(json.dumps(data))
    (tmp_path / "key.pem").write_text("-----BEGIN KEY-----\nabc\n-----END KEY-----\n")
    answers = iter([TOKEN, "@key.pem"])
    from conn_cli.console import App

    monkeypatch.setattr(App, "interactive", property(lambda self: True))
    monkeypatch.setattr(App, "ask", lambda self, question, secret=False: next(answers))
    run(tmp_path, "auth", "login", "me")
    from conn_engine.config import load_workspace
    from conn_engine.runtime.wiring import vault_of

    environ = {"CONN_NO_KEYRING": "1", "CONN_STATE_DIR": str(tmp_path / ".state"), **KEY}
    stored = vault_of(load_workspace(tmp_path), environ).load("me")
    assert stored == {"token": TOKEN, "pem": "-----BEGIN KEY-----\nabc\n-----END KEY-----"}


@pytest.mark.parametrize(
    ("token", "state"),
    [
        ({}, "present, its token is requested when needed"),
        ({"access_token": "t", "expires_at": 1}, "present, expired, will be renewed"),
        ({"access_token": "t"}, "present"),
    ],
)
def test_a_token_that_was_never_asked_for_has_not_expired(tmp_path, token, state):
    folder = tmp_path / "connectors/shop"
    folder.mkdir(parents=True)
    (tmp_path / "conn.yaml").write_text("version: 1\n")
    (folder / "connector.yaml").write_text(
        "base_url: https://api.example.com\n"
        "credentials: { format: oauth2_client_credentials, config: { token_url: https://api.example.com/token } }\n"
        "authorization: { format: bearer }\nresources: { things: { list: { method: get, path: /things } } }\n"
    )
    (tmp_path / "accounts").mkdir()
    (tmp_path / "accounts/me.yaml").write_text("connector: shop\n")
    stored = {"client_id": "c", "client_secret": "long-secret-1", "oauth": {"token": token}}
    done = conn(tmp_path, "auth", "status", CONN_ME_CREDENTIALS=json.dumps(stored))
    assert (done.code, done.out.split(maxsplit=1)[1]) == (0, f"{state}   in the environment\n")


# --- how a credential comes in


def test_a_key_on_standard_input_is_the_credential(tmp_path, cloud):
    done = run(tmp_path, "auth", "login", "me", stdin=f"{TOKEN}\n")
    assert "stored the credential of me" in done.out
    run(tmp_path, "run", "things.list", "--account", "me")


@pytest.mark.parametrize(
    ("stdin", "shown"),
    [
        ("", 'no credential given for "me"'),
        (json.dumps({"token": TOKEN}), "--json"),
        (f"{TOKEN}\n{TOKEN}\n", "several lines"),
    ],
)
def test_what_cannot_be_a_key_is_refused(tmp_path, cloud, stdin, shown):
    assert shown in run(tmp_path, "auth", "login", "me", stdin=stdin, code=2).err
    assert "no credential" in run(tmp_path, "auth", "status", code=5).out


def test_a_key_that_is_a_json_document_is_one_text(tmp_path, cloud):
    (tmp_path / "connectors/cloud/connector.yaml").write_text(
        json.dumps({**CONNECTOR, "base_url": "https://a.example", "hosts": [], "connect": []})
    )
    run(tmp_path, "auth", "login", "me", stdin=json.dumps({"private_key": "x"}, indent=2))
    assert vault(tmp_path).load("me") == {"token": '{"private_key": "x"}'}


def vault(folder):
    from conn_engine.config import load_workspace
    from conn_engine.runtime.wiring import vault_of

    environ = {"CONN_NO_KEYRING": "1", "CONN_STATE_DIR": str(folder / ".state"), **KEY}
    return vault_of(load_workspace(folder), environ)


PAIR = {
    "base_url": "https://api.example.com",
    "credentials": {"format": "basic"},
    "authorization": {"format": "basic"},
    "resources": {"things": {"list": {"method": "get", "path": "/things"}}},
}


@pytest.mark.parametrize("first", ["username", "password"])
def test_any_part_may_be_set_first(tmp_path, cloud, first):
    (tmp_path / "connectors/cloud/connector.yaml").write_text(json.dumps(PAIR))
    second = {"username": "password", "password": "username"}[first]
    several = run(tmp_path, "auth", "login", "me", stdin=TOKEN, code=2)
    assert "username, password" in several.err and "--json" in several.err
    run(tmp_path, "auth", "set", "me", first, stdin=TOKEN)
    shown = run(tmp_path, "auth", "status", code=5).out
    assert f"incomplete: lacks {second}" in shown and f"conn auth set me {second}" in shown
    done = run(tmp_path, "run", "things.list", "-a", "me", code=5)
    assert f"is incomplete: it lacks {second}" in done.err and f"conn auth set me {second}" in done.err
    run(tmp_path, "auth", "set", "me", second, stdin="another-part-of-it")
    assert "present" in run(tmp_path, "auth", "status").out
    assert vault(tmp_path).load("me") == {first: TOKEN, second: "another-part-of-it"}


# --- verified, and when


def test_what_is_verified_is_stored_only_after_success(tmp_path, cloud):
    cloud.active = False
    given = {"stdin": json.dumps({"token": TOKEN}), "code": 5}
    done = run(tmp_path, "auth", "login", "me", "--json", "--verify", **given)
    assert "the user Ada is disabled" in done.err and "nothing was stored" in done.err
    assert vault(tmp_path).load("me") is None
    cloud.active = True
    done = run(tmp_path, "auth", "login", "me", "--verify", stdin=TOKEN)
    assert [line.partition(" ")[0] for line in done.out.splitlines() if line[0] != " "] == ["connected", "me", "stored"]
    assert vault(tmp_path).load("me")["captured"] == {"cloud_id": "c-2", "owner": "Ada"}
    assert "verified at 2026-11-18 11:06 UTC" in run(tmp_path, "auth", "status").out
    cloud.active = False
    done = run(tmp_path, "auth", "login", "me", "--verify", stdin=TOKEN.replace("42", "43"), code=5)
    assert vault(tmp_path).load("me")["token"] == TOKEN, "the login that works is still there"


def test_a_connector_without_verify_cannot_be_asked_to(tmp_path, cloud):
    file = tmp_path / "connectors/cloud/connector.yaml"
    file.write_text(json.dumps({**json.loads(file.read_text()), "verify": None}))
    done = run(tmp_path, "auth", "login", "me", "--verify", stdin=TOKEN, code=3)
    assert "declares no `verify`" in done.err and "log in without --verify" in done.err
    assert cloud.paths == []
    assert vault(tmp_path).load("me") is None


def test_present_is_not_verified(tmp_path, cloud):
    login(tmp_path)
    assert "present   in the encrypted file" in run(tmp_path, "auth", "status").out
    run(tmp_path, "auth", "status", "--verify")
    assert "verified at 2026-11-18 11:06 UTC   in" in run(tmp_path, "auth", "status").out
    run(tmp_path, "auth", "set", "me", "token", stdin=TOKEN)
    assert "present   in the encrypted file" in run(tmp_path, "auth", "status").out
    assert "valid" not in run(tmp_path, "auth", "status").out


# --- where it can be stored


@pytest.mark.parametrize("words", [("login", "me"), ("login", "me", "--json"), ("set", "me", "token")])
def test_without_a_place_the_message_starts_with_what_to_do(tmp_path, cloud, words):
    done = conn(tmp_path, "auth", *words, stdin=TOKEN)
    assert done.code == 5
    assert done.err.startswith("error: set CONN_VAULT_KEY to store")
    assert TOKEN not in done.out + done.err
    assert cloud.paths == []


def test_what_cannot_be_stored_is_not_suggested(tmp_path, cloud):
    for words in (("run", "things.list", "-a", "me"), ("auth", "status")):
        done = conn(tmp_path, *words)
        assert done.code == 5
        assert "set CONN_ME_TOKEN; or set CONN_VAULT_KEY, then run conn auth login me" in done.out + done.err
