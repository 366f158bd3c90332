"""The HTTP interface: map requests to the plain classes, and their results to responses."""

import asyncio
import re
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import BaseRoute, Route
from starlette.types import ASGIApp

from conn_engine.errors import ConnError
from conn_service.http.answers import build_response, format_line, problem_handlers, repeat_answer
from conn_service.http.callers import Callers, build_permit
from conn_service.http.calls import UnifiedPath, parse_path
from conn_service.http.idempotency import KeptAnswer, fingerprint
from conn_service.http.metrics import ServiceMetrics
from conn_service.http.observing import ObservedRequests
from conn_service.http.problems import HttpProblem, describe_problem
from conn_service.http.reading import LimitedRequests, ServiceLimits, parse_query, read_body
from conn_service.http.request_record import RequestRecord, find_record
from conn_service.http.single_writes import SingleWrites
from conn_service.http.tracing import NO_TRACES, Traces
from conn_service.http.unified import Permit, UnifiedAnswer, UnifiedApi
from conn_service.http.waiting import wait_in_time

__all__ = ["create_app"]

_PREFIX = "/unified"
_NDJSON = "application/x-ndjson"
_WRITING = ("POST", "PATCH", "DELETE")
_KEY = re.compile("[!-~]{1,255}")
_THREADS = 32
"""For what blocks: the store, the vault, isolated expressions. The default is 4 more than there are processors."""


@dataclass(frozen=True, slots=True)
class _Service:
    """The parts that routes use."""

    unified: UnifiedApi
    callers: Callers
    once: SingleWrites
    limits: ServiceLimits

    # --- routes ---

    async def serve_unified(self, request: Request) -> Response:
        """Answer a request to the unified API."""
        token = await self.callers.authenticate(request)
        account = self.callers.choose_account(request, token)
        record = find_record(request)
        raw_path = request.scope.get("raw_path") or request.url.path.encode()
        path = parse_path(raw_path.decode("latin-1").removeprefix(_PREFIX))
        query = parse_query(request)
        permit = build_permit(token, record)
        body = await read_body(request, self.limits)
        if request.method == "GET" and path.id is None and _NDJSON in request.headers.get("accept", ""):
            lines = self.unified.stream(account, path, query, permit=permit)
            first = await wait_in_time(request, anext(lines), self.limits)  # its errors have a status of their own
            return self._stream(first, lines, record)

        def work() -> Awaitable[UnifiedAnswer]:
            return self.unified.answer(account, path, request.method, query, body, permit=permit)

        key = request.headers.get("idempotency-key")
        if key is None or request.method not in _WRITING:
            return build_response(await wait_in_time(request, work(), self.limits))
        return await self._write_once(request, account, key, (path, query, body), work, permit)

    async def _write_once(  # noqa: PLR0917
        self,
        request: Request,
        account: str,
        key: str,
        asked: tuple[UnifiedPath, Any, Any],
        work: Callable[[], Awaitable[UnifiedAnswer]],
        permit: Permit,
    ) -> Response:
        if not _KEY.fullmatch(key):
            raise HttpProblem(400, "invalid_request", "Idempotency-Key is empty, too long or not ASCII", "use a UUID")
        print_ = fingerprint(request.method, str(asked[0]), asked[1], asked[2])
        answer = await self.once.run(
            account, key, print_, lambda: wait_in_time(request, work(), self.limits, until_done=True)
        )
        if isinstance(answer, KeptAnswer):
            await self.unified.check(account, asked[0], request.method, permit=permit)
            return repeat_answer(answer)
        return build_response(answer)

    def _stream(self, first: dict[str, Any], lines: AsyncIterator[dict[str, Any]], record: RequestRecord) -> Response:
        async def write() -> AsyncIterator[str]:
            yield format_line(first)
            try:
                async for line in lines:
                    yield format_line(line)
            except ConnError as error:
                problem = describe_problem(error, shows_vendor=self.limits.shows_vendor_errors)
                record.kind, record.reason = problem.kind, problem.reason
                yield format_line({"problem": problem.to_data() | {"request_id": record.id}})

        return StreamingResponse(write(), media_type=_NDJSON)


def create_app(
    unified: UnifiedApi,
    callers: Callers,
    once: SingleWrites,
    *,
    metrics: ServiceMetrics,
    traces: Traces = NO_TRACES,
    routes: Sequence[BaseRoute] = (),
    limits: ServiceLimits = ServiceLimits(),
    stop_work: Callable[[], None] = lambda: None,
    closers: Sequence[Callable[[], Awaitable[None]]] = (),
) -> ASGIApp:
    """Return the application, with `routes` in addition to those of the unified API. When it ends, it closes the
    connections, `stop_work` ends what threads still wait for, and `closers` are awaited."""
    service = _Service(unified, callers, once, limits)

    @asynccontextmanager
    async def lifespan(_app: Starlette) -> AsyncIterator[None]:
        metrics.kept_connections.set_function(unified.connections.__len__)
        asyncio.get_running_loop().set_default_executor(ThreadPoolExecutor(_THREADS, "conn-service"))
        tasks = [asyncio.create_task(work) for work in (unified.connections.source.follow(), metrics.measure_lag())]
        try:
            async with unified.connections:
                yield
        finally:
            stop_work()
            for task in tasks:
                task.cancel()
            traces.close()
            for close in closers:
                await close()

    methods = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE"]  # the account decides on each
    app = Starlette(
        routes=[
            Route(f"{_PREFIX}/{{operation:path}}", service.serve_unified, methods=methods),
            *routes,
        ],
        exception_handlers=problem_handlers(once.location, shows_vendor=limits.shows_vendor_errors),
        lifespan=lifespan,
    )
    app.router.redirect_slashes = False  # a path with a slash at its end is another one
    return ObservedRequests(LimitedRequests(app, limits), app.routes, metrics, traces)
