import base64
from typing import Any

import msgspec
import pytest
from evaluating import usual

from conn_engine.auth import (
    Authorization,
    BasicAuthorization,
    Bearer,
    Header,
    NoAuthorization,
    PathAuthorization,
    Query,
)
from conn_engine.errors import ConfigurationError, ConnError, CredentialError
from conn_engine.settings import Draft

URL = "https://api.example.com/v1/things"


def applied(authorization: Authorization, scope: dict[str, Any], url: str = URL) -> Draft:
    draft = Draft(
        "GET", url, [("limit", 2)], {"authorization": "old"} if isinstance(authorization, Bearer) else {}, scope=usual()
    )
    authorization.apply(draft, usual(scope))
    return draft


def decoded(draft: Draft, encoding: str = "utf-8") -> str:
    return base64.b64decode(draft.headers["Authorization"].removeprefix("Basic ")).decode(encoding)


def test_none() -> None:
    draft = applied(NoAuthorization(), {})
    assert (draft.headers, draft.authorized) == ({}, False)


@pytest.mark.parametrize(
    "document",
    [{"oauth": {"token": {"access_token": "abc"}}}, {"token": "abc"}, {"api_key": "abc"}],
)
def test_bearer_finds_the_token_of_every_kind(document: dict[str, Any]) -> None:
    draft = applied(Bearer(), document)
    assert (draft.headers, draft.authorized) == ({"Authorization": "Bearer abc"}, True)


def test_bearer_options() -> None:
    scope = {"session": {"key": "abc"}, "token": "other"}
    assert applied(Bearer(path="session.key", prefix="Token"), scope).headers["Authorization"] == "Token abc"
    draft = applied(Bearer(path="session.key", prefix="", header="X-Access-Token"), scope)
    assert draft.headers == {"authorization": "old", "X-Access-Token": "abc"}


@pytest.mark.parametrize(
    "document", [{}, {"oauth": {}}, {"oauth": {"token": {"access_token": ""}}}, {"token": {"a": 1}}]
)
def test_bearer_without_a_token(document: dict[str, Any]) -> None:
    with pytest.raises(CredentialError, match=r"has no oauth\.token\.access_token") as raised:
        applied(Bearer(path="oauth.token.access_token"), document)
    assert "conn auth login" in raised.value.hint
    with pytest.raises(CredentialError, match="has no token"):
        applied(Bearer(), document)


@pytest.mark.parametrize("token", ["s3cret\n", "s3cret\r\nX-Evil: 1", "s3cret\x00", "s3crét"])
def test_a_token_that_no_header_can_carry_is_refused_without_showing_it(token: str) -> None:
    for authorization in (Bearer(path="token"), Header(name="X-Key", value="{{token}}")):
        with pytest.raises(CredentialError) as raised:
            applied(authorization, {"token": token})
        assert "s3c" not in str(raised.value) + raised.value.hint


def test_basic() -> None:
    assert decoded(applied(BasicAuthorization(), {"username": "ann", "password": "p:w"})) == "ann:p:w"
    assert decoded(applied(BasicAuthorization(), {"username": "ann"})) == "ann:"
    assert (
        decoded(applied(BasicAuthorization(username="{{api_key}}", password=""), {"api_key": "k", "password": "no"}))
        == "k:"
    )
    assert (
        decoded(applied(BasicAuthorization(username="{{username}}/token"), {"username": "a@b.c", "password": "t"}))
        == "a@b.c/token:t"
    )
    assert decoded(applied(BasicAuthorization(), {"username": "ö", "password": "€"})) == "ö:€"
    assert (
        decoded(applied(BasicAuthorization(encoding="latin-1"), {"username": "ö", "password": "ü"}), "latin-1") == "ö:ü"
    )


@pytest.mark.parametrize(
    ("scope", "words"),
    [
        ({"username": "a:b", "password": "s3cret"}, 'contains ":"'),
        ({"username": "a", "password": "s3cret€"}, "latin-1 does not have"),
        ({"password": "s3cret"}, "username"),
    ],
)
def test_basic_refusals(scope: dict[str, Any], words: str) -> None:
    with pytest.raises(CredentialError, match=words) as raised:
        applied(BasicAuthorization(encoding="latin-1"), scope)
    assert "s3cret" not in str(raised.value)


def test_headers() -> None:
    scope = {"api_key": "k", "app": "a", "env": {"APP": "e"}}
    assert applied(Header(name="X-Api-Key"), scope).headers == {"X-Api-Key": "k"}
    several = Header(name="Authorization", value="Token {{api_key}}", headers={"X-App": "{{env.APP}}"})
    assert applied(several, scope).headers == {"Authorization": "Token k", "X-App": "e"}
    with pytest.raises(CredentialError, match='the header "X-App" cannot be made'):
        applied(several, {"api_key": "k"})


def test_query() -> None:
    assert applied(Query(name="api_token"), {"api_key": "k"}).query == [("limit", 2), ("api_token", "k")]


def test_a_next_url_that_echoes_the_secret_gets_it_once() -> None:
    draft = applied(Query(name="api_token"), {"api_key": "new"}, URL + "?a=1&api%5Ftoken=old&b=2")
    assert (draft.url, draft.query[-1]) == (URL + "?a=1&b=2", ("api_token", "new"))
    assert applied(Query(name="api_token"), {"api_key": "new"}, URL + "?api_token=old").url == URL


def test_path() -> None:
    kind = PathAuthorization(name="token", value="bot{{api_key}}")
    url = "https://api.example.com/v1/{token}/a%20b?x={token}"
    draft = applied(kind, {"api_key": "7:a-b"}, url)
    assert (draft.url, draft.authorized) == ("https://api.example.com/v1/bot7:a-b/a%20b?x={token}", True)
    assert applied(kind, {"api_key": "a/b ä"}, url).url.startswith("https://api.example.com/v1/bota%2Fb%20%C3%A4/a")
    for whole in ("bot[redacted]", "bot%5Bredacted%5D", "{token}", "%7Btoken%7D"):
        draft = Draft("GET", f"https://api.example.com/v1/{whole}/a?page=2", absolute=True, address=url, scope=usual())
        kind.apply(draft, usual(api_key="k"))
        assert draft.url == "https://api.example.com/v1/botk/a?page=2"


def test_a_next_url_that_has_the_value_itself_is_taken_as_it_is() -> None:
    kind = PathAuthorization(name="account", value="{{account}}")
    own = "https://api.example.com/v1/{account}/a"
    for path, holds in {
        "v1/k/a?page=2": True,
        "v1/k": True,
        "v1/keys/a": False,
        "v2/k/a": False,
        "v1/x/k": False,
    }.items():
        draft = Draft("GET", f"https://api.example.com/{path}", absolute=True, address=own, scope=usual())
        if holds:
            kind.apply(draft, usual(account="k"))
            assert (draft.url, draft.authorized) == (f"https://api.example.com/{path}", True)
        else:
            with pytest.raises(ConfigurationError, match="the path has no"):
                kind.apply(draft, usual(account="k"))
    with pytest.raises(ConfigurationError, match="the path has no"):
        kind.apply(Draft("GET", "https://api.example.com/v1/k/a", scope=usual()), usual(account="k"))


@pytest.mark.parametrize("path", ["v1/notes/{mark}", "notes/{mark}/a", "{mark}/v1", "v1%2F{mark}/a", "v1//{mark}/a"])
@pytest.mark.parametrize("mark", ["bot[redacted]", "bot%5Bredacted%5D", "{token}", "%7Btoken%7D"])
@pytest.mark.parametrize("absolute", [True, False])
def test_a_url_has_no_further_place_for_a_secret(path: str, mark: str, *, absolute: bool) -> None:
    kind = PathAuthorization(name="token", value="bot{{api_key}}")
    own, url = "https://api.example.com/v1/{token}/a", f"https://api.example.com/{path.format(mark=mark)}"
    draft = Draft("GET", url, absolute=absolute, address=own, scope=usual())
    with pytest.raises(ConfigurationError, match="the path has no"):
        kind.apply(draft, usual(api_key="k"))
    both = Draft("GET", f"https://api.example.com/v1/{{token}}/{mark}", absolute=absolute, address=own, scope=usual())
    kind.apply(both, usual(api_key="k"))
    assert both.url == f"https://api.example.com/v1/botk/{mark}"


@pytest.mark.parametrize(
    ("scope", "url", "message"),
    [
        ({"api_key": "k"}, "https://api.example.com/v1", r"the path has no placeholder \{token\}"),
        ({"api_key": "k"}, "https://{token}.example.com/v1?a={token}", r"the path has no placeholder \{token\}"),
        ({"api_key": ".."}, "https://api.example.com/{token}", 'cannot be ".."'),
        ({}, "https://api.example.com/{token}", "api_key"),
    ],
)
def test_path_refusals(scope: dict[str, Any], url: str, message: str) -> None:
    with pytest.raises(ConnError, match=message):
        applied(PathAuthorization(name="token"), scope, url)


@pytest.mark.parametrize(
    "data",
    [
        {"format": "header"},
        {"format": "query"},
        {"format": "path", "name": "a b"},
        {"format": "bearr"},
        {"format": "bearer", "prefx": "x"},
    ],
)
def test_wrong_settings(data: dict[str, Any]) -> None:
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert(data, Authorization)
