"""The token request and what becomes of its answer, driven by hand."""

import base64
import json
from typing import Any
from urllib.parse import parse_qs

import msgspec
import pytest
from evaluating import usual

from conn_engine.auth import (
    Credentials,
    OAuth2,
    OAuth2ClientCredentials,
)
from conn_engine.errors import ConfigurationError, ConnError, CredentialError, VendorError
from conn_engine.wire import FrozenClock, Headers, Request, Response, Wait

NOW = 1_760_000_000.0
HOSTS = ("auth.example.com",)
SCOPE = {"env": {"ID": "the:id", "SECRET": "s3cr&t ü"}, "context": {"domain": "auth.example.com"}}
STORED = {
    "oauth": {
        "token": {
            "access_token": "old-access",
            "refresh_token": "old-refresh",
            "scope": "a b",
            "expires_at": NOW - 5,
        }
    },
    "extra": {"kept": True},
}
OAUTH2 = OAuth2(client_id="{{env.ID}}", client_secret="{{env.SECRET}}", token_url="https://{{context.domain}}/token")


def exchanged(
    credentials: Credentials, reply: Response | None, stored: dict[str, Any] = STORED, **names: Any
) -> tuple[Request, dict[str, Any]]:
    """The token request that an exchange sends, and the document it returns for the reply, which is the same however
    often it asks."""
    flow = credentials.exchange(usual(SCOPE, **names), HOSTS, FrozenClock(NOW))(stored)
    request = next(flow)
    assert isinstance(request, Request)
    try:
        effect = flow.send(reply)
        for _ in range(4):  # two pauses, and after each the same request
            effect = flow.send(None if isinstance(effect, Wait) else reply)
            assert isinstance(effect, Wait) or effect == request
    except StopIteration as end:
        return request, end.value
    raise AssertionError("a fourth request")


def answer(body: Any, status: int = 200, content_type: str = "application/json") -> Response:
    text = body if isinstance(body, bytes) else json.dumps(body).encode()
    return Response(status, Headers({"content-type": content_type}), text)


def form_of(request: Request) -> dict[str, str]:
    return {name: values[0] for name, values in parse_qs((request.body or b"").decode(), strict_parsing=True).items()}


class TestRefresh:
    def test_the_request(self) -> None:
        request, _ = exchanged(OAUTH2, answer({"access_token": "new"}))
        assert (request.method, request.url, request.purpose) == (
            "POST",
            "https://auth.example.com/token",
            "token",
        )
        assert (request.authorized, request.hosts, request.idempotent) == (True, HOSTS, False)
        assert form_of(request) == {"grant_type": "refresh_token", "refresh_token": "old-refresh"}
        pair = base64.b64decode(request.headers["authorization"].removeprefix("Basic ")).decode()
        assert pair == "the%3Aid:s3cr%26t+%C3%BC", "each part is form-encoded (RFC 6749, 2.3.1)"

    @pytest.mark.parametrize(
        ("url", "sent"),
        [
            ("{{context.base}}/token", "https://auth.example.com/token"),
            ("{{context.base}}//token", "https://auth.example.com///token"),
            ("{{context.base}}/{{context.path}}/token?to=a//b", "https://auth.example.com/a/token?to=a//b"),
            ("{{'https://auth.example.com/a/'}}/token", "https://auth.example.com/a//token"),
        ],
    )
    def test_a_value_that_ends_in_a_slash_doubles_none(self, url: str, sent: str) -> None:
        credentials = msgspec.structs.replace(OAUTH2, token_url=url)
        context = {"base": "https://auth.example.com/", "path": "a/", "domain": ""}
        request, _ = exchanged(credentials, answer({"access_token": "new"}), context=context)
        assert request.url == sent

    def test_the_client_in_the_body(self) -> None:
        credentials = msgspec.structs.replace(OAUTH2, client_authentication="body")
        request, _ = exchanged(credentials, answer({"access_token": "new"}))
        assert form_of(request)["client_secret"] == "s3cr&t ü"
        assert "authorization" not in request.headers

    def test_a_public_client(self) -> None:
        credentials = msgspec.structs.replace(OAUTH2, client_secret=None)
        request, _ = exchanged(credentials, answer({"access_token": "new"}))
        assert form_of(request)["client_id"] == "the:id"
        assert "authorization" not in request.headers

    def test_rotation(self) -> None:
        _, document = exchanged(
            OAUTH2, answer({"access_token": "new", "refresh_token": "new-refresh", "expires_in": 3600})
        )
        assert document == {
            "oauth": {
                "token": {
                    "access_token": "new",
                    "refresh_token": "new-refresh",
                    "scope": "a b",
                    "expires_in": 3600,
                    "expires_at": NOW + 3600,
                    "obtained_at": NOW,
                }
            },
            "extra": {"kept": True},
        }
        assert STORED["oauth"]["token"]["access_token"] == "old-access", "the stored document is not changed"

    @pytest.mark.parametrize("returned", [{}, {"refresh_token": None}, {"refresh_token": ""}])
    def test_a_refresh_token_that_is_not_returned_stays(self, returned: dict[str, Any]) -> None:
        _, document = exchanged(OAUTH2, answer({"access_token": "new", **returned}))
        token = document["oauth"]["token"]
        assert token["refresh_token"] == "old-refresh"
        assert "expires_at" not in token, "the old token's end says nothing of the new one"

    @pytest.mark.parametrize(
        ("settings", "body", "ends"),
        [
            ({}, {"expires_in": "3600"}, NOW + 3600),
            ({}, {"expires_at": NOW + 50}, NOW + 50),
            ({}, {"expires_at": "2025-10-09T08:55:00Z"}, NOW + 100),
            ({"expires_unit": "minutes"}, {"expires_in": 10}, NOW + 600),
            ({"expires": "response.ttl", "expires_unit": "milliseconds"}, {"ttl": 9000}, NOW + 9),
            (
                {"expires": "response.until", "expires_unit": "iso8601"},
                {"until": "2025-10-09T10:55:00+02:00"},
                NOW + 100,
            ),
            ({"expires": "response.until", "expires_unit": "epoch_ms"}, {"until": (NOW + 5) * 1000}, NOW + 5),
            ({"expires": "headers.'x-ttl'"}, {}, None),
            ({"lifetime_seconds": 900}, {}, NOW + 900),
            ({}, {"expires_in": None}, None),
            ({}, {"expires_in": "soon"}, None),
        ],
    )
    def test_when_the_token_ends(self, settings: dict[str, Any], body: dict[str, Any], ends: float | None) -> None:
        credentials = msgspec.structs.replace(OAUTH2, **settings)
        _, document = exchanged(credentials, answer({"access_token": "new", **body}))
        assert document["oauth"]["token"].get("expires_at") == ends

    def test_where_the_token_is(self) -> None:
        nested = answer({"data": {"tokens": {"access_token": "deep", "api_domain": "x"}}})
        credentials = msgspec.structs.replace(OAUTH2, response="response.data.tokens")
        assert exchanged(credentials, nested)[1]["oauth"]["token"]["access_token"] == "deep"
        credentials = msgspec.structs.replace(OAUTH2, response="response.jwt")
        assert exchanged(credentials, answer({"jwt": "bare"}))[1]["oauth"]["token"]["access_token"] == "bare"

    def test_a_form_encoded_answer(self) -> None:
        body = b"access_token=new&scope=repo&token_type=bearer"
        _, document = exchanged(OAUTH2, answer(body, content_type="application/x-www-form-urlencoded; charset=utf-8"))
        assert document["oauth"]["token"]["access_token"] == "new"

    def test_a_vendor_with_a_refresh_of_its_own(self) -> None:
        data = {
            "format": "oauth2",
            "client_id": "{{env.ID}}",
            "client_secret": "{{env.SECRET}}",
            "refresh": {
                "method": "get",
                "url": "https://{{context.domain}}/exchange",
                "query": {
                    "grant_type": "exchange",
                    "token": "{{oauth.token.access_token}}",
                    "id": "{{client.client_id}}",
                },
                "headers": {"x-basic": "{{client.basic}}"},
                "lifetime_seconds": 60,
            },
        }
        request, document = exchanged(msgspec.convert(data, Credentials), answer({"access_token": "new"}))
        assert request.url == "https://auth.example.com/exchange?grant_type=exchange&token=old-access&id=the%3Aid"
        assert (request.method, request.body) == ("GET", None)
        assert request.headers["x-basic"].startswith("Basic ")
        assert "authorization" not in request.headers
        assert document["oauth"]["token"]["expires_at"] == NOW + 60


class TestClientCredentials:
    def test_the_request(self) -> None:
        credentials = OAuth2ClientCredentials(
            token_url="https://auth.example.com/token",
            scopes=("read", "write"),
            audience="https://api",
            token_params={"resource": "{{context.domain}}"},
            token_headers={"x-tenant": "t"},
        )
        stored = {"client_id": "i", "client_secret": "s"}
        assert credentials.is_expired(stored, NOW)
        assert credentials.renewable(stored)
        request, document = exchanged(credentials, answer({"access_token": "a", "expires_in": 10}), stored)
        assert form_of(request) == {
            "grant_type": "client_credentials",
            "scope": "read write",
            "audience": "https://api",
            "resource": "auth.example.com",
        }
        assert request.headers["x-tenant"] == "t"
        assert document["client_secret"] == "s"
        assert document["oauth"]["token"]["expires_at"] == NOW + 10

    def test_a_json_body(self) -> None:
        credentials = OAuth2ClientCredentials(
            token_url="https://auth.example.com/token", body_format="json", client_authentication="body"
        )
        request, _ = exchanged(
            credentials, answer({"access_token": "a"}), {"client_id": "i", "client_secret": "{{env.SECRET}}"}
        )
        assert json.loads(request.body or b"") == {
            "grant_type": "client_credentials",
            "client_id": "i",
            "client_secret": "{{env.SECRET}}",
        }, "a stored value is data, never a template"

    def test_a_missing_variable_is_named(self) -> None:
        credentials = OAuth2ClientCredentials(token_url="https://auth.example.com/token", client_id="{{env.NONE}}")
        with pytest.raises(CredentialError, match=r"env\.NONE"):
            exchanged(credentials, None, {})


class TestRefusals:
    @pytest.mark.parametrize(
        ("reply", "words", "hint"),
        [
            (
                answer({"error": "invalid_grant", "error_description": "revoked"}, 400),
                "refused the request: 400 invalid_grant: revoked",
                "log the account in",
            ),
            (answer({"error": "invalid_client"}, 401), "refused the request: 401 invalid_client", "client_secret"),
            (
                answer({"error": {"code": "NO_ROUTE"}}, 401),
                "refused the request: 401 NO_ROUTE",
                "check `token_url`, client_id",
            ),
            (answer({"error": "invalid_grant"}), "refused the request: 200 invalid_grant", "log the account in"),
            (
                answer({"error": {"code": "E9", "message": "no"}}, 403),
                "auth.example.com/token refused the request: 403 E9: no",
                "log the account in",
            ),
            (
                answer(b"<html><title>Sign in</title>", 200, "text/html"),
                "an HTML page titled “Sign in”",
                "token_url",
            ),
            (answer(b"<!DOCTYPE html><p>Not Found", 404, "text/html"), "404: an HTML page", "token_url"),
            (answer({"token": "x"}), "returned no access_token; the response has token", "`response`"),
            (
                answer({"access_token": 5}),
                "returned an access_token that is not text; the response has",
                "`response`",
            ),
            (answer([]), "returned no access_token", "`response`"),
            (Response(204), "returned no access_token", "`response`"),
            (Response(302, Headers({"location": "https://elsewhere"})), "redirect (302)", "token_url"),
        ],
    )
    def test_the_account_is_told(self, reply: Response, words: str, hint: str) -> None:
        with pytest.raises(CredentialError) as raised:
            exchanged(OAUTH2, reply)
        assert words in raised.value.message
        assert "auth.example.com" in raised.value.message
        assert hint in raised.value.hint

    @pytest.mark.parametrize(
        ("status", "kind"), [(500, "vendor_unavailable"), (503, "vendor_unavailable"), (429, "rate_limited")]
    )
    def test_an_unavailable_endpoint_is_not_a_refusal(self, status: int, kind: str) -> None:
        with pytest.raises(VendorError, match=r"is (unavailable|rate-limited)") as raised:
            exchanged(OAUTH2, answer(b"<html>", status, "text/html"))
        assert raised.value.kind == kind

    def test_no_message_shows_a_secret_that_the_vendor_echoes(self) -> None:
        echo = "bad old-refresh for s3cr&t ü and old-access"
        replies = [
            answer({"error": "invalid_grant", "error_description": echo}, 400),
            answer({"error": echo}, 400),
            answer({"message": echo}, 500),
            answer(echo.encode(), 200, "text/plain"),
            answer({"old-refresh": 1}),
        ]
        for reply in replies:
            with pytest.raises(ConnError) as raised:
                exchanged(OAUTH2, reply)
            shown = f"{raised.value} {raised.value.hint}"
            assert not any(secret in shown for secret in ("old-refresh", "s3cr&t", "old-access"))

    @pytest.mark.parametrize("url", ["ftp://x/token", "/token", "https://u:p@x/token", "https:///token", "{{context}}"])
    def test_a_token_url_that_is_none(self, url: str) -> None:
        with pytest.raises(ConfigurationError, match="absolute http or https URL"):
            exchanged(msgspec.structs.replace(OAUTH2, token_url=url), None)
