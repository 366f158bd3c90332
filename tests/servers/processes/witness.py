"""A loopback origin of our own that remembers what reaches it: alone it answers an empty list, before another
server it passes everything on. It judges nothing: tests read `seen`."""

import http.client
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import urlsplit

__all__ = ["Exchange", "Witness", "witness"]

HOP = {"connection", "transfer-encoding", "keep-alive", "content-length", "date", "server"}


@dataclass(frozen=True, slots=True)
class Exchange:
    """One request that arrived and what was answered. Header names are lower case."""

    method: str
    target: str
    headers: dict[str, str]
    body: bytes
    status: int
    answer_headers: dict[str, str]
    answer: bytes

    @property
    def path(self) -> str:
        """The target without its query."""
        return self.target.split("?")[0]

    def carries(self, secret: str) -> bool:
        """Whether the secret is anywhere in the request."""
        places = [self.target, *self.headers.values(), self.body.decode("utf-8", "replace")]
        return any(secret in place for place in places)


@dataclass(slots=True)
class Witness:
    """A running witness. `upstream` is an origin (`http://host:port`) or empty; `strip` a prefix to drop."""

    port: int
    upstream: str = ""
    strip: str = ""
    seen: list[Exchange] = field(default_factory=list)

    @property
    def url(self) -> str:
        """Its origin, by the address."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def other_host_url(self) -> str:
        """The same origin under another host name."""
        return f"http://localhost:{self.port}"


def handler(seen_by: Witness) -> type[BaseHTTPRequestHandler]:
    """The request handler class of one witness."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def pass_on(self, body: bytes, target: str) -> tuple[int, dict[str, str], bytes]:
            if not seen_by.upstream:
                return 200, {"content-type": "application/json"}, b'{"data": []}'
            host = urlsplit(seen_by.upstream)
            link = http.client.HTTPConnection(host.hostname or "", host.port, timeout=30)
            headers = {k: v for k, v in self.headers.items() if k.lower() not in {*HOP, "accept-encoding"}}
            try:
                link.request(self.command, target, body=body or None, headers=headers)
                answer = link.getresponse()
                return answer.status, {k.lower(): v for k, v in answer.getheaders()}, answer.read()
            finally:
                link.close()

        def answer(self) -> None:
            body = self.rfile.read(int(self.headers.get("content-length") or 0))
            target = self.path.removeprefix(seen_by.strip) if seen_by.strip else self.path
            status, headers, answer = self.pass_on(body, target)
            asked = {k.lower(): v for k, v in self.headers.items()}
            seen_by.seen.append(Exchange(self.command, self.path, asked, body, status, headers, answer))
            self.send_response(status)
            for name, value in headers.items():
                if name not in HOP:
                    self.send_header(name, value)
            if status != 204:
                self.send_header("content-length", str(len(answer)))
            self.end_headers()
            if status != 204 and self.command != "HEAD":
                self.wfile.write(answer)

        do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = do_HEAD = answer  # noqa: N815

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002
            """Quiet: the exchanges are the log."""

    return Handler


@contextmanager
def witness(upstream: str = "", *, strip: str = "") -> Iterator[Witness]:
    """Run a witness on a free port of 127.0.0.1 until the block is left."""
    told = Witness(0, upstream, strip)
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler(told))
    server.daemon_threads = True
    told.port = server.server_address[1]
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    try:
        yield told
    finally:
        server.shutdown()
        server.server_close()
        thread.join(timeout=5)
