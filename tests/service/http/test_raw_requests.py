"""Requests as bytes: what is ambiguous is refused, and no request hides in another one.

The service runs behind its own server, and every connection is a plain socket.
"""

import socket
import threading
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass

import pytest
from service_bench import Bench, open_bench

from conn_engine.config import load_workspace
from conn_service.http.accounts import WorkspaceConfiguration
from conn_service.http.health import DrainState
from conn_service.http.server import ServiceServer
from conn_service.http.service import Deployment, open_service
from conn_service.listening import listen

DEADLINE = 60
PROXY = "proxy: { shop: { paths: [{ path: /people/** }] } }\n"


@dataclass
class RawClient:
    """Sends bytes. `hidden` is a complete request that would reach the vendor."""

    bench: Bench
    port: int
    head: bytes
    hidden: bytes

    def send(self, sent: bytes) -> list[bytes]:
        """Return the responses to what is sent. The service closes the connection after the last one."""
        with socket.create_connection(("127.0.0.1", self.port), timeout=DEADLINE) as client:
            client.sendall(sent)
            parts = []
            with suppress(ConnectionResetError):  # it has not read everything
                while part := client.recv(65_536):
                    parts.append(part)
        return [b"HTTP/1.1 " + text for text in b"".join(parts).split(b"HTTP/1.1 ")[1:]]


@pytest.fixture(scope="module")
def raw(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RawClient]:
    root = tmp_path_factory.mktemp("service")
    with open_bench(root, settings=PROXY) as bench:
        source = WorkspaceConfiguration(load_workspace(root))
        with open_service(Deployment(source, bench.location, bench.vault, {}, bench.clock)) as service:
            listener, started = listen("127.0.0.1", 0), threading.Event()
            server = ServiceServer(service, listener, DrainState(), drain_seconds=1)
            thread = threading.Thread(target=server.run, args=(started.set,))
            thread.start()
            try:
                assert started.wait(DEADLINE)
                head = b"Host: x\r\nConnection: close\r\nAuthorization: Bearer " + bench.token.encode() + b"\r\n"
                hidden = b"GET /unified/crm/contacts HTTP/1.1\r\n" + head + b"\r\n"
                yield RawClient(bench, listener.getsockname()[1], head, hidden)
            finally:
                server.stop()
                thread.join(DEADLINE)
                assert not thread.is_alive()


def find_status(response: bytes) -> int:
    return int(response.split(b" ", 2)[1])


AMBIGUOUS = {
    "a length and chunks": b"Content-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "chunks and a length": b"Transfer-Encoding: chunked\r\nContent-Length: 4\r\n\r\n0\r\n\r\n",
    "two lengths": b"Content-Length: 0\r\nContent-Length: 200\r\n\r\n",
    "the same length twice": b"Content-Length: 0\r\nContent-Length: 0\r\n\r\n",
    "a list of lengths": b"Content-Length: 0, 200\r\n\r\n",
    "a length with a sign": b"Content-Length: +0\r\n\r\n",
    "a negative length": b"Content-Length: -1\r\n\r\n",
    "a length in hexadecimal": b"Content-Length: 0x0\r\n\r\n",
    "a length beyond 64 bits": b"Content-Length: 18446744073709551616\r\n\r\n",
    "a space before the colon": b"Transfer-Encoding : chunked\r\n\r\n0\r\n\r\n",
    "a folded header": b"Transfer-Encoding:\r\n chunked\r\n\r\n0\r\n\r\n",
    "a folded length": b"X: 1\r\n Content-Length: 0\r\n\r\n",
    "an unknown encoding": b"Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n",
    "an encoding after chunks": b"Transfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n",
    "chunks twice": b"Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n\r\n0\r\n\r\n",
    "a bare line feed": b"X: 1\nContent-Length: 0\r\n\r\n",
    "a bare line feed at the end": b"Content-Length: 0\n\n",
    "a bare carriage return": b"X: 1\rContent-Length: 0\r\n\r\n",
    "a zero byte": b"X: 1\0Content-Length: 0\r\n\r\n",
    "a name with a space": b"Content Length: 0\r\n\r\n",
    "a header without a name": b": 0\r\n\r\n",
    "a chunk with a bare line feed": b"Transfer-Encoding: chunked\r\n\r\n0;a\n\r\n\r\n",
    "a chunk with a sign": b"Transfer-Encoding: chunked\r\n\r\n+0\r\n\r\n",
    "a chunk beyond 64 bits": b"Transfer-Encoding: chunked\r\n\r\n10000000000000000\r\n\r\n",
}


@pytest.mark.parametrize("text", AMBIGUOUS.values(), ids=AMBIGUOUS.keys())
def test_a_request_that_can_be_read_in_two_ways(raw: RawClient, text: bytes) -> None:
    """The answer is 400, or the connection is cut because the body is wrong. The request after it is never answered."""
    raw.bench.vendor.arrived.clear()
    answers = raw.send(b"POST /nothing HTTP/1.1\r\nHost: x\r\n" + text + raw.hidden)
    assert [find_status(answer) for answer in answers] in ([400], [])
    assert raw.bench.vendor.arrived == []


@pytest.mark.parametrize(
    "sent",
    [
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        b"GET /unified/crm/contacts\r\n\r\n",
        b"GET /unified/crm/contacts HTTP/1.1 x\r\n",
        b"GET /unified/crm/contacts HTTP/3.7\r\n",
        b"GE\x00T /unified/crm/contacts HTTP/1.1\r\n",
        b"GET /unified/crm/\x01contacts HTTP/1.1\r\n",
        b"\x16\x03\x01\x02\x00\x01",
    ],
)
def test_what_is_no_request(raw: RawClient, sent: bytes) -> None:
    raw.bench.vendor.arrived.clear()
    answers = raw.send(sent + raw.hidden.partition(b"\r\n")[2] + raw.hidden)
    assert [find_status(answer) for answer in answers] == [400]
    assert raw.bench.vendor.arrived == []


def test_a_pipeline_is_answered_in_its_order(raw: RawClient) -> None:
    """What is in a body stays there, and each request is answered once."""
    first = b"POST /nothing HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n" % len(raw.hidden)
    answers = raw.send(first + raw.hidden + raw.hidden)
    assert [find_status(answer) for answer in answers] == [404, 200]


@pytest.mark.parametrize("protocol", [b"h2c", b"websocket", b"TLS/1.0"])
def test_an_upgrade_is_not_made(raw: RawClient, protocol: bytes) -> None:
    raw.bench.vendor.arrived.clear()
    upgrade = b"GET /nothing HTTP/1.1\r\nHost: x\r\nConnection: close, Upgrade\r\nUpgrade: %s\r\n\r\n" % protocol
    assert [find_status(answer) for answer in raw.send(upgrade + raw.hidden)] == [404]
    assert raw.bench.vendor.arrived == []


INJECTED = b"%0d%0aX-Injected:%20yes%0d%0a%0d%0a"


@pytest.mark.parametrize(
    "target",
    [
        b"/unified/crm/contacts/" + INJECTED,
        b"/unified/crm/contacts?cursor=" + INJECTED,
        b"/unified/crm/contacts?limit=1&updated_after=" + INJECTED,
        b"/unified/crm/contacts?" + INJECTED + b"=1",
        b"/proxy/people/" + INJECTED,
        b"/proxy/people/1?a=" + INJECTED,
        b"/proxy/people/1?" + INJECTED + b"=1",
        b"/connect/" + INJECTED,
        b"/connect/callback/shop?state=" + INJECTED,
        b"/webhooks/shop/" + INJECTED,
        b"/admin/accounts/" + INJECTED,
        b"/admin/audit?target=" + INJECTED,
        b"/docs/" + INJECTED,
        INJECTED.replace(b"%0d%0a", b"/%0d%0a", 1),
    ],
)
def test_line_breaks_in_an_address_make_no_header(raw: RawClient, target: bytes) -> None:
    raw.bench.vendor.arrived.clear()
    (answer,) = raw.send(b"GET " + target + b" HTTP/1.1\r\n" + raw.head + b"\r\n")
    head, _, _ = answer.partition(b"\r\n\r\n")
    assert b"x-injected" not in head.lower()
    assert all(line.isascii() and line.decode().isprintable() for line in head.split(b"\r\n"))
    for arrived in raw.bench.vendor.arrived:
        assert "x-injected" not in arrived.headers
        assert "\r" not in arrived.target + "".join(arrived.headers.values())
    assert len(raw.bench.vendor.arrived) <= 1


@pytest.mark.parametrize("name", [b"Conn-Account", b"Idempotency-Key", b"traceparent", b"Conn-Request-Id"])
def test_a_header_of_the_caller_makes_no_other_one(raw: RawClient, name: bytes) -> None:
    raw.bench.vendor.arrived.clear()
    sent = b"GET /unified/crm/contacts HTTP/1.1\r\n" + raw.head + name + b": acme%0d%0aX-Injected: yes\x85\xff\r\n\r\n"
    (answer,) = raw.send(sent)
    assert b"x-injected" not in answer.partition(b"\r\n\r\n")[0].lower()
    assert all("x-injected" not in arrived.headers for arrived in raw.bench.vendor.arrived)


def test_the_host_of_an_absolute_address_is_not_used(raw: RawClient) -> None:
    (answer,) = raw.send(b"GET http://evil.example/unified/crm/contacts HTTP/1.1\r\n" + raw.head + b"\r\n")
    assert b"evil.example" not in answer
