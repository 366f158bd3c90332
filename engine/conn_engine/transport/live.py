"""The live transport, sync and async: pooled HTTP/1.1 connections with limits on time, size and redirects.

It uses the connection layer of httpx (`httpcore`), which needs half the processor time and allows custom sockets, as
required for a limit on the complete exchange. Only connections are kept between requests: no cookies, no netrc. The
environment configures proxies (HTTPS_PROXY, NO_PROXY …; never for this machine) and certificates (SSL_CERT_FILE).
"""

import asyncio
import logging
import ssl
import time
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self, TypeAlias, TypedDict, Unpack

from conn_engine.errors import ConnError, TransportError
from conn_engine.secrets import Redactor
from conn_engine.transport import content, egress, gateway, tls
from conn_engine.transport.egress import Trust
from conn_engine.transport.message import apieces, format_head, get_name, iterate_pieces, to_headers
from conn_engine.transport.outage import build_outage_error
from conn_engine.transport.proxies import BehindProxy, choose_proxy, make_proxy, read_proxies
from conn_engine.transport.receiving import MAX_STREAM_BYTES, Receiving
from conn_engine.transport.redirects import Hop, HopResponse, follow_redirects
from conn_engine.wire import MACHINE_CLOCK, Blob, ClientCertificate, Clock, Headers, Request, Response

if TYPE_CHECKING:
    import httpcore

    from conn_engine.transport.resolving import Resolver
    from conn_engine.transport.single_connection import SingleConnection

__all__ = ["AsyncLive", "Live"]

_PoolKey: TypeAlias = tuple[bool, str, ClientCertificate | None]  # TLS, proxy and client certificate
_AsyncPool: TypeAlias = "SingleConnection | httpcore.AsyncConnectionPool"

MAX_BYTES = 64 * 1024 * 1024


class TransportLimits(TypedDict, total=False):
    """The limits of a live transport, what it trusts, its name resolver (DNS by default), and the clock that checks
    client certificates."""

    max_redirects: int
    max_bytes: int
    max_stream_bytes: int
    connect_seconds: float
    max_connections: int
    trust: Trust
    resolver: "Resolver | None"
    clock: Clock


class _Wire:
    """The shared base of both transports: settings, TLS contexts, and the bytes of a hop."""

    def __init__(
        self,
        redactor: Redactor | None = None,
        *,
        max_redirects: int = 5,
        max_bytes: int = MAX_BYTES,
        max_stream_bytes: int = MAX_STREAM_BYTES,
        connect_seconds: float = 4.0,
        max_connections: int = 100,
        trust: Trust = Trust(),
        resolver: "Resolver | None" = None,
        clock: Clock = MACHINE_CLOCK,
    ) -> None:
        self.redactor = redactor or Redactor()
        self._max_redirects = max_redirects
        self._max_bytes = max_bytes
        self._max_stream_bytes = max_stream_bytes
        self._connect_seconds = connect_seconds
        self._max_connections = max_connections
        self._trust = trust
        self._resolver = resolver
        self._clock = clock
        self._tls: dict[ClientCertificate | None, ssl.SSLContext] = {}
        self._proxies = read_proxies()
        self._behind_proxy = BehindProxy(resolver, trust.hosts)
        # The library below logs header values at DEBUG, which an application may have switched on for everything.
        logging.getLogger("httpcore").setLevel(logging.WARNING)

    def _pool_key(self, goal: gateway.RequestTarget, request: Request) -> _PoolKey:
        proxy = choose_proxy(goal, self._proxies) if self._proxies else ""
        certificate = request.certificate
        if goal.scheme != "https" or certificate is None:
            return (goal.scheme == "https", proxy, None)
        # After a redirect to a host that may not receive the credential, no client certificate is sent either.
        return (True, proxy, certificate if gateway.is_permitted(goal.origin, request.hosts) else None)

    def _pool_options(self, key: _PoolKey) -> dict[str, Any]:
        options: dict[str, Any] = self._connection_options(key) | {"max_connections": 1}
        if key[1]:
            options["proxy"] = make_proxy(key[1], self.redactor)
        return options

    def _connection_options(self, key: _PoolKey) -> dict[str, Any]:
        options: dict[str, Any] = {"keepalive_expiry": 20.0}
        if key[0]:
            options["ssl_context"] = self._context(key[2])
        return options

    def _backend_options(self, key: _PoolKey) -> dict[str, Any]:
        """Return the options for connections: only to checked addresses, except to a proxy from the environment."""
        from conn_engine.transport.resolving import resolve

        judge = egress.make_judge("https" if key[0] else "http", self._trust.hosts)
        return {
            "connect_seconds": self._connect_seconds,
            "resolver": self._resolver or resolve,
            "judge": None if key[1] else judge,
        }

    def _context(self, certificate: ClientCertificate | None) -> ssl.SSLContext:
        if certificate not in self._tls:
            self._tls[certificate] = tls.build_context(self._trust.certificates, certificate, self._clock.now())
        return self._tls[certificate]

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
            headers=format_head(hop, request),
            content=self._content(hop),
            extensions={
                "timeout": {
                    "connect": self._connect_seconds,
                    "read": request.timeout_seconds,
                    "write": request.timeout_seconds,
                    "pool": request.timeout_seconds,
                }
            },
        )

    def _content(self, hop: Hop) -> Any:
        return hop.body or b"" if hop.payload is None else iterate_pieces(hop.payload)

    def _prepare_receiving(self, request: Request, status: int, headers: Headers) -> Receiving | None:
        """Return the receiver of a possibly large body. Raises if the announced size is too large."""
        streamed = request.stream and 200 <= status < 300
        most = self._max_stream_bytes if streamed else self._max_bytes
        length = headers.get("content-length", "")
        if length.isdigit() and int(length) > most and request.method != "HEAD":
            raise self._too_large(request, most)
        if not streamed:
            return None
        cleaner = None if request.purpose == "token" else self.redactor.echo_cleaner()
        return Receiving(request, headers.get("content-encoding", ""), self._max_stream_bytes, cleaner)

    def _too_large(self, request: Request, most: int) -> TransportError:
        hint = "request less at once (a page size), or set a `response_format` that is read row by row (jsonl, csv)"
        return TransportError(
            f"{get_name(request)}: the body is larger than {most} bytes",
            request=request,
            retryable=False,
            hint="" if request.stream else hint,
        )

    def _answer(self, request: Request, status: int, headers: Headers, raw: bytes) -> HopResponse:
        encoding = headers.get("content-encoding")
        if encoding and raw:
            try:
                raw = content.decompress(raw, encoding, self._max_bytes)
            except content.ContentFault as fault:
                raise _build_content_error(request, fault) from None
        return HopResponse(status, headers, raw, "")

    def _response(self, request: Request, answer: HopResponse, started: float) -> Response:
        """Return the response for the engine. A credential that it contains is only for token requests."""
        headers, body = answer.headers, answer.body
        if request.purpose != "token":
            if answer.spool is None:
                body = self.redactor.without_echo(body)
            pairs = [list(pair) for pair in headers.pairs]
            clean = self.redactor.data_without_echo(pairs)
            if clean is not pairs:
                headers = Headers(map(tuple, clean))
        echoes = None if request.purpose == "token" else self.redactor
        seconds = time.perf_counter() - started
        return Response(answer.status, headers, body, answer.url, seconds, answer.spool, echoes)


class Live(_Wire):
    """Sends requests, blocking. Threads may share it. `close()` it, or use it as a context manager.

    `redactor` knows the secrets that must not be sent elsewhere (see `gateway`). `max_bytes` limits each body, before
    and after decompression; `Request.timeout_seconds` limits the complete exchange with redirects; `connect_seconds`
    limits name look-up, connection and TLS together. `trust` has the hosts that may be reached in addition to the
    public internet (see `egress`).
    """

    def __init__(self, redactor: Redactor | None = None, **limits: Unpack[TransportLimits]) -> None:
        super().__init__(redactor, **limits)
        # Lent out one request at a time: the library's pool may close a connection that another thread is about to use.
        self._free: dict[_PoolKey, list[httpcore.ConnectionPool]] = {}

    def send(self, request: Request) -> Response:
        """Return the response with any status. Raises TransportError, or ConfigurationError from the gateway."""
        from conn_engine.transport.deadline import limit_time

        started = time.perf_counter()
        course = follow_redirects(request, self.redactor, self._max_redirects, self._trust.hosts)
        hop = next(course)
        with limit_time(request.timeout_seconds):
            while True:
                answer = self._exchange(hop, request)
                try:
                    hop = course.send(answer)
                except StopIteration as end:
                    return self._response(request, end.value, started)

    def _exchange(self, hop: Hop, request: Request) -> HopResponse:
        key = self._pool_key(hop.target, request)
        home = self._free
        idle = home.setdefault(key, [])
        pool = idle.pop() if idle else self._new_pool(key)
        try:
            return self._send_through(pool, hop, request, key[1])
        finally:
            idle.append(pool)
            if home is not self._free:  # closed meanwhile
                _close(home)

    def _send_through(self, pool: "httpcore.ConnectionPool", hop: Hop, request: Request, proxy: str) -> HopResponse:
        message = self._message(hop, request)
        try:
            if proxy:
                self._behind_proxy.judge(hop.target)
            response = pool.handle_request(message)
            try:
                headers = to_headers(response.headers)
                receiving = self._prepare_receiving(request, response.status, headers)
                if receiving is not None:
                    return self._receive(receiving, response, headers)
                parts: list[bytes] = []
                size = 0
                for part in response.iter_stream():
                    parts.append(part)
                    size += len(part)
                    if size > self._max_bytes:
                        raise self._too_large(request, self._max_bytes)
            finally:
                response.close()
        except ConnError:
            raise
        except content.ContentFault as fault:
            raise _build_content_error(request, fault) from None
        except Exception as error:
            raise build_outage_error(error, hop, request, self._connect_seconds, proxy) from _find_telling_error(error)
        raw = parts[0] if len(parts) == 1 else b"".join(parts)
        return self._answer(request, response.status, headers, raw)

    def _receive(self, receiving: Receiving, response: "httpcore.Response", headers: Headers) -> HopResponse:
        from conn_engine.transport.deadline import prolong_time

        try:
            for part in response.iter_stream():
                prolong_time(receiving.take(part))
            return HopResponse(response.status, headers, *_end(receiving))
        except BaseException:
            receiving.drop()
            raise

    def _new_pool(self, key: _PoolKey) -> "httpcore.ConnectionPool":
        import httpcore

        from conn_engine.transport.deadline import Backend

        backend = Backend(**self._backend_options(key))
        return httpcore.ConnectionPool(**self._pool_options(key), network_backend=backend)

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
    """`Live` for an event loop, with the same limits and checks. It belongs to the loop in which it is first used.

    At most `max_connections` requests are sent at once. The next one waits until one of them ends, and its time limit
    begins then.
    """

    def __init__(self, redactor: Redactor | None = None, **limits: Unpack[TransportLimits]) -> None:
        super().__init__(redactor, **limits)
        # Lent out one request at a time: a shared pool of the library examines every connection for every request.
        self._free: dict[_PoolKey, list[_AsyncPool]] = {}
        self._places = asyncio.Semaphore(self._max_connections)

    async def asend(self, request: Request) -> Response:
        """Return the response with any status, like `Live.send`."""
        started = time.perf_counter()
        course = follow_redirects(request, self.redactor, self._max_redirects, self._trust.hosts)
        hop = next(course)
        try:
            async with self._places, asyncio.timeout(request.timeout_seconds) as limit:
                while True:
                    answer = await self._exchange(hop, request, limit)
                    try:
                        hop = course.send(answer)
                    except StopIteration as end:
                        return self._response(request, end.value, started)
        except TimeoutError as error:
            raise build_outage_error(
                error, hop, request, self._connect_seconds, self._pool_key(hop.target, request)[1]
            ) from _find_telling_error(error)

    def _content(self, hop: Hop) -> Any:
        return hop.body or b"" if hop.payload is None else apieces(hop.payload)

    async def _exchange(self, hop: Hop, request: Request, limit: asyncio.Timeout) -> HopResponse:
        key = self._pool_key(hop.target, request)
        home = self._free
        idle = home.setdefault(key, [])
        pool = idle.pop() if idle else self._new_pool(key)
        try:
            return await self._send_through(pool, hop, request, limit, key[1])
        except asyncio.CancelledError:  # what the library leaves of such an exchange is not used again
            await pool.aclose()
            raise
        finally:
            idle.append(pool)
            if home is not self._free:  # closed meanwhile
                await _aclose(home)

    async def _send_through(
        self,
        pool: "_AsyncPool",
        hop: Hop,
        request: Request,
        limit: asyncio.Timeout,
        proxy: str,
    ) -> HopResponse:
        message = self._message(hop, request)
        try:
            if proxy:
                await self._behind_proxy.ajudge(hop.target)
            response = await pool.handle_async_request(message)
            try:
                headers = to_headers(response.headers)
                receiving = self._prepare_receiving(request, response.status, headers)
                if receiving is not None:
                    return await self._receive(receiving, response, headers, limit)
                parts: list[bytes] = []
                size = 0
                async for part in response.aiter_stream():
                    parts.append(part)
                    size += len(part)
                    if size > self._max_bytes:
                        raise self._too_large(request, self._max_bytes)
            finally:
                await response.aclose()
        except ConnError:
            raise
        except content.ContentFault as fault:
            raise _build_content_error(request, fault) from None
        except Exception as error:
            raise build_outage_error(error, hop, request, self._connect_seconds, proxy) from _find_telling_error(error)
        return self._answer(request, response.status, headers, parts[0] if len(parts) == 1 else b"".join(parts))

    async def _receive(
        self, receiving: Receiving, response: "httpcore.Response", headers: Headers, limit: asyncio.Timeout
    ) -> HopResponse:
        try:
            async for part in response.aiter_stream():
                earned = receiving.take(part)
                if earned:
                    limit.reschedule((limit.when() or 0.0) + earned)
            return HopResponse(response.status, headers, *_end(receiving))
        except BaseException:
            receiving.drop()
            raise

    def _new_pool(self, key: _PoolKey) -> "_AsyncPool":
        import httpcore

        from conn_engine.transport.deadline import AsyncBackend, ProxiedAsyncBackend
        from conn_engine.transport.single_connection import SingleConnection

        options = self._backend_options(key)
        if key[1]:
            backend = ProxiedAsyncBackend(**options)
            return httpcore.AsyncConnectionPool(**self._pool_options(key), network_backend=backend)
        return SingleConnection(**self._connection_options(key), network_backend=AsyncBackend(**options))

    async def aclose(self) -> None:
        """Close every connection. The transport can be used again; it opens new ones."""
        home, self._free = self._free, {}
        await _aclose(home)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.aclose()


def _close(pools: "dict[_PoolKey, list[httpcore.ConnectionPool]]") -> None:
    for idle in pools.values():
        while idle:
            idle.pop().close()


async def _aclose(pools: "dict[_PoolKey, list[_AsyncPool]]") -> None:
    for idle in pools.values():
        while idle:
            await idle.pop().aclose()


def _end(receiving: Receiving) -> tuple[bytes, str, Blob | None]:
    body, spool = receiving.end()
    return body, "", spool


def _build_content_error(request: Request, fault: content.ContentFault) -> TransportError:
    early = "early" in str(fault)
    return TransportError(f"{get_name(request)}: {fault}", request=request, retryable=early and request.idempotent)


def _find_telling_error(error: Exception) -> Exception | None:
    """Return the error as the cause for a traceback, unless its text may quote a header."""
    return None if "LocalProtocol" in type(error).__name__ else error
