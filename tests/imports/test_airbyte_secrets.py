"""What an authenticator of a manifest uses is a secret with a name of its own, whatever the specification says."""

from collections.abc import Callable
from typing import Any

import pytest
from evaluating import usual
from hypothesis import given
from hypothesis import strategies as st

from conn_engine.auth import Authorization, Credentials
from conn_engine.config.convert import convert
from conn_engine.settings import Draft
from conn_import.airbyte import import_document
from conn_import.contract import Options

Read = Callable[..., Any]


def manifest(*requesters: dict[str, Any], properties: dict[str, Any] | None = None) -> dict[str, Any]:
    """A manifest with a stream for each requester; `properties` are those of its specification, None for none."""
    streams = [
        {
            "type": "DeclarativeStream",
            "name": f"things{n}",
            "retriever": {
                "type": "SimpleRetriever",
                "requester": {"type": "HttpRequester", "url_base": "https://api.v.example", "path": "/x", **requester},
                "record_selector": {"extractor": {"type": "DpathExtractor", "field_path": []}},
            },
        }
        for n, requester in enumerate(requesters)
    ]
    made: dict[str, Any] = {"type": "DeclarativeSource", "check": {"stream_names": ["things0"]}, "streams": streams}
    if properties is not None:
        specification = {"type": "object", "properties": properties, "required": list(properties)}
        made["spec"] = {"type": "Spec", "connection_specification": specification}
    return made


def config(name: str) -> str:
    return f"{{{{ config['{name}'] }}}}"


def oauth(**parts: Any) -> dict[str, Any]:
    url = "https://v.example/token"
    return {"type": "OAuthAuthenticator", "token_refresh_endpoint": url, "client_id": "app", **parts}


LOGIN = {
    "type": "HttpRequester", "url_base": "https://v.example", "path": "/login", "http_method": "POST",
    "request_body_json": {"user": {"secret": config("a")}}, "request_headers": {"X-Key": config("b")},
}  # fmt: skip
KEY_IN_BODY = {"type": "RequestOption", "inject_into": "body_json", "field_path": ["auth", "key"]}
SESSION = {
    "type": "SessionTokenAuthenticator", "login_requester": LOGIN, "session_token_path": ["id"],
    "request_authentication": {"type": "Bearer"},
}  # fmt: skip
AUTHENTICATORS: dict[str, tuple[dict[str, Any], set[str]]] = {
    "bearer": ({"type": "BearerAuthenticator", "api_token": config("a")}, {"a"}),
    "bearer with a prefix": ({"type": "BearerAuthenticator", "api_token": f"v1-{config('a')}"}, {"a"}),
    "header": ({"type": "ApiKeyAuthenticator", "api_token": config("a"), "header": "X-Any"}, {"a"}),
    "body": ({"type": "ApiKeyAuthenticator", "api_token": config("a"), "inject_into": KEY_IN_BODY}, {"a"}),
    "pair": ({"type": "BasicHttpAuthenticator", "username": config("a"), "password": config("b")}, {"a", "b"}),
    "user alone": ({"type": "BasicHttpAuthenticator", "username": config("a"), "password": ""}, {"a"}),
    "client": (oauth(grant_type="client_credentials", client_id=config("a"), client_secret=config("b")), {"a", "b"}),
    "refresh": (oauth(client_secret=config("a"), refresh_token=config("b")), {"a", "b"}),
    "field": (oauth(grant_type="password", refresh_request_body={"pass": config("a")}), {"a"}),
    "session": (SESSION, {"a", "b"}),
    "login with a pair": (
        {**SESSION, "login_requester": {**LOGIN, "request_headers": {}, "request_body_json": {},
         "authenticator": {"type": "BasicHttpAuthenticator", "username": config("a"), "password": config("b")}}},
        {"a", "b"},
    ),
    "older session": (
        {"type": "LegacySessionTokenAuthenticator", "login_url": "in", "username": config("a"), "password": config("b"),
         "session_token": "", "validate_session_url": "", "header": "X-S", "session_token_response_key": "id"},
        {"a", "b"},
    ),
    "signed": ({"type": "JwtAuthenticator", "secret_key": config("a"), "algorithm": "HS256"}, {"a"}),
    "choice": (
        {"type": "SelectiveAuthenticator", "authenticator_selection_path": ["way"],
         "authenticators": {"one": {"type": "BearerAuthenticator", "api_token": config("a")},
                            "two": {"type": "ApiKeyAuthenticator", "api_token": config("b"), "header": "X-B"}}},
        {"a", "b"},
    ),
}  # fmt: skip


@pytest.mark.parametrize("properties", [None, {"a": {"type": "string"}, "b": {"type": "string", "default": "x"}}])
@pytest.mark.parametrize("kind", AUTHENTICATORS)
def test_what_an_authenticator_uses_is_a_secret(kind: str, properties: dict[str, Any] | None) -> None:
    authenticator, used = AUTHENTICATORS[kind]
    made = import_document(
        manifest({"authenticator": authenticator, "http_method": "POST"}, properties=properties), Options("vendor")
    )
    assert not list(made.losses)
    assert {name for name, (where, _) in made.supplied.items() if where == "credential"} == used
    assert not used & {row["name"] for row in made.data.get("fields", ())}
    assert "context.a" not in str(made.data) and "context.b" not in str(made.data)
    credentials: Any = convert(made.data["credentials"], Credentials)
    asked = {made.supplied[name][1] for name in used}
    options = getattr(credentials, "options", {"": credentials}).values()
    assert asked == {field.name for option in options for field in option.fields()} & asked


@pytest.mark.parametrize("name", ["api_key", "apiKey", "access_token", "client_secret", "Password"])
def test_a_setting_that_is_called_like_a_secret_is_one(name: str) -> None:
    made = import_document(manifest({"request_headers": {"X-Any": f"v={config(name)}"}}), Options("vendor"))
    assert made.supplied[name][0] == "credential"
    assert made.data["authorization"]["config"] == {"name": "X-Any", "value": "v={{api_key}}"}


@pytest.mark.parametrize("options", [{"enum": ["eu", "us"]}, {"const": "eu"}, {"type": "boolean"}])
def test_what_the_specification_lists_is_none(options: dict[str, Any]) -> None:
    properties = {"a": {"type": "string", **options}}
    parts = {"grant_type": "password", "refresh_request_body": {"a": config("a")}}
    made = import_document(manifest({"authenticator": oauth(**parts)}, properties=properties), Options("vendor"))
    assert made.supplied["a"] == ("context", "a")


def test_a_name_of_the_account_that_urls_need_stays_one() -> None:
    pair = {"type": "BasicHttpAuthenticator", "username": config("user"), "password": config("pass")}
    made = import_document(
        manifest({"authenticator": pair, "url_base": f"https://{config('user')}.v.example"}), Options("vendor")
    )
    assert made.supplied["user"] == ("context", "user")
    assert made.supplied["pass"] == ("credential", "api_key")
    assert made.data["base_url"] == "https://{{context.user}}.v.example"
    assert not list(made.losses)


def sent(made: Any, values: dict[str, str]) -> dict[str, str]:
    """The headers and query of a request of an account that has these values of settings."""
    document = {made.supplied[name][1]: value for name, value in values.items()}
    row = made.data["resources"]["things0"]["list"]
    authorization: Any = convert(row.get("authorization", made.data["authorization"]), Authorization)
    draft = Draft("GET", "https://api.v.example/x", scope=usual())
    authorization.apply(draft, usual({**document, "context": {}, "env": {}}))
    return {**draft.headers, **dict(draft.query)}


@pytest.mark.parametrize(
    ("first", "second"), [("token", "api_key"), ("api_key", "apiKey"), ("apiKey", "api_key"), ("API Key", "api_key")]
)
def test_a_key_and_a_token_are_both_carried_and_never_joined(first: str, second: str) -> None:
    authenticator = {"type": "ApiKeyAuthenticator", "api_token": config(first), "header": "X-First"}
    requester = {"authenticator": authenticator, "request_parameters": {"second": config(second)}}
    made = import_document(manifest(requester), Options("vendor"))
    assert made.data["authorization"]["format"] == "several"
    assert sent(made, {first: "1", second: "2"}) == {"X-First": "1", "second": "2"}


def test_two_clients_are_never_one() -> None:
    clients = [
        oauth(grant_type="client_credentials", client_id=config(f"id{n}"), client_secret=config(f"secret{n}"))
        for n in (1, 2)
    ]
    made = import_document(manifest(*({"authenticator": one} for one in clients)), Options("vendor"))
    names = [made.supplied[name][1] for name in ("id1", "secret1", "id2", "secret2")]
    assert len(set(names)) == 4
    losses = dict(made.losses)
    assert "different credentials on some streams: oauth2_client_credentials" in losses


def test_a_secret_that_all_options_need_is_asked_for_in_each() -> None:
    choice = AUTHENTICATORS["choice"][0]
    made = import_document(
        manifest({"authenticator": choice, "request_headers": {"X-App": config("a")}}), Options("vendor")
    )
    credentials: Any = convert(made.data["credentials"], Credentials)
    names = {name: made.supplied[name][1] for name in ("a", "b")}
    assert names["a"] != names["b"]
    asked = {way: {field.name for field in option.fields()} for way, option in credentials.options.items()}
    assert asked == {"one": {names["a"]}, "two": {names["a"], names["b"]}}
    assert made.data["authorization"]["config"]["all"][1]["config"]["value"] == f"{{{{{names['a']}}}}}"


NAMES = st.lists(
    st.sampled_from(["api_key", "apiKey", "API-key", "api key", "token", "Token", "client_id", "username", "env", "1"]),
    min_size=2, max_size=6, unique=True,
)  # fmt: skip


@given(NAMES)
def test_every_secret_has_a_name_of_its_own(names: list[str]) -> None:
    first, *others = names
    requester = {
        "authenticator": {"type": "ApiKeyAuthenticator", "api_token": config(first), "header": "X-First"},
        "request_headers": {f"X-{n}": config(name) for n, name in enumerate(others)},
    }
    properties = {name: {"type": "string", "airbyte_secret": True} for name in names}
    made = import_document(manifest(requester, properties=properties), Options("vendor"))
    values = {name: f"value-{n}" for n, name in enumerate(names)}
    assert sent(made, values) == {
        "X-First": values[first],
        **{f"X-{n}": values[name] for n, name in enumerate(others)},
    }
