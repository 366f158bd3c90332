"""A vendor's stand-in on loopback: answers token requests as an entry expects, everything else with `{}`.

It keeps what arrives. A path begins with the host that the connector meant: `/api.example.com/v1/things`.
"""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl, urlsplit

__all__ = ["Arrived", "Vendor", "vendor"]


@dataclass(frozen=True, slots=True)
class Arrived:
    """One request. Header names are lower case."""

    method: str
    target: str
    headers: dict[str, str]
    body: bytes

    @property
    def path(self) -> str:
        """The path as it was sent."""
        return urlsplit(self.target).path

    @property
    def query(self) -> dict[str, str]:
        """The query, decoded."""
        return dict(parse_qsl(urlsplit(self.target).query, keep_blank_values=True))

    @property
    def data(self) -> Any:
        """The body, by its content type; None without one."""
        if not self.body:
            return None
        kind = self.headers.get("content-type", "")
        if "json" in kind:
            return json.loads(self.body)
        return dict(parse_qsl(self.body.decode(), keep_blank_values=True))


@dataclass(slots=True)
class Vendor:
    """A running stand-in. `answers` maps a path to what it answers: data as JSON, text as it is."""

    port: int = 0
    answers: dict[str, Any] = field(default_factory=dict)
    seen: list[Arrived] = field(default_factory=list)

    @property
    def origin(self) -> str:
        """`http://127.0.0.1:PORT`."""
        return f"http://127.0.0.1:{self.port}"


def _handler(told: Vendor) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def answer(self) -> None:
            body = self.rfile.read(int(self.headers.get("content-length") or 0))
            headers = {name.lower(): value for name, value in self.headers.items()}
            told.seen.append(Arrived(self.command, self.path, headers, body))
            found = told.answers.get(urlsplit(self.path).path, {})
            text = found if isinstance(found, str) else json.dumps(found)
            data = text.encode()
            self.send_response(200)
            self.send_header("content-type", "text/plain" if isinstance(found, str) else "application/json")
            self.send_header("content-length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        do_GET = do_POST = do_PUT = answer  # noqa: N815

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002
            """Quiet."""

    return Handler


@contextmanager
def vendor() -> Iterator[Vendor]:
    """Run a stand-in on a free port of 127.0.0.1 until the block is left."""
    told = Vendor()
    server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(told))
    server.daemon_threads = True
    told.port = server.server_address[1]
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield told
    finally:
        server.shutdown()
        server.server_close()
        thread.join(timeout=5)
