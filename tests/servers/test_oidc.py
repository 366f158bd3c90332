"""oidc-provider: the tokens of an oauth2 account are used, renewed, rotated and stored, also by two at once.

A rotated refresh token that is used again revokes the whole grant there: one unserialised refresh, or one
that was not stored before first use, ends every later call with exit 5.
"""

import asyncio
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from processes import oidc as oidcs
from processes.command import Conn
from processes.oidc import Client, Oidc
from processes.witness import Witness, witness
from processes.workspace import workspace

import conn_engine
from conn_engine.config.load import load_workspace
from conn_engine.secrets.vault import open_vault

VAULT_KEY = "a key for the tests alone, long enough"
ASK = ("run", "people:me.get", "--account", "ada", "--output", "jsonl")
Make = Callable[..., Conn]


@pytest.fixture
def api() -> Iterator[Witness]:
    """An API of our own that takes any token and remembers it."""
    with witness() as origin:
        yield origin


@pytest.fixture
def conn(tmp_path: Path, oidc: Oidc, api: Witness) -> Make:
    """`conn(client)`: the command line in a workspace that leads to the issuer."""

    def make(client: Client = oidcs.BASIC, secrets: tuple[str, ...] = ()) -> Conn:
        root = workspace(tmp_path, "oidc", issuer=oidc.port, api=api.port)
        environ = {
            "CONN_VAULT_KEY": VAULT_KEY,
            "PEOPLE_CLIENT_ID": client.name,
            "PEOPLE_CLIENT_SECRET": client.secret,
            "MACHINE_CLIENT_ID": oidcs.MACHINE.name,
            "MACHINE_CLIENT_SECRET": oidcs.MACHINE.secret,
        }
        return Conn(root, tmp_path / "home", environ, [client.secret, oidcs.MACHINE.secret, VAULT_KEY, *secrets])

    return make


def document(tokens: dict[str, Any], *, expires_in: float = 600, **changed: str) -> dict[str, Any]:
    """The stored form of a token answer."""
    kept = {name: value for name, value in tokens.items() if name != "expires_in"}
    return {"oauth": {"token": {**kept, **changed, "expires_at": int(time.time() + expires_in)}}}


def token_of(conn: Conn, account: str = "ada") -> dict[str, Any]:
    token: dict[str, Any] = conn.stored(account)["oauth"]["token"]
    return token


def test_a_valid_token_is_used_as_it_is(conn: Make, oidc: Oidc) -> None:
    tokens = oidc.sign_in(oidcs.BASIC, "ada")
    run = conn(secrets=(tokens["access_token"], tokens["refresh_token"]))
    run.store("ada", document(tokens))
    (me,) = run(*ASK).records()
    assert me["sub"] == "ada"
    assert token_of(run)["refresh_token"] == tokens["refresh_token"]


@pytest.mark.parametrize(("client", "account"), [(oidcs.BASIC, "ada"), (oidcs.POST, "bob")])
def test_an_expired_token_is_renewed_and_the_rotated_one_kept(
    conn: Make, oidc: Oidc, client: Client, account: str
) -> None:
    tokens = oidc.sign_in(client, account)
    run = conn(client, secrets=(tokens["access_token"], tokens["refresh_token"]))
    run.store(account, document(tokens, expires_in=-10))
    words = ("run", "people:me.get", "--account", account, "--output", "jsonl")
    assert run(*words).records()[0]["sub"] == account
    first = token_of(run, account)
    assert first["refresh_token"] != tokens["refresh_token"]
    assert first["expires_at"] > time.time()

    run.store(account, document(first, expires_in=-10))
    assert run(*words).records()[0]["sub"] == account, "the stored refresh token is the live one"
    second = token_of(run, account)
    assert second["refresh_token"] != first["refresh_token"]
    assert oidc.userinfo(second["access_token"]).json()["sub"] == account


def test_a_refused_token_is_renewed_once(conn: Make, oidc: Oidc) -> None:
    tokens = oidc.sign_in(oidcs.BASIC, "ada")
    run = conn(secrets=(tokens["refresh_token"],))
    run.store("ada", document(tokens, expires_in=600, access_token="refused-token-1"))
    assert run(*ASK).records()[0]["sub"] == "ada"
    assert token_of(run)["access_token"] != "refused-token-1"


def test_a_dead_grant_is_a_credential_fault(conn: Make, oidc: Oidc) -> None:
    tokens = oidc.sign_in(oidcs.BASIC, "ada")
    run = conn(secrets=("no-such-refresh-token",))
    run.store("ada", document(tokens, expires_in=-10, refresh_token="no-such-refresh-token"))
    outcome = run(*ASK, code=5)
    assert "invalid_grant" in outcome.err
    assert "conn auth login ada" in outcome.err
    assert token_of(run)["refresh_token"] == "no-such-refresh-token", "a failed renewal changes nothing"


def test_a_wrong_client_secret_is_a_credential_fault(conn: Make, oidc: Oidc) -> None:
    tokens = oidc.sign_in(oidcs.BASIC, "ada")
    run = conn(Client(oidcs.BASIC.name, "wrong-client-secret", True))
    run.store("ada", document(tokens, expires_in=-10))
    assert "invalid_client" in run(*ASK, code=5).err
    assert oidc.token(oidcs.BASIC, grant_type="refresh_token", refresh_token=tokens["refresh_token"]).is_success


def test_parallel_processes_renew_once(conn: Make, oidc: Oidc) -> None:
    tokens = oidc.sign_in(oidcs.BASIC, "ada")
    run = conn(secrets=(tokens["access_token"], tokens["refresh_token"]))
    run.store("ada", document(tokens, expires_in=-10))
    started = [run.start(*ASK) for _ in range(4)]
    outcomes = [run.finish(process, ASK) for process in started]
    assert [outcome.code for outcome in outcomes] == [0] * 4, "\n".join(map(str, outcomes))
    assert {outcome.records()[0]["sub"] for outcome in outcomes} == {"ada"}
    token = token_of(run)
    assert oidc.userinfo(token["access_token"]).json()["sub"] == "ada"
    assert oidc.token(oidcs.BASIC, grant_type="refresh_token", refresh_token=token["refresh_token"]).is_success


def test_parallel_threads_and_tasks_renew_once(conn: Make, oidc: Oidc) -> None:
    tokens = oidc.sign_in(oidcs.BASIC, "ada")
    run = conn()
    environ = run.variables()
    vault = open_vault(environ, folder=run.home / "vault")

    def ask(_: int) -> str:
        with conn_engine.connect(load_workspace(run.root), "ada", environ=environ, vault=vault) as account:
            return str(next(iter(account.records("people:me.get")))["sub"])

    async def ask_many() -> list[str]:
        async def one() -> str:
            place = load_workspace(run.root)
            async with conn_engine.aconnect(place, "ada", environ=environ, vault=vault) as account:
                async for page in account.pages("people:me.get"):
                    return str(page.records[0]["sub"])
            return ""

        return await asyncio.gather(*(one() for _ in range(6)))

    vault.save("ada", document(tokens, expires_in=-10))
    with ThreadPoolExecutor(6) as pool:
        assert list(pool.map(ask, range(6))) == ["ada"] * 6
    first = (vault.load("ada") or {})["oauth"]["token"]
    assert first["refresh_token"] != tokens["refresh_token"]

    vault.save("ada", document(first, expires_in=-10))
    assert asyncio.run(ask_many()) == ["ada"] * 6
    second = (vault.load("ada") or {})["oauth"]["token"]
    assert oidc.token(oidcs.BASIC, grant_type="refresh_token", refresh_token=second["refresh_token"]).is_success


def test_a_machine_gets_its_own_token(conn: Make, oidc: Oidc, api: Witness) -> None:
    run = conn()
    assert run("run", "machine:things.list", "--account", "robot", "--output", "jsonl").records() == []
    (seen,) = api.seen
    scheme, _, token = seen.headers["authorization"].partition(" ")
    assert scheme == "Bearer"
    known = oidc.introspect(oidcs.MACHINE, token)
    assert (known["active"], known["client_id"], known["scope"]) == (True, "m2m", "api:read")


def test_the_client_secret_may_not_be_sent_to_another_issuer(conn: Make, oidc: Oidc) -> None:
    tokens = oidc.sign_in(oidcs.BASIC, "ada")
    run = conn()
    run.store("ada", document(tokens, expires_in=-10))
    account = run.root / "accounts" / "ada.yaml"
    with witness() as thief:
        override = f"override:\n  credentials:\n    config:\n      token_url: {thief.url}/token\n"
        account.write_text(account.read_text(encoding="utf-8") + override, encoding="utf-8")
        outcome = run(*ASK, code=3)
        assert thief.seen == []
    assert "trusted_hosts" in outcome.err
