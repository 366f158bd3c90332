"""Sockets for `live` with a time limit for the complete exchange: each read gets the remaining time.

The HTTP library's own limits apply to one read. Name look-ups are limited too. There is no HTTP here.
"""

import contextlib
import ssl
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, TypeAlias

import httpcore

from conn_engine.transport.resolving import Resolver, aresolve_within, resolve, resolve_within

__all__ = ["AsyncBackend", "Backend", "Judge", "ProxiedAsyncBackend", "limit_time", "prolong_time"]

Judge: TypeAlias = Callable[[str, int, Sequence[str]], None]

CONNECT_SECONDS = 4.0
MOST_ADDRESSES = 4
_current = threading.local()


@contextlib.contextmanager
def limit_time(seconds: float) -> Iterator[float]:
    """Limit the time for everything this thread reads or writes in the context. Yields the deadline on the monotonic
    clock."""
    _current.deadline = time.monotonic() + seconds
    try:
        yield _current.deadline
    finally:
        _current.deadline = None


def prolong_time(seconds: float) -> None:
    """Extend the time limit of this thread."""
    deadline = getattr(_current, "deadline", None)
    if deadline is not None:
        _current.deadline = deadline + seconds


def _get_time_left(default: float | None, kind: type[Exception]) -> float | None:
    deadline = getattr(_current, "deadline", None)
    if deadline is None:
        return default
    seconds_left = float(deadline) - time.monotonic()
    if seconds_left <= 0:
        raise kind("the time limit is reached")
    return seconds_left if default is None else min(default, seconds_left)


class _Stream(httpcore.NetworkStream):
    def __init__(self, inner: httpcore.NetworkStream, connected_by: float) -> None:
        self._inner = inner
        self._connected_by = connected_by

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        return self._inner.read(max_bytes, _get_time_left(timeout, httpcore.ReadTimeout))

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        self._inner.write(buffer, _get_time_left(timeout, httpcore.WriteTimeout))

    def close(self) -> None:
        self._inner.close()

    def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore.NetworkStream:
        seconds_left = max(self._connected_by - time.monotonic(), 0.1)
        return _Stream(self._inner.start_tls(ssl_context, server_hostname, seconds_left), self._connected_by)

    def get_extra_info(self, info: str) -> Any:
        return self._inner.get_extra_info(info)


class _Opening:
    """The base of both backends.

    `judge` is called with the host, its port and all its addresses before a connection, and may raise.
    """

    def __init__(
        self, connect_seconds: float = CONNECT_SECONDS, resolver: Resolver = resolve, judge: Judge | None = None
    ) -> None:
        self._seconds = connect_seconds
        self._resolver = resolver
        self._judge = judge or _accept


class Backend(_Opening, httpcore.NetworkBackend):
    """Opens connections within `connect_seconds`, including name look-up and TLS handshake."""

    _plain = httpcore.SyncBackend()

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.NetworkStream:
        """Connect to one of the host's addresses; each has its share of the time. Raises httpcore's errors."""
        allowed = _get_time_left(self._seconds, httpcore.ConnectTimeout) or self._seconds
        until = time.monotonic() + allowed
        addresses = resolve_within(self._resolver, host, port, allowed)
        self._judge(host, port, addresses)
        fault: Exception = httpcore.ConnectError("no address")
        for address, seconds in _share_time(addresses, until):
            try:
                return _Stream(self._plain.connect_tcp(address, port, seconds, local_address, socket_options), until)
            except (httpcore.ConnectError, httpcore.ConnectTimeout) as error:
                fault = error
        raise fault


class AsyncBackend(_Opening, httpcore.AsyncNetworkBackend):
    """`Backend` for an event loop, which limits the time for the exchange itself."""

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        """Connect like `Backend.connect_tcp`."""
        until = time.monotonic() + self._seconds
        addresses = await aresolve_within(self._resolver, host, port, self._seconds)
        self._judge(host, port, addresses)
        fault: Exception = httpcore.ConnectError("no address")
        for address, seconds in _share_time(addresses, until):
            try:
                return await self._open(address, port, seconds)
            except (httpcore.ConnectError, httpcore.ConnectTimeout) as error:
                fault = error
        raise fault

    async def _open(self, address: str, port: int, seconds: float) -> httpcore.AsyncNetworkStream:
        from conn_engine.transport.async_stream import open_stream

        return await open_stream(address, port, seconds)


class ProxiedAsyncBackend(AsyncBackend):
    """`AsyncBackend` with the library's streams, which can have TLS within TLS, for a proxy."""

    _plain = httpcore.AnyIOBackend()

    async def _open(self, address: str, port: int, seconds: float) -> httpcore.AsyncNetworkStream:
        return await self._plain.connect_tcp(address, port, seconds)


def _accept(host: str, port: int, addresses: Sequence[str]) -> None:
    """Accept every address."""


def _share_time(addresses: Sequence[str], until: float) -> Iterator[tuple[str, float]]:
    """Return the addresses to try, each with its share of the remaining time."""
    tried = addresses[:MOST_ADDRESSES]
    for index, address in enumerate(tried):
        seconds = (until - time.monotonic()) / (len(tried) - index)
        if seconds <= 0:
            raise httpcore.ConnectTimeout("no connection in time")
        yield address, seconds
