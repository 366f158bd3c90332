"""A session through the whole engine, against a server on loopback that forgets its sessions."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from vendor import Arrived, Reply, Vendor, start_vendor

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
    """A vendor with sessions: the live one, and how often somebody logged in."""

    def __init__(self) -> None:
        self.session = ""
        self.logins = 0

    def answer(self, arrived: Arrived) -> Reply:
        if arrived.method == "GET":
            known = arrived.headers.get("cookie") == f"SID={self.session}"
            return (200, {"data": [{"id": 1}]}) if known else (401, {})
        if arrived.data != {"user": "ada", "password": "pass-word"}:
            return 401, {"message": "wrong"}
        self.logins += 1
        self.session = f"session-{self.logins}"
        return 200, {"Set-Cookie": f"SID={self.session}; HttpOnly"}, {"shard": "eu1"}


@pytest.fixture
def desk() -> Iterator[tuple[Desk, Vendor]]:
    state = Desk()
    with start_vendor(state.answer) as vendor:
        yield state, vendor


def seen(vendor: Vendor) -> list[tuple[str, str]]:
    """Path and cookie of each request but the logins."""
    return [(one.target, one.headers.get("cookie", "")) for one in vendor.arrived if one.method == "GET"]


def connection(folder: Path, port: int, vault: MemoryVault) -> Any:
    (folder / "connectors/desk").mkdir(parents=True, exist_ok=True)
    (folder / "accounts").mkdir(exist_ok=True)
    (folder / "conn.yaml").write_text(f"version: 1\ntrusted_hosts: ['127.0.0.1:{port}']\n", encoding="utf-8")
    (folder / "connectors/desk/connector.yaml").write_text(CONNECTOR, encoding="utf-8")
    (folder / "accounts/me.yaml").write_text(ACCOUNT.replace("PORT", str(port)), encoding="utf-8")
    return conn_engine.connect(conn_engine.load_workspace(folder), "me", environ={}, vault=vault)


def test_log_in_use_and_log_in_again(tmp_path: Path, desk: tuple[Desk, Vendor]) -> None:
    state, server = desk
    port = server.port
    vault = MemoryVault()
    vault.save("me", {"username": "ada", "password": "pass-word"})
    with connection(tmp_path, port, vault) as me:
        assert list(me.records("things.list")) == [{"id": 1}]
        assert seen(server) == [("/eu1/things", "SID=session-1")], "what was captured is in the URL at once"
        state.session = "forgotten"
        assert list(me.records("things.list")) == [{"id": 1}]
    assert state.logins == 2
    document = vault.load("me") or {}
    assert document["session"]["access_token"] == "session-2"
    assert document["captured"] == {"shard": "eu1"}
    with connection(tmp_path, port, vault) as me:
        assert list(me.records("things.list")) == [{"id": 1}]
    assert state.logins == 2 and seen(server)[-1][0] == "/eu1/things"


def test_a_wrong_password_is_a_credential_fault(tmp_path: Path, desk: tuple[Desk, Vendor]) -> None:
    port = desk[1].port
    vault = MemoryVault()
    vault.save("me", {"username": "ada", "password": "not-it-at-all", "captured": {"shard": "us7"}})
    with connection(tmp_path, port, vault) as me, pytest.raises(CredentialError) as raised:
        list(me.records("things.list"))
    assert "401: wrong" in raised.value.message
    assert "not-it-at-all" not in raised.value.message
