"""Scripted responses, to test how an operation handles them: errors, rate limits, repeated or broken pages."""

from collections.abc import Callable, Iterable, Mapping
from enum import Enum
from typing import Any, Final, TypeAlias

import msgspec

from conn_engine.errors import FaultKind, MissingRecording, TransportError
from conn_engine.transport import Transport
from conn_engine.wire import Headers, Request, Response

__all__ = [
    "PASS",
    "Fault",
    "Faults",
    "broken_connection",
    "cut_short",
    "error_page",
    "json_answer",
    "rate_limited",
    "repeat_response",
]


class _Pass(Enum):
    PASS = 1


PASS: Final = _Pass.PASS
"""In a script: send the request with the inner transport."""

Fault: TypeAlias = "Response | Exception | Callable[[Request], Response] | _Pass"


class Faults:
    """A transport, sync and async, whose nth response is the nth entry of `script`.

    A response is returned, an exception is raised, and a function is called; `PASS` forwards to `inner`. After the end
    of the script, all requests go to `inner`; without it they raise MissingRecording. `requests` has the requests in
    order.
    """

    def __init__(self, script: Iterable[Fault], inner: Transport | None = None) -> None:
        self._script = iter(script)
        self._inner = inner
        self.requests: list[Request] = []

    def send(self, request: Request) -> Response:
        """Return the next scripted response."""
        self.requests.append(request)
        step = next(self._script, PASS)
        if isinstance(step, Response):
            return step
        if isinstance(step, Exception):
            raise step
        if not isinstance(step, _Pass):
            return step(request)
        if self._inner is None:
            raise MissingRecording(f"the script has no response for request {len(self.requests)}")
        return self._inner.send(request)

    async def asend(self, request: Request) -> Response:
        """Return the next scripted response, like `send`."""
        return self.send(request)


def json_answer(data: Any, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    """Return a response with a JSON body."""
    return Response(status, Headers({"content-type": "application/json", **(headers or {})}), msgspec.json.encode(data))


def rate_limited(retry_after: float | str | None = 1, status: int = 429) -> Response:
    """Return a response for too many requests. `retry_after` is in seconds or an HTTP date; None leaves it out."""
    headers = {} if retry_after is None else {"retry-after": f"{retry_after}"}
    return json_answer({"message": "Too many requests"}, status, headers)


def repeat_response(answer: Response, times: int) -> list[Fault]:
    """Repeat a response, like a vendor with a cursor that never advances."""
    return [answer] * times


def cut_short(data: Any, keep: float = 0.5) -> Response:
    """Return a response whose JSON body ends after this share of its bytes."""
    whole = json_answer(data)
    return Response(whole.status, whole.headers, whole.body[: int(len(whole.body) * keep)])


def error_page(status: int = 503, title: str = "Service unavailable") -> Response:
    """Return an HTML page instead of JSON."""
    return Response(status, Headers({"content-type": "text/html"}), f"<html><h1>{title}</h1></html>".encode())


def broken_connection(message: str = "the connection broke", fault: FaultKind = "reset") -> TransportError:
    """Return a connection error, which can be retried."""
    return TransportError(message, retryable=True, fault=fault)
