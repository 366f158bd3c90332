"""oidc-provider judges the JWTs that clients prove themselves with: by a private key, and by a shared secret."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from processes import oidc as oidcs
from processes.command import Conn
from processes.oidc import Oidc
from processes.witness import Witness, witness
from processes.workspace import workspace

VAULT_KEY = "a key for the tests alone, long enough"
ACCOUNT = """connector: machine
override:
  credentials:
    config:
      client_id: {client}
      client_secret: {secret}
      client_authentication: {way}
      client_assertion: {assertion}
"""


@pytest.fixture
def api() -> Iterator[Witness]:
    """An API of our own that takes any token and remembers it."""
    with witness() as origin:
        yield origin


@pytest.fixture
def conn(tmp_path: Path, oidc: Oidc, api: Witness) -> Conn:
    root = workspace(tmp_path, "oidc", issuer=oidc.port, api=api.port)
    environ = {"CONN_VAULT_KEY": VAULT_KEY, "MACHINE_CLIENT_ID": "x", "MACHINE_CLIENT_SECRET": oidcs.SHARER.secret}
    return Conn(root, tmp_path / "home", environ, [VAULT_KEY, oidcs.SHARER.secret])


def account(conn: Conn, client: str, way: str, assertion: str = "null", secret: str = "null") -> None:
    text = ACCOUNT.format(client=client, way=way, assertion=assertion, secret=secret)
    (conn.root / "accounts" / "robot.yaml").write_text(text, encoding="utf-8")


ASK = ("run", "machine:things.list", "--account", "robot", "--output", "jsonl")


@pytest.mark.parametrize("algorithm", list(oidcs.SIGNERS))
def test_a_client_proves_itself_by_its_private_key(conn: Conn, api: Witness, algorithm: str) -> None:
    account(conn, f"signer-{algorithm}", "private_key_jwt", json.dumps({"algorithm": algorithm}))
    conn.store("robot", {"private_key": oidcs.pem(oidcs.SIGNERS[algorithm])})
    conn(*ASK)
    (seen,) = api.seen
    assert seen.headers["authorization"].startswith("Bearer ")


def test_a_client_proves_itself_by_its_secret_without_sending_it(conn: Conn, api: Witness) -> None:
    account(conn, "sharer", "client_secret_jwt", secret='"{{env.MACHINE_CLIENT_SECRET}}"')
    conn(*ASK)
    assert api.seen[0].headers["authorization"].startswith("Bearer ")


def test_another_key_is_refused(conn: Conn, api: Witness) -> None:
    account(conn, "signer-PS256", "private_key_jwt", '{"algorithm": "RS256"}')
    conn.store("robot", {"private_key": oidcs.pem(oidcs.RSA_KEY)})
    assert "invalid_client" in conn(*ASK, code=5).err
    account(conn, "signer-ES256", "private_key_jwt", '{"algorithm": "ES256"}')
    assert "cannot be used for ES256" in conn(*ASK, code=5).err
    conn.store("robot", {"private_key": "-----BEGIN PRIVATE KEY-----\nMIIB"})
    assert "cannot be read" in conn(*ASK, code=5).err
    assert api.seen == []
