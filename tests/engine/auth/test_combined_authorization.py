"""Authorization in cookies, bodies and by expressions; several at once, and one of several."""

from typing import Any

import pytest
from evaluating import usual

from conn_engine.auth import Authorization, Body, Cookie, ExpressionAuthorization
from conn_engine.config.convert import convert
from conn_engine.errors import ConfigurationError, ConnError, CredentialError
from conn_engine.settings import Draft

URL = "https://api.example.com/v1/things"


def applied(authorization: Any, scope: dict[str, Any], **draft: Any) -> Draft:
    if isinstance(authorization, dict):
        authorization = convert(authorization, Authorization)
    made = Draft(**{"method": "POST", "url": URL, "scope": usual(), **draft})
    authorization.apply(made, usual(scope))
    assert made.authorized
    return made


class TestCookie:
    SCOPE = {"session": {"access_token": "s1"}}  # noqa: RUF012

    def test_beside_other_cookies(self) -> None:
        assert applied(Cookie(name="SID"), self.SCOPE).headers == {"Cookie": "SID=s1"}
        draft = applied(Cookie(name="SID"), self.SCOPE, headers={"cookie": "lang=en; SID=old;"})
        assert draft.headers == {"Cookie": "lang=en; SID=s1"}

    def test_all_cookies_of_a_log_in(self) -> None:
        scope = {"session": {"access_token": "a=1; b=2"}}
        assert applied(Cookie(), scope, headers={"Cookie": "a=0; c=3"}).headers == {"Cookie": "c=3; a=1; b=2"}

    @pytest.mark.parametrize("value", ["s3cret; Path=/", "s3 cret", 's3"cret', "s3\r\ncret"])
    def test_a_value_that_no_cookie_can_carry(self, value: str) -> None:
        with pytest.raises(CredentialError) as raised:
            applied(Cookie(name="SID"), {"session": {"access_token": value}})
        assert "s3" not in raised.value.message

    def test_no_session(self) -> None:
        with pytest.raises(CredentialError, match='the cookie "SID" cannot be made'):
            applied(Cookie(name="SID"), {})


class TestBody:
    def test_a_field_of_a_copy(self) -> None:
        body = {"name": "x", "auth": {"site": 1}}
        draft = applied(Body(field="auth.key"), {"api_key": "k"}, body=body)
        assert draft.body == {"name": "x", "auth": {"site": 1, "key": "k"}}
        assert body == {"name": "x", "auth": {"site": 1}}
        assert applied(Body(field="key"), {"api_key": 7}).body == {"key": 7}

    @pytest.mark.parametrize("draft", [{"method": "GET"}, {"body": [1]}, {"body": {"a": "text"}}])
    def test_a_body_that_cannot_carry_it(self, draft: dict[str, Any]) -> None:
        with pytest.raises(ConfigurationError, match="body"):
            applied(Body(field="a.key"), {"api_key": "s3cret"}, **draft)


class TestExpression:
    def test_every_place(self) -> None:
        text = (
            "{'headers': {'X-Sign': $digest(request.method & request.path & api_key)}, "
            "'query': {'app': env.APP}, 'body': {'t': context.tenant}}"
        )
        scope = {"api_key": "k", "env": {"APP": "e"}, "context": {"tenant": "t1"}}
        draft = applied(
            ExpressionAuthorization(expression=text), scope, body={"a": 1}, query=[("app", "old"), ("b", 2)]
        )
        assert len(draft.headers["X-Sign"]) == 64
        assert draft.query == [("app", "e"), ("b", 2)]
        assert draft.body == {"a": 1, "t": "t1"}

    @pytest.mark.parametrize(
        "text",
        [
            "nothing",
            "api_key",
            "{}",
            "{'header': {'a': api_key}}",
            "{'headers': api_key}",
            "{'headers': {'a': [1, 2]}}",
        ],
    )
    def test_what_is_no_authorization(self, text: str) -> None:
        with pytest.raises(ConnError) as raised:
            applied(ExpressionAuthorization(expression=text), {"api_key": "s3cret"})
        assert raised.value.exit_code in (3, 5)
        assert "s3cret" not in f"{raised.value.message} {raised.value.hint}"

    def test_a_header_that_cannot_be_sent(self) -> None:
        with pytest.raises(CredentialError) as raised:
            applied(ExpressionAuthorization(expression="{'headers': {'a': api_key}}"), {"api_key": "s3cret\n"})
        assert "s3cret" not in raised.value.message


class TestCombined:
    def test_several(self) -> None:
        data = {
            "format": "several",
            "config": {
                "all": [
                    {"format": "bearer"},
                    {"format": "header", "config": {"name": "X-App", "value": "{{app_key}}"}},
                    {"format": "query", "config": {"name": "key", "value": "{{api_key}}"}},
                ]
            },
        }
        draft = applied(data, {"token": "t", "app_key": "a", "api_key": "k"})
        assert draft.headers == {"Authorization": "Bearer t", "X-App": "a"}
        assert draft.query == [("key", "k")]

    def test_choice(self) -> None:
        data = {
            "format": "choice",
            "config": {
                "by": "api_key ? 'key' : context.way",
                "options": {
                    "token": {"format": "bearer"},
                    "key": {"format": "header", "config": {"name": "X-Key"}},
                },
            },
        }
        assert applied(data, {"api_key": "k"}).headers == {"X-Key": "k"}
        assert applied(data, {"token": "t"}).headers == {"Authorization": "Bearer t"}
        with pytest.raises(ConfigurationError, match="not one of the authorization's options") as raised:
            applied(data, {"token": "t", "context": {"way": "s3cret"}})
        assert "s3cret" not in raised.value.message

    @pytest.mark.parametrize(
        "config",
        [
            {"format": "several", "config": {"all": []}},
            {"format": "choice", "config": {"by": "x", "options": {}}},
            {"format": "choice", "config": {"by": "x", "default": "b", "options": {"a": {"format": "none"}}}},
        ],
    )
    def test_wrong_settings(self, config: dict[str, Any]) -> None:
        with pytest.raises(ConfigurationError):
            convert(config, Authorization)
