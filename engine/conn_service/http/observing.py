"""Observe what a service does: each request, each exchange with a vendor, and each pause for a budget."""

import logging
import secrets
import time
from collections.abc import Sequence
from typing import Any, Final

from starlette.routing import BaseRoute, Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from conn_engine.errors import ConnError, TransportError
from conn_engine.responses.ratelimit import BudgetStore, Charge, RateLimit
from conn_engine.runtime.connection import AsyncConnection
from conn_engine.runtime.drive import AsyncSender
from conn_engine.wire import Request, Response
from conn_service.http.metrics import ServiceMetrics
from conn_service.http.request_record import RequestRecord
from conn_service.http.tracing import Traces

__all__ = ["ObservedRequests", "observe_connection"]

_LOG = logging.getLogger(__name__)
_QUIET: Final = ("/health/", "/metrics")
_CUT: Final = 499
"""The status in the log of a request that ended without a response, as nginx has it."""


class ObservedRequests:
    """Gives each request an ID, and logs, counts and traces it. `routes` have the patterns of paths."""

    def __init__(self, app: ASGIApp, routes: Sequence[BaseRoute], metrics: ServiceMetrics, traces: Traces) -> None:
        self._app = app
        self._patterns = {route.endpoint: route.path_format for route in routes if isinstance(route, Route)}
        self._metrics = metrics
        self._traces = traces

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        record = RequestRecord(secrets.token_hex(8), scope["method"])
        record.attach(scope)
        sent = _Sent(send, record.id)
        started = time.perf_counter()
        attributes: dict[str, Any] = {}
        trace = ""
        self._metrics.in_progress.inc()
        try:
            with self._traces.trace_request(scope["headers"], attributes) as trace:
                try:
                    await self._app(scope, receive, sent.send)
                finally:
                    record.route = record.route or self._patterns.get(scope.get("endpoint", self), "other")
                    attributes |= _describe_span(record, sent.status)
        except Exception as error:
            if not sent.status:
                raise
            _LOG.error("the request failed", exc_info=error, extra={"members": record.describe()})
        finally:
            self._metrics.in_progress.dec()
            seconds = time.perf_counter() - started
            status = sent.status or _CUT
            self._metrics.count_request(record.route, record.method, status, seconds)
            _log_request(record, sent, status, seconds, trace)


class _Sent:
    """Sends a response with the ID of its request, and notes its status and whether it is complete."""

    def __init__(self, send: Send, identifier: str) -> None:
        self._send = send
        self._header = (b"conn-request-id", identifier.encode())
        self.status = 0
        self.is_complete = False

    async def send(self, message: Message) -> None:
        """Send a part of the response."""
        if message["type"] == "http.response.start":
            self.status = message["status"]
            message = {**message, "headers": [*message.get("headers", ()), self._header]}
        await self._send(message)
        if message["type"] == "http.response.body" and not message.get("more_body", False):
            self.is_complete = True


def _describe_span(record: RequestRecord, status: int) -> dict[str, Any]:
    return {
        "name": f"{record.method} {record.route}",
        "error": status >= 500 or not status,
        "http.request.method": record.method,
        "http.route": record.route,
        "http.response.status_code": status or _CUT,
        "conn.request_id": record.id,
        "conn.connector": record.connector,
        "conn.operation": record.operation,
    }


def _log_request(record: RequestRecord, sent: _Sent, status: int, seconds: float, trace: str) -> None:
    is_quiet = status < 400 and record.route.startswith(_QUIET)
    level = logging.ERROR if status == 500 else logging.DEBUG if is_quiet else logging.INFO
    if not _LOG.isEnabledFor(level):
        return
    members = {**record.describe(), "status": status, "milliseconds": round(seconds * 1000, 1)}
    if not sent.is_complete:
        members["is_cut"] = True
    if trace:
        members["trace_id"] = trace
    _LOG.log(level, "request", extra={"members": members})


def observe_connection(connection: AsyncConnection, metrics: ServiceMetrics, traces: Traces) -> None:
    """Count and trace the exchanges of a connection, and its pauses for budgets."""
    connector, session = connection.effective.connector_name, connection.wiring.session
    connection.transport = _MeasuredTransport(connection.transport, connector, metrics, traces)
    session.budgets = _MeasuredBudgets(session.budgets, session.policy.budget_seconds, metrics)


class _MeasuredTransport:
    def __init__(self, inner: AsyncSender, connector: str, metrics: ServiceMetrics, traces: Traces) -> None:
        self._inner = inner
        self._connector = connector
        self._metrics = metrics
        self._traces = traces

    async def asend(self, request: Request) -> Response:
        """Send a request, and count it by its outcome."""
        started = time.perf_counter()
        outcome = "cancelled"
        attributes: dict[str, Any] = {}
        with self._traces.trace_exchange(request.method, attributes):
            try:
                response = await self._inner.asend(request)
                outcome = "429" if response.status == 429 else f"{response.status // 100}xx"
                attributes["http.response.status_code"] = response.status
                return response
            except TransportError as error:
                outcome = error.fault
                raise
            except ConnError:
                outcome = "not_sent"
                raise
            finally:
                self._metrics.count_vendor_request(self._connector, outcome, time.perf_counter() - started)
                attributes |= {
                    "name": f"{request.method} {request.label or request.purpose}",
                    "error": outcome not in ("2xx", "3xx"),
                    "error.type": "" if outcome in ("2xx", "3xx") else outcome,
                    "http.request.method": request.method,
                    "conn.connector": self._connector,
                }

    async def aclose(self) -> None:
        """Close the connections."""
        close = getattr(self._inner, "aclose", None)
        if close is not None:
            await close()


class _MeasuredBudgets:
    def __init__(self, inner: BudgetStore, longest: float, metrics: ServiceMetrics) -> None:
        self.blocks = inner.blocks
        self._inner = inner
        self._longest = longest
        self._metrics = metrics

    def admit(self, settings: RateLimit | None, charge: Charge, request: Request, now: float) -> tuple[float, str]:
        """Admit a request, and count the pause that it has to make."""
        pause, reason = self._inner.admit(settings, charge, request, now)
        if pause > 0:
            self._metrics.count_pause(charge.connector, pause, is_refused=pause > self._longest)
        return pause, reason

    def slow(self, charge: Charge, pace: float | None, now: float) -> None:
        """Keep the account's requests apart."""
        self._inner.slow(charge, pace, now)
