"""Low-code manifests: the golden of one that uses what manifests can say, and their rules one by one."""

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from evaluating import evaluate, render, render_path, usual

from conn_engine.auth import Authorization, Credentials
from conn_engine.config import load_workspace
from conn_engine.config.convert import convert
from conn_engine.diagnostics import Severity
from conn_engine.errors import ConfigurationError, UsageError
from conn_engine.lint import lint_paths
from conn_engine.runtime.call import Call
from conn_engine.runtime.plans import plan_operation
from conn_engine.runtime.wiring import wire_account
from conn_engine.secrets.vault.memory import MemoryVault
from conn_engine.settings import Draft
from conn_engine.wire import FrozenClock, Headers, Response
from conn_import import Options, import_source, propose_name, read_source

FOLDER = Path(__file__).parent
HARBOUR = FOLDER / "manifests" / "harbour.yaml"


@pytest.mark.parametrize("name", ["connector.yaml", "README.md", "schemas/ships.schema.json"])
def test_the_text_is_as_kept(name: str) -> None:
    source = read_source(HARBOUR)
    made = import_source(source, Options(propose_name(source)))
    golden = FOLDER / "expected" / made.name / name
    if os.environ.get("CONN_WRITE_GOLDENS"):
        golden.parent.mkdir(parents=True, exist_ok=True)
        golden.write_text(made.files[name], encoding="utf-8")
    assert made.files[name] == golden.read_text(encoding="utf-8")


def test_the_result_lints_clean(tmp_path: Path) -> None:
    (tmp_path / "conn.yaml").write_text("version: 1\n")
    made = import_source(read_source(HARBOUR), Options("harbour"))
    made.write(tmp_path / "connectors" / "harbour")
    assert [one for one in lint_paths(tmp_path, []).findings if one.severity >= Severity.WARNING] == []


def test_where_an_account_has_each_setting() -> None:
    made = import_source(read_source(HARBOUR), Options("harbour"))
    assert made.supplied["access.refresh_token"] == ("credential", "oauth.token.refresh_token")
    assert made.supplied["access.api_key"] == ("credential", "api_key")
    assert made.supplied["start_date"] == ("context", "start_date")
    assert made.supplied["station_id"] == ("context", "station_id")  # in a URL nothing is secret


Read = Callable[..., Any]


@pytest.fixture
def read(imported: Callable[..., Any]) -> Read:
    """Import a manifest of streams with these parts."""

    def run(*streams: Any, spec: dict[str, Any] | None = None, only: tuple[str, ...] = (), **more: Any) -> Any:
        manifest = {
            "version": "6.0.0",
            "type": "DeclarativeSource",
            "check": {"type": "CheckStream", "stream_names": ["things"]},
            "spec": {"type": "Spec", "connection_specification": {"type": "object", **(spec or {})}},
            **more,
            "streams": list(streams),
        }
        return imported(manifest, only=only)

    return run


def stream(name: str = "things", **parts: Any) -> dict[str, Any]:
    """A stream: keys of the requester, the retriever, the stream and the selector, distinguished by their names."""
    places = {
        "requester": ("path", "url_base", "http_method", "authenticator", "request_parameters", "request_headers",
                      "request_body_json", "request_body_data", "error_handler", "query_properties"),
        "retriever": ("paginator", "partition_router", "decoder"),
        "selector": ("extractor", "record_filter", "schema_normalization"),
    }  # fmt: skip
    split = {place: {key: parts.pop(key) for key in keys if key in parts} for place, keys in places.items()}
    requester = {"type": "HttpRequester", "url_base": "https://api.v.example", "path": "/things", **split["requester"]}
    extractor = {"type": "DpathExtractor", "field_path": []}
    return {
        "type": "DeclarativeStream",
        "name": name,
        "retriever": {
            "type": "SimpleRetriever",
            "requester": requester,
            "record_selector": {"type": "RecordSelector", "extractor": extractor, **split["selector"]},
            **split["retriever"],
        },
        **parts,
    }


def listing(made: Any, resource: str = "things") -> dict[str, Any]:
    row: dict[str, Any] = made.data["resources"][resource]["list"]
    return {**{key: made.data[key] for key in ("pagination", "errors", "headers") if key in made.data}, **row}


PROPERTIES = {
    "properties": {
        "domain": {"type": "string"},
        "flag": {"type": "boolean"},
        "size": {"type": "integer", "default": 25},
        "token": {"type": "string", "title": "Token", "airbyte_secret": True},
        "second": {"type": "string", "airbyte_secret": True},
        "org_id": {"type": "string", "airbyte_secret": True},
    },
    "required": ["domain", "token"],
}


@pytest.mark.parametrize(
    ("authenticator", "authorization"),
    [
        ({"type": "NoAuth"}, {"format": "none"}),
        ({"type": "BearerAuthenticator", "api_token": "{{ config['token'] }}"},
         {"format": "bearer", "config": {"path": "api_key"}}),
        ({"type": "ApiKeyAuthenticator", "api_token": "{{ config['token'] }}", "header": "X-Key"},
         {"format": "header", "config": {"name": "X-Key", "value": "{{api_key}}"}}),
        ({"type": "ApiKeyAuthenticator", "api_token": "{{ config.token }}",
          "inject_into": {"type": "RequestOption", "inject_into": "request_parameter", "field_name": "key"}},
         {"format": "query", "config": {"name": "key", "value": "{{api_key}}"}}),
        ({"type": "BasicHttpAuthenticator", "username": "{{ config['domain'] }}", "password": "{{ config['token'] }}"},
         {"format": "basic"}),
        ({"type": "BasicHttpAuthenticator", "username": "{{ config['token'] }}", "password": "x"},
         {"format": "basic", "config": {"username": "{{api_key}}", "password": "{{'x'}}"}}),
    ],
)  # fmt: skip
def test_authenticators(read: Read, authenticator: dict[str, Any], authorization: dict[str, Any]) -> None:
    made = read(stream(authenticator=authenticator), spec=PROPERTIES)
    assert made.data["authorization"] == authorization
    assert not made.lost


OPTIONAL = {
    "properties": {
        "username": {"type": "string"},
        "password": {"type": "string", "airbyte_secret": True},
        "account": {"type": "object", "required": ["token"],
                    "properties": {"token": {"type": "string", "airbyte_secret": True}}},
    },
    "required": ["username"],
}  # fmt: skip


@pytest.mark.parametrize(
    ("authenticator", "place", "sent"),
    [
        ({"type": "BasicHttpAuthenticator", "username": "{{ config['username'] }}",
          "password": "{{ config['password'] }}"}, "headers", {"Authorization": "Basic YW5uOg=="}),
        ({"type": "ApiKeyAuthenticator", "api_token": "Key {{ config['password'] }}", "header": "X-Key"},
         "headers", {}),
        ({"type": "ApiKeyAuthenticator", "api_token": "{{ config['password'] }}",
          "inject_into": {"type": "RequestOption", "inject_into": "request_parameter", "field_name": "key"}},
         "query", []),
        ({"type": "BearerAuthenticator", "api_token": "{{ config['account']['token'] }}"}, "headers", {}),
    ],
)  # fmt: skip
def test_a_key_that_may_be_left_out(read: Read, authenticator: dict[str, Any], place: str, sent: Any) -> None:
    made = read(stream(authenticator=authenticator), spec=OPTIONAL)
    credentials: Any = convert(made.data["credentials"], Credentials)
    absent = frozenset(one.name for one in credentials.fields() if not one.required)
    assert len(absent) == 1
    authorization: Any = convert(made.data["authorization"], Authorization)
    draft = Draft("GET", "https://api.v.example/things", absent=absent, scope=usual())
    authorization.apply(
        draft, usual({"context": {}, "env": {}, **{one.name: "ann" for one in credentials.fields() if one.required}})
    )
    assert getattr(draft, place) == sent


def test_a_key_that_the_query_of_a_request_has_may_be_left_out(read: Read) -> None:
    made = read(stream(request_parameters={"key": "{{ config['password'] }}"}), spec=OPTIONAL)
    assert "An account needs an API key. It is optional." in made.imported.files["README.md"]
    assert made.data["credentials"]["config"]["required"] is False
    assert made.data["authorization"] == {"format": "query", "config": {"name": "key", "value": "{{api_key}}"}}


def test_what_every_alternative_needs_is_required_of_who_takes_it(read: Read) -> None:
    ways = {
        "key": {"type": "ApiKeyAuthenticator", "api_token": "{{ config['way']['key'] }}", "header": "X-Key"},
        "open": {"type": "BearerAuthenticator", "api_token": "{{ config['way']['guest'] }}"},
    }
    secret = {"type": "string", "airbyte_secret": True}
    options = [
        {"properties": {"kind": {"const": "key"}, "key": secret, "second": secret}, "required": ["key"]},
        {"properties": {"kind": {"const": "open"}, "guest": secret}},
    ]
    spec = {"properties": {"way": {"type": "object", "oneOf": options}}, "required": ["way"]}
    authenticator = {
        "type": "SelectiveAuthenticator", "authenticator_selection_path": ["way", "kind"], "authenticators": ways,
    }  # fmt: skip
    headers = {"X-Second": "{{ config['way']['second'] }}"}
    made = read(stream(authenticator=authenticator, request_headers=headers), spec=spec)
    key, guest = made.data["credentials"]["config"]["options"].values()
    assert "required" not in key["config"]
    assert key["config"]["ask"][-1] == {"name": "second", "required": False}
    assert guest["config"]["required"] is False


def test_a_client_that_refreshes(read: Read) -> None:
    made = read(
        stream(
            authenticator={
                "type": "OAuthAuthenticator",
                "token_refresh_endpoint": "https://v.example/token",
                "client_id": "{{ config['domain'] }}",
                "client_secret": "{{ config['token'] }}",
                "refresh_token": "{{ config['second'] }}",
                "client_id_name": "app",
                "access_token_name": "jwt",
                "refresh_request_body": {"audience": "{{ config['domain'] }}"},
            }
        ),
        spec=PROPERTIES,
    )
    assert made.data["credentials"] == {
        "format": "oauth2",
        "config": {
            "token_url": "https://v.example/token",
            "client_authentication": "body",
            "token_params": {"audience": "{{client_id}}", "client_id": None, "app": "{{client.client_id}}"},
            "response": "$merge([response, {'access_token': response.jwt}])",
        },
    }
    assert made.imported.supplied["domain"] == ("credential", "client_id")
    assert made.imported.supplied["token"] == ("credential", "client_secret")
    assert made.imported.supplied["second"] == ("credential", "oauth.token.refresh_token")


@pytest.mark.parametrize(
    ("form", "config"),
    [
        ("YYYY-MM-DDTHH:mm:ss[Z]", {"expires": "response.expires_at", "expires_unit": "iso8601"}),
        (
            "%Y-%m-%d",
            {"expires": '$epochSeconds($dateParse(response.expires_at, "yyyy-MM-dd"))', "expires_unit": "epoch"},
        ),
    ],
)
def test_a_moment_at_which_a_token_ends(read: Read, form: str, config: dict[str, Any]) -> None:
    authenticator = {
        "type": "OAuthAuthenticator",
        "token_refresh_endpoint": "https://v.example/token",
        "client_id": "{{ config['domain'] }}",
        "client_secret": "{{ config['token'] }}",
        "refresh_token": "{{ config['second'] }}",
        "expires_in_name": "expires_at",
        "token_expiry_date_format": form,
    }
    made = read(stream(authenticator=authenticator), spec=PROPERTIES)
    assert made.data["credentials"]["config"].items() >= config.items()


def test_a_session(read: Read) -> None:
    login = {
        "type": "HttpRequester", "url_base": "https://v.example", "path": "login", "http_method": "POST",
        "request_body_json": {"user": "{{ config['domain'] }}", "secret": "{{ config['token'] }}"},
    }  # fmt: skip
    how = {
        "type": "ApiKey",
        "inject_into": {"type": "RequestOption", "inject_into": "header", "field_name": "X-Session"},
    }
    authenticator = {
        "type": "SessionTokenAuthenticator", "login_requester": login, "session_token_path": ["data", "id"],
        "expiration_duration": "PT1H", "request_authentication": how,
    }  # fmt: skip
    made = read(stream(authenticator=authenticator), spec=PROPERTIES)
    assert made.data["credentials"] == {
        "format": "session",
        "config": {
            "ask": [{"name": "token", "label": "Token"}],
            "login": {
                "method": "post",
                "url": "https://v.example/login",
                "body": {"user": "{{$literal(context.domain)}}", "secret": "{{token}}"},
                "body_format": "json",
                "response": "response.data.id",
            },
            "lifetime_seconds": 3600,
        },
    }
    assert made.data["authorization"]["config"] == {"name": "X-Session", "value": "{{session.access_token}}"}


def logging_in(authenticator: dict[str, Any], **requester: Any) -> dict[str, Any]:
    """A session whose login is authorised itself."""
    login = {"type": "HttpRequester", "url_base": "https://v.example", "path": "login", "http_method": "POST",
             "authenticator": authenticator, **requester}  # fmt: skip
    return {
        "type": "SessionTokenAuthenticator", "login_requester": login, "session_token_path": ["id"],
        "request_authentication": {"type": "Bearer"},
    }  # fmt: skip


def key_in(place: str, name: str) -> dict[str, Any]:
    option = {"type": "RequestOption", "inject_into": place, "field_name": name}
    return {"type": "ApiKeyAuthenticator", "api_token": "{{ config['token'] }}", "inject_into": option}


JWT = {"type": "JwtAuthenticator", "secret_key": "{{ config['token'] }}", "algorithm": "HS256", "header_prefix": "JWT",
       "jwt_payload": {"iss": "{{ config['domain'] }}"}}  # fmt: skip
CLIENT = {"type": "OAuthAuthenticator", "grant_type": "client_credentials", "scopes": ["a", "b"],
          "token_refresh_endpoint": "https://id.v.example/token", "client_id": "{{ config['domain'] }}",
          "client_secret": "{{ config['token'] }}"}  # fmt: skip
SENT_TOKEN = [
    ("POST", "https://id.v.example/token", "grant_type=client_credentials&client_id=t&client_secret=t&scope=a+b")
]


@pytest.mark.parametrize(
    ("authenticator", "requester", "sent"),
    [
        (key_in("request_parameter", "key"), {}, [("POST", "https://v.example/login?key=t", "")]),
        (key_in("body_json", "auth.key"), {"request_body_json": {"a": 1}},
         [("POST", "https://v.example/login", '{"a":1,"auth.key":"t"}')]),
        (key_in("body_data", "key"), {"request_body_data": {"a": "1"}},
         [("POST", "https://v.example/login", "a=1&key=t")]),
        (key_in("body_json", "key"), {}, [("POST", "https://v.example/login", '{"key":"t"}')]),
        (JWT, {}, [("POST", "https://v.example/login", "")]),
        (CLIENT, {}, [*SENT_TOKEN, ("POST", "https://v.example/login", "")]),
        (logging_in(key_in("header", "X-Key"), path="first"), {"path": "second"},
         [("POST", "https://v.example/first", ""), ("POST", "https://v.example/second", "")]),
        (logging_in(logging_in(JWT, path="a"), path="b"), {"path": "c"},
         [("POST", f"https://v.example/{name}", "") for name in "abc"]),
    ],
)  # fmt: skip
def test_a_log_in_that_is_authorised_itself(read: Read, authenticator: Any, requester: Any, sent: Any) -> None:
    made = read(stream(authenticator=logging_in(authenticator, **requester)), spec=PROPERTIES)
    assert not made.lost
    credentials: Any = convert(made.data["credentials"], Credentials)
    stored = {part.name: "t" for part in credentials.fields()}
    flow = credentials.exchange(usual(context={"domain": "d"}), ("v.example",), FrozenClock())(stored)
    asked = [next(flow)]
    with pytest.raises(StopIteration) as ended:
        for n in range(9):
            asked.append(flow.send(Response(200, Headers(), f'{{"id": "s{n}", "access_token": "s{n}"}}'.encode())))
    assert [(one.method, one.url, (one.body or b"").decode()) for one in asked] == sent
    last = asked[-1].headers.get("authorization") or ""
    assert last.startswith("JWT eyJ") if authenticator == JWT else last in ("", f"Bearer s{len(asked) - 2}")
    assert ended.value.value["session"]["access_token"] == f"s{len(asked) - 1}"


def test_a_log_in_that_only_a_rotating_token_authorises_is_listed(read: Read) -> None:
    rotating = {**CLIENT, "grant_type": "refresh_token", "refresh_token": "{{ config['second'] }}"}
    made = read(stream(authenticator=logging_in(rotating)), spec=PROPERTIES)
    assert any("rotating token" in what for what in made.lost)


def test_a_secret_beside_a_choice_of_authenticators_is_asked_for_by_each(read: Read) -> None:
    login = {"type": "OAuthAuthenticator", "token_refresh_endpoint": "https://v.example/token"}
    names = {"client_id": "domain", "client_secret": "org_id", "refresh_token": "refresh"}
    login |= {key: f"{{{{ config['{name}'] }}}}" for key, name in names.items()}
    authenticator = {
        "type": "SelectiveAuthenticator",
        "authenticator_selection_path": ["kind"],
        "authenticators": {
            "oauth": login,
            "key": {"type": "BearerAuthenticator", "api_token": "{{ config['token'] }}"},
        },
    }
    more = {"kind": {"type": "string"}, "refresh": {"type": "string", "airbyte_secret": True}}
    spec = {**PROPERTIES, "properties": {**PROPERTIES["properties"], **more}}
    headers = {"X-Tenant": "{{ config['second'] }}"}
    made = read(stream(authenticator=authenticator, request_headers=headers), spec=spec)
    options = made.data["credentials"]["config"]["options"]
    assert [[row["name"] for row in one["config"]["ask"]] for one in options.values()] == [["second"], ["second"]]


def test_secrets_beside_the_authenticator_are_carried_by_the_authorization(read: Read) -> None:
    made = read(
        stream(
            path="/orgs/{{ config['org_id'] }}/things?k={{ config['second'] }}&v=1",
            request_headers={"X-Second": "Is {{ config['second'] }}"},
            authenticator={"type": "BearerAuthenticator", "api_token": "{{ config['token'] }}"},
        ),
        spec=PROPERTIES,
    )
    row = listing(made)
    assert row["path"] == "/orgs/{{context.org_id ?? ''}}/things" and row["query"] == {"v": "1"}
    carried = made.data["authorization"]["config"]["all"]
    assert [one["format"] for one in carried] == ["bearer", "query", "header"]
    assert carried[2]["config"] == {"name": "X-Second", "value": "Is {{second}}"}
    assert made.data["credentials"]["config"]["ask"] == [{"name": "second", "required": False}]
    assert made.lost == {"a secret value: it is part of URLs, which are not secret": ["org_id"]}


SITES = {
    "properties": {
        "token": {"type": "string", "airbyte_secret": True},
        "site": {"type": "string", "airbyte_secret": True},
        "tenant": {"type": "string", "airbyte_secret": True},
    },
    "required": ["token", "site"],
}


@pytest.mark.parametrize(
    ("parts", "url"),
    [
        ({"path": "/bot{{ config['token'] }}/things"}, "https://api.v.example/bott-1/things"),
        ({"path": "{{ config['site'] }}/things?v={{ config['token'] }}"}, "https://api.v.example/s%2F1/things?v=t-1"),
        ({"url_base": "https://api.v.example/{{ config['site'] }}/v1"}, "https://api.v.example/s%2F1/v1/things"),
        ({"url_base": "https://api.v.example/{{ config.site }}", "path": "{{ config.site }}-{{ config.token }}"},
         "https://api.v.example/s%2F1/s%2F1-t-1"),
    ],
)  # fmt: skip
def test_a_secret_in_the_path_is_put_there_by_the_authorization(
    read: Read, parts: dict[str, Any], url: str, tmp_path: Path
) -> None:
    made = read(stream(**parts), spec=SITES)
    assert not made.lost
    (tmp_path / "conn.yaml").write_text("version: 1\n")
    made.imported.write(tmp_path / "connectors" / "vendor")
    (tmp_path / "accounts").mkdir()
    (tmp_path / "accounts" / "me.yaml").write_text("connector: vendor\n")
    assert [one for one in lint_paths(tmp_path, []).findings if one.severity >= Severity.WARNING] == []
    workspace = load_workspace(tmp_path)
    names = {made.imported.supplied[setting][1]: value for setting, value in (("token", "t-1"), ("site", "s/1"))
             if setting in made.imported.supplied}  # fmt: skip
    wiring = wire_account(workspace, "me", environ={}, vault=MemoryVault({"me": names}))
    request = plan_operation(wiring, wiring.effective.resolve("things.list", raw=True), Call())
    assert request is not None and request.url == url


def test_a_key_in_the_path_is_one_that_every_account_has(read: Read) -> None:
    made = read(stream(path="/{{ config['key'] }}/things"),
                spec={"properties": {"key": {"type": "string", "airbyte_secret": True}}})  # fmt: skip
    assert made.data["credentials"] == {"format": "api_key", "config": {"label": "Key"}}


def test_what_not_every_account_has_is_no_secret_in_a_path(read: Read) -> None:
    made = read(stream(path="/{{ config['tenant'] }}/things"), spec=SITES)
    assert listing(made)["path"] == "/{{context.tenant ?? ''}}/things"
    assert made.lost == {"a secret value: it is part of URLs, which are not secret": ["tenant"]}


def test_the_requests_of_a_job_have_no_secret_in_their_paths(read: Read) -> None:
    secret = {"type": "string", "airbyte_secret": True}
    requester = {"type": "HttpRequester", "url_base": "https://api.v.example/{{ config['site'] }}", "path": "reports"}
    extractor = {"type": "DpathExtractor", "field_path": ["state"]}
    retriever = {
        "type": "AsyncRetriever",
        "creation_requester": {**requester, "http_method": "POST"},
        "polling_requester": requester,
        "download_requester": {"type": "HttpRequester", "url_base": "{{ download_target }}"},
        "status_extractor": extractor,
        "status_mapping": {"completed": ["DONE"], "failed": ["FAILED"], "running": [], "timeout": []},
        "download_target_extractor": extractor,
        "record_selector": {"type": "RecordSelector", "extractor": {"type": "DpathExtractor", "field_path": []}},
    }
    one = {"type": "DeclarativeStream", "name": "things", "retriever": retriever}
    made = read(one, spec={"properties": {"site": secret}, "required": ["site"]})
    assert made.data["base_url"] == "https://api.v.example/{{context.site}}"
    assert list(made.lost) == ["a secret value: it is part of URLs, which are not secret"]


def test_what_all_streams_say_of_their_authorization_is_the_connector_s(read: Read) -> None:
    query = {"request_parameters": {"key": "{{ config['token'] }}"}}
    made = read(stream(**query), stream("others", **query), spec=SITES)
    assert made.data["authorization"] == {"format": "query", "config": {"name": "key", "value": "{{api_key}}"}}
    assert all("authorization" not in row["list"] for row in made.data["resources"].values())
    made = read(stream(**query), stream("others"), spec=SITES)
    assert "authorization" in listing(made) and "authorization" not in listing(made, "others")


def paginator(strategy: dict[str, Any], into: str = "request_parameter", size: bool = True) -> dict[str, Any]:
    made: dict[str, Any] = {"type": "DefaultPaginator", "pagination_strategy": strategy}
    if into == "path":
        made["page_token_option"] = {"type": "RequestPath"}
    elif into:
        made["page_token_option"] = {"type": "RequestOption", "inject_into": into, "field_name": "at"}
    if size:
        made["page_size_option"] = {"type": "RequestOption", "inject_into": "request_parameter", "field_name": "n"}
    return made


NEXT = "{{ response.get('next', {}) }}"
CURSOR = {"type": "CursorPagination", "cursor_value": NEXT, "stop_condition": "{{ not response.get('next', {}) }}"}


@pytest.mark.parametrize(
    ("told", "pagination"),
    [
        (paginator({"type": "PageIncrement", "page_size": 10}),
         {"format": "page", "config": {"page_param": "at", "first": 0, "first_sent": False, "size": 10,
                                       "size_param": "n", "full_pages": "size"}}),
        (paginator({"type": "PageIncrement", "page_size": 10}, size=False),
         {"format": "page", "config": {"page_param": "at", "first": 0, "first_sent": False, "size": 10,
                                       "full_pages": "size"}}),
        (paginator({"type": "OffsetIncrement", "page_size": "{{ config['size'] }}", "inject_on_first_request": True}),
         {"format": "offset", "config": {"offset_param": "at", "size_param": "n",
                                         "stop": "$count(records) < (context.size ?? 25)"}}),
        (paginator({**CURSOR, "page_size": 5}),
         {"format": "cursor", "config": {"cursor_param": "at", "cursor_field": "next", "size": 5, "size_param": "n"}}),
        (paginator(CURSOR, "body_json", size=False),
         {"format": "cursor", "config": {"cursor_body": "/at", "cursor_field": "next"}}),
        (paginator({"type": "CursorPagination", "cursor_value": "{{ last_record.id }}",
                    "stop_condition": "{{ last_page_size < 5 }}"}, "header", size=False),
         {"format": "cursor", "config": {"cursor_header": "at", "next_cursor": "records[-1].id",
                                         "size": 5, "full_pages": "size"}}),
        (paginator(CURSOR, "path", size=False),
         {"format": "next_url", "config": {"relative_to": "base_url", "next_url_field": "next"}}),
        (paginator({"type": "CursorPagination", "cursor_value": "{{ headers['link']['next']['url'] }}",
                    "stop_condition": "{{ 'next' not in headers['link'] }}"}, "path", size=False),
         {"format": "link_header", "config": {}}),
        (paginator({"type": "CursorPagination", "cursor_value": "{{ headers['X-Next'] }}"}, size=False),
         {"format": "cursor", "config": {"cursor_param": "at", "cursor_from_header": "x-next"}}),
    ],
)  # fmt: skip
def test_paginators(read: Read, told: dict[str, Any], pagination: dict[str, Any]) -> None:
    made = read(stream(paginator=told), spec=PROPERTIES)
    assert listing(made)["pagination"] == pagination
    assert not made.lost


def test_a_size_that_the_account_decides_is_a_parameter(read: Read) -> None:
    told = paginator({"type": "OffsetIncrement", "page_size": "{{ config['size'] }}"})
    assert listing(read(stream(paginator=told), spec=PROPERTIES))["query"] == {"n": "{{context.size ?? 25}}"}


def test_a_token_that_only_templates_read_makes_pages_too(read: Read) -> None:
    token = "{{ next_page_token['next_page_token'] }}"
    made = read(stream(paginator=paginator(CURSOR, "", size=False), request_parameters={"q": f"from:{token}"}))
    row = listing(made)
    assert row["pagination"] == {"format": "dynamic", "config": {"next": "body.next ? {'cursor': body.next}"}}
    assert row["query"] == {"q": "from:{{page.cursor ?? ''}}"}


def test_an_offset_that_only_templates_read_is_no_parameter(read: Read) -> None:
    told = {"type": "DefaultPaginator", "pagination_strategy": {"type": "OffsetIncrement", "page_size": 5}}
    query = {"q": "from {{ next_page_token['next_page_token'] or 0 }}"}
    made = read(stream(paginator=told, request_parameters=query))
    config = listing(made)["pagination"]["config"]
    assert (config["offset_param"], config["size_param"]) == ("", "")


def parent(name: str, field: str, **more: Any) -> dict[str, Any]:
    return {"type": "ParentStreamConfig", "stream": stream(name), "parent_key": "id", "partition_field": field, **more}


def substream(*parents: dict[str, Any]) -> dict[str, Any]:
    return {"type": "SubstreamPartitionRouter", "parent_stream_configs": list(parents)}


def test_parents_of_two_levels_with_the_same_names(read: Read) -> None:
    boards = {**parent("boards", "id"), "stream": stream("boards", partition_router=substream(parent("teams", "id")))}
    made = read(
        stream(
            path="/{{ stream_slice.parent_slice.id }}/{{ stream_slice.id }}/{{ stream_slice.extra_fields.kind }}",
            partition_router=substream({**boards, "extra_fields": [["kind"]], "parent_key": "key/code"}),
        )
    )
    row = listing(made)
    assert made.data["resources"]["boards"]["list"]["parents"] == {"as": "id", "from": "teams.list"}
    assert row["parents"] == {"as": "own_id", "from": "boards.list", "key": "key.code"}
    assert row["path"] == "/{{id}}/{{own_id}}/{{parent.own_id.kind ?? 'None'}}"


def test_lists_products_groups_and_options(read: Read) -> None:
    option = {"type": "RequestOption", "inject_into": "request_parameter", "field_name": "b"}
    several = {"type": "ListPartitionRouter", "values": ["x", "y"], "cursor_field": "kind"}
    given = {"type": "ListPartitionRouter", "values": "{{ config['ids'] }}", "cursor_field": "query"}
    router = [several, {**given, "request_option": option}]
    made = read(stream(partition_router=router))
    assert listing(made)["parents"] == [
        {"as": "kind", "values": ["x", "y"]},
        {"as": "the_query", "values": "$literal(context.ids)", "param": "b"},
    ]
    grouped = {"type": "GroupingPartitionRouter", "group_size": 20, "underlying_partition_router": several}
    assert listing(read(stream(partition_router=grouped)))["parents"] == {
        "as": "kind", "values": ["x", "y"], "batch": 20,
    }  # fmt: skip


def cursor(**more: Any) -> dict[str, Any]:
    option = {"type": "RequestOption", "inject_into": "request_parameter"}
    return {
        "type": "DatetimeBasedCursor",
        "cursor_field": "updated_at",
        "datetime_format": "%Y-%m-%d",
        "start_datetime": "{{ config['start'] }}",
        "start_time_option": {**option, "field_name": "since"},
        **more,
    }


def test_a_cursor(read: Read) -> None:
    end = {
        "type": "MinMaxDatetime",
        "datetime": "{{ now_utc().strftime('%Y') }}",
        "datetime_format": "%Y",
        "max_datetime": "2030",
    }
    made = read(
        stream(
            incremental_sync=cursor(step="P1W", cursor_granularity="P1D", end_datetime=end, is_compare_strictly=True)
        ),
        spec={"properties": {"start": {"type": "string"}}, "required": ["start"]},
    )
    assert listing(made)["incremental"] == {
        "format": "datetime",
        "config": {
            "record_cursor": "updated_at",
            "record_formats": ["%Y-%m-%d"],
            "request_format": "%Y-%m-%d",
            "start": {"at": "{{context.start}}", "format": "%Y-%m-%d"},
            "end": {"at": "{{$dateFormat($now(), 'yyyy')}}", "format": "%Y", "latest": "2030"},
            "window": "P1W",
            "granularity": "P1D",
            "start_param": "since",
            "skip_empty": True,
            "when_reversed": "skip",
            "last_window": "joined",
        },
    }


def test_a_cursor_that_changes_nothing_is_no_setting(read: Read) -> None:
    sync = cursor()
    del sync["start_time_option"]
    schema = {"type": "InlineSchemaLoader", "schema": {"type": "object", "properties": {"id": {"type": "string"}}}}
    made = read(stream(incremental_sync=sync, schema_loader=schema, primary_key="id"))
    assert "incremental" not in listing(made)
    kept = json.loads(made.imported.files["schemas/things.schema.json"])
    assert (kept["x-primary-key"], kept["x-cursor-field"]) == (["id"], "updated_at")


def test_parents_that_are_read_as_far_as_they_changed(read: Read) -> None:
    boards = {**parent("boards", "board_id"), "incremental_dependency": True}
    boards["stream"] = stream("boards", incremental_sync=cursor())
    made = read(stream(partition_router=substream(boards), incremental_sync=cursor()))
    assert listing(made)["parents"] == {"as": "board_id", "from": "boards.list", "incremental": True}


def test_extractors_find_what_may_not_be_there(read: Read) -> None:
    def path(*fields: str) -> str:
        return str(
            listing(read(stream(extractor={"type": "DpathExtractor", "field_path": list(fields)})))["response_path"]
        )

    assert path("data", "items") == "[data.items]"
    assert path("odd key", "in") == "[`odd key`.`in`]"
    assert path("rows", "*") == "[($type(rows) = 'array' ? rows : $values(rows))]"
    assert path("By {{ config['unit'] }}") == "[$lookup($, 'By ' & $context.unit)]"


@pytest.mark.parametrize(
    ("fields", "body", "found"),
    [
        (["*"], {"a": {"id": 1}, "b": {"id": 2}}, [{"id": 1}, {"id": 2}]),
        (["*"], [{"id": 1}, {"id": 2}], [{"id": 1}, {"id": 2}]),
        (["*", "*"], {"own": [{"id": 1}, {"id": 2}], "others": {"x": {"id": 3}}}, [{"id": 1}, {"id": 2}, {"id": 3}]),
        (["*", "*"], {"own": [{"id": 1}, {"id": 2}]}, [{"id": 1}, {"id": 2}]),
        (["*", "*"], [[{"id": 1}], [{"id": 2}]], [{"id": 1}, {"id": 2}]),
        (["*", "row"], [{"row": {"id": 1}}, {"none": 0}, {"row": {"id": 2}}], [{"id": 1}, {"id": 2}]),
        (["rows", "*", "*"], {"rows": {"x": [{"id": 1}], "y": [{"id": 2}]}}, [{"id": 1}, {"id": 2}]),
        (["rows", "*", "row"], {"rows": [{"row": {"id": 1}}]}, [{"id": 1}]),
        (["rows", "*"], {}, []),
    ],
)
def test_extractors_with_wildcards(read: Read, fields: list[str], body: Any, found: list[Any]) -> None:
    path = listing(read(stream(extractor={"type": "DpathExtractor", "field_path": fields})))["response_path"]
    assert evaluate(path, body) == found


def test_transformations_see_what_came_before(read: Read) -> None:
    second = {"path": ["b"], "value": "{{ record['a'] }}"}
    made = read(
        stream(
            transformations=[
                {"type": "AddFields", "fields": [{"path": ["a"], "value": "{{ record['x'] }}"}]},
                {"type": "AddFields", "fields": [second, {"path": ["c"], "value": "{{ record.b }}"}]},
                {"type": "KeysToLower"},
                {"type": "DpathFlattenFields", "field_path": ["deep"], "delete_origin_value": True},
            ]
        )
    )  # fmt: skip
    mapping = listing(made)["record_mapping"]
    record = {"x": 5, "KEY": "k", "deep": {"y": 1}}
    assert evaluate(mapping, {"record": record}) == {"x": 5, "key": "k", "a": 5, "b": 5, "c": 5, "y": 1}


def test_error_handlers_in_the_order_in_which_they_decide(read: Read) -> None:
    def said(action: str, **row: Any) -> dict[str, Any]:
        return {"type": "HttpResponseFilter", "action": action, **row}

    handler = {
        "type": "CompositeErrorHandler",
        "error_handlers": [
            {"type": "DefaultErrorHandler", "response_filters": [said("FAIL", http_codes=[403], error_message="No.")]},
            {
                "type": "DefaultErrorHandler",
                "response_filters": [
                    said("IGNORE", http_codes=[404]),
                    said("RETRY", error_message_contains="busy"),
                    said("RATE_LIMITED", http_codes=[420, 429]),
                ],
                "backoff_strategies": [{"type": "ConstantBackoffStrategy", "backoff_time_in_seconds": 9}],
            },
        ],
    }
    rules = listing(read(stream(error_handler=handler)))["errors"]
    assert [rule["when"] for rule in rules] == [
        "status = 404",
        "status >= 400 and $contains(text, 'busy')",
        "status = 403",
        "status in [420, 429]",
        "status = 408 or status = 500 or status = 502 or status = 503 or status = 504",
    ]
    assert rules[0]["then"] == "empty"
    assert rules[1]["then"] == {"retry": {"times": 5, "backoff_seconds": 9.0, "backoff": "constant"}}
    assert rules[2]["then"] == {"fail": {"message": "'No.'"}}
    assert rules[3]["then"] == {"rate_limited": {"wait": "9.0"}}


def test_a_list_of_fields_in_pieces(read: Read) -> None:
    properties = {
        "type": "QueryProperties", "property_list": ["a", "b", "c"], "always_include_properties": ["id"],
        "property_chunking": {"type": "PropertyChunking", "property_limit_type": "property_count", "property_limit": 2},
    }  # fmt: skip
    row = listing(read(stream(request_parameters={"fields": properties, "sort": "id"})))
    assert row["chunk"] == {"values": ["a", "b", "c"], "size": 2}
    assert row["query"] == {"sort": "id", "fields": "{{$join($append(['id'], chunk), ',')}}"}


def test_dynamic_streams_are_one_operation_over_their_components(read: Read) -> None:
    template = stream("rows", path="nowhere")
    listed = stream("unused", path="tables", extractor={"type": "DpathExtractor", "field_path": ["tables"]})[
        "retriever"
    ]
    mapping = {
        "type": "ComponentMappingDefinition", "field_path": ["retriever", "requester", "path"],
        "value": "tables/{{ components_values.id }}/rows",
    }  # fmt: skip
    resolver = {"type": "HttpComponentsResolver", "retriever": listed, "components_mapping": [mapping]}
    dynamic = {"type": "DynamicDeclarativeStream", "stream_template": template, "components_resolver": resolver}
    made = read(dynamic_streams=[dynamic])
    assert listing(made, "rows_components")["path"] == "/tables"
    assert listing(made, "rows")["parents"] == {"as": "component", "key": "id", "from": "rows_components.list"}
    assert listing(made, "rows")["path"] == "/tables/{{parent.component.id}}/rows"


def test_a_path_by_a_condition_is_its_segments(read: Read) -> None:
    path = "{{ 'all/' ~ config['domain'] ~ '?x=1' if config['flag'] else 'some' }}"
    row = listing(read(stream(path=path), spec=PROPERTIES))
    assert row["path"] == "/{{context.flag ? ['all', context.domain] : ['some']}}"
    assert row["query"] == {"x": "{{context.flag ? '1' : null}}"}


def test_a_choice_of_paths_keeps_what_stands_in_its_segments(read: Read) -> None:
    path = "/shared/{{ config['size'] }}{% if config['domain'] %}/{{ config['domain'] }}{% endif %}.json"
    row = listing(read(stream(path=path), spec=PROPERTIES))
    scope = {"context": {"size": 7, "domain": "web"}}
    assert render_path(row["path"], scope) == "/shared/7/web.json"
    assert render_path(row["path"], {"context": {"size": 7, "domain": ""}}) == "/shared/7.json"


def test_a_path_that_is_a_url_stands_for_the_base_url_too(read: Read) -> None:
    made = read(stream(path="https://files.v.example/v2/items"), stream("others"))
    assert made.data["base_url"] == "https://files.v.example"
    assert listing(made)["path"] == "/v2/items"
    assert listing(made, "others")["base_url"] == "https://api.v.example"


def test_the_hosts_of_a_url_with_a_default_may_have_the_credential(read: Read) -> None:
    base = "{{ config['domain'] or 'https://app.v.example' }}/api"
    made = read(stream(url_base=base), spec=PROPERTIES)
    assert made.data["base_url"] == "{{context.domain ?: 'https://app.v.example'}}/api"
    assert made.data["hosts"] == ["app.v.example"]


REGIONS = {"properties": {"region": {"type": "string", "enum": ["eu", "us"]}, "site": {"type": "string"},
                          "flag": {"type": "boolean"}}, "required": ["region", "site"]}  # fmt: skip
CHOSEN = "{% set urls = {'a': 'https://a.v.example/', 'b': 'https://b.v.example'} %}{{ urls[config['site']] }}"


@pytest.mark.parametrize(
    ("base", "hosts"),
    [
        ("https://{{ config['region'] }}.v.example", ["eu.v.example", "us.v.example"]),
        ("https://api.v.{{ config['region'] }}/v2", ["api.v.eu", "api.v.us"]),
        (CHOSEN, ["a.v.example", "b.v.example"]),
        ("https://{{ 'sandbox.' if config['flag'] }}v.example", ["sandbox.v.example", "v.example"]),
        ("https://{{ config['site'] }}.v.example", None),
        ("https://{{ config['site'] }}.{{ config['region'] }}.v.example", ["*.eu.v.example", "*.us.v.example"]),
        ("https://{{ config['site'] if config['site'] else 'x' }}.v.example", ["*.v.example", "x.v.example"]),
    ],
)
def test_hosts_whose_alternatives_are_written_in_the_manifest(read: Read, base: str, hosts: list[str] | None) -> None:
    made = read(stream(url_base=base), spec=REGIONS)
    assert made.data.get("hosts") == hosts
    assert not made.lost


@pytest.mark.parametrize(
    "base", ["https://{{ config['site'] }}", "https://{{ config['site'] }}.example", "https://api.{{ config['site'] }}"]
)
def test_a_host_that_the_account_decides_is_never_a_pattern_for_strangers(read: Read, base: str) -> None:
    made = read(stream(url_base=base), spec=REGIONS)
    assert made.data["hosts"] == ["api.example.com"]
    assert any("the hosts that may receive the credential" in what for what in made.lost)


def test_a_base_url_that_is_given_holds_for_every_stream(imported: Callable[..., Any]) -> None:
    streams = [stream(), stream("more"), stream("files", url_base="https://files.v.example/v9")]
    made = imported({"type": "DeclarativeSource", "check": {}, "streams": streams}, base_url="https://mock.example/")
    assert made.data["base_url"] == "https://mock.example"
    assert "base_url" not in str(made.data["resources"]) and "hosts" not in made.data
    assert made.lost == {"its own base URL: --base-url replaces it": ["files"]}


def test_values_are_written_as_python_writes_them(read: Read) -> None:
    row = listing(
        read(
            stream(
                http_method="POST",
                request_parameters={"a": "{{ config['flag'] }}", "b": True, "c": "", "d": "['x', 'y']", "e": "'1, 2'"},
                request_body_json={
                    "n": "{{ 5 }}", "t": "05", "l": "[1, {{ config['size'] }}]", "o": {"x": "{{ config.gone }}"},
                },
            ),
            spec=PROPERTIES,
        )
    )  # fmt: skip
    assert row["query"] == {
        "a": "{{$exists(context.flag) ? (context.flag ? 'True' : 'False') : null}}",
        "b": "True",
        "d": ["x", "y"],
        "e": "1, 2",
    }
    assert row["body"] == {
        "n": 5,
        "t": "05",
        "l": [1, "{{context.size ?? 25}}"],
        "o": "{{ {'x': $literal(context.gone)} }}",
    }


@pytest.mark.parametrize(("scope", "sent"), [({}, None), ({"names": []}, None), ({"names": ["a", "b"]}, "a,b")])
def test_an_empty_list_that_is_joined_is_not_sent(read: Read, scope: dict[str, Any], sent: str | None) -> None:
    spec = {"properties": {"names": {"type": "array", "items": {"type": "string"}}}}
    row = listing(read(stream(request_parameters={"only": "{{ ','.join(config.get('names', [])) }}"}), spec=spec))
    assert evaluate(row["query"]["only"].removeprefix("{{").removesuffix("}}"), {"context": scope}) == sent


@pytest.mark.parametrize("context", [{}, {"flag": "a"}])
@pytest.mark.parametrize(
    ("body", "sent"),
    [
        ({"f": "{{ config.get('flag') }}"}, {"f": "a"}),
        ({"f": "{{ config['flag'] }}", "g": None}, {"f": "a"}),
        ("{{ {'f': 'a'} if config['flag'] else {} }}", {"f": "a"}),
    ],
)
def test_an_empty_object_is_no_body(read: Read, body: Any, sent: Any, context: dict[str, Any]) -> None:
    spec = {"properties": {"flag": {"type": "string"}}}
    row = listing(read(stream(http_method="POST", request_body_json=body), spec=spec))
    assert render(row["body"], {"context": context}) == (sent if context else None)


@pytest.mark.parametrize("body", [{}, "{}", {"f": None}])
def test_an_object_that_is_always_empty_is_no_body(read: Read, body: Any) -> None:
    assert "body" not in listing(read(stream(http_method="POST", request_body_json=body)))


def test_references_and_parameters_by_the_kits_rules(read: Read) -> None:
    base = {"type": "HttpRequester", "url_base": "https://api.v.example", "path": "{{ parameters['name'] }}/x"}
    made = read(
        {
            "type": "DeclarativeStream",
            "$parameters": {"name": "things", "records": "rows"},
            "retriever": {"$ref": "#/definitions/retriever"},
        },
        definitions={
            "a/b": base,
            "retriever": {
                "type": "SimpleRetriever",
                "requester": {"$ref": "*ref(definitions.a/b)", "http_method": "POST"},
                "record_selector": {"extractor": {"field_path": ["{{ parameters['records'] }}"]}},
            },
        },
    )
    assert listing(made)["method"] == "post" and listing(made)["path"] == "/things/x"
    assert listing(made)["response_path"] == "[rows]"


def test_code_is_listed_with_what_it_was_for(read: Read) -> None:
    made = read(
        stream(
            transformations=[{"type": "CustomTransformation", "class_name": "source_v.components.AddUnits"}],
            partition_router={"type": "CustomPartitionRouter", "class_name": "source_v.components.Regions"},
            path="/{{ stream_slice['region'] }}",
        ),
    )
    assert made.lost == {
        "code: partitions": ["things (Regions)"],
        "the path: region in a slice that code creates": ["things"],
        "code: transforming records": ["things (AddUnits)"],
    }
    for what in made.lost:
        assert what in made.text and what in made.imported.files["README.md"]


def test_only_some_streams_and_the_parents_they_need(read: Read) -> None:
    child = stream(
        "tasks", path="/{{ stream_slice.board_id }}", partition_router=substream(parent("boards", "board_id"))
    )
    made = read(stream("others"), child, only=("tasks.*",))
    assert set(made.data["resources"]) == {"boards", "tasks"} and made.imported.left == 1
    with pytest.raises(UsageError, match="does not match"):
        read(stream("others"), only=("nothing",))


def test_what_only_streams_left_out_lack_is_not_told(read: Read) -> None:
    coded = stream("coded", record_filter={"type": "CustomRecordFilter", "class_name": "source_v.components.Odd"})
    coded_too = stream(
        "coded_too", record_filter={"type": "CustomRecordFilter", "class_name": "source_v.components.Odd"}
    )
    assert read(stream(), coded, only=("things*",)).lost == {}
    assert read(stream(), coded, coded_too, only=("coded",)).lost == {"code: filtering records": ["coded (Odd)"]}


def test_a_manifest_without_streams_is_refused(read: Read) -> None:
    with pytest.raises(ConfigurationError, match="not in a format that can be imported"):
        read()
    with pytest.raises(ConfigurationError, match="no operation that can be imported"):
        read({"type": "DeclarativeStream", "name": "empty"})


def test_what_lint_calls_an_error_is_a_loss(read: Read) -> None:
    decoder = {"type": "CsvDecoder", "encoding": "klingon"}
    made = read(stream(decoder=decoder), stream("others", decoder=decoder), stream("fine"))
    (what, places), *others = made.lost.items()
    assert "CFG104" in what and "klingon" in what and not others
    assert places == ["things.list", "others.list"]
    assert "CFG104" in made.imported.files["README.md"] and "Everything was imported" not in made.text
    assert "Everything was imported." in read(stream("fine")).text


def test_a_rule_that_no_answer_comes_to_is_left_out(read: Read) -> None:
    filters = [
        {"http_codes": [400, 500], "action": "IGNORE"},
        {"http_codes": [400], "action": "RETRY"},
        {"http_codes": [500], "action": "FAIL"},
    ]
    handler = {"type": "DefaultErrorHandler", "response_filters": filters}
    rules = listing(read(stream(error_handler=handler)))["errors"]
    assert [rule["when"] for rule in rules] == ["status in [400, 500]"]
