"""A loopback origin of our own that remembers what reaches it: alone it answers an empty list, before another
server it passes everything on. It judges nothing: tests read `seen`."""

import http.client
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from vendor import Arrived, Reply, start_vendor

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


def _pass_on(told: Witness, arrived: Arrived) -> tuple[int, dict[str, str], bytes]:
    """What the server behind it answers; alone, an empty list."""
    if not told.upstream:
        return 200, {"content-type": "application/json"}, b'{"data": []}'
    host = urlsplit(told.upstream)
    link = http.client.HTTPConnection(host.hostname or "", host.port, timeout=60)
    headers = {name: value for name, value in arrived.headers.items() if name not in {*HOP, "accept-encoding"}}
    target = arrived.target.removeprefix(told.strip) if told.strip else arrived.target
    try:
        link.request(arrived.method, target, body=arrived.body or None, headers=headers)
        answer = link.getresponse()
        return answer.status, {name.lower(): value for name, value in answer.getheaders()}, answer.read()
    finally:
        link.close()


@contextmanager
def witness(upstream: str = "", *, strip: str = "") -> Iterator[Witness]:
    """Run a witness on a free port of 127.0.0.1 until the block is left."""
    told = Witness(0, upstream, strip)

    def answer(arrived: Arrived) -> Reply:
        status, headers, body = _pass_on(told, arrived)
        asked = arrived.method, arrived.target, arrived.headers, arrived.body
        told.seen.append(Exchange(*asked, status, headers, body))
        return status, {name: value for name, value in headers.items() if name not in HOP}, body

    with start_vendor(answer) as vendor:
        told.port = vendor.port
        yield told
