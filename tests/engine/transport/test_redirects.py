"""Redirects against real servers: a credential never follows to another origin, whatever its form."""

import asyncio
from typing import Any

import pytest
from trusting import HERE

from conn_engine.errors import ConfigurationError, TransportError
from conn_engine.secrets import Redactor
from conn_engine.transport.live import AsyncLive, Live
from conn_engine.wire import Headers, Request, Response

TOKEN = "s3cr3t-t0ken/+="


def ask_sync(request: Request, **options: Any) -> Response:
    with Live(Redactor([TOKEN]), **{"trust": HERE, **options}) as live:
        return live.send(request)


def ask_async(request: Request, **options: Any) -> Response:
    async def run() -> Response:
        async with AsyncLive(Redactor([TOKEN]), **{"trust": HERE, **options}) as live:
            return await live.asend(request)

    return asyncio.run(run())


both = pytest.mark.parametrize("ask", [ask_sync, ask_async])


def authorized(method: str, site: Any, path: str = "/start", body: bytes | None = None, **more: Any) -> Request:
    headers = {
        "Authorization": f"Bearer {TOKEN}",
        "Cookie": "a=b",
        "X-Api-Key": TOKEN,
        "X-Tenant": "acme",
        "Accept": "application/json",
        "Content-Type": "application/json",
    }
    return Request(method, f"{site.url}{path}", Headers(headers), body, authorized=True, hosts=site.hosts, **more)


@both
@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_get_follows_within_the_origin_with_everything(ask, site, status):
    site.routes["/start"] = (status, {"Location": "next?x=1"}, b"moved")
    site.routes["/next"] = (200, {}, b"here")
    answer = ask(authorized("GET", site))
    assert (answer.body, answer.url) == (b"here", f"{site.url}/next?x=1")
    assert site.arrived[1].headers["authorization"] == f"Bearer {TOKEN}"
    assert site.arrived[1].headers["x-tenant"] == "acme"


@both
@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_no_credential_follows_to_another_origin(ask, new_site, status):
    home, away = new_site(), new_site()
    home.routes["/start"] = (status, {"Location": f"{away.url}/file"}, b"")
    away.routes["/file"] = (200, {}, b"content")
    assert ask(authorized("GET", home, "/start?api_key=s3cr3t-t0ken%2F%2B%3D")).body == b"content"
    (got,) = away.arrived
    assert got.target == "/file"
    assert set(got.headers) == {"host", "accept", "accept-encoding", "user-agent"}
    assert "s3cr3t" not in repr(got)


@both
def test_headers_do_not_come_back_on_the_way_home(ask, new_site):
    home, away = new_site(), new_site()
    home.routes["/start"] = (302, {"Location": f"{away.url}/hop"}, b"")
    away.routes["/hop"] = (302, {"Location": f"{home.url}/end"}, b"")
    home.routes["/end"] = (200, {}, b"end")
    assert ask(authorized("GET", home)).body == b"end"
    assert "authorization" not in home.arrived[1].headers


@both
@pytest.mark.parametrize(
    "query",
    [
        "k=s3cr3t-t0ken/+=",
        "k=s3cr3t-t0ken%2F%2B%3D",
        "k=s3cr3t-t0ken%252F%252B%253D",
        "k=dXNlcjpzM2NyM3QtdDBrZW4vKz0=",  # user:… in base64
    ],
)
def test_redirect_that_carries_the_secret_elsewhere_is_refused(ask, new_site, query):
    home, away = new_site(), new_site()
    home.routes["/start"] = (302, {"Location": f"{away.url}/steal?{query}"}, b"")
    with pytest.raises(TransportError, match="would send a credential") as caught:
        ask(authorized("GET", home))
    assert away.arrived == []
    assert "s3cr3t" not in caught.value.message
    assert not caught.value.retryable


@both
@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE"])
@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_write_never_goes_to_another_origin(ask, new_site, method, status):
    home, away = new_site(), new_site()
    home.routes["/start"] = (status, {"Location": f"{away.url}/x"}, b"")
    with pytest.raises(TransportError, match="refused"):
        ask(authorized(method, home, body=b'{"a":1}'))
    assert away.arrived == []


@both
@pytest.mark.parametrize("status", [307, 308])
def test_write_is_sent_again_within_the_origin(ask, site, status):
    site.routes["/start"] = (status, {"Location": "/new"}, b"")
    site.routes["/new"] = (200, {}, b"ok")
    ask(authorized("POST", site, body=b'{"a":1}'))
    assert (site.arrived[1].method, site.arrived[1].body) == ("POST", b'{"a":1}')


@both
@pytest.mark.parametrize("status", [302, 303])
def test_see_other_after_a_write_is_read_without_body(ask, site, status):
    site.routes["/start"] = (status, {"Location": "/result"}, b"")
    site.routes["/result"] = (200, {}, b"ok")
    ask(authorized("POST", site, body=b'{"a":1}'))
    assert (site.arrived[1].method, site.arrived[1].body) == ("GET", b"")
    assert "content-type" not in site.arrived[1].headers


@both
def test_moved_write_does_not_become_a_read(ask, site):
    site.routes["/start"] = (301, {"Location": "/new"}, b"")
    with pytest.raises(TransportError, match=r"POST is redirected to .*/new") as caught:
        ask(authorized("POST", site, body=b"{}"))
    assert "base_url" in caught.value.hint
    assert len(site.arrived) == 1


@both
@pytest.mark.parametrize(
    "location",
    ["file:///etc/passwd", "ftp://127.0.0.1/x", "gopher://x", "javascript:alert(1)", "http://u:p@127.0.0.1/"],
)
def test_other_schemes_and_user_information_are_refused(ask, site, location):
    site.routes["/start"] = (302, {"Location": location}, b"")
    with pytest.raises(TransportError, match="refused"):
        ask(authorized("GET", site))


@both
def test_loops_and_long_chains_end(ask, site):
    site.routes["/start"] = (302, {"Location": "/start"}, b"")
    with pytest.raises(TransportError, match="more than 5 redirects"):
        ask(authorized("GET", site))
    assert len(site.arrived) == 6
    site.arrived.clear()
    with pytest.raises(TransportError, match="more than 0 redirects"):
        ask(authorized("GET", site), max_redirects=0)
    assert len(site.arrived) == 1


@both
def test_redirect_without_location_is_an_answer(ask, site):
    site.routes["/start"] = (302, {}, b"?")
    assert ask(authorized("GET", site)).status == 302


@both
def test_chain_of_redirects_shares_one_time_limit(ask, site):
    import time

    def slow(got: Any) -> Any:
        time.sleep(0.25)
        return 302, {"Location": "/start"}, b""

    site.routes["/start"] = slow
    with pytest.raises(TransportError, match=r"did not send a complete response within 0\.6 seconds"):
        ask(authorized("GET", site, timeout_seconds=0.6))


@both
def test_request_to_a_host_that_is_not_the_connectors_own_is_not_sent(ask, new_site):
    home, away = new_site(), new_site()
    away.routes["/x"] = (200, {}, b"")
    with pytest.raises(ConfigurationError, match="would send a credential") as caught:
        ask(Request("GET", f"{away.url}/x", authorized=True, hosts=home.hosts))
    assert f"127.0.0.1:{away.port}" in caught.value.hint
    for request in [
        Request("GET", f"{away.url}/x?a={TOKEN}", hosts=home.hosts),
        Request("GET", f"{away.url}/x", Headers({"X-Any": f"t={TOKEN}"}), hosts=home.hosts),
        Request("POST", f"{away.url}/x", body=f'{{"a":"{TOKEN}"}}'.encode(), hosts=home.hosts),
    ]:
        with pytest.raises(ConfigurationError, match="would send a secret of 15 characters"):
            ask(request)
    assert away.arrived == []
    assert ask(Request("GET", f"{away.url}/x?a=plain", hosts=home.hosts)).status == 200
