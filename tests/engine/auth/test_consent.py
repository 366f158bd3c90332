"""A person's consent: the authorization URL, what comes back, and the request that trades the code."""

import base64
import hashlib
import json
from typing import Any
from urllib.parse import parse_qs, urlsplit

import msgspec
import pytest
from evaluating import usual

from conn_engine.auth import Consent, Credentials, OAuth2
from conn_engine.errors import ConfigurationError, CredentialError
from conn_engine.wire import FrozenClock, Headers, Request, Response

NOW = 1_760_000_000.0
HOSTS = ("auth.example.com",)
SCOPE: dict[str, Any] = {
    "env": {"ID": "the:id", "SECRET": "s3cret"},
    "context": {"domain": "auth.example.com", "shop": "a&b"},
}
OAUTH2 = OAuth2(
    client_id="{{env.ID}}",
    client_secret="{{env.SECRET}}",
    authorization_url="https://{{context.domain}}/auth?tenant=1",
    token_url="https://{{context.domain}}/token",
    scopes=("read:all", "write"),
)
BACK = "http://127.0.0.1:8000/callback"


def changed(**settings: Any) -> OAuth2:
    return msgspec.structs.replace(OAUTH2, **settings)


def consent(credentials: OAuth2 = OAUTH2) -> Consent:
    return credentials.consent(usual(SCOPE), redirect_uri=BACK, state="st", verifier="v" * 43)


def asked(url: str) -> dict[str, str]:
    return {name: values[0] for name, values in parse_qs(urlsplit(url).query, strict_parsing=True).items()}


def redeemed(
    credentials: OAuth2, callback: dict[str, str], *bodies: Any, stored: dict[str, Any] | None = None
) -> tuple[list[Request], dict[str, Any]]:
    """The requests that trade a code, and the document to store."""
    flow = credentials.redeem_consent(
        consent(credentials), callback, stored or {}, usual(SCOPE), HOSTS, FrozenClock(NOW)
    )
    sent = [next(flow)]
    for body in bodies:
        try:
            sent.append(
                flow.send(Response(200, Headers({"content-type": "application/json"}), json.dumps(body).encode()))
            )
        except StopIteration as end:
            return [request for request in sent if isinstance(request, Request)], end.value
    raise AssertionError("it wants more answers")


def form_of(request: Request) -> dict[str, str]:
    return {name: values[0] for name, values in parse_qs((request.body or b"").decode(), strict_parsing=True).items()}


class TestUrl:
    def test_the_usual_parameters_and_pkce(self) -> None:
        url = consent().url
        assert url.startswith("https://auth.example.com/auth?tenant=1&response_type=code&")
        digest = hashlib.sha256(b"v" * 43).digest()
        assert asked(url) == {
            "tenant": "1",
            "response_type": "code",
            "client_id": "the:id",
            "redirect_uri": BACK,
            "scope": "read:all write",
            "state": "st",
            "code_challenge": base64.urlsafe_b64encode(digest).decode().rstrip("="),
            "code_challenge_method": "S256",
        }
        assert "scope=read%3Aall%20write" in url

    def test_pkce_of_rfc_7636(self) -> None:
        made = OAUTH2.consent(
            usual(SCOPE), redirect_uri=BACK, state="s", verifier="dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"
        )
        assert asked(made.url)["code_challenge"] == "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"

    def test_extra_removed_and_renamed_parameters(self) -> None:
        url = consent(
            changed(
                pkce=False,
                scope_separator=",",
                authorization_params={
                    "client_id": None,
                    "app_id": "{{client.client_id}}",
                    "response_type": None,
                    "shop": "{{context.shop}}",
                    "access_type": "offline",
                    "user_scope": "{{consent.scope}}",
                    "scope": None,
                },
            )
        ).url
        assert asked(url) == {
            "tenant": "1",
            "redirect_uri": BACK,
            "state": "st",
            "app_id": "the:id",
            "shop": "a&b",
            "access_type": "offline",
            "user_scope": "read:all,write",
        }

    @pytest.mark.parametrize(
        "url", [None, "http://auth.example.com/auth", "ftp://x.example.com", "/auth", "javascript:1"]
    )
    def test_a_url_that_may_not_be_opened(self, url: str | None) -> None:
        with pytest.raises(ConfigurationError, match="authorization_url"):
            consent(changed(authorization_url=url))

    def test_a_missing_value_is_named(self) -> None:
        with pytest.raises(CredentialError, match=r"context\.tenant"):
            consent(changed(authorization_url="https://{{context.tenant}}.example.com/auth"))


class TestAnswer:
    def test_the_usual_exchange(self) -> None:
        answer = {"access_token": "a", "refresh_token": "r", "expires_in": 60}
        (request,), document = redeemed(OAUTH2, {"code": "c", "state": "st"}, answer)
        assert form_of(request) == {
            "grant_type": "authorization_code",
            "code": "c",
            "redirect_uri": BACK,
            "code_verifier": "v" * 43,
        }
        assert request.headers["authorization"].startswith("Basic ")
        assert document["oauth"]["token"]["expires_at"] == NOW + 60

    def test_without_pkce_there_is_no_verifier(self) -> None:
        (request,), _ = redeemed(changed(pkce=False), {"code": "c", "state": "st"}, {"access_token": "a"})
        assert "code_verifier" not in form_of(request)

    def test_renamed_callback_and_exchange_parameters(self) -> None:
        credentials = changed(
            code_param="auth_code",
            state_param="st",
            code_params={"code": None, "auth_code": "{{callback.code}}", "redirect_uri": None},
        )
        (request,), _ = redeemed(credentials, {"auth_code": "c", "st": "st"}, {"access_token": "a"})
        assert form_of(request) == {
            "grant_type": "authorization_code",
            "auth_code": "c",
            "code_verifier": "v" * 43,
        }

    def test_captured_values_are_kept_apart_and_an_old_token_is_forgotten(self) -> None:
        credentials = changed(
            capture={"realm": "callback.realmId", "site": "response.instance_url", "none": "response.nothing"}
        )
        stored = {
            "client_id": "mine",
            "oauth": {"token": {"access_token": "old", "refresh_token": "old-refresh"}},
            "captured": {"realm": "0"},
        }
        callback = {"code": "c", "state": "st", "realmId": "42"}
        _, document = redeemed(
            credentials, callback, {"access_token": "a", "instance_url": "https://eu1.example.com"}, stored=stored
        )
        assert document["captured"] == {"realm": "42", "site": "https://eu1.example.com"}
        assert "refresh_token" not in document["oauth"]["token"], "of another consent, perhaps of another person"
        assert document["client_id"] == "mine"

    def test_what_a_refresh_does_not_say_again_stays_captured(self) -> None:
        credentials = changed(capture={"realm": "callback.realmId", "site": "response.instance_url"})
        stored = {
            "oauth": {"token": {"access_token": "old", "refresh_token": "r"}},
            "captured": {"realm": "42", "site": "https://eu1.example.com"},
        }
        flow = credentials.exchange(usual(SCOPE), HOSTS, FrozenClock(NOW))(stored)
        next(flow)
        with pytest.raises(StopIteration) as end:
            flow.send(Response(200, Headers(), b'{"access_token": "a", "instance_url": "https://eu2.example.com"}'))
        assert end.value.value["captured"] == {"realm": "42", "site": "https://eu2.example.com"}

    def test_an_exchange_of_its_own_in_two_steps(self) -> None:
        data = {
            "format": "oauth2",
            "client_id": "{{env.ID}}",
            "client_secret": "{{env.SECRET}}",
            "authorization_url": "https://auth.example.com/auth",
            "response": "response.data",
            "code_exchange": {
                "before": [
                    {
                        "name": "short",
                        "url": "https://auth.example.com/short",
                        "body": {"code": "{{callback.code}}", "uri": "{{consent.redirect_uri}}"},
                        "response": "response.token",
                    }
                ],
                "method": "get",
                "url": "https://auth.example.com/long",
                "query": {"token": "{{before.short}}"},
            },
        }
        credentials = msgspec.convert(data, Credentials)
        assert isinstance(credentials, OAuth2)
        (first, second), document = redeemed(
            credentials, {"code": "c", "state": "st"}, {"token": "short-lived"}, {"data": {"access_token": "long"}}
        )
        assert form_of(first) == {"code": "c", "uri": BACK}
        assert second.url == "https://auth.example.com/long?token=short-lived"
        assert document["oauth"]["token"]["access_token"] == "long"

    @pytest.mark.parametrize(
        ("callback", "words"),
        [
            ({"code": "c", "state": "other"}, "does not belong"),
            ({"code": "c"}, "does not belong"),
            ({"code": "c", "state": "stä"}, "does not belong"),
            ({"error": "access_denied", "error_description": "no\nway", "state": "st"}, "access_denied (no way)"),
            ({"state": "st"}, "without a `code`"),
        ],
    )
    def test_what_is_no_consent(self, callback: dict[str, str], words: str) -> None:
        flow = OAUTH2.redeem_consent(consent(), callback, {}, usual(SCOPE), HOSTS, FrozenClock(NOW))
        with pytest.raises(CredentialError) as raised:
            next(flow)
        assert words in raised.value.message

    def test_no_secret_is_told(self) -> None:
        flow = OAUTH2.redeem_consent(
            consent(), {"code": "the-code-1", "state": "st"}, {}, usual(SCOPE), HOSTS, FrozenClock(NOW)
        )
        next(flow)
        said = {"error": "invalid_grant", "error_description": f"the-code-1 {'v' * 43} s3cret"}
        with pytest.raises(CredentialError) as raised:
            flow.send(Response(400, Headers(), json.dumps(said).encode()))
        text = f"{raised.value.message} {raised.value.hint} {consent()!r}"
        assert not [secret for secret in ("the-code-1", "v" * 43, "s3cret") if secret in text]
