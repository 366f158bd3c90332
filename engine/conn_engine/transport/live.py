"""The live transport, sync and async: pooled HTTP/1.1 connections with limits on time, size and redirects.

Works on the connection layer of httpx (`httpcore`): half the processor time per request, and sockets of our
own, which a limit on the whole exchange needs. Nothing is kept between requests but connections: no cookies,
no netrc. The environment is asked for proxies (HTTPS_PROXY, NO_PROXY …; never for this machine) and
certificates (SSL_CERT_FILE).
"""

import asyncio
import logging
import ssl
import time
from collections.abc import Mapping
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self, TypedDict, Unpack
from urllib.parse import unquote, urlsplit

from conn_engine.errors import ConfigurationError, TransportError
from conn_engine.secrets import Redactor
from conn_engine.transport import content, door
from conn_engine.transport.outage import outage
from conn_engine.transport.redirects import Answer, Hop, follow
from conn_engine.wire import Headers, Request, Response

if TYPE_CHECKING:
    import httpcore

__all__ = ["AsyncLive", "Live"]

MAX_BYTES = 64 * 1024 * 1024
_OURS = frozenset({"content-length", "connection", "accept-encoding"})
_FORBIDDEN = frozenset({"host", "transfer-encoding", "proxy-authorization", "upgrade", "te", "trailer"})
_METHODS_WITH_BODY = frozenset({"POST", "PUT", "PATCH"})


class Limits(TypedDict, total=False):
    """The limits of a live transport."""

    max_redirects: int
    max_bytes: int
    connect_seconds: float
    max_connections: int


class _Wire:
    """What both transports share: settings, pools by proxy and TLS, and the bytes of a hop."""

    def __init__(
        self,
        redactor: Redactor | None = None,
        *,
        max_redirects: int = 5,
        max_bytes: int = MAX_BYTES,
        connect_seconds: float = 4.0,
        max_connections: int = 20,
    ) -> None:
        self.redactor = redactor or Redactor()
        self._max_redirects = max_redirects
        self._max_bytes = max_bytes
        self._connect_seconds = connect_seconds
        self._max_connections = max_connections
        self._tls: ssl.SSLContext | None = None
        self._proxies = _proxies()
        # The library below logs header values at DEBUG, which an application may have switched on for
        # everything.
        logging.getLogger("httpcore").setLevel(logging.WARNING)

    def _pool_key(self, goal: door.Target) -> tuple[bool, str]:
        return (goal.scheme == "https", _proxy_for(goal, self._proxies) if self._proxies else "")

    def _pool_options(self, key: tuple[bool, str]) -> dict[str, Any]:
        import httpcore

        options: dict[str, Any] = {"max_connections": self._max_connections, "keepalive_expiry": 20.0}
        if key[0]:
            options["ssl_context"] = self._context()
        if key[1]:
            parts = urlsplit(key[1])
            user = (unquote(parts.username or ""), unquote(parts.password or ""))
            bare = f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}"
            self.redactor.add(user[1], "the proxy password")
            try:
                options["proxy"] = httpcore.Proxy(bare, auth=user if parts.username else None)
            except Exception as error:
                raise ConfigurationError(f'the proxy "{bare}" cannot be used') from error
        return options

    def _context(self) -> ssl.SSLContext:
        if self._tls is None:
            import httpx

            try:
                self._tls = httpx.create_ssl_context()
            except OSError as error:
                raise ConfigurationError(
                    "the certificates named by SSL_CERT_FILE or SSL_CERT_DIR cannot be read"
                ) from error
        return self._tls

    def _message(self, hop: Hop, request: Request) -> "httpcore.Request":
        import httpcore

        goal = hop.target
        return httpcore.Request(
            hop.method,
            httpcore.URL(
                scheme=goal.scheme.encode(),
                host=goal.host.strip("[]").encode(),
                port=goal.explicit_port,
                target=goal.path.encode(),
            ),
            headers=_header_bytes(hop, request),
            content=hop.body or b"",
            extensions={
                "timeout": {
                    "connect": self._connect_seconds,
                    "read": request.timeout_seconds,
                    "write": request.timeout_seconds,
                    "pool": request.timeout_seconds,
                }
            },
        )

    def _announced(self, request: Request, headers: Headers) -> None:
        length = headers.get("content-length", "")
        if length.isdigit() and int(length) > self._max_bytes and request.method != "HEAD":
            raise self._too_large(request)

    def _too_large(self, request: Request) -> TransportError:
        return TransportError(
            f"{_name(request)}: the body is larger than {self._max_bytes} bytes",
            request=request,
            retryable=False,
        )

    def _answer(self, request: Request, status: int, headers: Headers, raw: bytes) -> Answer:
        encoding = headers.get("content-encoding")
        if encoding and raw:
            try:
                raw = content.plain(raw, encoding, self._max_bytes)
            except content.ContentFault as fault:
                early = "early" in str(fault)
                raise TransportError(
                    f"{_name(request)}: {fault}", request=request, retryable=early and request.idempotent
                ) from None
        return Answer(status, headers, raw, "")

    def _response(self, request: Request, answer: Answer, started: float) -> Response:
        """The answer as the engine gets it: a credential that it sends back is for token requests only."""
        headers, body = answer.headers, answer.body
        if request.purpose != "token":
            body = self.redactor.without_echo(body)
            told = "\n".join(headers.values()).encode("latin-1", "replace")
            if self.redactor.without_echo(told) is not told:
                headers = Headers([(name, self.redactor.text(value)) for name, value in headers.pairs])
        return Response(answer.status, headers, body, answer.url, time.perf_counter() - started)


class Live(_Wire):
    """Sends requests, blocking. Threads may share it. `close()` it, or use it as a context manager.

    `redactor` knows the secrets that must not leave (see `door`). `max_bytes` bounds each body, before and
    after decompression; `Request.timeout_seconds` the whole exchange, redirects included; `connect_seconds`
    name look-up, connection and TLS together.
    """

    def __init__(self, redactor: Redactor | None = None, **limits: Unpack[Limits]) -> None:
        super().__init__(redactor, **limits)
        # Lent out one request at a time, because the library's pool may close a connection that another
        # thread is about to use.
        self._free: dict[tuple[bool, str], list[httpcore.ConnectionPool]] = {}

    def send(self, request: Request) -> Response:
        """The answer, whatever its status. Raises TransportError, or ConfigurationError from the door."""
        from conn_engine.transport.deadline import limit

        started = time.perf_counter()
        course = follow(request, self.redactor, self._max_redirects)
        hop = next(course)
        with limit(request.timeout_seconds):
            while True:
                answer = self._exchange(hop, request)
                try:
                    hop = course.send(answer)
                except StopIteration as end:
                    return self._response(request, end.value, started)

    def _exchange(self, hop: Hop, request: Request) -> Answer:
        key = self._pool_key(hop.target)
        home = self._free
        idle = home.setdefault(key, [])
        pool = idle.pop() if idle else self._new_pool(key)
        try:
            return self._through(pool, hop, request)
        finally:
            idle.append(pool)
            if home is not self._free:  # closed meanwhile
                _close(home)

    def _through(self, pool: "httpcore.ConnectionPool", hop: Hop, request: Request) -> Answer:
        message = self._message(hop, request)
        try:
            response = pool.handle_request(message)
            try:
                headers = _headers(response.headers)
                self._announced(request, headers)
                parts: list[bytes] = []
                size = 0
                for part in response.iter_stream():
                    parts.append(part)
                    size += len(part)
                    if size > self._max_bytes:
                        raise self._too_large(request)
            finally:
                response.close()
        except TransportError:
            raise
        except Exception as error:
            raise outage(error, hop, request, self._connect_seconds) from _telling(error)
        raw = parts[0] if len(parts) == 1 else b"".join(parts)
        return self._answer(request, response.status, headers, raw)

    def _new_pool(self, key: tuple[bool, str]) -> "httpcore.ConnectionPool":
        import httpcore

        from conn_engine.transport.deadline import Backend

        return httpcore.ConnectionPool(**self._pool_options(key), network_backend=Backend(self._connect_seconds))

    def close(self) -> None:
        """Close every connection. The transport can be used again; it opens new ones."""
        home, self._free = self._free, {}
        _close(home)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


class AsyncLive(_Wire):
    """`Live` for an event loop: the same limits, the same door. Belongs to the loop it is first used in."""

    def __init__(self, redactor: Redactor | None = None, **limits: Unpack[Limits]) -> None:
        super().__init__(redactor, **limits)
        self._pools: dict[tuple[bool, str], httpcore.AsyncConnectionPool] = {}

    async def asend(self, request: Request) -> Response:
        """As `Live.send`."""
        started = time.perf_counter()
        course = follow(request, self.redactor, self._max_redirects)
        hop = next(course)
        try:
            async with asyncio.timeout(request.timeout_seconds):
                while True:
                    answer = await self._exchange(hop, request)
                    try:
                        hop = course.send(answer)
                    except StopIteration as end:
                        return self._response(request, end.value, started)
        except TimeoutError as error:
            raise outage(error, hop, request, self._connect_seconds) from _telling(error)

    async def _exchange(self, hop: Hop, request: Request) -> Answer:
        pool = self._pool(hop.target)
        message = self._message(hop, request)
        try:
            response = await pool.handle_async_request(message)
            try:
                headers = _headers(response.headers)
                self._announced(request, headers)
                parts: list[bytes] = []
                size = 0
                async for part in response.aiter_stream():
                    parts.append(part)
                    size += len(part)
                    if size > self._max_bytes:
                        raise self._too_large(request)
            finally:
                await response.aclose()
        except TransportError:
            raise
        except Exception as error:
            raise outage(error, hop, request, self._connect_seconds) from _telling(error)
        return self._answer(request, response.status, headers, parts[0] if len(parts) == 1 else b"".join(parts))

    def _pool(self, goal: door.Target) -> Any:
        key = self._pool_key(goal)
        pool = self._pools.get(key)
        if pool is None:
            import httpcore

            pool = httpcore.AsyncConnectionPool(**self._pool_options(key))
            self._pools[key] = pool
        return pool

    async def aclose(self) -> None:
        """Close every connection."""
        pools, self._pools = self._pools, {}
        for pool in pools.values():
            await pool.aclose()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.aclose()


def _close(pools: "dict[tuple[bool, str], list[httpcore.ConnectionPool]]") -> None:
    for idle in pools.values():
        while idle:
            idle.pop().close()


def _header_bytes(hop: Hop, request: Request) -> list[tuple[bytes, bytes]]:
    pairs = [(b"Host", hop.target.authority.encode())]
    named = set()
    for name, given in hop.headers:
        lower = name.lower()
        value = given.strip(" \t")  # no part of the value in HTTP
        if lower in _OURS:
            continue
        if lower in _FORBIDDEN or not name.isascii() or any(mark in value for mark in "\r\n\0"):
            raise ConfigurationError(
                f"{_name(request)}: the header {name[:60]!r} cannot be set"
                + ("" if lower in _FORBIDDEN else ": its name or value holds characters that headers cannot hold")
            )
        named.add(lower)
        pairs.append((name.encode(), value.encode("latin-1" if _is_latin(value) else "utf-8")))
    if "user-agent" not in named:
        pairs.append((b"User-Agent", b"conn"))
    if "accept" not in named:
        pairs.append((b"Accept", b"*/*"))
    pairs.append((b"Accept-Encoding", content.ACCEPTED.encode()))
    if hop.body or hop.method in _METHODS_WITH_BODY:
        pairs.append((b"Content-Length", str(len(hop.body or b"")).encode()))
    return pairs


def _is_latin(value: str) -> bool:
    return value.isascii() or all(ord(character) < 256 for character in value)


def _headers(pairs: Any) -> Headers:
    return Headers([(name.decode("ascii", "replace"), value.decode("latin-1")) for name, value in pairs])


def _telling(error: Exception) -> Exception | None:
    """The error as a cause in a traceback, unless its text may quote a header."""
    return None if "LocalProtocol" in type(error).__name__ else error


def _name(request: Request) -> str:
    return request.label or request.method


def _proxies() -> dict[str, str]:
    from urllib.request import getproxies

    found = getproxies()
    return {key: value for key, value in found.items() if key in ("http", "https", "all", "no")}


def _proxy_for(goal: door.Target, proxies: Mapping[str, str]) -> str:
    from urllib.request import proxy_bypass

    url = proxies.get(goal.scheme) or proxies.get("all") or ""
    if not url or door.is_loopback(goal.host) or proxy_bypass(f"{goal.host}:{goal.port}"):
        return ""
    return url if "://" in url else f"http://{url}"
