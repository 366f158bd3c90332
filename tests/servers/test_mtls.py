"""nginx that asks for client certificates, its own vouched for by a private authority: log in, get a token, list."""

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from processes.command import Conn
from processes.nginx_tls import nginx_tls

sys.path.insert(0, str(Path(__file__).parents[1] / "engine/transport"))

from authority import Authority

AUTHORITY = Authority()
CONNECTOR: dict[str, Any] = {
    "base_url": "https://127.0.0.1:@P",
    "credentials": {
        "format": "mtls",
        "config": {
            "with": {
                "format": "oauth2_client_credentials",
                "config": {
                    "token_url": "https://127.0.0.1:@P/token",
                    "client_id": "app",
                    "client_authentication": "body",
                },
            }
        },
    },
    "authorization": {"format": "bearer"},
    "verify": {"operation": "things.list", "expect": "body[0].who = 'CN=ada'"},
    "resources": {"things": {"list": {"method": "get", "path": "/things"}}},
}


@pytest.fixture(scope="module")
def port(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    own = AUTHORITY.vouch("server")
    folder = tmp_path_factory.mktemp("nginx-tls")
    with nginx_tls(folder, certificate=own.certificate, key=own.key, authority=AUTHORITY.certificate) as made:
        yield made


@pytest.fixture
def conn(tmp_path: Path, port: int) -> Conn:
    root = tmp_path / "workspace"
    for name, text in {
        "conn.yaml": "version: 1\ntrusted_hosts: [127.0.0.0/8]\ntrusted_certificates: certificates/ca.pem\n",
        "certificates/ca.pem": AUTHORITY.certificate,
        "connectors/bank/connector.yaml": json.dumps(CONNECTOR).replace("@P", str(port)),
        "accounts/me.yaml": "connector: bank\n",
    }.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text, encoding="utf-8")
    return Conn(root, tmp_path / "home", {"CONN_VAULT_KEY": "a key for the tests alone, long enough"})


def given(conn: Conn, name: str = "ada", **how: Any) -> None:
    pair = AUTHORITY.vouch(name, **how)
    conn.store("me", {"certificate": pair.certificate, "private_key": pair.key, **_word(how)})


def _word(how: dict[str, Any]) -> dict[str, str]:
    return {"passphrase": how["passphrase"]} if "passphrase" in how else {}


@pytest.mark.parametrize("how", [{}, {"passphrase": "open sesame"}], ids=["plain", "encrypted"])
def test_a_token_and_a_listing_for_a_certificate(conn: Conn, how: dict[str, Any]) -> None:
    given(conn, **how)
    assert conn("lint").out.startswith("no findings")
    found = conn("run", "things.list", "--account", "me", "--output", "jsonl").records()
    assert found == [{"id": 1, "who": "CN=ada"}]
    assert conn.stored("me")["oauth"]["token"]["access_token"] == "token-of-ada-by-nginx"
    assert "accepted by the vendor" in conn("auth", "verify", "me").out


def test_somebody_elses_certificate_does_not_prove_the_account(conn: Conn) -> None:
    given(conn, "bob")
    assert "the credential could not be verified" in conn("auth", "verify", "me", code=5).err


def test_a_certificate_that_has_ended_is_not_even_sent(conn: Conn) -> None:
    given(conn, days=(-3, -1))
    told = conn("run", "things.list", "--account", "me", code=5).err
    assert "client certificate expired at" in told and "PRIVATE KEY" not in told


def test_without_one_the_vendors_words_are_told(conn: Conn) -> None:
    plain = {**CONNECTOR, "credentials": CONNECTOR["credentials"]["config"]["with"], "verify": None}
    file = conn.root / "connectors/bank/connector.yaml"
    port = json.loads(file.read_text())["base_url"].rpartition(":")[2]
    file.write_text(json.dumps(plain).replace("@P", port), encoding="utf-8")
    told = conn("run", "things.list", "--account", "me", code=5).err
    assert "400" in told or "client certificate" in told


def test_an_authority_that_is_not_named_vouches_for_nothing(conn: Conn) -> None:
    given(conn)
    (conn.root / "conn.yaml").write_text("version: 1\ntrusted_hosts: [127.0.0.0/8]\n", encoding="utf-8")
    told = conn("run", "things.list", "--account", "me", code=4).err
    assert "is not trusted" in told and "trusted_certificates" in told
