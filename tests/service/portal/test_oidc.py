"""The log-in with OpenID Connect, and every answer of a provider that must not log anybody in."""

import base64
import hashlib
import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from portal_bench import NOW, ORIGIN, Portal, open_portal
from vendor import Vendor, start_vendor

from conn_engine.config import load_workspace
from conn_engine.config.portal_models import PortalLoginSettings
from conn_engine.transport.egress import Trust

PAGE = Path(__file__).parents[3] / "docs/how-to/map-fields-as-a-team.md"
KEY = rsa.generate_private_key(65537, 2048)
OTHER = rsa.generate_private_key(65537, 2048)
ROLES = {"viewer": ("staff",), "editor": ("customer-success",), "releaser": ("platform", "ops")}
STRANGE: list[dict[str, Any]] = [
    {"nonce": "another"},
    {"nonce": None},
    {"aud": "another client"},
    {"aud": ["portal", "another"], "azp": "another"},
    {"azp": "another"},
    {"iss": "https://evil.test"},
    {"exp": -61},
    {"exp": "soon"},
    {"iat": 61},
    {"sub": ""},
    {"sub": None},
]


class Provider:
    """A provider that answers like a real one, unless a test changes what it says."""

    def __init__(self, vendor: Vendor) -> None:
        self.vendor = vendor
        self.url = vendor.url
        self.claims: dict[str, Any] = {}
        self.user: dict[str, Any] = {"sub": "ada-1"}
        self.metadata: dict[str, Any] = {}
        self.signing: tuple[Any, str, dict[str, Any]] = (KEY, "RS256", {"kid": "one"})
        self.asked: dict[str, str] = {}
        self.token: dict[str, Any] = {}
        vendor.routes = {
            "/.well-known/openid-configuration": lambda got: {
                "issuer": self.url,
                "authorization_endpoint": f"{self.url}/authorize",
                "token_endpoint": f"{self.url}/token",
                "jwks_uri": f"{self.url}/keys",
                "userinfo_endpoint": f"{self.url}/me",
                **self.metadata,
            },
            "/keys": lambda got: {"keys": [self.describe_key()]},
            "/token": self.answer_token,
            "/me": lambda got: self.user if got.headers["authorization"] == "Bearer access" else 401,
        }

    def describe_key(self) -> dict[str, Any]:
        key: dict[str, Any] = json.loads(jwt.algorithms.RSAAlgorithm.to_jwk(KEY.public_key()))
        return {**key, "kid": "one", "use": "sig"}

    def answer_token(self, got: Any) -> Any:
        form = got.data
        digest = hashlib.sha256(form["code_verifier"].encode()).digest()
        assert base64.urlsafe_b64encode(digest).decode().rstrip("=") == self.asked["code_challenge"]
        assert got.headers["authorization"] == f"Basic {base64.b64encode(b'portal:a+secret%2F').decode()}"
        assert form["redirect_uri"] == f"{ORIGIN}/portal/login/callback" == self.asked["redirect_uri"]
        if form["code"] != "right":
            return 400, {"error": "invalid_grant"}
        key, algorithm, header = self.signing
        claims = {
            "iss": self.url, "aud": "portal", "sub": "ada-1", "exp": NOW + 60, "iat": NOW, "nonce": self.asked["nonce"],
            **self.claims,
        }  # fmt: skip
        claims = {name: value for name, value in claims.items() if value is not None}
        text = jwt.encode(claims, key, algorithm=algorithm, headers=header)
        return {"access_token": "access", "token_type": "Bearer", "id_token": text, **self.token}


@contextmanager
def open_with_provider(root: Path, **settings: Any) -> Iterator[tuple[Portal, Provider]]:
    with start_vendor() as vendor:
        provider = Provider(vendor)
        values = {"issuer": provider.url, "client_id": "portal", "roles": ROLES, **settings}
        login = PortalLoginSettings(**values)
        more = {"login": login, "client_secret": "a secret/", "trust": Trust((vendor.host,))}
        with open_portal(root, settings=more) as portal:
            yield portal, provider


@pytest.fixture(scope="module")
def opened(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Portal, Provider]]:
    with open_with_provider(tmp_path_factory.mktemp("oidc")) as found:
        yield found


@pytest.fixture
def portal(opened: tuple[Portal, Provider]) -> Portal:
    found = opened[0]
    found.client.cookies.clear()
    return found


@pytest.fixture
def provider(opened: tuple[Portal, Provider], portal: Portal) -> Provider:
    found, now = opened[1], portal.clock.now()
    found.user, found.metadata, found.token = {"sub": "ada-1", "groups": ["staff"]}, {}, {}
    found.signing = (KEY, "RS256", {"kid": "one"})
    found.claims = {"exp": now + 60, "iat": now}
    return found


def begin(portal: Portal, provider: Provider, following: str = "/audit") -> str:
    """Go to the provider, and return the state that it was given."""
    answer = portal.get(f"/login/oidc?next={following}", follow_redirects=False)
    assert answer.status_code == 303, answer.text
    query = {name: values[0] for name, values in parse_qs(urlsplit(answer.headers["location"]).query).items()}
    provider.asked = query
    return query["state"]


def come_back(portal: Portal, state: str, **query: str) -> Any:
    values = {"state": state, "code": "right", **query}
    site = {"sec-fetch-site": "cross-site", "sec-fetch-mode": "navigate", "sec-fetch-dest": "document"}
    return portal.get("/login/callback", params=values, headers=site, follow_redirects=False)


def log_in(portal: Portal, provider: Provider, **query: str) -> Any:
    return come_back(portal, begin(portal, provider), **query)


def test_a_person_comes_back_with_a_role_and_acts_by_name(portal: Portal, provider: Provider) -> None:
    provider.claims |= {"groups": ["customer-success"], "email": "ada@example.com"}
    shown = portal.get("/login?next=/audit").text
    assert 'href="/portal/login/oidc?next=/audit">Log in with single sign-on' in shown
    state = begin(portal, provider)
    assert {provider.asked[name] for name in ("response_type", "scope", "code_challenge_method")} == {
        "code",
        "openid email",
        "S256",
    }
    answer = come_back(portal, state, iss=provider.url)
    assert (answer.status_code, answer.headers["location"]) == (303, "/portal/audit"), answer.text
    assert "ada@example.com (editor)" in portal.get("/audit").text
    digest = portal.ask("operation", account="acme", operation="crm.contacts.list")["file"]["digest"]
    edits = [{"operation": "crm.contacts.list", "field": "title", "expression": "'Dr'"}]
    portal.ask("save", account="acme", edits=edits, digest=digest, reason="asked for")
    assert "oidc:ada-1 (ada@example.com)" in portal.get("/audit").text
    assert come_back(portal, state).status_code == 403, "once"


def test_the_role_is_in_the_user_information_too(portal: Portal, provider: Provider) -> None:
    provider.user["groups"] = ["staff", "ops"]
    assert log_in(portal, provider).status_code == 303
    assert "ada-1 (releaser)" in portal.get("/audit").text
    provider.user["sub"] = "somebody else"
    portal.client.cookies.clear()
    assert log_in(portal, provider).status_code == 502


def test_a_person_without_a_role_is_refused(portal: Portal, provider: Provider) -> None:
    provider.claims |= {"groups": ["guests"], "name": "<b>Eve"}
    answer = log_in(portal, provider)
    assert answer.status_code == 403 and "&lt;b&gt;Eve has no role in this portal" in answer.text
    assert portal.get("/audit", follow_redirects=False).status_code == 303


def test_only_the_browser_that_began_comes_back_and_in_time(portal: Portal, provider: Provider) -> None:
    state = begin(portal, provider)
    mine = dict(portal.client.cookies)
    portal.client.cookies.clear()
    assert come_back(portal, state).status_code == 403
    begin(portal, provider)
    assert come_back(portal, state).status_code == 403
    portal.client.cookies.clear()
    portal.client.cookies.update(mine)
    assert come_back(portal, "guessed").status_code == 403
    state = begin(portal, provider)
    portal.clock.sleep(600)
    assert come_back(portal, state).status_code == 403
    state = begin(portal, provider)
    denied = portal.get(f"/login/callback?state={state}&error=access_denied", follow_redirects=False)
    assert denied.status_code == 403 and "You were not logged in" in denied.text


@pytest.mark.parametrize("changed", STRANGE, ids=str)
def test_an_id_token_for_something_else(portal: Portal, provider: Provider, changed: dict[str, Any]) -> None:
    times = {name: portal.clock.now() + value for name, value in changed.items() if isinstance(value, int)}
    provider.claims |= {"groups": ["ops"], **changed, **times}
    check_refused(portal, provider)


def check_refused(portal: Portal, provider: Provider, **query: str) -> None:
    answer = log_in(portal, provider, **query)
    assert answer.status_code == 502 and "does not work now" in answer.text
    assert list(portal.client.cookies.keys()) == ["__Host-conn-portal-login"]


@pytest.mark.parametrize(
    "signing",
    [
        (OTHER, "RS256", {"kid": "one"}),
        (KEY, "RS256", {"kid": "two"}),
        (None, "none", {"kid": "one"}),
        ("a secret/" * 8, "HS256", {"kid": "one"}),
        (ec.generate_private_key(ec.SECP256R1()), "ES256", {"kid": "one"}),
    ],
    ids=["another key", "unknown key", "none", "secret", "another kind"],
)
def test_an_id_token_that_the_provider_has_not_signed(portal: Portal, provider: Provider, signing: Any) -> None:
    provider.claims["groups"] = ["ops"]
    provider.signing = signing
    check_refused(portal, provider)


def test_answers_that_are_no_log_in(portal: Portal, provider: Provider, caplog: pytest.LogCaptureFixture) -> None:
    provider.claims["groups"] = ["ops"]
    check_refused(portal, provider, code="wrong")
    assert "the provider answered 400" in caplog.text and "invalid_grant" not in caplog.text
    check_refused(portal, provider, iss="https://evil.test")
    for token in ("", "a.b.c", 42):
        provider.token = {"id_token": token}
        check_refused(portal, provider)


@pytest.mark.parametrize(
    "metadata",
    [
        {"issuer": "https://evil.test"},
        {"token_endpoint": "http://shop.example/token"},
        {"authorization_endpoint": None},
        {"authorization_endpoint": "javascript:alert(1)"},
        {"jwks_uri": "https://10.0.0.1/keys"},
    ],
    ids=str,
)
def test_a_discovery_document_that_cannot_be_used(tmp_path: Path, metadata: dict[str, Any]) -> None:
    with open_with_provider(tmp_path) as (portal, provider):
        provider.metadata = metadata
        answer = portal.get("/login/oidc", follow_redirects=False)
        assert answer.status_code == 502 and "location" not in answer.headers
        provider.metadata, before = {}, len(provider.vendor.arrived)
        portal.clock.sleep(9)
        assert portal.get("/login/oidc", follow_redirects=False).status_code == 502
        assert len(provider.vendor.arrived) == before, "a provider in trouble is asked once in ten seconds"
        portal.clock.sleep(1)
        assert portal.get("/login/oidc", follow_redirects=False).status_code == 303


def test_roles_of_a_path_of_everybody_and_of_an_address(tmp_path: Path) -> None:
    roles = {"viewer": ("*",), "editor": ("ada@example.com",)}
    with open_with_provider(tmp_path, role_claim="email", roles=roles) as (portal, provider):
        for claims, role in (
            ({"email": "ada@example.com"}, "viewer"),
            ({"email": "ada@example.com", "email_verified": True}, "editor"),
            ({"email": "ada@example.com", "email_verified": False}, "viewer"),
            ({"email": "ada@example.com", "email_verified": "false"}, "viewer"),
            ({"email": "ada@example.com", "email_verified": "true"}, "editor"),
            ({"email": ["eve@example.com"]}, "viewer"),
        ):
            provider.claims = claims
            assert log_in(portal, provider).status_code == 303
            assert f"({role})" in portal.get("/audit").text
        provider.claims = {"email": "ada@example.com"}
        for user, role in (
            ({"email": "ada@example.com", "email_verified": True}, "editor"),
            ({"email": "eve@example.com", "email_verified": True}, "viewer"),
        ):
            provider.user = {"sub": "ada-1", **user}
            log_in(portal, provider)
            assert f"ada@example.com ({role})" in portal.get("/audit").text
    with open_with_provider(tmp_path / "two", role_claim="realm_access.roles") as (portal, provider):
        provider.claims = {"realm_access": {"roles": ["ops"]}}
        log_in(portal, provider)
        assert "(releaser)" in portal.get("/audit").text


def test_who_has_a_role_by_an_address_only_learns_that_it_is_not_verified(tmp_path: Path) -> None:
    roles = {"editor": ("ada@example.com",)}
    with open_with_provider(tmp_path, role_claim="email", roles=roles) as (portal, provider):
        provider.claims = {"email": "ada@example.com"}
        answer = log_in(portal, provider)
        assert answer.status_code == 403 and "email_verified must be true" in answer.text


def test_many_people_of_one_address_log_in_and_few_log_ins_are_remembered(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("conn_service.portal.pending_logins._MOST", 20)
    with open_with_provider(tmp_path) as (portal, provider):
        provider.claims = {"groups": ["ops"]}
        first = begin(portal, provider)
        cookie = dict(portal.client.cookies)
        for _ in range(20):
            portal.clock.sleep(1)
            state = begin(portal, provider)
        assert come_back(portal, state).status_code == 303
        portal.client.cookies.clear()
        portal.client.cookies.update(cookie)
        assert come_back(portal, first).status_code == 403, "the oldest is forgotten"


def test_the_settings_of_the_page_are_accepted(tmp_path: Path) -> None:
    """docs/how-to/map-fields-as-a-team.md"""
    text = PAGE.read_text("utf-8").partition("```yaml\n")[2].partition("```")[0]
    (tmp_path / "conn.yaml").write_text(text)
    login = load_workspace(tmp_path).settings.portal_login
    assert login is not None and login.roles["releaser"] == ("platform",) and login.scopes == ("email", "groups")
