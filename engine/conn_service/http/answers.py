"""Build responses: results with the headers of rate limits, and problems."""

import json
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

import msgspec
from sqlalchemy.exc import SQLAlchemyError
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response

from conn_engine.errors import ConnError
from conn_engine.releases.store_location import StoreLocation
from conn_engine.releases.translating import translate_store_error
from conn_service.http.idempotency import KeptAnswer
from conn_service.http.problems import HttpProblem, describe_problem
from conn_service.http.request_record import RequestRecord, find_record
from conn_service.http.unified import UnifiedAnswer

__all__ = ["build_problem", "build_response", "format_line", "problem_handlers", "repeat_answer"]

_PROBLEM = "application/problem+json"


class _ResultResponse(JSONResponse):
    """A JSON response that is written in a sixth of the time."""

    def render(self, content: Any) -> bytes:
        """Return the JSON text."""
        return msgspec.json.encode(content)


def build_response(answer: UnifiedAnswer) -> Response:
    return _ResultResponse(answer.data, answer.status, headers=dict(answer.headers))


def repeat_answer(kept: KeptAnswer) -> Response:
    if kept.state == "other":
        raise HttpProblem(422, "invalid_request", "the Idempotency-Key was used for another request", "use a new key")
    if kept.state == "open":
        raise HttpProblem(
            409,
            "unknown_result",
            "a request with this Idempotency-Key is at work, or its result is unknown",
            "look at the vendor whether it was done; it is not sent again under this key",
        )
    return JSONResponse(kept.data, kept.status, headers={"idempotency-replayed": "true"})


def format_line(data: Mapping[str, Any]) -> str:
    return json.dumps(data, ensure_ascii=False, separators=(",", ":")) + "\n"


def build_problem(problem: HttpProblem, record: RequestRecord) -> Response:
    """Return the answer for a problem, which has the ID of its request. The log has the kind and the reason."""
    record.kind, record.reason = problem.kind, problem.reason
    data = problem.to_data() | ({"request_id": record.id} if record.id else {})
    return JSONResponse(data, problem.status, headers=dict(problem.headers), media_type=_PROBLEM)


def problem_handlers(
    location: StoreLocation, *, shows_vendor: bool
) -> dict[Any, Callable[[Request, Exception], Awaitable[Response]]]:
    """Return what answers each kind of error. `location` is the store whose errors may be raised."""

    async def answer(request: Request, error: Exception) -> Response:
        if isinstance(error, SQLAlchemyError):
            error = translate_store_error(error, location)
        return build_problem(_to_problem(error, shows_vendor), find_record(request))

    return dict.fromkeys((HttpProblem, ConnError, SQLAlchemyError, ClientDisconnect, 404, 405, 500), answer)


def _to_problem(error: Exception, shows_vendor: bool) -> HttpProblem:
    if isinstance(error, HttpProblem):
        return error
    if isinstance(error, ConnError):
        return describe_problem(error, shows_vendor=shows_vendor)
    if isinstance(error, ClientDisconnect):
        return HttpProblem(408, "disconnected", "the client is gone")  # nobody reads it
    if isinstance(error, HTTPException):
        if error.status_code == 405:
            headers = dict(error.headers or {})
            allowed = next((f"use one of: {text}" for name, text in headers.items() if name.lower() == "allow"), "")
            return HttpProblem(405, "method_not_allowed", "this path has no such method", allowed, headers=headers)
        return HttpProblem(404, "unknown", "there is nothing at this path")
    return HttpProblem(
        500, "internal", "the service failed; its log has the kind of the error", reason=type(error).__name__
    )
