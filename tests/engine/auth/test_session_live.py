"""A session through the whole engine, against a server on loopback that forgets its sessions."""

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

import conn_engine
from conn_engine.errors import CredentialError
from conn_engine.secrets.vault import MemoryVault

CONNECTOR = """
name: desk
base_url: "https://{{context.shard}}.desk.example.com"
hosts: ["*.desk.example.com"]
credentials:
  format: choice
  config:
    by: context.way
    options:
      login:
        format: session
        config:
          login:
            url: https://login.desk.example.com/login
            body_format: json
            body: { user: "{{username}}", password: "{{password}}" }
          response: cookies.SID
          capture: { shard: response.shard }
      key: { format: api_key }
authorization: { format: header, config: { name: Cookie, value: "SID={{session.access_token}}" } }
resources:
  things:
    list: { method: get, path: /things, response_path: data }
"""
ACCOUNT = """
connector: desk
context: { way: login }
override:
  base_url: "http://127.0.0.1:PORT/{{context.shard}}"
  credentials:
    config: { options: { login: { config: { login: { url: "http://127.0.0.1:PORT/login" } } } } }
"""


class Desk:
    """The server's state: its live session, how often one logged in, and what was asked."""

    session = ""
    logins = 0
    seen: list[tuple[str, str]]


@pytest.fixture
def desk() -> Iterator[tuple[Desk, int]]:
    state = Desk()
    state.seen = []

    class Handler(BaseHTTPRequestHandler):
        def reply(self, status: int, body: Any, **headers: str) -> None:
            text = json.dumps(body).encode()
            self.send_response(status)
            for name, value in {"content-type": "application/json", **headers}.items():
                self.send_header(name.replace("_", "-"), value)
            self.send_header("content-length", str(len(text)))
            self.end_headers()
            self.wfile.write(text)

        def do_POST(self) -> None:
            given = json.loads(self.rfile.read(int(self.headers["content-length"])))
            if given != {"user": "ada", "password": "pass-word"}:
                return self.reply(401, {"message": "wrong"})
            state.logins += 1
            state.session = f"session-{state.logins}"
            return self.reply(200, {"shard": "eu1"}, set_cookie=f"SID={state.session}; HttpOnly")

        def do_GET(self) -> None:
            state.seen.append((self.path, self.headers.get("cookie", "")))
            known = self.headers.get("cookie") == f"SID={state.session}"
            self.reply(200 if known else 401, {"data": [{"id": 1}]} if known else {})

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002
            """Quiet."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    yield state, server.server_address[1]
    server.shutdown()
    server.server_close()
    thread.join(5)


def connection(folder: Path, port: int, vault: MemoryVault) -> Any:
    (folder / "connectors/desk").mkdir(parents=True, exist_ok=True)
    (folder / "accounts").mkdir(exist_ok=True)
    (folder / "conn.yaml").write_text(f"version: 1\ntrusted_hosts: ['127.0.0.1:{port}']\n", encoding="utf-8")
    (folder / "connectors/desk/connector.yaml").write_text(CONNECTOR, encoding="utf-8")
    (folder / "accounts/me.yaml").write_text(ACCOUNT.replace("PORT", str(port)), encoding="utf-8")
    return conn_engine.connect(conn_engine.load_workspace(folder), "me", environ={}, vault=vault)


def test_log_in_use_and_log_in_again(tmp_path: Path, desk: tuple[Desk, int]) -> None:
    state, port = desk
    vault = MemoryVault()
    vault.save("me", {"username": "ada", "password": "pass-word"})
    with connection(tmp_path, port, vault) as me:
        assert list(me.records("things.list")) == [{"id": 1}]
        assert state.seen == [("/eu1/things", "SID=session-1")], "what was captured is in the URL at once"
        state.session = "forgotten"
        assert list(me.records("things.list")) == [{"id": 1}]
    assert state.logins == 2
    document = vault.load("me") or {}
    assert document["session"]["access_token"] == "session-2"
    assert document["captured"] == {"shard": "eu1"}
    with connection(tmp_path, port, vault) as me:
        assert list(me.records("things.list")) == [{"id": 1}]
    assert state.logins == 2 and state.seen[-1][0] == "/eu1/things"


def test_a_wrong_password_is_a_credential_fault(tmp_path: Path, desk: tuple[Desk, int]) -> None:
    _, port = desk
    vault = MemoryVault()
    vault.save("me", {"username": "ada", "password": "not-it-at-all", "captured": {"shard": "us7"}})
    with connection(tmp_path, port, vault) as me, pytest.raises(CredentialError) as raised:
        list(me.records("things.list"))
    assert "401: wrong" in raised.value.message
    assert "not-it-at-all" not in raised.value.message
