"""The kinds that request a token: password, session, signed JWT, and one of several."""

import base64
import hashlib
import hmac
import json
from typing import Any
from urllib.parse import parse_qs

import msgspec
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from evaluating import usual

from conn_engine.auth import Choice, Credentials, JwtBearer, OAuth2Password, SessionCredentials, choose_credentials
from conn_engine.conditions import USUAL
from conn_engine.config.convert import convert
from conn_engine.errors import ConfigurationError, CredentialError, VendorError
from conn_engine.wire import FrozenClock, Headers, Request, Response, Wait

NOW = 1_760_000_000.0
HOSTS = ("api.example.com",)
SCOPE: dict[str, Any] = {"env": {"ID": "id", "SECRET": "s3cret"}, "context": {"tenant": "t1"}}
KEY = (
    rsa.generate_private_key(65537, 2048)
    .private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    .decode()
)


def kind(data: dict[str, Any]) -> Any:
    """Credentials in the form that documents have."""
    return convert(data, Credentials)


def answer(body: Any = None, status: int = 200, **headers: str | list[str]) -> Response:
    pairs = [(name.replace("_", "-"), text) for name, texts in headers.items() for text in _list(texts)]
    return Response(status, Headers(pairs), body if isinstance(body, bytes) else json.dumps(body).encode())


def _list(texts: str | list[str]) -> list[str]:
    return [texts] if isinstance(texts, str) else texts


def exchanged(
    credentials: Any, stored: dict[str, Any], *replies: Response, scope: dict[str, Any] | None = None
) -> tuple[list[Request], dict[str, Any]]:
    """The requests of an exchange, and the document it returns."""
    flow = credentials.exchange(usual(scope or SCOPE), HOSTS, FrozenClock(NOW))(stored)
    sent: list[Request] = []
    try:
        sent.append(next(flow))
        for reply in replies:
            effect = flow.send(reply)
            sent.append(flow.send(None) if isinstance(effect, Wait) else effect)
    except StopIteration as end:
        return sent, end.value
    raise AssertionError("it wants more answers")


def form_of(request: Request) -> dict[str, str]:
    return {name: values[0] for name, values in parse_qs((request.body or b"").decode(), strict_parsing=True).items()}


def claims_of(text: str) -> dict[str, Any]:
    part = text.split(".")[1]
    made: dict[str, Any] = json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))
    return made


class TestPassword:
    PASSWORD = OAuth2Password(
        client_id="{{env.ID}}", client_secret="{{env.SECRET}}", token_url="https://api.example.com/token", scopes=("a",)
    )
    STORED = {"username": "ada", "password": "pass word"}  # noqa: RUF012

    def test_what_is_asked_for(self) -> None:
        assert [field.name for field in self.PASSWORD.fields()] == ["username", "password"]
        assert self.PASSWORD.document({"username": "u", "password": "p"}) == {"username": "u", "password": "p"}
        assert not self.PASSWORD.is_expired(self.PASSWORD.sample(1), NOW)

    def test_the_password_grant(self) -> None:
        (request,), document = exchanged(
            self.PASSWORD, self.STORED, answer({"access_token": "a", "refresh_token": "r"})
        )
        assert form_of(request) == {
            "grant_type": "password",
            "username": "ada",
            "password": "pass word",
            "scope": "a",
        }
        assert document["oauth"]["token"]["refresh_token"] == "r"
        assert document["password"] == "pass word"

    def test_the_refresh_token_first_and_the_password_when_it_is_refused(self) -> None:
        stored = {**self.STORED, "oauth": {"token": {"access_token": "old", "refresh_token": "r"}}}
        refused = answer({"error": "invalid_grant"}, 400)
        sent, document = exchanged(self.PASSWORD, stored, refused, answer({"access_token": "new"}))
        assert [form_of(request)["grant_type"] for request in sent] == ["refresh_token", "password"]
        assert document["oauth"]["token"]["access_token"] == "new"
        only = msgspec.structs.replace(self.PASSWORD, use_refresh_token=False)
        (request,), _ = exchanged(only, stored, answer({"access_token": "new"}))
        assert form_of(request)["grant_type"] == "password"

    def test_an_endpoint_out_of_order_is_not_asked_the_next_way(self) -> None:
        stored = {**self.STORED, "oauth": {"token": {"access_token": "old", "refresh_token": "r"}}}
        with pytest.raises(VendorError):
            exchanged(self.PASSWORD, stored, *[answer({}, 503)] * 3, answer({"access_token": "new"}))

    def test_a_wrong_password_is_not_told(self) -> None:
        with pytest.raises(CredentialError) as raised:
            exchanged(
                self.PASSWORD, self.STORED, answer({"error": "invalid_grant", "error_description": "pass word?"}, 400)
            )
        assert "pass word" not in raised.value.message


LOGIN: dict[str, Any] = {
    "url": "https://api.example.com/login",
    "body_format": "json",
    "body": {"user": "{{username}}", "password": "{{password}}"},
}
USER = {"username": "ada", "password": "secret-1"}


class TestSession:
    @pytest.mark.parametrize(
        ("response", "reply", "token"),
        [
            ("response.data.token", answer({"data": {"token": "T"}}), "T"),
            ("headers.'x-auth-token'", answer(b"", 204, x_auth_token="T"), "T"),
            ("cookies.SID", answer({}, set_cookie=["a=1; Path=/", "SID=T; HttpOnly; Secure"]), "T"),
            ("cookie", answer({}, set_cookie=["a=1; Path=/", "SID=T=; HttpOnly"]), "a=1; SID=T="),
        ],
    )
    def test_where_the_session_comes_from(self, response: str, reply: Response, token: str) -> None:
        session = kind({"format": "session", "config": {"login": LOGIN, "response": response}})
        (request,), document = exchanged(session, USER, reply)
        assert json.loads(request.body or b"") == {"user": "ada", "password": "secret-1"}
        assert document == {**USER, "session": {"access_token": token}}

    def test_a_text_answer(self) -> None:
        login = {**LOGIN, "response_format": "text"}
        session = kind({"format": "session", "config": {"login": login, "response": "response"}})
        (request,), document = exchanged(session, USER, answer(b"the-token", content_type="text/plain"))
        assert document["session"] == {"access_token": "the-token"}
        assert request.headers["accept"] == "*/*"

    def test_several_values_and_the_end(self) -> None:
        config = {
            "login": LOGIN,
            "response": "{'access_token': response.t, 'user_id': response.u}",
            "expires": "response.until",
            "expires_unit": "epoch_ms",
            "capture": {"shard": "response.shard"},
        }
        session = kind({"format": "session", "config": config})
        body = {"t": "T", "u": 7, "until": (NOW + 100) * 1000, "shard": "eu1"}
        _, document = exchanged(session, USER, answer(body))
        assert document["session"] == {
            "access_token": "T",
            "user_id": 7,
            "expires_at": NOW + 100,
            "obtained_at": NOW,
        }
        assert document["captured"] == {"shard": "eu1"}
        assert not session.is_expired(document, NOW + 40)
        assert session.is_expired(document, NOW + 60)
        assert session.is_expired(USER, NOW) and session.renewable(USER)

    def test_a_signed_log_in_after_a_signed_step(self) -> None:
        def signed(key: str) -> dict[str, Any]:
            content = "request.method & request.target & request.body & $string(timestamp) & nonce"
            headers = {"X-Sign": "{{signature}}", "X-Time": "{{timestamp}}", "X-Once": "{{nonce}}"}
            return {"format": "hmac", "config": {"content": content, "key": key, "headers": headers}}

        word = {"name": "word", "method": "get", "url": "https://api.example.com/word?of={{username}}"}
        before = [{**word, "response": "response.word", "signature": signed("{{password}}")}]
        login = {**LOGIN, "headers": {"X-Nonce": "{{nonce}}"}, "before": before, "signature": signed("{{before.word}}")}
        session = kind({"format": "session", "config": {"login": login, "response": "response.t"}})
        sent, document = exchanged(session, USER, answer({"word": "w"}), answer({"t": "T"}))
        for request, key, line in zip(sent, ("secret-1", "w"), ("GET/word?of=ada", "POST/login"), strict=True):
            once = request.headers["x-once"]
            content = line.encode() + (request.body or b"") + f"{NOW:.0f}{once}".encode()
            assert request.headers["x-sign"] == hmac.new(key.encode(), content, "sha256").hexdigest()
        assert sent[1].headers["x-nonce"] == sent[1].headers["x-once"] != sent[0].headers["x-once"]
        assert document["session"] == {"access_token": "T"}

    def test_a_signature_that_cannot_be_made_tells_no_secret(self) -> None:
        signature = {"format": "hmac", "config": {"content": "$error(password)", "headers": {"X": "{{signature}}"}}}
        session = kind({"format": "session", "config": {"login": {**LOGIN, "signature": signature}}})
        with pytest.raises(ConfigurationError) as raised:
            exchanged(session, {**USER, "api_key": "k"})
        assert "secret-1" not in f"{raised.value}{raised.value.hint}"

    def test_several_steps(self) -> None:
        login = {
            "before": [
                {"name": "salt", "method": "get", "url": "https://api.example.com/salt/{{username}}"},
                {
                    "name": "ticket",
                    "url": "https://api.example.com/ticket",
                    "body": {"hash": "{{$digest(before.salt.salt & password, 'SHA-256')}}"},
                    "response": "{'id': response.ticket, 'cookie': cookies.step}",
                },
            ],
            "method": "get",
            "url": "https://api.example.com/login",
            "query": {"ticket": "{{before.ticket.id}}"},
            "headers": {"cookie": "step={{before.ticket.cookie}}"},
        }
        session = kind({"format": "session", "config": {"login": login, "response": "before.salt.salt & response.k"}})
        sent, document = exchanged(
            session,
            USER,
            answer({"salt": "s"}),
            answer({"ticket": "t/1"}, set_cookie="step=2"),
            answer({"k": "K"}),
        )
        assert [request.label for request in sent] == ["salt", "ticket", "token request"]
        assert all(request.authorized and request.hosts == HOSTS and request.purpose == "token" for request in sent)
        assert sent[0].url == "https://api.example.com/salt/ada"
        assert len(form_of(sent[1])["hash"]) == 64
        assert sent[2].url == "https://api.example.com/login?ticket=t%2F1"
        assert sent[2].headers["cookie"] == "step=2"
        assert document["session"]["access_token"] == "sK"

    def test_time_and_chance_are_the_same_throughout_a_request(self) -> None:
        signed = {"x-id": "{{nonce}}", "x-date": "{{date}}", "x-sig": "{{$digest(nonce & date & password)}}"}
        url = "https://api.example.com/{{nonce}}"
        login = {
            "before": [{"name": "first", "url": url}],
            "url": url,
            "headers": signed,
            "query": {"t": "{{timestamp}}"},
        }
        session = kind({"format": "session", "config": {"login": login, "response": "response.t"}})
        (first, last), _ = exchanged(session, USER, answer({}), answer({"t": "T"}))
        nonce, date = last.headers["x-id"], last.headers["x-date"]
        assert last.url == f"https://api.example.com/{nonce}?t={int(NOW)}" and date == "2025-10-09T08:53:20Z"
        assert last.headers["x-sig"] == hashlib.sha256(f"{nonce}{date}{USER['password']}".encode()).hexdigest()
        assert first.url != f"https://api.example.com/{nonce}", "another request, another nonce"

    def test_what_an_account_has_goes_before_time_and_chance(self) -> None:
        login = {"url": "https://api.example.com/login", "body": {"day": "{{date}}"}}
        session = kind(
            {"format": "session", "config": {"ask": [{"name": "date"}], "login": login, "response": "response.t"}}
        )
        (sent,), _ = exchanged(session, {"date": "monday"}, answer({"t": "T"}))
        assert form_of(sent) == {"day": "monday"}

    def test_a_step_that_fails_tells_no_secret(self) -> None:
        before = [{"name": "first", "url": "https://api.example.com/a", "response": "response.t"}]
        session = kind({"format": "session", "config": {"login": {**LOGIN, "before": before}}})
        said = answer({"error": "no", "error_description": "secret-1 and intermediate-1"}, 401)
        with pytest.raises(CredentialError) as raised:
            exchanged(session, USER, answer({"t": "intermediate-1"}), said)
        assert "secret-1" not in raised.value.message and "intermediate-1" not in raised.value.message

    def test_a_refresh_then_a_new_log_in(self) -> None:
        refresh = {"url": "https://api.example.com/renew", "headers": {"x-token": "{{session.access_token}}"}}
        session = kind({"format": "session", "config": {"login": LOGIN, "refresh": refresh, "response": "response.t"}})
        (first,), _ = exchanged(session, USER, answer({"t": "T"}))
        assert first.url.endswith("/login"), "there is nothing to refresh yet"
        stored = {**USER, "session": {"access_token": "T"}}
        (renewal,), document = exchanged(session, stored, answer({"t": "T2"}))
        assert renewal.headers["x-token"] == "T" and document["session"]["access_token"] == "T2"
        sent, document = exchanged(session, stored, answer({"error": "gone"}, 401), answer({"t": "T3"}))
        assert [request.url.rpartition("/")[2] for request in sent] == ["renew", "login"]
        assert document["session"]["access_token"] == "T3"

    def test_what_the_account_supplies(self) -> None:
        ask = [{"name": "user_key"}, {"name": "site", "label": "Site", "secret": False, "required": False}]
        session = kind({"format": "session", "config": {"login": LOGIN, "ask": ask}})
        assert [(field.name, field.label, field.secret, field.required) for field in session.fields()] == [
            ("user_key", "User key", True, True),
            ("site", "Site", False, False),
        ]
        usual = kind({"format": "session", "config": {"login": LOGIN}})
        assert [field.name for field in usual.fields()] == ["username", "password"]
        sample = usual.sample(2)
        assert sample["session"]["access_token"] == "sample-2" and not usual.is_expired(sample, NOW)

    def test_an_answer_without_a_session(self) -> None:
        session = kind({"format": "session", "config": {"login": LOGIN, "response": "response.token"}})
        with pytest.raises(CredentialError, match=r"`response: response.token` found nothing; the response has Token"):
            exchanged(session, USER, answer({"Token": "x"}))


class TestJwtBearer:
    def test_a_service_account(self) -> None:
        config = {
            "ask": [{"name": "service_account", "label": "Service account key (JSON)"}],
            "token_url": "https://api.example.com/token",
            "scopes": ["a", "b"],
            "assertion": {
                "key": "{{$jsonParse(service_account).private_key}}",
                "key_id": "{{$jsonParse(service_account).private_key_id}}",
                "claims": {"iss": "{{$jsonParse(service_account).client_email}}"},
            },
        }
        account = json.dumps({"client_email": "r@example.com", "private_key": KEY, "private_key_id": "k"})
        bearer = kind({"format": "jwt_bearer", "config": config})
        (request,), document = exchanged(
            bearer, {"service_account": account}, answer({"access_token": "a", "expires_in": 3600})
        )
        form = form_of(request)
        assert form["grant_type"] == "urn:ietf:params:oauth:grant-type:jwt-bearer"
        claims = claims_of(form["assertion"])
        assert (claims["iss"], claims["aud"], claims["scope"]) == (
            "r@example.com",
            "https://api.example.com/token",
            "a b",
        )
        assert document["oauth"]["token"]["expires_at"] == NOW + 3600
        assert [field.label for field in bearer.fields()] == ["Service account key (JSON)"]

    def test_the_token_of_an_installation(self) -> None:
        config = {
            "assertion": {"claims": {"iss": "{{env.ID}}"}, "backdate_seconds": 60, "lifetime_seconds": 540},
            "request": {
                "url": "https://api.example.com/installations/{{context.tenant}}/tokens",
                "headers": {"authorization": "Bearer {{assertion}}"},
                "response": "{'access_token': response.token, 'permissions': response.permissions}",
                "expires": "response.expires_at",
                "expires_unit": "iso8601",
            },
        }
        bearer = kind({"format": "jwt_bearer", "config": config})
        reply = answer({"token": "T", "expires_at": "2025-10-09T09:53:20Z", "permissions": {"issues": "read"}}, 201)
        (request,), document = exchanged(bearer, {"private_key": KEY}, reply)
        assert request.url == "https://api.example.com/installations/t1/tokens"
        claims = claims_of(request.headers["authorization"].removeprefix("Bearer "))
        assert (claims["iss"], claims["iat"], claims["exp"]) == ("id", int(NOW) - 60, int(NOW) + 540)
        assert document["oauth"]["token"] == {
            "access_token": "T",
            "permissions": {"issues": "read"},
            "expires_at": NOW + 3600,
            "obtained_at": NOW,
        }

    def test_the_jwt_is_the_token(self) -> None:
        bearer = JwtBearer()
        sent, document = exchanged(bearer, {"private_key": KEY})
        assert sent == []
        token = document["oauth"]["token"]
        assert token["access_token"].count(".") == 2 and token["expires_at"] == NOW + 300
        assert not bearer.is_expired(document, NOW + 200)
        assert bearer.is_expired(document, NOW + 240)


class TestChoice:
    DATA: dict[str, Any] = {  # noqa: RUF012
        "format": "choice",
        "config": {
            "by": "context.way",
            "options": {
                "key": {"format": "api_key", "config": {}},
                "login": {"format": "session", "config": {"login": LOGIN, "response": "response.t"}},
            },
        },
    }

    def test_the_context_chooses(self) -> None:
        choice = kind(self.DATA)
        assert isinstance(choice, Choice)
        assert [field.name for field in choose_credentials(choice, {}, USUAL).fields()] == ["api_key"], (
            "the first is the default"
        )
        assert isinstance(choose_credentials(choice, {"way": "login"}, USUAL), SessionCredentials)
        assert (
            choose_credentials(choose_credentials(choice, {"way": "key"}, USUAL), {"way": "login"}, USUAL)
            .fields()[0]
            .name
            == "api_key"
        )

    def test_an_option_that_is_none(self) -> None:
        with pytest.raises(ConfigurationError, match='returns "kay", which is not one of') as raised:
            choose_credentials(kind(self.DATA), {"way": "kay"}, USUAL)
        assert raised.value.hint == "use one of the options: key, login"

    def test_a_default_that_is_none(self) -> None:
        data = {"format": "choice", "config": {**self.DATA["config"], "default": "kay"}}
        with pytest.raises(ConfigurationError, match="is not one of the options"):
            kind(data)

    def test_a_choice_within_a_choice(self) -> None:
        outer = {"format": "choice", "config": {"by": "context.kind", "options": {"inner": self.DATA}}}
        assert isinstance(choose_credentials(kind(outer), {"way": "login"}, USUAL), SessionCredentials)

    def test_until_the_account_is_known_it_is_its_default(self) -> None:
        choice = kind(self.DATA)
        assert choice.document({"api_key": "k"}) == {"api_key": "k"}
        assert choice.sample(1) == {"api_key": "sample-1"}
        assert not choice.is_expired({}, NOW) and not choice.renewable({})
        (request,), document = exchanged(choice, USER, answer({"t": "T"}), scope={"context": {"way": "login"}})
        assert request.url.endswith("/login") and document["session"] == {"access_token": "T"}


def test_more_is_asked_for_than_is_usual() -> None:
    data = {"format": "api_key", "config": {"ask": [{"name": "app_key", "label": "Application key"}]}}
    assert kind(data).document({"api_key": "a", "app_key": "b"}) == {"api_key": "a", "app_key": "b"}


def test_a_sample_of_a_form() -> None:
    data = {"format": "api_key", "config": {"ask": [{"name": "hex_key", "sample": "00ff"}]}}
    assert kind(data).sample(2) == {"api_key": "sample-2", "hex_key": "00ff"}
