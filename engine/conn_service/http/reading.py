"""Read requests within limits: their headers, query and body."""

import asyncio
import itertools
import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl

from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from conn_service.http.answers import build_problem
from conn_service.http.problems import HttpProblem
from conn_service.http.request_record import find_record

__all__ = ["LimitedRequests", "ServiceLimits", "parse_query", "read_body", "read_bytes", "wait_for_disconnect"]

_MOST_PARAMETERS = 100


@dataclass(frozen=True, slots=True)
class ServiceLimits:
    """What a deployment allows a request: times in seconds, sizes in bytes. `shows_vendor_errors` adds the vendor's own
    status and text to problems.

    The store has `store_seconds` to find a token, and the checks of a change of an account or a connector have
    `check_seconds`. A client has `header_seconds` for its headers, `body_seconds` for its
    body, and `write_seconds` to read a part of the answer. More requests than `concurrent_requests` at once are
    refused, and more connections than `connections`. Requests that wait for their bodies are not among them: of these,
    there are `waiting_bodies`. The bodies of all deliveries at once have `delivery_bytes`.
    """

    request_seconds: float = 60.0
    store_seconds: float = 10.0
    check_seconds: float = 30.0
    header_seconds: float = 10.0
    body_seconds: float = 20.0
    write_seconds: float = 30.0
    body_bytes: int = 10 * 2**20
    delivery_bytes: int = 128 * 2**20
    header_bytes: int = 32 * 2**10
    url_bytes: int = 16 * 2**10
    concurrent_requests: int = 500
    waiting_bodies: int = 200
    connections: int = 4_000
    response_bytes: int = 10 * 2**20
    shows_vendor_errors: bool = False


class LimitedRequests:
    """Refuses requests that are too large, that have not exactly one Host, or that are too many at once. Questions
    about health are always answered.

    A request that waits for its body is not at work. When more of them wait than may, the one that began first is
    ended: slow clients take no place from others, not even from those whose bodies arrive.
    """

    def __init__(self, app: ASGIApp, limits: ServiceLimits) -> None:
        self._app = app
        self._limits = limits
        self._at_work = 0
        self._numbers = itertools.count()
        self._waiting: dict[int, asyncio.Timeout] = {}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["path"].startswith("/health/"):
            await self._app(scope, receive, send)
            return
        problem = self._find_problem(scope)
        if problem is not None:
            await build_problem(problem, find_record(scope))(scope, receive, send)
            return
        self._at_work += 1
        try:
            await self._app(scope, self._count_waiting(receive) if _has_body(scope) else receive, send)
        finally:
            self._at_work -= 1

    def _count_waiting(self, receive: Receive) -> Receive:
        """Return a function that receives a body, and whose request is not at work while it waits for a part of it."""
        number, has_ended = next(self._numbers), False

        async def receive_part() -> Message:
            nonlocal has_ended
            if has_ended:  # what follows is that the client is gone
                return await receive()
            self._at_work -= 1
            try:
                async with asyncio.timeout(None) as limit:
                    self._waiting[number] = limit
                    if len(self._waiting) > self._limits.waiting_bodies:
                        asyncio.get_running_loop().call_soon(self._end_oldest)  # if this one really has to wait
                    message = await receive()
            except TimeoutError:
                if not limit.expired():
                    raise
                text, headers = "too many requests wait for their bodies", {"retry-after": "1", "connection": "close"}
                raise HttpProblem(503, "overloaded", text, "send the body at once", headers) from None
            finally:
                self._waiting.pop(number, None)
                self._at_work += 1
            has_ended = message["type"] != "http.request" or not message.get("more_body", False)
            return message

        return receive_part

    def _end_oldest(self) -> None:
        """End the request that began first, if too many wait. A part that arrives now and then changes nothing."""
        waiting = [number for number, limit in self._waiting.items() if limit.when() is None]
        if len(waiting) > self._limits.waiting_bodies:
            self._waiting[min(waiting)].reschedule(asyncio.get_running_loop().time())

    def _find_problem(self, scope: Scope) -> HttpProblem | None:
        limits, headers = self._limits, scope["headers"]
        if len(scope.get("raw_path") or b"") + len(scope["query_string"]) > limits.url_bytes:
            return HttpProblem(414, "too_large", f"the URL has more than {limits.url_bytes:,} bytes")
        if sum(len(name) + len(value) for name, value in headers) > limits.header_bytes:
            return HttpProblem(431, "too_large", f"the headers have more than {limits.header_bytes:,} bytes")
        if sum(name == b"host" for name, _ in headers) != 1:
            return HttpProblem(400, "invalid_request", "send one Host header")
        if self._at_work >= limits.concurrent_requests:
            text = "the service has too many requests at once"
            return HttpProblem(503, "overloaded", text, "send it again", headers={"retry-after": "1"})
        return None


def _has_body(scope: Scope) -> bool:
    return any(
        name == b"transfer-encoding" or (name == b"content-length" and value != b"0")
        for name, value in scope["headers"]
    )


def parse_query(request: Request) -> list[tuple[str, str]]:
    try:
        text = request.scope["query_string"].decode("ascii")
        return parse_qsl(text, keep_blank_values=True, max_num_fields=_MOST_PARAMETERS, errors="strict")
    except ValueError:
        raise HttpProblem(400, "invalid_request", "the query cannot be read", "encode it as UTF-8") from None


async def read_bytes(
    request: Request, limits: ServiceLimits, most: int | None = None, count: Callable[[int], None] | None = None
) -> bytes:
    """Return the body, of at most `most` bytes. `count` gets the size of each part, and may refuse it. Raises
    HttpProblem."""
    most = limits.body_bytes if most is None else most
    parts: list[bytes] = []
    size = 0
    try:
        async with asyncio.timeout(limits.body_seconds):
            async for part in request.stream():
                size += len(part)
                if size > most:
                    raise HttpProblem(413, "too_large", f"the body has more than {most:,} bytes")
                if count is not None:
                    count(len(part))
                parts.append(part)
    except TimeoutError:
        raise HttpProblem(408, "timeout", "the body did not arrive in time", headers={"connection": "close"}) from None
    return b"".join(parts)


async def read_body(request: Request, limits: ServiceLimits) -> Any:
    """Return the body as data; None if it is empty. Raises HttpProblem."""
    if "content-length" not in request.headers and "transfer-encoding" not in request.headers:
        return None
    content = await read_bytes(request, limits)
    if not content:
        return None
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != "application/json":
        raise HttpProblem(415, "invalid_request", "the body is not JSON", "send Content-Type: application/json")
    try:
        return json.loads(content, parse_constant=_refuse_constant)
    except (ValueError, RecursionError):
        raise HttpProblem(400, "invalid_request", "the body is not valid JSON", "correct the body") from None


def _refuse_constant(name: str) -> Any:
    raise ValueError(name)


async def wait_for_disconnect(request: Request) -> None:
    while True:
        message: Message = await request.receive()
        if message["type"] == "http.disconnect":
            return
