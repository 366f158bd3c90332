"""The HTTP interface: map requests to the plain classes, and their results to responses."""

import asyncio
import logging
import re
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, TypeVar

from starlette.applications import Starlette
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route
from starlette.types import ASGIApp

from conn_engine.errors import ConnError, TransportError, VendorError
from conn_engine.wire import MACHINE_CLOCK, Clock
from conn_service.http.answers import build_response, format_line, problem_handlers, repeat_answer
from conn_service.http.callers import Callers, check_scope
from conn_service.http.calls import UnifiedPath, parse_path
from conn_service.http.idempotency import IdempotencyStore, fingerprint
from conn_service.http.problems import HttpProblem, describe_problem
from conn_service.http.reading import LimitedHeaders, ServiceLimits, parse_query, read_body, wait_for_disconnect
from conn_service.http.tokens import ApiToken, TokenScope
from conn_service.http.unified import UnifiedAnswer, UnifiedApi

__all__ = ["create_app"]

T = TypeVar("T")
_LOG = logging.getLogger(__name__)
_PREFIX = "/unified"
_PROBLEM = "application/problem+json"
_NDJSON = "application/x-ndjson"
_MOST_PARAMETERS = 100
_KEY = re.compile("[!-~]{1,255}")


@dataclass(frozen=True, slots=True)
class _Service:
    """The parts that routes use."""

    unified: UnifiedApi
    callers: Callers
    keys: IdempotencyStore
    limits: ServiceLimits
    clock: Clock

    # --- routes ---

    async def serve_unified(self, request: Request) -> Response:
        """Answer a request to the unified API."""
        token = await self.callers.authenticate(request)
        account = self.callers.choose_account(request, token)
        raw_path = request.scope.get("raw_path") or request.url.path.encode()
        path = parse_path(raw_path.decode("latin-1").removeprefix(_PREFIX))
        query = parse_query(request)
        permit = _permit(token)
        if request.method == "GET" and path.id is None and _NDJSON in request.headers.get("accept", ""):
            return await self._stream(self.unified.stream(account, path, query, permit=permit))
        body = await read_body(request, self.limits)

        def work() -> Awaitable[UnifiedAnswer]:
            return self.unified.answer(account, path, request.method, query, body, permit=permit)

        key = request.headers.get("idempotency-key")
        if request.method == "GET" or key is None:
            return build_response(await self._limit(request, work()))
        return await self._write_once(request, account, key, (path, query, body), work)

    async def _write_once(
        self,
        request: Request,
        account: str,
        key: str,
        asked: tuple[UnifiedPath, Any, Any],
        work: Callable[[], Awaitable[UnifiedAnswer]],
    ) -> Response:
        if not _KEY.fullmatch(key):
            raise HttpProblem(400, "invalid_request", "Idempotency-Key is empty, too long or not ASCII", "use a UUID")
        print_ = fingerprint(request.method, str(asked[0]), asked[1], asked[2])
        kept = await asyncio.to_thread(self.keys.take, account, key, print_, self.clock.now())
        if kept.state != "new":
            return repeat_answer(kept)
        try:
            answer = await self._limit(request, work(), until_done=True)
        except (HttpProblem, ConnError) as error:
            if not _may_have_written(error):
                await asyncio.to_thread(self.keys.release, account, key)
            raise
        await asyncio.to_thread(self.keys.keep, account, key, answer.status, answer.data)
        return build_response(answer)

    async def _stream(self, lines: AsyncIterator[dict[str, Any]]) -> Response:
        first = await anext(lines)  # errors before the first line have a status of their own

        async def write() -> AsyncIterator[str]:
            yield format_line(first)
            try:
                async for line in lines:
                    yield format_line(line)
            except ConnError as error:
                problem = describe_problem(error, shows_vendor=self.limits.shows_vendor_errors)
                yield format_line({"problem": problem.to_data()})

        return StreamingResponse(write(), media_type=_NDJSON)

    async def _limit(self, request: Request, work: Awaitable[T], *, until_done: bool = False) -> T:
        """Wait for the work in time; end it when the client is gone, unless its result must be kept."""
        task = asyncio.ensure_future(work)
        gone = None if until_done else asyncio.ensure_future(wait_for_disconnect(request))
        try:
            waiting = {task} if gone is None else {task, gone}
            done, _ = await asyncio.wait(
                waiting, timeout=self.limits.request_seconds, return_when=asyncio.FIRST_COMPLETED
            )
            if task in done:
                return task.result()
            if done:
                raise ClientDisconnect
            raise HttpProblem(504, "timeout", f"no result within {self.limits.request_seconds:g} seconds")
        finally:
            for other in (task, gone):
                if other is not None and not other.done():
                    other.cancel()
                    await asyncio.wait([other])

    async def check_ready(self, request: Request) -> Response:
        """Answer whether the service can serve: its configuration and its store can be read."""
        try:
            accounts = self.unified.connections.source.get_current()[1].accounts()
            await asyncio.to_thread(self.callers.tokens.find, "", 0.0)
        except ConnError as error:
            raise HttpProblem(503, "not_ready", error.message) from None
        return JSONResponse({"status": "ready", "accounts": len(accounts)})


def create_app(
    unified: UnifiedApi,
    callers: Callers,
    keys: IdempotencyStore,
    *,
    routes: Sequence[Route] = (),
    limits: ServiceLimits = ServiceLimits(),
    clock: Clock = MACHINE_CLOCK,
) -> ASGIApp:
    """Return the application, with `routes` besides those of the unified API. It closes the connections when it
    ends."""
    service = _Service(unified, callers, keys, limits, clock)

    @asynccontextmanager
    async def lifespan(_app: Starlette) -> AsyncIterator[None]:
        following = asyncio.create_task(unified.connections.source.follow())
        try:
            async with unified.connections:
                yield
        finally:
            following.cancel()

    async def say_alive(_request: Request) -> Response:
        return JSONResponse({"status": "alive"})

    methods = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE"]  # the account decides on each
    app = Starlette(
        routes=[
            Route("/health/live", say_alive, methods=["GET"]),
            Route("/health/ready", service.check_ready, methods=["GET"]),
            Route(f"{_PREFIX}/{{rest:path}}", service.serve_unified, methods=methods),
            *routes,
        ],
        exception_handlers=problem_handlers(shows_vendor=limits.shows_vendor_errors),
        lifespan=lifespan,
    )
    return LimitedHeaders(app, limits.header_bytes)


def _permit(token: ApiToken) -> Callable[[bool], None]:
    def permit(writes: bool) -> None:
        scope: TokenScope = "unified:write" if writes else "unified:read"
        check_scope(token, scope)

    return permit


def _may_have_written(error: HttpProblem | ConnError) -> bool:
    """Return whether a failed write may still have taken place at the vendor."""
    if isinstance(error, HttpProblem):
        return error.status == 504
    if isinstance(error, TransportError):
        return error.fault not in ("dns", "connect", "refused", "tls", "proxy")
    return isinstance(error, VendorError) and error.kind in ("vendor_unavailable", "bad_response")
