"""Build responses: results with the headers of rate limits, and problems."""

import json
import logging
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response

from conn_engine.errors import ConnError
from conn_service.http.idempotency import KeptAnswer
from conn_service.http.problems import HttpProblem, describe_problem
from conn_service.http.unified import UnifiedAnswer

__all__ = ["build_problem", "build_response", "format_line", "problem_handlers", "repeat_answer"]

_LOG = logging.getLogger(__name__)
_PROBLEM = "application/problem+json"


def build_response(answer: UnifiedAnswer) -> Response:
    return JSONResponse(answer.data, answer.status, headers=dict(answer.headers))


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


def build_problem(problem: HttpProblem) -> Response:
    return JSONResponse(problem.to_data(), problem.status, headers=dict(problem.headers), media_type=_PROBLEM)


def problem_handlers(*, shows_vendor: bool) -> dict[Any, Callable[[Request, Exception], Awaitable[Response]]]:
    """Return what answers each kind of error."""

    async def answer(_request: Request, error: Exception) -> Response:
        return build_problem(_to_problem(error, shows_vendor))

    return dict.fromkeys((HttpProblem, ConnError, ClientDisconnect, 404, 405, 500), answer)


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
            return HttpProblem(405, "method_not_allowed", "this path has no such method", headers=headers)
        return HttpProblem(404, "unknown", "there is nothing at this path")
    _LOG.error("internal error: %s", type(error).__name__)
    return HttpProblem(500, "internal", "the service failed; its log has the kind of the error")
