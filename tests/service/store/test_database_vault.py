"""Credentials in a database: encrypted, for their account only, with keys that change, renewed once by all machines."""

import subprocess
import sys
import threading
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl

import keyring
import launching
import pytest
import sqlalchemy as sa
from keyring.backend import KeyringBackend
from keyring.errors import KeyringLocked
from vendor import Arrived, start_vendor

from conn_engine.config import load_workspace
from conn_engine.errors import CredentialError
from conn_engine.releases.store_location import StoreLocation
from conn_engine.runtime.wiring import vault_of
from conn_engine.secrets.vault import Issue, RotatedKey
from conn_service.store import (
    DatabaseVault,
    VaultKeys,
    WorkerVault,
    open_database_vault,
    open_engine,
    read_vault_keys,
)

KEY, NEW_KEY = "a long passphrase for tests", "another passphrase for tests"
SECRET = "secret-token-of-acme"


@pytest.fixture
def vault(engine: sa.Engine) -> DatabaseVault:
    return DatabaseVault(engine, VaultKeys(KEY))


def read_rows(engine: sa.Engine) -> list[Any]:
    with engine.connect() as connection:
        return list(connection.exec_driver_sql("SELECT * FROM conn_credential ORDER BY account"))


def test_a_document_is_read_by_every_process_with_the_key(engine: sa.Engine, vault: DatabaseVault) -> None:
    vault.save("acme", {"token": SECRET})
    assert DatabaseVault(engine, VaultKeys(KEY)).load("acme") == {"token": SECRET}
    assert DatabaseVault(engine, VaultKeys(KEY), "another workspace").load("acme") is None


def test_neither_secrets_nor_the_key_are_in_the_database(engine: sa.Engine, vault: DatabaseVault) -> None:
    vault.save("acme", {"token": SECRET})
    vault.save("globex", {"token": SECRET})
    with engine.connect() as connection:
        parts = [*read_rows(engine), *connection.exec_driver_sql("SELECT * FROM conn_vault")]
    stored = b"".join(bytes(cell) if isinstance(cell, bytes) else str(cell).encode() for row in parts for cell in row)
    assert b"acme" in stored
    assert not [text for text in (SECRET, KEY) if text.encode() in stored]
    first, second = (row.content for row in read_rows(engine))
    assert first != second, "the same document has another text"


def test_a_row_cannot_be_used_for_another_account(engine: sa.Engine, vault: DatabaseVault) -> None:
    vault.save("acme", {"token": SECRET})
    with engine.begin() as connection:
        connection.exec_driver_sql("UPDATE conn_credential SET account = 'globex'")
    with pytest.raises(CredentialError, match='"globex" in the database was changed') as raised:
        vault.load("globex")
    assert "conn auth login globex" in raised.value.hint


def test_another_key_is_an_error_that_names_what_to_set(engine: sa.Engine, vault: DatabaseVault) -> None:
    vault.save("acme", {"token": SECRET})
    other = DatabaseVault(engine, VaultKeys(NEW_KEY))
    with pytest.raises(CredentialError, match="encrypted with another key") as raised:
        other.load("acme")
    assert "CONN_VAULT_KEY" in raised.value.hint
    with pytest.raises(CredentialError, match="has another key"):
        other.save("globex", {"token": SECRET})
    assert vault.load("globex") is None


def test_a_key_is_changed_without_a_pause(engine: sa.Engine, vault: DatabaseVault) -> None:
    vault.save("acme", {"token": SECRET})
    DatabaseVault(engine, VaultKeys(KEY), "w").save("acme", {"token": "of w"})
    both = DatabaseVault(engine, VaultKeys(NEW_KEY, [KEY]))
    both.save("globex", {"token": "g"})
    assert vault.load("globex") == {"token": "g"}, "workers with the previous key still read what is new"
    assert both.rotate() == RotatedKey(encrypted=3, unchanged=0)
    assert both.rotate() == RotatedKey(encrypted=0, unchanged=3)
    new = DatabaseVault(engine, VaultKeys(NEW_KEY))
    assert new.load("acme") == {"token": SECRET}
    assert DatabaseVault(engine, VaultKeys(NEW_KEY), "w").load("acme") == {"token": "of w"}
    assert len({row.key_id for row in read_rows(engine)}) == 1
    with pytest.raises(CredentialError, match="another key"):
        vault.load("acme")


def test_a_rotation_with_an_unknown_key_changes_nothing(engine: sa.Engine, vault: DatabaseVault) -> None:
    vault.save("acme", {"token": SECRET})
    before = read_rows(engine)
    with pytest.raises(CredentialError, match="another key"):
        DatabaseVault(engine, VaultKeys(NEW_KEY)).rotate()
    assert read_rows(engine) == before
    assert vault.load("acme") == {"token": SECRET}


def test_keys_come_from_the_environment() -> None:
    with pytest.raises(CredentialError, match="needs a key"):
        read_vault_keys({"CONN_NO_KEYRING": "1"})
    with pytest.raises(CredentialError, match="shorter than 8"):
        read_vault_keys({"CONN_VAULT_KEY": "short"})
    derived = read_vault_keys({"CONN_VAULT_KEY": NEW_KEY, "CONN_VAULT_OLD_KEY": KEY}).derive(b"0" * 16)
    assert len(derived) == 2
    assert next(iter(derived)) == next(iter(VaultKeys(NEW_KEY).derive(b"0" * 16)))


def test_a_renewed_token_is_stored_although_the_database_restarts(engine: sa.Engine, vault: DatabaseVault) -> None:
    vault.save("acme", {"token": SECRET})
    failures = ["the connection is closed", "the database system is starting up"]

    @sa.event.listens_for(engine, "before_cursor_execute")
    def fail(_connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
        if failures and "INSERT INTO conn_credential" in statement:
            raise sa.exc.OperationalError(statement, {}, Exception(failures.pop()))

    vault.save("acme", {"token": "renewed"})
    assert not failures
    assert vault.load("acme") == {"token": "renewed"}


CONNECTOR = """\
base_url: {url}
credentials:
  format: oauth2
  config: {{ token_url: "{url}/token", client_id: c, client_secret: "{{{{env.SHOP_SECRET}}}}" }}
authorization: {{ format: bearer }}
resources:
  people:
    list: {{ path: /people, response_path: items }}
"""

MACHINE = """
import os, sys
import sqlalchemy as sa
from pathlib import Path
from conn_engine.config import load_workspace
from conn_engine.releases.store_location import StoreLocation
from conn_engine.runtime.connection import connect
from conn_service.store import open_database_vault, open_engine

root, address = sys.argv[1:]
location = StoreLocation(url=sa.engine.make_url(address)) if "://" in address else StoreLocation(file=Path(address))
workspace = load_workspace(Path(root))
vault = open_database_vault(open_engine(location), workspace, os.environ)
with connect(workspace, "acme", environ=os.environ, vault=vault) as connection:
    print("ready", flush=True)
    sys.stdin.readline()
    print(len(list(connection.records("people.list"))), flush=True)
"""


def write_workspace(root: Path, url: str, host: str) -> Path:
    for name, text in {
        "conn.yaml": f"version: 1\nid: shop-workspace\ntrusted_hosts: ['{host}']\n",
        "connectors/shop/connector.yaml": CONNECTOR.format(url=url),
        "accounts/acme.yaml": "connector: shop\n",
    }.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)
    return root


class Bank:
    """Answers with people, and gives each refresh token once."""

    def __init__(self, machines: int) -> None:
        self.number = 1
        self.exchanges = 0
        self.refused = threading.Barrier(machines)
        self._lock = threading.Lock()

    def answer(self, arrived: Arrived) -> Any:
        if arrived.path == "/token":
            with self._lock:
                self.exchanges += 1
                if dict(parse_qsl(arrived.body.decode()))["refresh_token"] != f"refresh-{self.number}":
                    return 400, {}, {"error": "invalid_grant"}
                self.number += 1
                return {"access_token": f"access-{self.number}", "refresh_token": f"refresh-{self.number}"}
        if arrived.headers.get("authorization") == "Bearer access-0":
            self.refused.wait(60)  # all machines have sent the old token before any renews it
        if arrived.headers.get("authorization") != f"Bearer access-{self.number}":
            return 401, {}, {"message": "the token has ended"}
        return {"items": [{"id": 1}]}


@pytest.mark.slow
def test_machines_renew_a_token_once(location: StoreLocation, tmp_path: Path) -> None:
    address = str(location.file) if location.url is None else location.url.render_as_string(hide_password=False)
    bank = Bank(3)
    with start_vendor(answer=bank.answer) as vendor:
        roots = [write_workspace(tmp_path / f"machine{number}", vendor.url, vendor.host) for number in range(3)]
        environ = {"CONN_VAULT_KEY": KEY, "CONN_NO_KEYRING": "1", "SHOP_SECRET": "client-secret"}
        engine, workspace = open_engine(location), load_workspace(roots[0])
        vault = open_database_vault(engine, workspace, environ)
        token = {"access_token": "access-0", "refresh_token": "refresh-1"}
        issue = Issue(workspace.effective(account="acme").issued_hosts())
        vault.save("acme", {"oauth": {"token": token}}, issue)
        pipes: Any = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
        machines = [
            launching.start(
                [sys.executable, "-c", MACHINE, str(root), address],
                env={**environ, "PYTHONPATH": ":".join(sys.path), "CONN_STATE_DIR": str(root / "state")},
                **pipes,
            )
            for root in roots
        ]
        try:
            for machine in machines:
                assert machine.stdout.readline() == "ready\n"
            for machine in machines:
                machine.stdin.write("\n")
                machine.stdin.flush()
            assert [machine.communicate(timeout=60)[0] for machine in machines] == ["1\n"] * 3
        finally:
            for machine in machines:
                machine.kill()
                machine.communicate()
        assert bank.exchanges == 1
        stored = vault.load("acme")
        assert stored is not None and stored["oauth"]["token"]["refresh_token"] == "refresh-2"
        engine.dispose()


class Locker(KeyringBackend):
    """A keyring with the key of a vault, which may be locked."""

    priority = 9  # type: ignore[assignment]
    is_locked = False

    def get_password(self, service: str, username: str) -> str | None:
        if self.is_locked:
            raise KeyringLocked("locked")
        return NEW_KEY if (service, username) == ("conn vault", "key") else None

    def set_password(self, service: str, username: str, password: str) -> None: ...

    def delete_password(self, service: str, username: str) -> None: ...


def test_a_key_can_be_in_the_keyring() -> None:
    before, locker = keyring.get_keyring(), Locker()
    keyring.set_keyring(locker)
    try:
        assert list(read_vault_keys({}).derive(b"0" * 16)) == list(VaultKeys(NEW_KEY).derive(b"0" * 16))
        locker.is_locked = True
        with pytest.raises(CredentialError, match="cannot be read from the keyring"):
            read_vault_keys({})
    finally:
        keyring.set_keyring(before)


def test_a_worker_reads_the_database_for_accounts_that_have_a_credential_there(tmp_path: Path) -> None:
    workspace = load_workspace(write_workspace(tmp_path / "w", "https://api.example.com", "api.example.com"))
    environ = {"CONN_VAULT_KEY": KEY, "CONN_NO_KEYRING": "1", "CONN_STATE_DIR": str(tmp_path / "state")}
    (tmp_path / "state").mkdir(mode=0o700)
    engine = open_engine(StoreLocation(file=tmp_path / "s.sqlite3"))
    local = vault_of(workspace, environ)
    worker = WorkerVault(local, engine, workspace, environ)
    local.save("acme", {"token": "of this machine"})
    assert (worker.kind_of("acme"), worker.load("acme")) == ("encrypted file", {"token": "of this machine"})
    open_database_vault(engine, workspace, environ).save("acme", {"token": "of all machines"})
    assert (worker.kind_of("acme"), worker.load("acme")) == ("database", {"token": "of all machines"})
    worker.save("acme", {"token": "renewed"})
    assert open_database_vault(engine, workspace, environ).load("acme") == {"token": "renewed"}
    assert local.load("acme") == {"token": "of this machine"}
    keyless = {name: value for name, value in environ.items() if name != "CONN_VAULT_KEY"}
    with pytest.raises(CredentialError, match="needs a key"):
        WorkerVault(vault_of(workspace, keyless), engine, workspace, keyless).load("acme")
    given = environ | {"CONN_ACME_ACCESS_TOKEN": "of the environment"}
    assert WorkerVault(vault_of(workspace, given), engine, workspace, given).kind_of("acme") == "environment"
    engine.dispose()
