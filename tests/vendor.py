"""A vendor on 127.0.0.1 for tests: answers each request by a function or by routes, and keeps what arrived."""

import http.server
import json
import ssl
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, TypeAlias
from urllib.parse import parse_qsl, urlsplit

__all__ = ["Arrived", "Reply", "Vendor", "start_vendor"]

Reply: TypeAlias = Any
"""Data (sent as JSON), a text (sent as it is), bytes or None (sent without a type); `(status, it)`;
`(status, headers, it)`; or a function that writes the answer itself to the request handler of `http.server`. An answer
that raises an OSError breaks the connection off."""


@dataclass(frozen=True, slots=True)
class Arrived:
    """One request. Header names are lower case, in `pairs` as they were sent; `target` is path and query as they were
    sent, `peer` the common name in the client's certificate."""

    method: str
    target: str
    headers: dict[str, str]
    body: bytes
    pairs: tuple[tuple[str, str], ...] = ()
    peer: str | None = None

    @property
    def path(self) -> str:
        """The path as it was sent."""
        return self.target.partition("?")[0]

    @property
    def query(self) -> dict[str, str]:
        """The query, decoded."""
        return dict(parse_qsl(urlsplit(self.target).query, keep_blank_values=True))

    @property
    def decoded(self) -> str:
        """Path and query, with the query decoded."""
        query = "&".join(f"{name}={value}" for name, value in self.query.items())
        return f"{self.path}?{query}" if query else self.path

    @property
    def data(self) -> Any:
        """The body: JSON, or a form by its content type; None without one."""
        if not self.body:
            return None
        if "urlencoded" in self.headers.get("content-type", ""):
            return dict(parse_qsl(self.body.decode(), keep_blank_values=True))
        return json.loads(self.body)


@dataclass
class Vendor:
    """A running vendor. Without an `answer`, `routes` has a reply, or a function of the request, for each path."""

    port: int = 0
    scheme: str = "http"
    address: str = "127.0.0.1"
    answer: Callable[[Arrived], Reply] | None = None
    routes: dict[str, Any] = field(default_factory=dict)
    arrived: list[Arrived] = field(default_factory=list)
    faults: list[Exception] = field(default_factory=list)
    """What went wrong in the answers. `start_vendor` raises the first one at its end."""

    @property
    def url(self) -> str:
        """Its origin."""
        return f"{self.scheme}://{self.address}:{self.port}"

    @property
    def host(self) -> str:
        """Its address and port, as `trusted_hosts` has them."""
        return f"{self.address}:{self.port}"

    @property
    def hosts(self) -> tuple[str, ...]:
        """The one host that a request to it may go to."""
        return (self.host,)

    def reply(self, arrived: Arrived) -> Reply:
        """What it answers to a request."""
        if self.answer is not None:
            return self.answer(arrived)
        route = self.routes.get(arrived.path, (404, {}, b"nothing here"))
        return route(arrived) if callable(route) else route


def _peer(connection: Any) -> str | None:
    certificate = connection.getpeercert() if isinstance(connection, ssl.SSLSocket) else None
    names = [value for part in (certificate or {}).get("subject", ()) for key, value in part if key == "commonName"]
    return names[0] if names else None


def _handler(vendor: Vendor) -> type[http.server.BaseHTTPRequestHandler]:
    class Handler(http.server.BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        wbufsize = -1  # an answer in one piece: in two, the second waits 40 ms for the first to be acknowledged

        def answer(self) -> None:
            body = self.rfile.read(int(self.headers.get("content-length") or 0))
            pairs = tuple(self.headers.items())
            headers = {name.lower(): value for name, value in pairs}
            arrived = Arrived(self.command, self.path, headers, body, pairs, _peer(self.connection))
            vendor.arrived.append(arrived)
            try:
                reply = vendor.reply(arrived)
                if callable(reply):
                    reply(self)
                else:
                    _write(self, *_whole(reply))
            except OSError:
                raise  # clients that go away are part of some tests
            except Exception as error:
                vendor.faults.append(error)
                raise

        do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = do_HEAD = do_OPTIONS = answer  # noqa: N815 - its names

        def log_message(self, *_: object) -> None:
            """Quiet."""

    return Handler


def _whole(reply: Reply) -> tuple[int, Any, bytes]:
    status, headers, content = 200, {}, reply
    if isinstance(reply, tuple):
        status, headers, content = reply if len(reply) == 3 else (reply[0], {}, reply[1])
    if content is None or isinstance(content, bytes):
        return status, headers, content or b""
    data = content.encode() if isinstance(content, str) else json.dumps(content).encode()
    if isinstance(headers, Mapping) and "content-type" not in {name.lower() for name in headers}:
        headers = {"Content-Type": "application/json", **headers}
    return status, headers, data


def _write(handler: http.server.BaseHTTPRequestHandler, status: int, headers: Any, content: bytes) -> None:
    handler.send_response(status)
    for name, value in headers.items() if isinstance(headers, Mapping) else headers:
        handler.send_header(name, value)
    if status == 204:
        content = b""
    else:
        handler.send_header("Content-Length", str(len(content)))
    handler.end_headers()
    if handler.command != "HEAD":
        handler.wfile.write(content)


class _Server(http.server.ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Quiet: what goes wrong is in `Vendor.faults`, and clients may go away."""


@contextmanager
def start_vendor(
    answer: Callable[[Arrived], Reply] | None = None,
    address: str = "127.0.0.1",
    port: int = 0,
    *,
    tls: ssl.SSLContext | None = None,
) -> Iterator[Vendor]:
    """Serve on a free port until the block is left."""
    vendor = Vendor(address=address, answer=answer, scheme="https" if tls else "http")
    server = _Server((address, port), _handler(vendor))
    if tls is not None:
        server.socket = tls.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
    vendor.port = server.server_address[1]
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    try:
        yield vendor
    finally:
        server.shutdown()
        server.server_close()
        thread.join(5)
    if vendor.faults:
        raise vendor.faults[0]
