"""Requests of a caller's own, against a real server: what is sent, and what comes back."""

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from conn_engine.config import Workspace
from conn_engine.errors import CredentialError, TransportError, UsageError, VendorError
from conn_engine.runtime.connection import aconnect, connect
from conn_engine.runtime.passing import PlainRequest
from conn_engine.secrets.vault.memory import MemoryVault
from conn_engine.wire import Response

CONNECTOR = """\
base_url: {url}/v1
hosts: ["{host}"]
headers: {{ X-Version: "7" }}
credentials: {{ format: bearer }}
authorization: {{ format: bearer }}
rate_limit: {{ budget: [{{ requests: 5, per_seconds: 3600 }}] }}
errors: [{{ when: body.failed, then: {{ fail: {{ kind: conflict }} }} }}]
resources:
  people: {{ list: {{ method: get, path: /people }} }}
"""
TOKEN = "token-of-some-length"
OPTIONS: dict[str, Any] = {"environ": {}, "vault": MemoryVault({"acme": {"token": TOKEN}})}


@pytest.fixture
def shop(make: Callable[..., Workspace], site: Any) -> Workspace:
    return make(
        {
            "connectors/shop/connector.yaml": CONNECTOR.format(url=site.url, host=site.host),
            "connectors/shop/unified/crm.yaml": "resources: {}\n",
            "accounts/acme.yaml": "connector: shop\n",
        }
    )


def passed(shop: Workspace, method: str, path: str, **parts: Any) -> Response:
    """The response, which is the same in an event loop."""

    async def run() -> Response:
        async with aconnect(shop, "acme", **OPTIONS) as acme:
            return await acme.request(PlainRequest(method, path, **parts))

    with connect(shop, "acme", **OPTIONS) as acme:
        response = acme.request(PlainRequest(method, path, **parts))
    again = asyncio.run(run())
    assert (again.status, again.body) == (response.status, response.body)
    return response


def test_it_is_sent_as_it_is_with_the_credential(shop: Workspace, site: Any) -> None:
    site.answer = lambda got: (201, {"X-Node": "n1"}, {"made": True})
    query = (("a", "1"), ("b", "x y"), ("a", "2"))
    headers = {"Content-Type": "text/csv", "X-Mine": "1", "Authorization": "Bearer mine"}
    made = passed(shop, "POST", "/people/a%2Fb/", query=query, headers=headers, body=b"a,b\n{{1}}")
    assert (made.status, made.headers["x-node"], made.body) == (201, "n1", b'{"made": true}')
    got = site.arrived[0]
    assert (got.method, got.target) == ("POST", "/v1/people/a%2Fb/?a=1&b=x%20y&a=2")
    assert got.body == b"a,b\n{{1}}"
    sent = {name: got.headers[name] for name in ("authorization", "content-type", "x-mine", "x-version")}
    assert sent == {"authorization": f"Bearer {TOKEN}", "content-type": "text/csv", "x-mine": "1", "x-version": "7"}


@pytest.mark.parametrize(
    "reply",
    [
        (404, {}, {"failed": True}),
        (503, {"Retry-After": "1"}, {}),
        (429, {"Retry-After": "9"}, {}),
        (302, {"Location": "/v1/elsewhere"}, {}),
        (200, {}, {"failed": True}),
        (200, {"Content-Type": "application/json"}, b"{broken"),
    ],
    ids=["not found", "unavailable", "limited", "redirect", "error rule", "unreadable"],
)
def test_any_response_comes_back_once(shop: Workspace, site: Any, reply: Any) -> None:
    site.answer = lambda got: reply
    assert passed(shop, "GET", "/people").status == reply[0]
    assert [got.path for got in site.arrived] == ["/v1/people"] * 2


def test_a_large_response_is_not_kept_in_memory(shop: Workspace, site: Any) -> None:
    site.answer = lambda got: (200, {"Content-Type": "application/zip"}, b"x" * 3_000_000)
    with connect(shop, "acme", **OPTIONS) as acme:
        response = acme.request(PlainRequest("GET", "/file"))
        assert response.spool is not None
        assert response.spool.size == 3_000_000
        response.spool.close()


def test_a_credential_in_the_response_is_hidden(shop: Workspace, site: Any) -> None:
    site.answer = lambda got: (200, {"X-Echo": TOKEN}, {"you": TOKEN})
    response = passed(shop, "GET", "/me")
    assert TOKEN not in response.body.decode() + response.headers["x-echo"]


@pytest.mark.parametrize(
    "path",
    [
        "people",
        "",
        "/../admin",
        "/a/%2e%2e/b",
        "/a/..;x/b",
        "/a?b=1",
        "/a#b",
        "//..//x",
        "https://evil.example/x",
        "@evil",
    ],
)
def test_a_path_stays_below_the_base_url(shop: Workspace, site: Any, path: str) -> None:
    with connect(shop, "acme", **OPTIONS) as acme, pytest.raises(UsageError, match="not a path below the base URL"):
        acme.request(PlainRequest("GET", path))
    assert site.arrived == []


def test_refusals_and_budgets_are_errors(shop: Workspace, site: Any) -> None:
    site.answer = lambda got: (401, {"message": "no"})
    with connect(shop, "acme", **OPTIONS) as acme:
        with pytest.raises(CredentialError):
            acme.request(PlainRequest("GET", "/me"))
        site.answer = lambda got: {}
        for _ in range(4):
            acme.request(PlainRequest("GET", "/me"))
        with pytest.raises(VendorError) as caught:
            acme.request(PlainRequest("GET", "/me"))
    assert caught.value.category == "budget"


def test_a_request_without_a_response_is_sent_once(make: Callable[..., Workspace], shop: Workspace, site: Any) -> None:
    def break_off(handler: Any) -> None:
        handler.close_connection = True

    site.answer = lambda got: break_off
    with connect(shop, "acme", **OPTIONS) as acme, pytest.raises(TransportError):
        acme.request(PlainRequest("GET", "/me"))
    assert len(site.arrived) == 1
