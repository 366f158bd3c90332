"""Real servers on 127.0.0.1: one that speaks HTTP and keeps what it got, one of raw bytes."""

import http.server
import socket
import ssl
import sys
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

sys.path.insert(0, str(Path(__file__).parent))


@dataclass
class Got:
    method: str
    path: str
    headers: dict[str, str]
    body: bytes


@dataclass
class Site:
    """`routes`: path to (status, headers, body) or a function of the request. `got` is what arrived."""

    url: str = ""
    port: int = 0
    routes: dict[str, Any] = field(default_factory=dict)
    got: list[Got] = field(default_factory=list)

    @property
    def hosts(self) -> tuple[str, ...]:
        return (f"127.0.0.1:{self.port}",)


def _site(made: Site, address: str, port: int, tls: ssl.SSLContext | None) -> http.server.ThreadingHTTPServer:
    class Handler(http.server.BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def answer(self) -> None:
            size = int(self.headers.get("content-length") or 0)
            got = Got(
                self.command,
                self.path,
                {k.lower(): v for k, v in self.headers.items()},
                self.rfile.read(size),
            )
            made.got.append(got)
            route = made.routes.get(self.path.split("?")[0], (404, {}, b"nothing here"))
            status, extra, body = route(got) if callable(route) else route
            self.send_response(status)
            pairs = extra.items() if isinstance(extra, dict) else extra
            for name, value in pairs:
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(body)

        do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = do_HEAD = answer  # noqa: N815

        def log_message(self, *args: Any) -> None:
            pass

    class Server(http.server.ThreadingHTTPServer):
        daemon_threads = True

        def handle_error(self, request: Any, client_address: Any) -> None:
            pass  # clients that go away are part of these tests

    server = Server((address, port), Handler)
    if tls is not None:
        server.socket = tls.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
    made.port = server.server_address[1]
    made.url = f"http://{address}:{made.port}"
    threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    return server


@pytest.fixture
def new_site() -> Iterator[Callable[..., Site]]:
    servers = []

    def start(address: str = "127.0.0.1", port: int = 0, tls: ssl.SSLContext | None = None) -> Site:
        made = Site()
        servers.append(_site(made, address, port, tls))
        return made

    yield start
    for server in servers:
        server.shutdown()
        server.server_close()


@pytest.fixture
def site(new_site: Callable[..., Site]) -> Site:
    return new_site()


@pytest.fixture
def raw() -> Iterator[Callable[[Callable[[socket.socket], None]], str]]:
    """Start a server that reads a request's head, then lets a function write what it likes to the socket."""
    listeners = []

    def start(talk: Callable[[socket.socket], None]) -> str:
        listener = socket.create_server(("127.0.0.1", 0))
        listeners.append(listener)

        def one(connection: socket.socket) -> None:
            with connection:
                head = b""
                try:
                    while b"\r\n\r\n" not in head:
                        part = connection.recv(65536)
                        if not part:
                            return
                        head += part
                    talk(connection)
                except OSError:
                    pass

        def accept() -> None:
            while True:
                try:
                    connection, _ = listener.accept()
                except OSError:
                    return
                threading.Thread(target=one, args=(connection,), daemon=True).start()

        threading.Thread(target=accept, daemon=True).start()
        return f"http://127.0.0.1:{listener.getsockname()[1]}"

    yield start
    for listener in listeners:
        listener.close()
