"""Sockets for `live` under a time limit for the whole exchange: each read gets what is left of it.

The HTTP library's own limits hold for one read. Host names are looked up under the limit too. No HTTP here.
"""

import contextlib
import socket
import ssl
import threading
import time
from collections.abc import Iterable, Iterator
from typing import Any

import httpcore

__all__ = ["Backend", "limit", "prolong"]

CONNECT_SECONDS = 4.0
_current = threading.local()


@contextlib.contextmanager
def limit(seconds: float) -> Iterator[float]:
    """Bound everything this thread reads or writes inside; gives the deadline on the monotonic clock."""
    _current.deadline = time.monotonic() + seconds
    try:
        yield _current.deadline
    finally:
        _current.deadline = None


def prolong(seconds: float) -> None:
    """Give what this thread reads so much more time."""
    deadline = getattr(_current, "deadline", None)
    if deadline is not None:
        _current.deadline = deadline + seconds


def _left(default: float | None, kind: type[Exception]) -> float | None:
    deadline = getattr(_current, "deadline", None)
    if deadline is None:
        return default
    left = float(deadline) - time.monotonic()
    if left <= 0:
        raise kind("the time is up")
    return left if default is None else min(default, left)


class _Stream(httpcore.NetworkStream):
    def __init__(self, inner: httpcore.NetworkStream, connected_by: float) -> None:
        self._inner = inner
        self._connected_by = connected_by

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        return self._inner.read(max_bytes, _left(timeout, httpcore.ReadTimeout))

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        self._inner.write(buffer, _left(timeout, httpcore.WriteTimeout))

    def close(self) -> None:
        self._inner.close()

    def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore.NetworkStream:
        left = max(self._connected_by - time.monotonic(), 0.1)
        return _Stream(self._inner.start_tls(ssl_context, server_hostname, left), self._connected_by)

    def get_extra_info(self, info: str) -> Any:
        return self._inner.get_extra_info(info)


class Backend(httpcore.NetworkBackend):
    """Opens connections within `connect_seconds`, name look-up and TLS handshake included."""

    def __init__(self, connect_seconds: float = CONNECT_SECONDS) -> None:
        self._seconds = connect_seconds
        self._plain = httpcore.SyncBackend()

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.NetworkStream:
        """A connection to one of the host's addresses; each has its share of the time. Raises httpcore's errors."""
        allowed = _left(self._seconds, httpcore.ConnectTimeout) or self._seconds
        until = time.monotonic() + allowed
        addresses = _addresses(host, port, allowed)
        fault: Exception = httpcore.ConnectError("no address")
        for index, address in enumerate(addresses):
            left = (until - time.monotonic()) / (len(addresses) - index)
            if left <= 0:
                raise httpcore.ConnectTimeout("no connection in time")
            try:
                return _Stream(self._plain.connect_tcp(address, port, left, local_address, socket_options), until)
            except (httpcore.ConnectError, httpcore.ConnectTimeout) as error:
                fault = error
        raise fault


def _addresses(host: str, port: int, seconds: float) -> list[str]:
    """Addresses of a host. A look-up cannot be interrupted: it runs beside and may be left behind."""
    name = host.strip("[]")
    if name.replace(".", "").isdigit() or ":" in name:
        return [name]
    found: list[str] = []
    faults: list[OSError] = []

    def look_up() -> None:
        try:
            rows = socket.getaddrinfo(name, port, type=socket.SOCK_STREAM)
            found.extend(dict.fromkeys(str(row[4][0]) for row in rows))
        except OSError as error:
            faults.append(error)

    worker = threading.Thread(target=look_up, name="host look-up", daemon=True)
    worker.start()
    worker.join(seconds)
    if faults:
        try:
            raise faults[0]
        except OSError as fault:  # as its context, which survives the pool raising this again "from None"
            raise httpcore.ConnectError("the host name is unknown") from fault
    if not found:
        raise httpcore.ConnectTimeout("the host name was not found in time")
    return found[:4]
