"""emulate: a person's consent at three vendors, tokens that rotate and one that does not, a program that speaks for
itself; writes in JSON, forms and GraphQL; every error under a 200."""

import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import httpx
import pytest
from library import Library
from processes.command import Conn
from processes.emulate import SERVICES, Emulate
from processes.login import login
from processes.witness import Witness, witness
from processes.workspace import workspace

from conn_engine import CredentialError, VendorError

VAULT_KEY = "a key for the tests alone, long enough"
ENVIRON = {
    "GOOGLE_SECRET": "GOCSPX-conn",
    "LINEAR_SECRET": "lin:conn/se+cret%",
    "LINEAR_APP_SECRET": "lin_app_secret",
    "OKTA_SECRET": "okta-conn-secret",
}
Fronts = dict[str, Witness]
People = Callable[[str], dict[str, Any]]


@pytest.fixture
def fronts(emulate: Emulate) -> Iterator[Fronts]:
    """A witness before each service."""
    with ExitStack() as stack:
        yield {name: stack.enter_context(witness(emulate.url(name))) for name in SERVICES}


@pytest.fixture
def root(tmp_path: Path, fronts: Fronts) -> Path:
    return workspace(tmp_path, "vendors", **{name: front.port for name, front in fronts.items()})


@pytest.fixture
def vendors(root: Path) -> Library:
    library = Library.over(root, **ENVIRON)
    library.knows("github", token="conn_admin_token").knows("stripe", api_key="sk_test_x")
    return library.knows("slack", token="xoxb-conn")


@pytest.fixture
def conn(root: Path, tmp_path: Path) -> Conn:
    return Conn(root, tmp_path / "home", {"CONN_VAULT_KEY": VAULT_KEY, **ENVIRON}, [VAULT_KEY, *ENVIRON.values()])


@pytest.fixture
def people(conn: Conn, emulate: Emulate) -> People:
    """`people(account)`: `conn auth login`, with the person's part played here; returns what is stored."""

    def consented(account: str) -> dict[str, Any]:
        with login(conn, account, "--verify") as run:
            httpx.get(emulate.consent(run.url), trust_env=False, timeout=60)
            run.ended(0)
        return conn.stored(account)

    return consented


def ended(document: dict[str, Any]) -> dict[str, Any]:
    """The stored document, of a token that has ended."""
    token = {**document["oauth"]["token"], "expires_at": time.time() - 10}
    return {**document, "oauth": {"token": token}}


@pytest.mark.parametrize(("account", "rotates"), [("google", False), ("linear", True), ("okta", True)])
def test_a_consent_brings_a_token_that_is_renewed(
    people: People, vendors: Library, fronts: Fronts, account: str, rotates: bool
) -> None:
    """With PKCE at each. Where a refresh brings no new refresh token, the old one is kept."""
    first = people(account)
    assert b"code_verifier=" in next(seen.body for seen in fronts[account].seen if b"authorization_code" in seen.body)
    (person,) = vendors.knows(account, **ended(first)).records(account, "me.get")
    assert person["email"]
    second = vendors.stored(account)
    before, after = (document["oauth"]["token"] for document in (first, second))
    assert after["access_token"] != before["access_token"]
    assert (after["refresh_token"] != before["refresh_token"]) is rotates
    assert vendors.knows(account, **ended(second)).records(account, "me.get") == [person], "what was kept is alive"
    renewals = [seen for seen in fronts[account].seen if b"grant_type=refresh_token" in seen.body]
    assert [seen.status for seen in renewals] == [200, 200]


def test_a_log_out_revokes_the_token_at_the_vendor(conn: Conn, people: People, emulate: Emulate) -> None:
    token = people("okta")["oauth"]["token"]["access_token"]
    address = f"{emulate.url('okta')}/oauth2/default/v1/userinfo"
    ask = {"headers": {"authorization": f"Bearer {token}"}, "trust_env": False}
    assert httpx.get(address, **ask).status_code == 200
    conn("auth", "logout", "okta")
    assert httpx.get(address, **ask).status_code == 401


@pytest.mark.parametrize("account", ["linear_app", "okta_app"])
def test_a_program_gets_a_token_of_its_own(vendors: Library, fronts: Fronts, account: str) -> None:
    service = account.removesuffix("_app")
    if service == "linear":
        assert vendors.records(account, "me.get")
    else:
        with pytest.raises(CredentialError):  # a program is nobody there
            vendors.records(account, "me.get")
    exchanges = [seen for seen in fronts[service].seen if seen.path.endswith("/token")]
    assert {seen.status for seen in exchanges} == {200}
    assert all(seen.headers["authorization"].startswith("Basic ") for seen in exchanges)
    assert all(b"grant_type=client_credentials" in seen.body for seen in exchanges)
    assert vendors.stored(account)["oauth"]["token"]["access_token"].encode() in exchanges[-1].answer


def test_a_wrong_client_secret_is_a_credential_fault(root: Path) -> None:
    wrong = Library.over(root, **{**ENVIRON, "LINEAR_APP_SECRET": "not-the-secret-at-all"})
    with pytest.raises(CredentialError, match="invalid_client") as refused:
        wrong.records("linear_app", "me.get")
    assert "not-the-secret" not in str(refused.value)


def test_writes_and_pages_issues_by_link(vendors: Library, fronts: Fronts) -> None:
    titles = [f"Grüße {number}" for number in range(5)]
    made = [vendors.records("github", "issues.create", body={"title": title})[0] for title in titles]
    assert [issue["title"] for issue in made] == titles
    number = str(made[0]["number"])
    (closed,) = vendors.records("github", "issues.update", id=number, body={"state": "closed"})
    assert (closed["state"], closed["title"]) == ("closed", titles[0]), "the rest is left alone"
    fronts["github"].seen.clear()
    read = vendors.records("github", "issues.list")
    assert set(titles) <= {issue["title"] for issue in read}
    assert len(fronts["github"].seen) == -(-len(read) // 2)
    assert number not in [
        str(issue["number"]) for issue in vendors.records("github", "issues.list", query={"state": "open"})
    ]


def test_past_the_end_is_an_empty_page(vendors: Library, fronts: Fronts) -> None:
    for title in ("one", "two", "three"):
        vendors.records("github", "issues.create", body={"title": title})
    fronts["github"].seen.clear()
    vendors.records("github", "numbered.list")
    assert fronts["github"].seen[-1].answer == b"[]"


def test_writes_forms_and_pages_by_the_last_record_s_id(vendors: Library, fronts: Fronts) -> None:
    body = {"email": "ada@example.com", "name": "Ada & Löwe = 1", "metadata": {"a key": "100 %+"}}
    (made,) = vendors.records("stripe", "customers.create", body=body)
    assert (made["name"], made["metadata"]) == (body["name"], body["metadata"])
    for number in range(4):
        vendors.records("stripe", "customers.create", body={"email": f"u{number}@example.com"})
    (changed,) = vendors.records("stripe", "customers.update", id=made["id"], body={"name": "Ada"})
    assert (changed["name"], changed["email"]) == ("Ada", body["email"])
    fronts["stripe"].seen.clear()
    read = vendors.records("stripe", "customers.list")
    assert len({customer["id"] for customer in read}) == len(read) >= 6
    assert len(fronts["stripe"].seen) == -(-len(read) // 2)
    vendors.records("stripe", "customers.delete", id=made["id"])
    with pytest.raises(VendorError, match="No such customer") as gone:
        vendors.records("stripe", "customers.get", id=made["id"])
    assert gone.value.kind == "not_found"


def test_writes_and_pages_graphql(vendors: Library, fronts: Fronts) -> None:
    (team, *_) = vendors.records("linear_app", "teams.list")
    titles = [f'"{number}" & co' for number in range(3)]
    for title in titles:
        vendors.records("linear_app", "issues.create", params={"team": team["id"], "title": title})
    fronts["linear"].seen.clear()
    read = vendors.records("linear_app", "issues.list")
    assert set(titles) <= {issue["title"] for issue in read}
    assert len(fronts["linear"].seen) == -(-len(read) // 2)
    with pytest.raises(VendorError, match="Team not found: none") as wrong:
        vendors.records("linear_app", "issues.create", params={"team": "none", "title": "x"})
    assert wrong.value.kind == "invalid_request"


def test_a_200_that_says_not_ok_is_an_error_of_its_kind(vendors: Library, fronts: Fronts) -> None:
    assert {"general", "random"} <= {channel["name"] for channel in vendors.records("slack", "channels.list")}
    (message,) = vendors.records("slack", "messages.create", body={"channel": "general", "text": "Grüße <&>"})
    assert message["text"] == "Grüße <&>"
    with pytest.raises(VendorError, match="lacks the scope users:read") as scope:
        vendors.records("slack", "users.list")
    assert scope.value.kind == "forbidden"
    with pytest.raises(VendorError, match="channel_not_found") as channel:
        vendors.records("slack", "messages.create", body={"channel": "none", "text": "x"})
    assert channel.value.kind == "invalid_request"
    assert {seen.status for seen in fronts["slack"].seen} == {200}


def test_no_token_is_a_401(vendors: Library, emulate: Emulate, fronts: Fronts) -> None:
    with pytest.raises(CredentialError):
        vendors.records("google", "me.get")
    assert fronts["google"].seen == []
    stale = {"access_token": "okta_not_given", "refresh_token": "r_okta_none", "expires_at": time.time() + 600}
    vendors.knows("okta", oauth={"token": stale})
    with pytest.raises(CredentialError, match="invalid_grant"):
        vendors.records("okta", "me.get")
    assert [seen.status for seen in fronts["okta"].seen] == [401, 400]
