"""The proxy: what is passed on and what comes back, and what an attacker may try."""

import json
import re
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from service_bench import Bench, open_bench

from conn_engine.config import load_workspace
from conn_engine.config.proxy_models import ProxyPath, ProxySettings
from conn_engine.secrets import Redactor, names
from conn_service.http.hiding import hide_secrets
from conn_service.http.problems import HttpProblem
from conn_service.http.proxy_rules import check_path
from conn_service.http.reading import ServiceLimits

QUOTA = {"X-RateLimit-Limit": "100", "X-RateLimit-Remaining": "42", "X-RateLimit-Reset": "7"}
SETTINGS = """\
proxy:
  shop:
    headers: [X-Properties]
    paths:
      - { path: /people/**, methods: [get, post, patch, delete] }
      - { path: /people }
      - { path: /reports/*/pages }
      - { path: /oauth/**, methods: [get, post, delete] }
      - { path: /session/tokens }
      - { path: /v1/login, methods: [post] }
"""
CREDENTIALS = [
    (
        "{ format: oauth2, client_id: a, client_secret: b, authorization_url: 'https://x.example/api/authorize', "
        "token_url: 'https://x.example/api/login/Exchange', "
        "revoke: [{ method: post, url: 'https://x.example/api/bye' }] }",
        ["/login/exchange", "/LOGIN/Exchange/", "/login/exchange/x", "/bye", "/authorize", "/login/%65xchange"],
    ),
    (
        "{ format: session, login: { method: post, url: 'https://x.example/api/enter', response: response.key }, "
        "refresh: { method: post, url: 'https://x.example/api/{{context.site}}/again' } }",
        ["/enter", "/enter/", "/any/again"],
    ),
    (
        "{ format: oauth2, client_id: a, client_secret: b, token_url: 'https://{{context.sub}}.x.example/api/go' }",
        ["/go"],
    ),
]


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bench]:
    limits = ServiceLimits(body_bytes=10_000, response_bytes=50_000)
    with open_bench(tmp_path_factory.mktemp("service"), limits=limits, settings=SETTINGS) as made:
        yield made


@pytest.fixture
def bench(shared: Bench) -> Iterator[Bench]:
    answer = shared.vendor.answer
    shared.vendor.arrived.clear()
    yield shared
    shared.vendor.answer = answer


def problem(response: Any) -> tuple[int, str]:
    assert response.headers["content-type"] == "application/problem+json"
    return response.status_code, response.json()["kind"]


def test_a_request_is_sent_with_the_accounts_credential(bench: Bench) -> None:
    bench.vendor.answer = lambda got: (202, {**QUOTA, "Set-Cookie": "a=b", "X-Any": "1",
                                             "Access-Control-Allow-Origin": "*", "Location": "https://x.example",
                                             "ETag": '"v1"'}, {"made": True})  # fmt: skip
    headers = {"prefer": "minimal", "x-properties": "a", "cookie": "c=1", "x-http-method-override": "DELETE",
               "forwarded": "for=1.2.3.4", "x-forwarded-for": "1.2.3.4", "user-agent": "app", "range": "bytes=9-",
               "if-match": '"v0"', "connection": "close, if-match", "proxy-authorization": "Basic x"}  # fmt: skip
    response = bench.ask("POST", "/proxy/people/a%20b?x=1&x=2", {"name": "Ada"}, headers=headers)
    assert (response.status_code, response.json()) == (202, {"made": True})
    (got,) = bench.vendor.arrived
    assert (got.method, got.target, got.data) == ("POST", "/v1/people/a%20b?x=1&x=2", {"name": "Ada"})
    assert got.headers["authorization"] == "Bearer token-of-acme"
    sent = {"prefer": "minimal", "x-properties": "a", "content-type": "application/json"}
    assert {name: got.headers.get(name) for name in sent} == sent
    assert not got.headers.keys() & {
        "cookie",
        "x-http-method-override",
        "forwarded",
        "x-forwarded-for",
        "if-match",
        "range",
    }
    assert not got.headers.keys() & {"proxy-authorization", "conn-account"}
    assert "app" not in got.headers.get("user-agent", "")
    assert response.headers["etag"] == '"v1"'
    assert response.headers["ratelimit-remaining"] == "42"
    assert not response.headers.keys() & {"set-cookie", "x-any", "access-control-allow-origin", "location"}
    assert "sandbox" in response.headers["content-security-policy"]
    assert response.headers["x-content-type-options"] == "nosniff"


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/people", 200),
        ("/people/1", 200),
        ("/people/1/notes/", 200),
        ("/reports/5/pages", 200),
        ("/session/tokens", 200),  # written out in the list
        ("/other", 404),
        ("/reports/5", 404),
        ("/reports/5/6/pages", 404),
        ("/peoples", 404),
        ("/", 400),
        ("", 404),
        ("/people/tokens", 404),  # a wildcard matches no word for a credential
        ("/people/1/api-keys", 404),
        ("/people/AccessToken", 404),
        ("/oauth/v1/access-tokens/x", 404),
        ("/oauth/v1/%74oken", 404),
        ("/people/../oauth", 404),  # the client resolves it
        ("/people/%2e%2e/oauth", 400),
        ("/people/.%2e/oauth", 400),
        ("/people/%252e%252e/oauth", 400),
        ("/people/..;/oauth", 400),
        ("/people/1;x=2", 400),
        ("/people/a%2Fb", 400),
        ("/people/a%252Fb", 400),
        ("/people/a%5Cb", 400),
        ("/people/a\\b", 400),
        ("/people//1", 400),
        ("/people/%00", 400),
        ("/people/%0d%0aX-Evil:1", 404),
        ("/people/%c0%ae%c0%ae/x", 400),
        ("/people/%ef%bc%8e%ef%bc%8e/x", 400),
        ("/people/%ef%bc%8fadmin", 400),
        ("/people/%3Fa=1", 400),
        ("/people/%23a", 400),
        ("/people/%zz", 400),
        ("//evil.example/people", 400),
        ("/http:%2f%2fevil.example", 400),
        ("/@evil.example/people", 404),
        ("/PEOPLE", 404),
    ],
)
def test_only_listed_paths_are_passed_on(bench: Bench, path: str, status: int) -> None:
    bench.vendor.answer = lambda got: {"path": got.target}
    response = bench.ask("GET", f"/proxy{path}")
    assert response.status_code == status, response.text
    if status == 200:
        assert response.json() == {"path": f"/v1{path}"}
    else:
        assert problem(response)[1] in ("unknown", "invalid_request")
        assert bench.vendor.arrived == []


@pytest.mark.parametrize(
    ("method", "path", "status", "allow"),
    [
        ("HEAD", "/people/1", 200, ""),
        ("DELETE", "/people/1", 200, ""),
        ("PUT", "/people/1", 405, "GET, HEAD, POST, PATCH, DELETE"),
        ("POST", "/people", 405, "GET, HEAD"),
        ("OPTIONS", "/people", 405, "GET, HEAD, POST, PUT, PATCH, DELETE"),
        ("TRACE", "/people", 405, "GET, HEAD, POST, PUT, PATCH, DELETE"),
        ("CONNECT", "/people", 405, ""),
        ("GET ", "/people", 405, ""),
    ],
)
def test_methods(bench: Bench, method: str, path: str, status: int, allow: str) -> None:
    bench.vendor.answer = lambda got: (200, {"ETag": "e"}, {"a": 1})
    response = bench.ask(method, f"/proxy{path}")
    assert response.status_code == status
    assert not allow or response.headers["allow"] == allow
    assert [got.method for got in bench.vendor.arrived] == ([method] if status == 200 else [])
    if method == "HEAD":
        assert (response.content, response.headers["etag"]) == (b"", "e")


@pytest.mark.parametrize(
    ("query", "body", "kind"),
    [
        ("?_method=DELETE", None, ""),
        ("?_HttpMethod=patch", None, ""),
        ("?X-HTTP-Method-Override=PUT", None, ""),
        ("", b"_method=DELETE&a=1", "application/x-www-form-urlencoded"),
        ("", b"%5fmethod=DELETE", "application/x-www-form-urlencoded"),
        ("", b'{"_m\\u0065thod": "delete"}', "application/json"),
        ("", '{"_method": "PUT"}'.encode("utf-16"), "application/vnd.api+json"),
        ("", b'--b\r\nContent-Disposition: form-data; name="_method"\r\n\r\nDELETE\r\n--b--', "multipart/form-data"),
    ],
)
def test_no_request_becomes_another_one(bench: Bench, query: str, body: bytes | None, kind: str) -> None:
    headers = {"authorization": f"Bearer {bench.token}", **({"content-type": kind} if kind else {})}
    method = "GET" if body is None else "POST"
    response = bench.client.request(method, f"/proxy/people/1{query}", content=body, headers=headers)
    assert problem(response) == (400, "invalid_request")
    assert bench.vendor.arrived == []


def test_a_parameter_that_is_only_called_method_is_sent(bench: Bench) -> None:
    bench.vendor.answer = lambda got: {}
    assert bench.ask("GET", "/proxy/people/1?method=people.search").status_code == 200
    assert bench.ask("POST", "/proxy/people/1", {"payment_method": "card", "delete": 1}).status_code == 200


def test_scopes_and_accounts(bench: Bench) -> None:
    bench.vendor.answer = lambda got: {}
    reads, writes, unified = bench.issue("proxy:read"), bench.issue("proxy:write"), bench.issue("unified:read", "admin")
    assert bench.ask("GET", "/proxy/people", token=reads).status_code == 200
    assert bench.ask("POST", "/proxy/people/1", {}, token=writes).status_code == 200
    for token, method in ((reads, "POST"), (writes, "GET"), (writes, "HEAD"), (unified, "GET"), (unified, "DELETE")):
        assert bench.ask(method, "/proxy/people/1", token=token).status_code == 403
    for name in ("globex", "nobody"):
        assert problem(bench.ask("GET", "/proxy/people", headers={"conn-account": name})) == (404, "unknown")
    assert problem(bench.client.get("/proxy/people")) == (401, "unauthorized")
    every = bench.issue(accounts=())
    assert bench.ask("GET", "/proxy/people", token=every, headers={"conn-account": "empty"}).status_code == 424
    assert len(bench.vendor.arrived) == 2


SECRETS: list[tuple[str, bytes, list[bytes]]] = [
    ("application/json", b'{"access_token":"fresh-1","n":1,"me":"token-of-acme"}', [b'"n":1']),
    ("application/json", b'{"access_token":"fresh-1","access_token":""}', []),
    ("application/json", b'[{"key":"api_key","value":"fresh-1"}]', [b"api_key"]),
    ("application/json", b'{"client_secret":{"now":"fresh-1","old":["fresh-2",7]}}', [b"now"]),
    ("text/plain", b' \n{"password": "fresh-1"}', []),
    ("application/json", b'{"\\u0061ccess_t\\u006fken":"fresh-1"}', []),
    ("application/json", '{"refresh_token":"fresh-1"}'.encode("utf-16"), []),
    ("application/x-ndjson", b'{"id":1}\n{"api_key":"fresh-1"}\n', [b'{"id":1}']),
    ("application/x-www-form-urlencoded", b"access_token=fresh-1&scope=a", [b"scope=a"]),
    ("text/plain", b"oauth_token_secret=fresh-1&screen_name=ada", [b"screen_name=ada"]),
    ("application/xml", b'<r><ns:token type="t">fresh-1</ns:token><a>b</a></r>', [b"<a>b</a>"]),
    ("", b"client_secret: fresh-1", [b"client_secret"]),
    ("application/octet-stream", b"\x00\x01token-of-acme", [b"\x00\x01"]),
]


@pytest.mark.parametrize(("kind", "body", "left"), SECRETS)
def test_secrets_are_hidden(bench: Bench, kind: str, body: bytes, left: list[bytes]) -> None:
    bench.vendor.answer = lambda got: (200, {"Content-Type": kind, "ETag": "token-of-acme"}, body)
    response = bench.ask("GET", "/proxy/people")
    assert response.status_code == 200
    assert not any(secret in response.content for secret in (b"fresh-1", b"fresh-2", b"token-of-acme"))
    assert all(part in response.content for part in left)
    assert "token-of-acme" not in str(response.headers)


@pytest.mark.parametrize(
    ("kind", "body"),
    [
        ("application/json", b'{ "next_page_token": "abc", "price": 1.10, "token": null }'),
        ("text/csv", b"id,name\n1,Ada = B\n"),
        ("image/png", b"\x89PNG password=abcdef"),
        ("application/json", b"{broken"),
        ("", b""),
    ],
)
def test_what_has_no_secret_stays_as_it_is(bench: Bench, kind: str, body: bytes) -> None:
    bench.vendor.answer = lambda got: (200, {"Content-Type": kind}, body)
    assert bench.ask("GET", "/proxy/people").content == body


@pytest.mark.parametrize(
    ("reply", "status", "kind"),
    [
        ((302, {"Location": "/v1/other"}, {}), 502, "bad_response"),
        ((304, {}, None), 304, ""),
        ((401, {}, {}), 424, "needs_login"),
        ((404, {}, {"message": "none"}), 404, ""),
        ((500, {}, {"message": "broken"}), 500, ""),
        ((200, {}, {"long": "x" * 60_000}), 502, "too_large"),
        ((200, {"Content-Encoding": "br"}, b"x"), 502, "vendor_unavailable"),
    ],
)
def test_what_comes_back(bench: Bench, reply: Any, status: int, kind: str) -> None:
    bench.vendor.answer = lambda got: reply
    response = bench.ask("GET", "/proxy/people")
    assert response.status_code == status
    if kind:
        assert problem(response) == (status, kind)
        assert "location" not in response.headers
    elif status != 304:
        assert response.json() == reply[2]
    assert len(bench.vendor.arrived) == 1


def test_a_rate_limit_is_passed_on(bench: Bench) -> None:
    bench.vendor.answer = lambda got: (429, {**QUOTA, "Retry-After": "9"}, {"message": "slow"})
    response = bench.ask("GET", "/proxy/people")
    assert (response.status_code, response.json()) == (429, {"message": "slow"})
    assert (response.headers["retry-after"], response.headers["ratelimit-remaining"]) == ("9", "42")


def test_bodies_are_limited(bench: Bench) -> None:
    assert problem(bench.ask("POST", "/proxy/people/1", {"a": "x" * 10_000})) == (413, "too_large")
    assert problem(bench.ask("GET", "/proxy/people", {"a": 1})) == (400, "invalid_request")
    twice = [("authorization", f"Bearer {bench.token}"), ("accept", "a/b"), ("accept", "c/d")]
    assert problem(bench.client.get("/proxy/people", headers=twice)) == (400, "invalid_request")
    assert bench.vendor.arrived == []


def test_a_vendor_that_hangs_is_left_in_time(tmp_path: Path) -> None:
    end = threading.Event()
    with open_bench(tmp_path, limits=ServiceLimits(request_seconds=0.5), settings=SETTINGS) as bench:
        bench.vendor.answer = lambda got: end.wait(60) and {}
        assert problem(bench.ask("GET", "/proxy/people")) == (504, "timeout")
        end.set()


def test_it_is_off_without_a_list(tmp_path: Path) -> None:
    with open_bench(tmp_path) as bench:
        response = bench.ask("GET", "/proxy/people")
        assert problem(response) == (404, "unknown")
        assert "proxy.shop in conn.yaml" in json.dumps(response.json())
        assert bench.vendor.arrived == []


@pytest.mark.parametrize(("credentials", "paths"), CREDENTIALS)
def test_where_a_connector_gets_credentials_is_never_passed_on(
    tmp_path: Path, credentials: str, paths: list[str]
) -> None:
    (tmp_path / "connectors/shop").mkdir(parents=True)
    (tmp_path / "conn.yaml").write_text("version: 1\n")
    text = f"base_url: https://x.example/api\nhosts: ['*.x.example']\ncredentials: {credentials}\nresources: {{}}\n"
    (tmp_path / "connectors/shop/connector.yaml").write_text(text)
    effective = load_workspace(tmp_path).effective(account=None, connector="shop")
    settings = ProxySettings(paths=(ProxyPath(path="/**"), ProxyPath(path="/login/*")))
    check_path(settings, effective, "/people", "GET")
    passed = []
    for path in paths:
        try:
            check_path(settings, effective, path, "GET")
            passed.append(path)
        except HttpProblem as refused:
            assert (refused.status, refused.kind) == (404, "unknown")
    assert passed == []


def test_the_page_shows_a_request_that_its_list_allows(tmp_path: Path) -> None:
    page = (Path(__file__).resolve().parents[3] / "docs/how-to/pass-requests-on.md").read_text("utf-8")
    block = re.search(r"^proxy:\n(?:  .*\n)+", page, re.MULTILINE)
    target = re.search(r"(/proxy/\S+)\"", page)
    assert block is not None
    assert target is not None
    with open_bench(tmp_path, settings=block[0]) as bench:
        bench.vendor.answer = lambda got: {}
        assert bench.ask("GET", target[1], token=bench.issue("proxy:read")).status_code == 200


def test_every_name_of_a_secret_is_suspected() -> None:
    """A body without any of these parts is not parsed."""
    for name in (*names._SECRET_NAMES, *names._SECRET_ENDINGS):
        assert hide_secrets(f'{{"{name}":"fresh-1"}}'.encode(), "application/json", Redactor()) != b"", name
        assert b"fresh-1" not in hide_secrets(f'{{"{name}":"fresh-1"}}'.encode(), "application/json", Redactor()), name
