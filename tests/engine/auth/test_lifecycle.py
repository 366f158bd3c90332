"""What a token's standing is asked about, how a credential is revoked, and clocks that differ."""

import json
from email.utils import formatdate
from typing import Any, ClassVar
from urllib.parse import parse_qs

import pytest
from evaluating import usual

from conn_engine.auth import Credentials, add_clock_hint
from conn_engine.config.convert import convert
from conn_engine.errors import ConfigurationError, CredentialError, VendorError
from conn_engine.wire import FrozenClock, Headers, Request, Response

NOW = 1_760_000_000.0
HOSTS = ("api.example.com",)
SCOPE: dict[str, Any] = {"env": {"ID": "id", "SECRET": "s3cret"}, "context": {"tenant": "t1"}}
STORED = {"oauth": {"token": {"access_token": "access-1", "refresh_token": "refresh-1"}}}


def oauth2(**config: Any) -> Any:
    most = {
        "client_id": "{{env.ID}}",
        "client_secret": "{{env.SECRET}}",
        "token_url": "https://api.example.com/token",
        "introspect": {
            "url": "https://api.example.com/introspect",
            "headers": {"authorization": "{{client.basic}}"},
            "body": {"token": "{{oauth.token.access_token}}"},
        },
    }
    return convert({"format": "oauth2", "config": {**most, **config}}, Credentials)


def answer(body: Any = None, status: int = 200, **headers: str) -> Response:
    return Response(status, Headers({**headers}), body if isinstance(body, bytes) else json.dumps(body).encode())


def driven(flow: Any, *replies: Response) -> tuple[list[Request], Any]:
    """The requests of a flow, and what it returns."""
    sent: list[Request] = []
    try:
        sent.append(next(flow))
        for reply in replies:
            sent.append(flow.send(reply))
    except StopIteration as end:
        return sent, end.value
    raise AssertionError("it wants more answers")


def exchanged(credentials: Any, stored: Any, *replies: Response, now: float = NOW) -> tuple[list[Request], Any]:
    return driven(credentials.exchange(usual(SCOPE), HOSTS, FrozenClock(now))(stored), *replies)


def form_of(request: Request) -> dict[str, str]:
    return {name: values[0] for name, values in parse_qs((request.body or b"").decode(), strict_parsing=True).items()}


class TestIntrospection:
    def test_a_token_without_an_end_is_asked_about_and_kept_with_the_end_that_is_told(self) -> None:
        credentials = oauth2()
        assert (
            credentials.due(STORED, NOW) and credentials.renewable(STORED) and not credentials.is_expired(STORED, NOW)
        )
        (request,), document = exchanged(credentials, STORED, answer({"active": True, "exp": NOW + 600}))
        assert (request.url, form_of(request)) == ("https://api.example.com/introspect", {"token": "access-1"})
        assert request.headers["authorization"].startswith("Basic ")
        token = document["oauth"]["token"]
        assert (token["access_token"], token["expires_at"]) == ("access-1", NOW + 600)
        assert not credentials.due(document, NOW + 500)
        assert credentials.is_expired(document, NOW + 600)

    def test_a_token_that_is_no_longer_good_is_renewed_at_once(self) -> None:
        sent, document = exchanged(oauth2(), STORED, answer({"active": False}), answer({"access_token": "access-2"}))
        assert [request.url.rpartition("/")[2] for request in sent] == ["introspect", "token"]
        assert document["oauth"]["token"] == {"access_token": "access-2", "refresh_token": "refresh-1"}

    def test_an_answer_without_an_end_holds_for_a_while(self) -> None:
        credentials = oauth2(introspect={"url": "https://api.example.com/i", "active": "status = 200",
                                         "every_seconds": 60})  # fmt: skip
        _, document = exchanged(credentials, STORED, answer({}))
        assert not credentials.due(document, NOW + 59)
        assert credentials.due(document, NOW + 60)
        assert credentials.due(document, NOW - 5)  # a clock that was set back

    def test_after_a_refusal_the_answer_is_not_trusted(self) -> None:
        _, document = exchanged(oauth2(), STORED, answer({"active": True, "exp": NOW + 600}))
        (request,), _ = exchanged(oauth2(), document, answer({"access_token": "access-2"}), now=NOW + 5)
        assert request.url == "https://api.example.com/token"

    def test_other_names_and_units(self) -> None:
        told = {"url": "https://api.example.com/i", "active": "response.data.is_valid",
                "expires": "response.data.until", "expires_unit": "iso8601"}  # fmt: skip
        reply = answer({"data": {"is_valid": "true", "until": "2025-10-09T09:00:00Z"}})
        _, document = exchanged(oauth2(introspect=told), STORED, reply)
        assert document["oauth"]["token"]["expires_at"] == 1_760_000_400

    def test_no_refresh_token_is_said_as_it_is(self) -> None:
        stored = {"oauth": {"token": {"access_token": "access-1"}}}
        with pytest.raises(CredentialError, match="no refresh token") as raised:
            exchanged(oauth2(), stored, answer({"active": False}))
        assert "conn auth login" in raised.value.hint

    @pytest.mark.parametrize(
        ("reply", "error"),
        [
            (answer({"error": "invalid_client"}, 401), CredentialError),
            (answer(b"<html>", 200), CredentialError),
            (answer({}, 503), VendorError),
        ],
    )
    def test_an_endpoint_that_does_not_answer_the_question(self, reply: Response, error: type[Exception]) -> None:
        with pytest.raises(error) as raised:
            exchanged(oauth2(), STORED, reply)
        assert "access-1" not in str(raised.value) and "s3cret" not in str(raised.value)


class TestRevocation:
    REVOKE: ClassVar[dict[str, Any]] = {
        "url": "https://api.example.com/revoke/{{context.tenant}}",
        "headers": {"authorization": "{{client.basic}}"},
        "body": {"token": "{{oauth.token.refresh_token}}"},
    }

    def revoked(self, credentials: Any, document: Any, *replies: Response) -> list[Request]:
        flow = credentials.revocation(usual({**document, **SCOPE}), HOSTS, FrozenClock(NOW))
        return driven(flow, *replies)[0]

    def test_in_order_with_what_the_account_has(self) -> None:
        second = {"method": "delete", "url": "https://api.example.com/me", "done": "status in [204, 404]"}
        sent = self.revoked(oauth2(revoke=[self.REVOKE, second]), STORED, answer(b""), answer(b"gone", 404))
        assert [f"{request.method} {request.url}" for request in sent] == [
            "POST https://api.example.com/revoke/t1",
            "DELETE https://api.example.com/me",
        ]
        assert form_of(sent[0]) == {"token": "refresh-1"}
        assert all(request.authorized and request.hosts == HOSTS for request in sent)

    def test_a_typed_key_can_be_revoked_too(self) -> None:
        told = {"url": "https://api.example.com/keys/revoke", "headers": {"x-key": "{{api_key}}"}}
        credentials = convert({"format": "api_key", "config": {"revoke": [told]}}, Credentials)
        (request,) = self.revoked(credentials, {"api_key": "k-1"}, answer({}))
        assert request.headers["x-key"] == "k-1"

    @pytest.mark.parametrize(
        ("done", "reply"),
        [(None, answer({"error": "no"}, 400)), ("response.ok", answer({"ok": False})), ("response.ok", answer(b"<p>"))],
    )
    def test_what_is_not_done_is_said_without_the_token(self, done: str | None, reply: Response) -> None:
        credentials = oauth2(revoke=[{**self.REVOKE, "done": done} if done else self.REVOKE])
        with pytest.raises(CredentialError, match="did not revoke") as raised:
            self.revoked(credentials, STORED, reply)
        assert "--force" in raised.value.hint and "refresh-1" not in str(raised.value)

    def test_nothing_is_sent_where_nothing_is_told(self) -> None:
        assert self.revoked(oauth2(), STORED) == []


class TestClocks:
    @pytest.mark.parametrize(
        ("apart", "words"),
        [
            (0, ""),
            (100, ""),
            (-100, ""),
            (180, "3 min ahead of"),
            (-7 * 3600, "7 h 0 min behind"),
            (10 * 86400, "10 days ahead of"),
        ],
    )
    def test_how_far_they_are_apart(self, apart: float, words: str) -> None:
        told = add_clock_hint(Response(401, Headers({"Date": formatdate(NOW - apart, usegmt=True)})), NOW)
        assert words in told and bool(told) is bool(words)

    @pytest.mark.parametrize("date", ["", "yesterday", "Thu, 99 Foo 2025 08:53:20 GMT", "9" * 400])
    def test_a_date_that_is_none(self, date: str) -> None:
        assert add_clock_hint(Response(401, Headers({"Date": date})), NOW) == ""

    def test_a_refusal_names_the_clock(self) -> None:
        date = formatdate(NOW + 3600, usegmt=True)
        with pytest.raises(CredentialError) as raised:
            exchanged(oauth2(introspect=None), STORED, answer({"error": "invalid_grant"}, 400, date=date))
        assert raised.value.hint.startswith(
            "set this machine's clock: it is 1 h 0 min behind the vendor's; if it still fails, log the account in again"
        )

    @pytest.mark.parametrize("ends", [{"expires_at": NOW - 10}, {"expires_in": 0, "expires_at": NOW - 10}])
    def test_a_token_that_ended_before_it_came(self, ends: dict[str, float]) -> None:
        told = {"expires": "response.expires_at", "expires_unit": "epoch"}
        date = formatdate(NOW - 7200, usegmt=True)
        with pytest.raises(
            CredentialError, match="expired at 2025-10-09 08:53:10 UTC; this machine's clock shows 2025-10-09 08:53:20"
        ) as e:
            exchanged(oauth2(introspect=None, **told), STORED, answer({"access_token": "a", **ends}, date=date))
        assert "2 h 0 min ahead" in e.value.hint
        with pytest.raises(CredentialError) as raised:
            exchanged(oauth2(introspect=None, **told), STORED, answer({"access_token": "a", **ends}))
        assert "expires_unit" in raised.value.hint

    def test_a_time_to_live_of_nothing_is_the_vendors_affair(self) -> None:
        _, document = exchanged(oauth2(introspect=None), STORED, answer({"access_token": "a", "expires_in": 0}))
        assert document["oauth"]["token"]["expires_at"] == NOW


class TestQuirks:
    """What else vendors do with tokens, each by settings alone."""

    def test_an_end_in_a_format_of_its_own(self) -> None:
        told = {"expires": "$toMillis(response.until, '[D01]/[M01]/[Y0001] [H01]:[m01]')", "expires_unit": "epoch_ms"}
        reply = answer({"access_token": "a", "until": "09/10/2025 09:00"})
        _, document = exchanged(oauth2(introspect=None, **told), STORED, reply)
        assert document["oauth"]["token"]["expires_at"] == 1_760_000_400

    def test_a_refresh_by_the_access_token_at_a_url_of_its_own(self) -> None:
        told = {
            "method": "get",
            "url": "https://api.example.com/refresh_access_token",
            "query": {"grant_type": "ig_refresh_token", "access_token": "{{oauth.token.access_token}}"},
        }
        stored = {"oauth": {"token": {"access_token": "access-1"}}}
        credentials = oauth2(introspect=None, refresh=told, lifetime_seconds=3600)
        assert credentials.renewable(stored)
        (request,), document = exchanged(credentials, stored, answer({"access_token": "access-2"}))
        assert request.url.endswith("?grant_type=ig_refresh_token&access_token=access-1")
        assert document["oauth"]["token"]["expires_at"] == NOW + 3600

    def test_a_refresh_that_returns_no_new_token_prolongs_the_old_one(self) -> None:
        told = {
            "url": "https://api.example.com/prolong",
            "body": {"token": "{{oauth.token.access_token}}"},
            "keeps_token": True,
        }
        credentials = oauth2(introspect=None, refresh=told, lifetime_seconds=60)
        _, document = exchanged(credentials, STORED, answer({"message": "OK"}))
        assert document["oauth"]["token"] == {
            **STORED["oauth"]["token"],
            "expires_at": NOW + 60,
            "obtained_at": NOW,
        }
        _, document = exchanged(credentials, STORED, answer({"access_token": "access-2"}))
        assert document["oauth"]["token"]["access_token"] == "access-2"
        _, document = exchanged(oauth2(introspect=None, refresh=told), STORED, answer({"ok": 1, "expires_in": 90}))
        assert document["oauth"]["token"]["expires_at"] == NOW + 90
        with pytest.raises(CredentialError):
            exchanged(credentials, STORED, answer({"error": "invalid_token"}))

    def test_a_second_key_alongside(self) -> None:
        credentials = oauth2(introspect=None, ask=[{"name": "subscription_key"}])
        assert [field.name for field in credentials.fields()][-1] == "subscription_key"
        document = credentials.document({"oauth.token.access_token": "a", "subscription_key": "k"})
        assert document == {"oauth": {"token": {"access_token": "a"}}, "subscription_key": "k"}

    def test_a_saml_assertion_that_the_vendor_makes(self) -> None:
        told = {
            "format": "oauth2_client_credentials",
            "config": {
                "client_id": "{{env.ID}}",
                "client_secret": "{{env.SECRET}}",
                "request": {
                    "url": "https://api.example.com/oauth/token",
                    "before": [
                        {
                            "name": "saml",
                            "url": "https://api.example.com/oauth/idp",
                            "body": {"client_id": "{{client.client_id}}", "private_key": "{{private_key}}"},
                            "response_format": "text",
                        }
                    ],
                    "body": {
                        "grant_type": "urn:ietf:params:oauth:grant-type:saml2-bearer",
                        "assertion": "{{before.saml}}",
                        "company_id": "{{context.tenant}}",
                    },
                },
                "ask": [{"name": "private_key"}],
            },
        }
        credentials = convert(told, Credentials)
        sent, document = exchanged(
            credentials, {"private_key": "pk"}, answer(b"PHNhbWw="), answer({"access_token": "a"})
        )
        assert form_of(sent[1])["assertion"] == "PHNhbWw="
        assert document["oauth"]["token"]["access_token"] == "a"


def test_a_certificate_beside_a_key_of_the_same_name_is_refused_before_it_is_asked_for() -> None:
    with pytest.raises(ConfigurationError, match="private_key"):
        convert({"format": "mtls", "config": {"with": {"format": "jwt_bearer", "config": {}}}}, Credentials)
