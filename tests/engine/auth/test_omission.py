"""Parts of a credential that an account may leave out: whatever would carry them is left out."""

import base64
from typing import Any

import msgspec
import pytest
from evaluating import usual
from hypothesis import given
from hypothesis import strategies as st

from conn_engine.auth import (
    ApiKey,
    Authorization,
    BasicAuthorization,
    BasicCredentials,
    Bearer,
    BearerCredentials,
    Body,
    Cookie,
    Credentials,
    ExpressionAuthorization,
    Header,
    PathAuthorization,
    Query,
    SessionCredentials,
    Several,
    absent_parts,
    blank_absent,
    remove_absent,
)
from conn_engine.auth.signatures import Signature, SigningContext
from conn_engine.conditions import Chance
from conn_engine.errors import ConnError, CredentialError, UsageError
from conn_engine.settings import Draft
from conn_engine.wire import FrozenClock, Headers, Request, Response

URL = "https://api.example.com/v1/things"
KEY = frozenset({"api_key"})
PAIR = frozenset({"username", "password"})


def applied(authorization: Authorization, scope: dict[str, Any], absent: frozenset[str] = KEY, url: str = URL) -> Draft:
    draft = Draft("POST", url, [("limit", 2)], {}, {"a": 1}, absent=absent, scope=usual())
    authorization.apply(draft, usual(scope))
    return draft


@pytest.mark.parametrize(
    ("credentials", "names"),
    [
        (ApiKey(required=False), ["api_key"]),
        (BearerCredentials(required=False), ["token"]),
        (BasicCredentials(password_required=False), ["password"]),
        (BasicCredentials(username_required=False, password_required=False), ["username", "password"]),
    ],
)
def test_every_typed_kind_can_go_without(credentials: Credentials, names: list[str]) -> None:
    assert [part.name for part in credentials.fields() if not part.required] == names
    others = {part.name: "x" for part in credentials.fields() if part.required}
    assert credentials.document(others) == others
    assert set(credentials.sample()) == {part.name for part in credentials.fields()}
    assert absent_parts(credentials.fields(), others) == frozenset(names)
    assert absent_parts(credentials.fields(), {**others, **dict.fromkeys(names, "")}) == frozenset(names)
    assert absent_parts(credentials.fields(), credentials.sample()) == frozenset()


def test_a_part_is_required_unless_it_is_said() -> None:
    for credentials in (ApiKey(), BearerCredentials(), BasicCredentials()):
        assert all(part.required for part in credentials.fields())
        with pytest.raises(UsageError, match="is missing"):
            credentials.document({})
    assert absent_parts(ApiKey().fields(), {}) == frozenset()


@pytest.mark.parametrize(
    "authorization",
    [
        Header(name="X-Key"),
        Header(name="Authorization", value="Token {{api_key}}"),
        Header(name="X-Key", value="{{$uppercase(api_key)}}"),
        Header(name="X-Key", value="{{api_key ? api_key : null}}"),
        Query(name="key"),
        Cookie(name="key", value="{{api_key}}"),
        Cookie(value="key={{api_key}}"),
        Body(field="auth.key"),
        Bearer(),
        Bearer(path="api_key"),
        BasicAuthorization(username="{{api_key}}"),
        BasicAuthorization(username="", password="{{api_key}}"),
        ExpressionAuthorization(expression="api_key ? {'headers': {'X-Key': api_key}}"),
        ExpressionAuthorization(expression="{'headers': {'X-Key': api_key}, 'query': {'key': api_key}}"),
        Several(all=(Header(name="X-Key"), Query(name="key"))),
    ],
)
def test_a_place_without_its_part_is_left_out(authorization: Authorization) -> None:
    draft = applied(authorization, {"env": {}})
    assert (draft.headers, draft.query, draft.body) == ({}, [("limit", 2)], {"a": 1})
    assert not draft.authorized, "nothing of it is a credential"
    assert applied(authorization, {"api_key": "k"}, frozenset()).authorized


@pytest.mark.parametrize(
    "authorization",
    [
        Header(name="X-Key"),
        Query(name="k"),
        Cookie(name="k"),
        Body(field="k"),
        Bearer(path="api_key"),
        BasicAuthorization(),
    ],
)
def test_what_is_not_said_to_be_optional_is_still_missing(authorization: Authorization) -> None:
    for absent in (frozenset(), frozenset({"tenant"})):
        with pytest.raises(CredentialError):
            applied(authorization, {"env": {}}, absent)


@pytest.mark.parametrize("authorization", [Header(name="X-Key"), Query(name="k"), Cookie(value="{{api_key}}")])
def test_a_null_is_no_text(authorization: Authorization) -> None:
    with pytest.raises(CredentialError, match="is null"):
        applied(authorization, {"api_key": None}, frozenset())


def test_something_else_that_lacks_beside_is_an_error() -> None:
    with pytest.raises(CredentialError, match=r"env\.APP"):
        applied(Header(name="X-Key", value="{{env.APP}} {{api_key}}"), {"env": {}})


def test_basic_sends_what_there_is() -> None:
    def pair(draft: Draft) -> str:
        return base64.b64decode(draft.headers["Authorization"].removeprefix("Basic ")).decode()

    assert pair(applied(BasicAuthorization(), {"username": "ann"}, frozenset({"password"}))) == "ann:"
    assert (
        pair(applied(BasicAuthorization(password="{{password}}"), {"username": "ann"}, frozenset({"password"})))
        == "ann:"
    )
    assert pair(applied(BasicAuthorization(), {"password": "p"}, frozenset({"username"}))) == ":p"
    both = BasicAuthorization(username="{{context.user}}", password="{{api_key}}")
    assert pair(applied(both, {"context": {"user": "ann"}})) == "ann:"
    assert applied(BasicAuthorization(), {}, PAIR).headers == {}


def test_several_headers_and_one_that_is_left_out() -> None:
    draft = applied(Header(headers={"X-Key": "{{api_key}}", "X-Tenant": "{{tenant}}"}), {"tenant": "t"})
    assert (draft.headers, draft.authorized) == ({"X-Tenant": "t"}, True)


def test_a_next_url_keeps_what_it_has() -> None:
    assert applied(Query(name="key"), {}, url=f"{URL}?key=&page=2").url == f"{URL}?key=&page=2"


def test_a_path_cannot_go_without() -> None:
    with pytest.raises(CredentialError, match="api_key"):
        applied(PathAuthorization(name="key"), {}, url="https://api.example.com/{key}")


SESSION = {
    "format": "session",
    "ask": [
        {"name": "user"},
        {"name": "password", "required": False},
        {"name": "code", "required": False},
        {"name": "tenant", "required": False},
    ],
    "login": {
        "url": "https://login.example.com/",
        "headers": {"X-Tenant": "{{tenant}}", "Authorization": "Basic {{$base64encode(user & ':' & password)}}"},
        "query": {"code": "{{code}}", "v": "2"},
        "body": {"user": "{{user}}", "nested": {"password": "{{password}}"}, "list": ["{{code}}", "x"]},
        "body_format": "json",
    },
    "introspect": {"url": "https://login.example.com/about", "body": {"c": "{{code}}", "u": "{{user}}"}},
    "revoke": [{"url": "https://login.example.com/out", "query": {"c": "{{code}}", "u": "{{user}}"}}],
}


def asked(flow: Any, answer: bytes = b'{"access_token": "t"}') -> list[Request]:
    """The requests of a flow whose every answer is this."""
    sent: list[Request] = []
    try:
        while True:
            sent.append(flow.send(None) if not sent else flow.send(Response(200, Headers(), answer)))
    except StopIteration:
        return sent


def test_a_log_in_goes_without_what_is_left_out() -> None:
    credentials = msgspec.convert(SESSION, SessionCredentials)
    run = credentials.exchange(usual(), ("login.example.com",), FrozenClock())
    [login] = asked(run({"user": "ann", "password": ""}))
    assert login.url == "https://login.example.com/?v=2"
    assert "x-tenant" not in login.headers
    assert base64.b64decode(login.headers["authorization"].removeprefix("Basic ")) == b"ann:"
    assert msgspec.json.decode(login.body or b"") == {"user": "ann", "nested": {}, "list": ["x"]}
    [login] = asked(run({"user": "ann", "password": "p", "code": "c", "tenant": "t"}))
    assert (login.url, login.headers["x-tenant"]) == ("https://login.example.com/?code=c&v=2", "t")
    with pytest.raises(CredentialError, match="user"):
        asked(run({"password": "p"}))


def test_what_is_asked_about_a_token_goes_without_too() -> None:
    credentials = msgspec.convert(SESSION, SessionCredentials)
    stored = {"user": "ann", "session": {"access_token": "t"}}
    run = credentials.exchange(usual(), ("login.example.com",), FrozenClock())
    [about] = asked(run(stored), b'{"active": true}')
    assert about.body == b"u=ann"
    [out] = asked(credentials.revocation(usual(stored), ("login.example.com",), FrozenClock()))
    assert out.url == "https://login.example.com/out?u=ann"


def signed(signature: Any, document: dict[str, Any], absent: set[str]) -> Request:
    request = Request(method="GET", url=URL, headers=Headers())
    scope = blank_absent(usual(document, env={}, context={}), frozenset(absent))
    return msgspec.convert(signature, Signature).sign(request, scope, SigningContext.from_time(0, Chance(0)))  # type: ignore[no-any-return]


def test_a_signature_takes_what_is_left_out_for_empty_but_no_key() -> None:
    aws = {"format": "aws_sigv4", "region": "eu-1", "service": "x", "session_token": "{{session_token}}"}
    pair = {"access_key_id": "a", "secret_access_key": "s"}
    assert "x-amz-security-token" not in signed(aws, pair, {"session_token"}).headers
    assert signed(aws, {**pair, "session_token": "t"}, set()).headers["x-amz-security-token"] == "t"
    for signature in (
        aws,
        {"format": "hmac", "content": "request.method", "key": "{{api_key}}", "headers": {"X-Sign": "{{signature}}"}},
    ):
        with pytest.raises(CredentialError, match="no key to sign with"):
            signed(signature, {"secret_access_key": "s"}, {"api_key", "access_key_id", "session_token"})


PARTS = ("api_key", "tenant", "app")
TEMPLATE = st.lists(
    st.sampled_from([*(f"{{{{{name}}}}}" for name in PARTS), "Token ", "x", "{{tenant ? tenant : api_key}}"]),
    min_size=1,
    max_size=3,
).map("".join)


@given(TEMPLATE, st.sets(st.sampled_from(PARTS)), st.sets(st.sampled_from(PARTS)))
def test_a_text_is_whole_or_not_there(template: str, stored: set[str], optional: set[str]) -> None:
    """Whatever is stored: a header has the text as it is with all its parts, or it is not sent, or it is an error; and
    an error only for a part that may not be left out, a header that is not sent only for one that may."""
    document = {name: f"value-of-{name}" for name in stored}
    absent = frozenset(optional - stored)
    draft = Draft("GET", URL, absent=absent, scope=usual())
    try:
        Header(name="X-Key", value=template).apply(draft, remove_absent(usual(document), absent))
    except ConnError:
        assert not (set(PARTS) <= stored | optional)
        return
    sent = draft.headers.get("X-Key")
    assert (sent is None) <= bool(absent)
    if sent is not None:
        assert "{{" not in sent and "None" not in sent and "null" not in sent
        assert all(f"value-of-{name}" in sent for name in PARTS if f"{{{{{name}}}}}" in template)
