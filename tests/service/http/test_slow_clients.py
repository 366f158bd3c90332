"""Clients that are slow, too large or too many, and what happens to requests at work when a service ends.

The server is a real one in a thread, with a small application and short limits.
"""

import asyncio
import json
import logging
import re
import socket
import threading
import time
from collections.abc import AsyncIterator, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route

from conn_engine.releases.store_location import StoreLocation
from conn_service.http.answers import problem_handlers
from conn_service.http.health import DrainState
from conn_service.http.reading import LimitedRequests, ServiceLimits
from conn_service.http.server import ServiceServer
from conn_service.listening import listen

PATIENT = ServiceLimits(header_bytes=2_000, url_bytes=1_000, connections=100, concurrent_requests=2)
HASTY = replace(PATIENT, header_seconds=2.0, body_seconds=1.6, write_seconds=0.3)
DEADLINE = 60


@dataclass
class Running:
    """A server in a thread, and what its application does."""

    port: int = 0
    monitor_port: int = 0
    arrived: threading.Event = field(default_factory=threading.Event)
    go: threading.Event = field(default_factory=threading.Event)
    streams_ended: threading.Event = field(default_factory=threading.Event)
    server: ServiceServer | None = None
    thread: threading.Thread | None = None

    async def wait(self, _request: Request) -> Response:
        """Answer when the test wants it."""
        self.arrived.set()
        await asyncio.to_thread(self.go.wait, DEADLINE)
        return JSONResponse({"ok": True})

    async def read(self, request: Request) -> Response:
        """Answer with the size of the body."""
        return JSONResponse(len(await request.body()))

    async def stream(self, _request: Request) -> Response:
        """Send lines without an end."""

        async def write() -> AsyncIterator[bytes]:
            try:
                while True:
                    yield b"x" * 65_536
                    self.arrived.set()
                    await asyncio.sleep(0.01)
            finally:
                self.streams_ended.set()

        return StreamingResponse(write())

    def connect(self, port: int = 0) -> socket.socket:
        return socket.create_connection(("127.0.0.1", port or self.port), timeout=DEADLINE)

    def send(self, text: str) -> str:
        """Return everything that the server sends to a request, until it closes the connection."""
        with self.connect() as client:
            client.sendall(text.replace("\n", "\r\n").encode())
            return read_all(client)

    @property
    def is_draining(self) -> bool:
        assert self.server is not None
        return self.server.drain.is_draining

    def stop(self) -> None:
        assert self.server is not None
        self.server.stop()


def read_all(client: socket.socket) -> str:
    parts = []
    try:
        while part := client.recv(65_536):
            parts.append(part)
    except ConnectionResetError:
        pass
    return b"".join(parts).decode()


@contextmanager
def run_server(limits: ServiceLimits = PATIENT, **options: Any) -> Iterator[Running]:
    running = Running()
    routes = [Route("/wait", running.wait), Route("/read", running.read, methods=["POST"]), Route("/s", running.stream)]
    health = Starlette(routes=[Route("/health", lambda _request: JSONResponse(running.is_draining))])
    listener, monitor = listen("127.0.0.1", 0), listen("127.0.0.1", 0)
    running.port, running.monitor_port = listener.getsockname()[1], monitor.getsockname()[1]
    handlers = problem_handlers(StoreLocation(file=Path("unused")), shows_vendor=False)
    app = LimitedRequests(Starlette(routes=routes, exception_handlers=handlers), limits)
    running.server = ServiceServer(app, listener, DrainState(), limits, monitor=(health, monitor), **options)
    started = threading.Event()
    running.thread = threading.Thread(target=running.server.run, args=(started.set,))
    running.thread.start()
    assert started.wait(DEADLINE)
    try:
        yield running
    finally:
        running.go.set()
        running.server.stop()
        running.thread.join(DEADLINE)
        assert not running.thread.is_alive()


@pytest.fixture(scope="module")
def running() -> Iterator[Running]:
    with run_server(drain_seconds=1) as made:
        yield made


@pytest.fixture(scope="module")
def hasty() -> Iterator[Running]:
    """A server whose clients have little time."""
    with run_server(HASTY, drain_seconds=1) as made:
        yield made


@pytest.fixture(autouse=True)
def _keep_levels() -> Iterator[None]:
    levels = {name: logging.getLogger(name).level for name in ("uvicorn", "uvicorn.error")}
    yield
    for name, level in levels.items():
        logging.getLogger(name).setLevel(level)


def read_answer(client: socket.socket) -> str:
    """Return one response, after which the connection may stay open: it may arrive in several parts."""
    text = ""
    while part := client.recv(65_536):
        text += part.decode()
        head, _, body = text.partition("\r\n\r\n")
        length = re.search(r"(?i)\r\ncontent-length: (\d+)", head)
        if length is not None and len(body) >= int(length[1]):
            break
    return text


def problem(text: str) -> tuple[int, str]:
    head, _, body = text.partition("\r\n\r\n")
    assert "content-type: application/problem+json" in head.lower()
    data = json.loads(body)
    assert head.startswith(f"HTTP/1.1 {data['status']} ")
    return data["status"], data["kind"]


@pytest.mark.parametrize(
    ("sent", "answer"),
    [
        ("GET /wait HTTP/1.1\nHost: x\nX: " + "x" * 5_000, (431, "too_large")),
        ("GET /" + "x" * 5_000, (431, "too_large")),
        ("nonsense\n\n", (400, "invalid_request")),
        ("GET / HTTP/1.1\nHost: x\nContent-Length: 1\nContent-Length: 2\n\n", (400, "invalid_request")),
        ("GET /" + "x" * 1_500 + " HTTP/1.1\nHost: x\nConnection: close\n\n", (414, "too_large")),
        ("GET / HTTP/1.1\nHost: x\nX: " + "x" * 2_500 + "\nConnection: close\n\n", (431, "too_large")),
        ("GET / HTTP/1.1\nHost: x\nHost: y\nConnection: close\n\n", (400, "invalid_request")),
        ("GET / HTTP/1.1\nConnection: close\n\n", (400, "invalid_request")),
    ],
)
def test_what_is_wrong_or_too_large_is_answered(running: Running, sent: str, answer: tuple[int, str]) -> None:
    assert problem(running.send(sent)) == answer


def test_slow_clients_are_cut_off(hasty: Running) -> None:
    """All at once, because each of them takes as long as it may."""
    sent = (
        "",
        "\n\n",
        "GET /wa",
        "GET /wait HTTP/1.1\nHost: x\nX: 1\n",
        "POST /read HTTP/1.1\nHost: x\nContent-Length: 10\n\nabc",
        "GET /nothing HTTP/1.1\nHost: x\nContent-Length: 10\n\nabc",
    )
    with ThreadPoolExecutor(len(sent)) as pool:
        silent, empty, line, header, body, late = pool.map(hasty.send, sent)
    assert (silent, empty, body) == ("", "", "")
    assert problem(line) == problem(header) == (408, "timeout")
    assert late.startswith("HTTP/1.1 404")


def test_a_slow_reader_is_cut_off(hasty: Running) -> None:
    hasty.streams_ended.clear()
    with hasty.connect() as client:
        client.sendall(b"GET /s HTTP/1.1\r\nHost: x\r\n\r\n")
        assert hasty.streams_ended.wait(DEADLINE)


def test_requests_and_connections_are_limited() -> None:
    request = b"GET /wait HTTP/1.1\r\nHost: x\r\n\r\n"
    with run_server(replace(PATIENT, connections=3)) as running, ExitStack() as stack:
        clients = []
        for _ in range(2):
            running.arrived.clear()
            clients.append(stack.enter_context(running.connect()))
            clients[-1].sendall(request)
            assert running.arrived.wait(DEADLINE)
        third = stack.enter_context(running.connect())
        third.sendall(request)
        text = read_answer(third)
        assert problem(text) == (503, "overloaded")
        assert "retry-after: 1" in text
        assert "too many connections" in running.send("")
        running.go.set()
        for client in clients:
            assert read_answer(client).startswith("HTTP/1.1 200")


def start_body(running: Running, stack: ExitStack) -> socket.socket:
    """Begin a request whose body does not arrive. The server asks for it as soon as the application waits for it."""
    client = stack.enter_context(running.connect())
    client.sendall(b"POST /read HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 3\r\n\r\n")
    assert client.recv(1_000).startswith(b"HTTP/1.1 100")
    return client


def test_requests_that_wait_for_their_bodies_take_no_place_from_others() -> None:
    with run_server(replace(PATIENT, waiting_bodies=3)) as running, ExitStack() as stack:
        first, second, third = (start_body(running, stack) for _ in range(3))
        second.sendall(b"a")  # it is still the one that began second
        assert running.send("POST /read HTTP/1.1\nHost: x\nContent-Length: 3\nConnection: close\n\nabc").endswith("3")
        first.sendall(b"abc")
        assert read_answer(first).endswith("\r\n3")
        fourth, _ = start_body(running, stack), start_body(running, stack)
        assert problem(read_all(second)) == (503, "overloaded")
        for client in (third, fourth):
            client.sendall(b"abc")
            assert read_answer(client).endswith("\r\n3")


def test_a_kept_connection_serves_again(running: Running) -> None:
    with running.connect() as client:
        for _ in range(2):
            client.sendall(b"POST /read HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\nabc")
            assert read_answer(client).endswith("\r\n3")


# --- the end of a service ---


def ask_health(running: Running) -> bool:
    with running.connect(running.monitor_port) as client:
        client.sendall(b"GET /health HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        return read_all(client).endswith("true")


def wait_until_refused(running: Running) -> None:
    """Connect until the port is closed."""
    end = time.monotonic() + DEADLINE
    while time.monotonic() < end:
        with suppress(ConnectionResetError):  # it was closed while we connected
            try:
                running.connect().close()
            except ConnectionRefusedError:
                return
    raise AssertionError("the port is still open")


def test_requests_at_work_are_finished_and_new_ones_refused() -> None:
    with run_server() as running, running.connect() as client:
        client.sendall(b"GET /wait HTTP/1.1\r\nHost: x\r\n\r\n")
        assert running.arrived.wait(DEADLINE)
        running.stop()
        wait_until_refused(running)
        assert ask_health(running)
        running.go.set()
        assert read_all(client).endswith('{"ok":true}')


def test_a_stream_is_cut_after_the_time_to_drain() -> None:
    with run_server(drain_seconds=0.2) as running, running.connect() as client:
        client.sendall(b"GET /s HTTP/1.1\r\nHost: x\r\n\r\n")
        assert running.arrived.wait(DEADLINE)
        running.stop()
        text = read_all(client)
        assert text.startswith("HTTP/1.1 200")
        assert not text.endswith("0\r\n\r\n")
        assert running.streams_ended.wait(DEADLINE)


def test_requests_are_answered_during_the_delay() -> None:
    with run_server(drain_delay=0.5) as running, running.connect() as client:
        client.sendall(b"GET /wait HTTP/1.1\r\nHost: x\r\n\r\n")
        assert running.arrived.wait(DEADLINE)
        running.stop()
        while not ask_health(running):
            pass
        running.go.set()
        answer = read_all(client)  # the server closes the connection
        assert "connection: close" in answer
        assert answer.endswith('{"ok":true}')
