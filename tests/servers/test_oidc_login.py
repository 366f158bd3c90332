"""oidc-provider: `conn auth login` by a person's consent. The printed address is opened by plain HTTP, as a browser
would, and the answer is brought to the loopback address that the command listens at."""

import re
import socket
import time
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
from processes import oidc as oidcs
from processes.command import Conn
from processes.login import login
from processes.oidc import Client, Oidc
from processes.workspace import workspace

VAULT_KEY = "a key for the tests alone, long enough"


@pytest.fixture
def conn(tmp_path: Path, oidc: Oidc) -> Conn:
    root = workspace(tmp_path, "consent", issuer=oidc.port)
    environ = {
        "CONN_VAULT_KEY": VAULT_KEY,
        "PEOPLE_CLIENT_ID": oidcs.BASIC.name,
        "PEOPLE_CLIENT_SECRET": oidcs.BASIC.secret,
    }
    return Conn(root, tmp_path / "home", environ, [oidcs.BASIC.secret, VAULT_KEY])


def asked(url: str) -> dict[str, str]:
    return {name: values[0] for name, values in parse_qs(urlsplit(url).query).items()}


def test_a_consent_with_pkce_brings_a_token_that_is_verified_stored_and_renewed(conn: Conn, oidc: Oidc) -> None:
    with login(conn, "ada", "--verify") as run:
        url = run.url
        query = asked(url)
        assert query["redirect_uri"] == oidcs.CALLBACK
        assert query["scope"] == "openid offline_access email"
        assert query["login_hint"] == "ada", "templates of authorization_params see the account's context"
        assert query["code_challenge_method"] == "S256" and len(query["code_challenge"]) == 43
        answer = httpx.get(oidc.consent(url, "ada"), trust_env=False)
        assert answer.status_code == 200 and "close this window" in answer.text
        text = run.ended(0)
    assert "stored the credential of ada in the encrypted file" in text
    assert "accepted by the vendor" in text
    document = conn.stored("ada")
    assert oidc.userinfo(document["oauth"]["token"]["access_token"]).json()["sub"] == "ada"
    assert document["captured"] == {"issuer": oidc.url, "kind": "Bearer"}

    document["oauth"]["token"]["expires_at"] = time.time() - 10
    conn.store("ada", document)
    (me,) = conn("run", "people:me.get", "--account", "ada", "--output", "jsonl").records()
    assert me["sub"] == "ada", "what was captured is in the account's context; the token was renewed"
    assert conn.stored("ada")["captured"]["issuer"] == oidc.url


def test_a_consent_without_pkce(conn: Conn, oidc: Oidc) -> None:
    with login(conn, "plain") as run:
        url = run.url
        assert not {"code_challenge", "code_challenge_method"} & asked(url).keys()
        httpx.get(oidc.consent(url, "plain"), trust_env=False)
        run.ended(0)
    assert oidc.userinfo(conn.stored("plain")["oauth"]["token"]["access_token"]).json()["sub"] == "plain"


def test_a_public_client_on_any_free_port(conn: Conn, oidc: Oidc) -> None:
    with login(conn, "desk", "--verify", "--no-browser") as run:
        url = run.url
        redirect = urlsplit(asked(url)["redirect_uri"])
        assert (redirect.hostname, redirect.path) == ("127.0.0.1", "/callback")
        assert redirect.port not in (None, 9099)
        httpx.get(oidc.consent(url, "grace"), trust_env=False)
        run.ended(0)


def test_an_answer_with_a_wrong_state_is_refused_and_the_wait_goes_on(conn: Conn, oidc: Oidc) -> None:
    with login(conn, "ada") as run:
        url = run.url
        for query in ("code=stolen&state=wrong", "code=stolen", "error=access_denied"):
            answer = httpx.get(f"{oidcs.CALLBACK}?{query}", trust_env=False)
            assert answer.status_code == 400
        assert httpx.get("http://127.0.0.1:9099/favicon.ico", trust_env=False).status_code == 404
        assert run.process.poll() is None
        httpx.get(oidc.consent(url, "ada"), trust_env=False)
        run.ended(0)


def test_a_denied_consent_is_a_credential_fault(conn: Conn, oidc: Oidc) -> None:
    with login(conn, "ada") as run:
        answer = httpx.get(oidc.consent(run.url, "ada", deny=True), trust_env=False)
        assert "not granted" in answer.text
        assert "did not grant access: access_denied" in run.ended(5)
    assert conn.stored("ada") is None


def test_nobody_consents_in_time(conn: Conn, oidc: Oidc) -> None:
    with login(conn, "ada", "--timeout", "2") as run:
        _ = run.url
        assert httpx.get(f"{oidcs.CALLBACK}?code=x&state=wrong", trust_env=False).status_code == 400
        text = run.ended(5)
    assert "no consent was given within 2 s" in text
    assert "responses with a wrong state were refused: 1" in text
    assert "--timeout SECONDS" in text


def test_a_port_in_use_is_named(conn: Conn) -> None:
    with socket.socket() as taken:
        taken.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        taken.bind(("127.0.0.1", 9099))
        taken.listen()
        with login(conn, "ada") as run:
            assert "port 9099 of 127.0.0.1" in run.ended(5)


def test_a_refused_code_stores_nothing(conn: Conn, oidc: Oidc) -> None:
    wrong = Conn(conn.root, conn.home, {**conn.environ, "PEOPLE_CLIENT_SECRET": "not-the-secret"}, ["not-the-secret"])
    with login(wrong, "ada") as run:
        httpx.get(oidc.consent(run.url, "ada"), trust_env=False)
        assert "invalid_client" in run.ended(5)
    assert conn.stored("ada") is None


def test_nothing_is_asked_of_a_person_when_nothing_could_be_stored(conn: Conn) -> None:
    bare = Conn(conn.root, conn.home, {k: v for k, v in conn.environ.items() if k != "CONN_VAULT_KEY"})
    with login(bare, "ada") as run:
        assert "set CONN_VAULT_KEY to store the credential" in run.ended(5)


def test_a_redirect_elsewhere_is_pasted(conn: Conn, oidc: Oidc) -> None:
    account = conn.root / "accounts" / "ada.yaml"
    account.write_text(
        account.read_text(encoding="utf-8")
        + "override:\n  credentials:\n    config:\n      redirect_uri: https://app.example.com/back\n",
        encoding="utf-8",
    )
    with login(conn, "ada", stdin="https://app.example.com/back?code=x&state=made-up\n") as run:
        text = run.ended(5)
    assert "does not belong to this login" in text
    with login(conn, "ada", stdin="nonsense\n") as run:
        assert "https://app.example.com/back" in run.ended(2)


def test_a_token_made_elsewhere_is_still_taken(conn: Conn, oidc: Oidc) -> None:
    tokens = oidc.sign_in(oidcs.BASIC, "ada")
    given = f'{{"access_token": "{tokens["access_token"]}", "refresh_token": "{tokens["refresh_token"]}"}}'
    with login(conn, "ada", "--json", stdin=given) as run:
        run.ended(0)
    assert conn.stored("ada")["oauth"]["token"]["refresh_token"] == tokens["refresh_token"]
    with login(conn, "ada", "--paste") as run:
        assert 'no credential given for "ada"' in run.ended(2)


def test_the_account_brings_its_own_client(conn: Conn, oidc: Oidc) -> None:
    connector = conn.root / "connectors" / "people" / "connector.yaml"
    text = connector.read_text(encoding="utf-8")
    connector.write_text(re.sub(r"    client_(id|secret): .*\n", "", text), encoding="utf-8")
    with login(conn, "ada") as run:
        assert "client_id, client_secret" in run.ended(2)
    client: Client = oidcs.BASIC
    with login(
        conn, "ada", "--json", stdin=f'{{"client_id": "{client.name}", "client_secret": "{client.secret}"}}'
    ) as run:
        httpx.get(oidc.consent(run.url, "ada"), trust_env=False)
        run.ended(0)
    document = conn.stored("ada")
    assert document["client_id"] == client.name and document["oauth"]["token"]["refresh_token"]
    with login(conn, "ada", "--verify") as run:
        assert asked(run.url)["client_id"] == client.name, "the stored client is used again"
        httpx.get(oidc.consent(run.url, "ada"), trust_env=False)
        run.ended(0)
