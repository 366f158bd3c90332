"""No secret is printed, whatever goes wrong: forced faults with the secret in messages, causes and variables."""

import base64
import io
import json

import pytest
from transcript import conn

from conn_cli import main
from conn_cli.console import App
from conn_engine.lint import lint_paths
from conn_engine.transport import live as live_transport

TOKEN = "tok/aVery+Secret=One-42"


assert lint_paths  # imported before anything is broken on purpose: it keeps what it imports


def blow(*_: object, **__: object) -> None:
    secret = TOKEN
    try:
        raise ValueError(f"inner {secret}")
    except ValueError as error:
        raise RuntimeError(f"outer {secret} {base64.b64encode(secret.encode()).decode()}") from error


def nothing_leaks(done) -> None:
    for text in (done.out, done.err):
        assert TOKEN not in text
        assert base64.b64encode(TOKEN.encode()).decode() not in text
        assert json.dumps(TOKEN)[1:-1] not in text


@pytest.mark.parametrize("debug", [[], ["--debug"]])
@pytest.mark.parametrize(
    "broken",
    ["conn_engine.config.load_workspace", "conn_engine.runtime.wiring.vault_of", "conn_engine.transport.live.Live"],
)
def test_a_fault_of_ours_shows_no_secret(desk, monkeypatch, debug, broken):
    monkeypatch.setattr(broken, blow)
    done = conn(desk, *debug, "run", "contacts.list", "-a", "me", CONN_ME_TOKEN=TOKEN)
    assert done.code == 70, done.err
    assert "internal error: RuntimeError: outer [redacted] [redacted]" in done.err
    assert ("Traceback" in done.err) is bool(debug)
    assert ("run the command again with --debug" in done.err) is not bool(debug)
    nothing_leaks(done)


def test_a_fault_while_sending_shows_no_secret(desk, monkeypatch):
    monkeypatch.setattr(live_transport.Live, "send", blow)
    done = conn(desk, "--debug", "run", "contacts.list", "-a", "me", "--trace", CONN_ME_TOKEN=TOKEN)
    assert done.code == 70
    assert "blow" in done.err  # the traceback says where
    assert "secret = " not in done.err.replace("secret = TOKEN", "")
    nothing_leaks(done)


def test_secrets_of_other_variables_are_hidden_too(desk, monkeypatch):
    monkeypatch.setattr("conn_engine.config.load_workspace", blow)
    done = conn(desk, "--debug", "lint", "accounts", VENDOR_CLIENT_SECRET=TOKEN)
    assert done.code in (0, 1, 70)
    nothing_leaks(done)
    shown = conn(desk, "--debug", "show", VENDOR_CLIENT_SECRET=TOKEN)
    assert shown.code == 70
    nothing_leaks(shown)


def test_a_token_in_the_stored_document_is_hidden_once_it_is_loaded(desk, vendor):
    vendor.answer = lambda got: (400, {}, {"message": f"what is {got.headers['authorization']}?", "echo": TOKEN})
    file = desk / "connectors/demo/connector.yaml"
    file.write_text(file.read_text().replace("https://api.demo.example/v1", vendor.url))
    (desk / "conn.yaml").write_text(f'version: 1\ntrusted_hosts: ["127.0.0.1:{vendor.port}"]\n')
    key = "a-key-of-some-length"
    stored = conn(desk, "auth", "login", "me", "--json", stdin=json.dumps({"token": TOKEN}), CONN_VAULT_KEY=key)
    nothing_leaks(stored)
    for arguments in (
        ["run", "contacts.list", "-a", "me", "--trace"],
        ["--debug", "run", "contacts.list", "-a", "me"],
        ["run", "contacts.list", "-a", "me", "--dry-run"],
        ["record", "contacts.list", "-a", "me", "--scenario", "odd"],
        ["test", "contacts.list", "-a", "me", "--live", "-v"],
        ["test", "contacts.list", "-a", "me", "--live", "--format", "junit"],
        ["auth", "status", "--verify"],
    ):
        done = conn(desk, *arguments, CONN_VAULT_KEY=key)
        nothing_leaks(done)
        assert key not in done.out + done.err
    files = [path for path in desk.rglob("*") if path.is_file()]
    assert any("odd" in path.name for path in files)
    for path in files:
        assert TOKEN.encode() not in path.read_bytes(), path


def test_a_wrong_answer_to_login_shows_no_value(desk):
    done = conn(desk, "auth", "login", "me", "--json", stdin=json.dumps({"tokn": TOKEN}), CONN_VAULT_KEY="k" * 20)
    assert done.code == 2
    nothing_leaks(done)
    broken = conn(desk, "auth", "login", "me", "--json", stdin=f'{{"token": "{TOKEN}"', CONN_VAULT_KEY="k" * 20)
    assert broken.code == 2
    nothing_leaks(broken)


def test_a_vault_that_fails_shows_no_secret(desk, monkeypatch):
    monkeypatch.setattr("conn_engine.secrets.vault.file.FileVault.save", blow)
    done = conn(
        desk, "--debug", "auth", "login", "me", "--json", stdin=json.dumps({"token": TOKEN}), CONN_VAULT_KEY="k" * 20
    )
    assert done.code == 70
    nothing_leaks(done)


def test_findings_hide_a_literal_secret_only_when_it_is_known(desk):
    # Lint shows the author's own line: a literal that is not a known secret stays readable, so that it can be found.
    (desk / "accounts/me.yaml").write_text(f'connector: demo\noverride:\n  headers: {{x-api-key: "{TOKEN}"}}\n')
    done = conn(desk, "lint", CONN_ME_TOKEN=TOKEN)
    assert "SEC101" in done.out


def test_the_boundary_prints_nothing_of_an_unprintable_error(desk):
    class Odd(Exception):
        def __str__(self) -> str:
            raise ValueError(TOKEN)

    out, err = io.StringIO(), io.StringIO()
    app = App(folder=desk, environ={}, stdin=io.StringIO(), stdout=out, stderr=err, debug=True)
    main.show_failure(app, Odd(), as_json=True)
    assert "Odd" in err.getvalue()
    assert TOKEN not in err.getvalue()
