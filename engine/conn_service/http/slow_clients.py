"""The connections of clients: those that are slow, too large or too many are cut off.

uvicorn has a limit for idle connections only. Here, a client has a time for its headers, for its body, and to read a
part of an answer, so that nobody can hold connections or memory by sending or reading one byte now and then.
"""

import asyncio
import json
from http import HTTPStatus
from typing import Any, ClassVar, Final, Literal

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from conn_service.http.problems import HttpProblem
from conn_service.http.reading import ServiceLimits

__all__ = ["build_protocol"]

_GRACE: Final = 1.25
"""After the time for the body, the application answers 408. A quarter later, the connection is cut in any case."""
_Stage = Literal["idle", "head", "body"]


class _LimitedProtocol(HttpToolsProtocol):
    limits: ClassVar[ServiceLimits]

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._stage: _Stage = "idle"
        self._head_bytes = 0
        self._read_timer: asyncio.TimerHandle | None = None
        self._write_timer: asyncio.TimerHandle | None = None

    # --- the connection ---

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        if len(self.connections) > self.limits.connections:
            self._refuse(HttpProblem(503, "overloaded", "the service has too many connections", "connect again later"))
            return
        self._limit_reading(self.limits.header_seconds)

    def connection_lost(self, error: Exception | None) -> None:
        self._stop_reading_timer()
        self._stop_writing_timer()
        super().connection_lost(error)

    # --- what arrives ---

    def data_received(self, data: bytes) -> None:
        if self.transport.is_closing():
            return
        super().data_received(data)
        if self._stage == "head":
            self._head_bytes += len(data)
            if self._head_bytes > self.limits.header_bytes + self.limits.url_bytes:
                self._refuse(HttpProblem(431, "too_large", "the headers are too large"))
        elif self._stage == "idle" and self._read_timer is None and self.timeout_keep_alive_task is None:
            self._limit_reading(self.limits.header_seconds)  # line ends, which start no request

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self._stage, self._head_bytes = "head", 0
        if self._read_timer is None:
            self._limit_reading(self.limits.header_seconds)

    def on_headers_complete(self) -> None:
        self._stage = "body"
        self._limit_reading(self.limits.body_seconds * _GRACE)
        super().on_headers_complete()

    def on_message_complete(self) -> None:
        self._stage = "idle"
        self._stop_reading_timer()
        super().on_message_complete()

    def _limit_reading(self, seconds: float) -> None:
        self._stop_reading_timer()
        self._read_timer = self.loop.call_later(seconds, self._end_slow_request, seconds)

    def _end_slow_request(self, seconds: float) -> None:
        self._read_timer = None
        if self.transport.is_closing():
            return
        if self.flow.read_paused:  # it is not the client that is slow
            self._limit_reading(seconds)
        elif self._stage == "head":
            self._refuse(HttpProblem(408, "timeout", "the headers did not arrive in time"))
        elif self._stage == "body":
            self.transport.abort()
        elif self.cycle is None or self.cycle.response_complete:
            self.transport.close()

    def _stop_reading_timer(self) -> None:
        if self._read_timer is not None:
            self._read_timer.cancel()
            self._read_timer = None

    # --- what is sent ---

    def pause_writing(self) -> None:
        super().pause_writing()
        self._limit_writing()

    def resume_writing(self) -> None:
        super().resume_writing()
        self._stop_writing_timer()
        if self.cycle is not None and self.cycle.response_complete:
            self._limit_writing()

    def on_response_complete(self) -> None:
        super().on_response_complete()
        self._limit_writing()

    def _limit_writing(self) -> None:
        if self._write_timer is None and self.transport.get_write_buffer_size():
            self._write_timer = self.loop.call_later(self.limits.write_seconds, self._end_slow_reader)

    def _end_slow_reader(self) -> None:
        self._write_timer = None
        if self.transport.get_write_buffer_size():
            self.transport.abort()

    def _stop_writing_timer(self) -> None:
        if self._write_timer is not None:
            self._write_timer.cancel()
            self._write_timer = None

    # --- answers without the application ---

    def send_400_response(self, msg: str) -> None:
        self._refuse(HttpProblem(400, "invalid_request", "this is not a request that can be read as HTTP/1.1"))

    def _refuse(self, problem: HttpProblem) -> None:
        """Answer before there is a request, and close the connection."""
        self._stop_reading_timer()
        if self.cycle is not None and not self.cycle.response_complete:
            self.transport.abort()  # an answer to an earlier request is on its way
            return
        body = json.dumps(problem.to_data()).encode()
        retry = "retry-after: 1\r\n" if problem.status == 503 else ""
        head = (
            f"HTTP/1.1 {problem.status} {HTTPStatus(problem.status).phrase}\r\n"
            "content-type: application/problem+json\r\n"
            f"content-length: {len(body)}\r\n"
            f"{retry}"
            "connection: close\r\n\r\n"
        )
        self.transport.write(head.encode() + body)
        self.transport.close()
        self._limit_writing()


def build_protocol(limits: ServiceLimits) -> type[asyncio.Protocol]:
    """Return the protocol of connections within these limits."""
    return type("LimitedProtocol", (_LimitedProtocol,), {"limits": limits})
