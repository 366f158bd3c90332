"""The live transports, sync and async, against nginx: redirects, compression, refusals. No operation runs."""

import asyncio
import base64
from collections.abc import Callable

import pytest
from processes.kinto import Kinto
from processes.nginx import Nginx
from processes.process import free_port
from processes.witness import Witness

from conn_engine.errors import ConfigurationError, TransportError
from conn_engine.secrets import Redactor
from conn_engine.transport.egress import Trust
from conn_engine.transport.live import AsyncLive, Live
from conn_engine.wire import Headers, Request, Response

Send = Callable[[Request], Response]
HERE = Trust(("127.0.0.0/8", "::1/128"))


@pytest.fixture(params=["sync", "async"])
def send(request: pytest.FixtureRequest, kinto: Kinto) -> Send:
    """One exchange on a transport that knows the password as a secret."""
    redactor = Redactor([kinto.password])

    def sync(asked: Request) -> Response:
        with Live(redactor, trust=HERE) as transport:
            return transport.send(asked)

    def by_loop(asked: Request) -> Response:
        async def once() -> Response:
            transport = AsyncLive(redactor, trust=HERE)
            try:
                return await transport.asend(asked)
            finally:
                await transport.aclose()

        return asyncio.run(once())

    return sync if request.param == "sync" else by_loop


def asked(kinto: Kinto, port: int, path: str, method: str = "GET", body: bytes | None = None) -> Request:
    pair = base64.b64encode(f"{kinto.user}:{kinto.password}".encode()).decode()
    headers = {"authorization": f"Basic {pair}", "x-tenant": "acme", "accept": "application/json"}
    if body is not None:
        headers["content-type"] = "application/json"
    url = f"http://127.0.0.1:{port}{path}"
    return Request(method, url, Headers(headers), body, authorized=True, hosts=(f"127.0.0.1:{port}",))


def test_decompresses(send: Send, kinto: Kinto, nginx: Nginx) -> None:
    path = f"/v1/buckets/crm/collections/{kinto.collection(records=50)}/records"
    answer = send(asked(kinto, nginx.open, path))
    assert answer.headers["content-encoding"] == "gzip"
    assert answer.body.startswith(b'{"data":')


def test_follows_on_the_same_origin_with_the_credential(send: Send, kinto: Kinto, door: Witness) -> None:
    name = kinto.collection()
    path = f"/moved/v1/buckets/crm/collections/{name}/records"
    answer = send(asked(kinto, door.port, path, "POST", b'{"data": {"email": "ada@example.com"}}'))
    assert answer.status == 201
    assert len(kinto.records(name)) == 1
    assert [(seen.method, seen.status) for seen in door.seen] == [("POST", 308), ("POST", 201)]


def test_a_stranger_gets_nothing_but_a_plain_get(send: Send, kinto: Kinto, nginx: Nginx, stranger: Witness) -> None:
    stranger.seen.clear()
    answer = send(asked(kinto, nginx.redirects, "/v1/?page=2"))
    assert answer.status == 200
    (seen,) = stranger.seen
    assert (seen.method, seen.target, seen.body) == ("GET", "/v1/?page=2", b"")
    assert set(seen.headers) <= {"host", "accept", "accept-encoding", "user-agent", "connection"}


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE"])
def test_a_stranger_gets_no_write(send: Send, kinto: Kinto, nginx: Nginx, stranger: Witness, method: str) -> None:
    stranger.seen.clear()
    body = None if method == "DELETE" else b"{}"
    with pytest.raises(TransportError, match="redirected to another host") as raised:
        send(asked(kinto, nginx.redirects, "/v1/", method, body))
    assert stranger.seen == []
    assert not raised.value.retryable


def test_a_redirect_that_carries_a_secret_in_its_url_is_refused(
    send: Send, kinto: Kinto, nginx: Nginx, stranger: Witness
) -> None:
    stranger.seen.clear()
    with pytest.raises(TransportError, match="would send a credential"):
        send(asked(kinto, nginx.redirects, "/v1/?key=s3cr3t%3A%2B%2F%25%C3%BC"))
    assert stranger.seen == []


def test_a_credential_is_not_sent_to_a_stranger_at_all(send: Send, kinto: Kinto, stranger: Witness) -> None:
    stranger.seen.clear()
    trusted = asked(kinto, free_port(), "/v1/")
    elsewhere = Request("GET", f"{stranger.url}/v1/", trusted.headers, authorized=True, hosts=trusted.hosts)
    with pytest.raises(ConfigurationError, match="not a host of the connector"):
        send(elsewhere)
    assert stranger.seen == []


def test_a_429_is_handed_on(send: Send, kinto: Kinto, nginx: Nginx) -> None:
    answers = [send(asked(kinto, nginx.limited, "/v1/")) for _ in range(12)]
    limited = [answer for answer in answers if answer.status == 429]
    assert limited
    assert limited[0].headers["retry-after"] == "1"
    assert limited[0].body == b'{"error": "rate_limited"}'


def test_nothing_listening_is_said_at_once(send: Send, kinto: Kinto) -> None:
    with pytest.raises(TransportError) as raised:
        send(asked(kinto, free_port(), "/v1/"))
    assert "\n" not in raised.value.message
