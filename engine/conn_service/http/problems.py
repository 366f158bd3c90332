"""Answers to requests that fail, as `application/problem+json` (RFC 9457), by what the engine raises.

The vendor's own text is only shown if a deployment wants it: a mapping can put any of the vendor's data into it.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any, Final, Literal

from conn_engine.errors import (
    Category,
    ConfigurationError,
    ConnError,
    CredentialError,
    DisabledError,
    ErrorKind,
    IncompleteError,
    ParameterError,
    TransportError,
    UsageError,
    VendorError,
)
from conn_engine.releases.faults import StoreFault, StoreRefusedError, StoreUnreachableError
from conn_service.http.logs import describe_for_log

__all__ = ["KINDS", "STATUSES", "HttpProblem", "ProblemKind", "describe_problem"]

ProblemKind = (
    ErrorKind
    | Literal[
        "configuration",
        "credential_store",
        "disabled",
        "disconnected",
        "draining",
        "incomplete",
        "internal",
        "method_not_allowed",
        "needs_login",
        "not_ready",
        "overloaded",
        "refused_host",
        "store",
        "timeout",
        "too_large",
        "unknown",
        "unknown_result",
    ]
)
AdminKind = Literal["breaking", "refused", "version_required"]
"""Kinds that only `/admin` has."""
KINDS: Final[Mapping[ProblemKind, str]] = {
    "invalid_request": "the request is wrong, or the vendor rejects it",
    "unauthorized": "the request has no valid token",
    "forbidden": "the token lacks a scope, or the vendor does not allow this to the account",
    "not_found": "the vendor does not know the record",
    "conflict": "the vendor reports a conflict with another change",
    "rate_limited": "a rate limit is reached",
    "vendor_unavailable": "the vendor cannot be reached or does not work",
    "bad_response": "the vendor's response cannot be used",
    "configuration": "the connector's configuration has an error for this operation; the log has it",
    "credential_store": "the place with the credentials cannot be used now",
    "disabled": "the account is disabled, or the operation for it",
    "disconnected": "the client is gone",
    "draining": "the service is about to end",
    "incomplete": "the vendor's listing is not complete",
    "internal": "the service failed; the log has the kind of the error",
    "method_not_allowed": "the path has no such method",
    "needs_login": "the account has no usable credential; it must log in",
    "not_ready": "the service cannot read its configuration or its store now",
    "overloaded": "the service has too many requests at once",
    "refused_host": "the configuration leads to a host that may not be reached",
    "store": "the service's database cannot be used now",
    "timeout": "there is no result in time, or the body did not arrive in time",
    "too_large": "the URL, the headers or the body are too large",
    "unknown": "there is nothing at this path, no such account, or no such operation",
    "unknown_result": "the request is at work under its Idempotency-Key, or its result is unknown",
}
"""What each kind means, for the documents of the interface."""
STATUSES: Final[Mapping[int, tuple[str, tuple[ProblemKind, ...]]]] = {
    400: ("The request is wrong", ("invalid_request",)),
    401: ("The request has no valid token", ("unauthorized",)),
    403: ("Not allowed", ("forbidden", "disabled")),
    404: ("Not there", ("unknown", "not_found", "disabled")),
    405: ("No such method", ("method_not_allowed",)),
    408: ("The request did not arrive in time", ("timeout", "disconnected")),
    409: ("A conflict, or an unknown result", ("conflict", "unknown_result")),
    413: ("The body is too large", ("too_large",)),
    414: ("The URL is too long", ("too_large",)),
    415: ("The body is not JSON", ("invalid_request",)),
    422: ("The vendor rejects the request, or the Idempotency-Key belongs to another one", ("invalid_request",)),
    424: ("The account must log in", ("needs_login",)),
    429: ("A rate limit", ("rate_limited",)),
    431: ("The headers are too large", ("too_large",)),
    500: ("An error of the configuration or of the service", ("configuration", "internal")),
    502: (
        "The vendor does not work, or its response cannot be used",
        ("vendor_unavailable", "bad_response", "incomplete", "refused_host", "too_large"),
    ),
    503: ("The service cannot answer now", ("store", "credential_store", "overloaded", "not_ready", "draining")),
    504: ("No result in time", ("timeout", "vendor_unavailable")),
}
"""For each status of a problem, a text and the kinds that come with it."""
_VENDOR_STATUSES: Final[Mapping[ErrorKind, int]] = {
    "invalid_request": 422,
    "unauthorized": 424,
    "forbidden": 403,
    "not_found": 404,
    "conflict": 409,
    "rate_limited": 429,
    "vendor_unavailable": 502,
    "bad_response": 502,
}
_VENDOR_TEXTS: Final[Mapping[ErrorKind, str]] = {
    "invalid_request": "the vendor rejects the request",
    "unauthorized": "the vendor refuses the account's credential",
    "forbidden": "the vendor does not allow this to the account",
    "not_found": "the vendor does not know the record",
    "conflict": "the vendor reports a conflict with another change",
    "rate_limited": "the rate limit is reached",
    "vendor_unavailable": "the vendor cannot be reached or does not work",
    "bad_response": "the vendor's response cannot be used",
}
_CATEGORY_STATUSES: Final[Mapping[Category, int]] = {
    "unknown": 404,
    "input": 400,
    "missing": 424,
    "refused": 424,
    "store": 503,
    "host": 502,
}
_STORE_SECONDS = 5
_VALUES_FIX: Final = "correct the values of the request; /openapi.json describes them"


@dataclass(eq=False)
class HttpProblem(Exception):
    """An answer that says what is wrong and what to do. `kind` is for programs, `more` has further members. `reason` is
    for the log only."""

    status: int
    kind: ProblemKind | AdminKind
    detail: str
    fix: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)
    more: Mapping[str, Any] = field(default_factory=dict)
    reason: str = ""

    def to_data(self) -> dict[str, Any]:
        """Return the members of the answer."""
        return {
            "type": "about:blank",
            "title": HTTPStatus(self.status).phrase,
            "status": self.status,
            "kind": self.kind,
            "detail": self.detail,
            **({"fix": self.fix} if self.fix else {}),
            **self.more,
        }


def describe_problem(error: ConnError, *, shows_vendor: bool = False) -> HttpProblem:
    """Return the answer for an error of the engine. With `shows_vendor`, it has the vendor's own text and status."""
    if isinstance(error, StoreFault | StoreUnreachableError | StoreRefusedError):
        text = "the service's database cannot be used now"
        headers = {"retry-after": str(_STORE_SECONDS)}
        return HttpProblem(503, "store", text, headers=headers, reason=error.message)
    if isinstance(error, VendorError):
        return _describe_vendor_error(error, shows_vendor)
    status = _CATEGORY_STATUSES.get(error.category) if error.category is not None else None
    if isinstance(error, CredentialError):
        return _describe_credential_error(error, status or 424)
    if isinstance(error, UsageError | ParameterError):
        return HttpProblem(status or 400, "unknown" if status == 404 else "invalid_request", error.message, error.hint)
    if isinstance(error, DisabledError):
        return HttpProblem(404, "disabled", error.message)
    if isinstance(error, IncompleteError):
        return HttpProblem(502, "incomplete", error.message)
    if isinstance(error, ConfigurationError) and status is not None:
        if status != 400:
            return HttpProblem(status, "refused_host", error.message)
        return HttpProblem(status, "invalid_request", error.message, _VALUES_FIX)
    text = "the connector's configuration has an error for this operation"
    return HttpProblem(500, "configuration", text, reason=describe_for_log(error))


def _describe_vendor_error(error: VendorError, shows_vendor: bool) -> HttpProblem:
    status = _VENDOR_STATUSES[error.kind]
    if isinstance(error, TransportError) and error.fault == "timeout":
        status = 504
    headers: dict[str, str] = {}
    if error.kind == "rate_limited":
        headers = dict(error.limits)
        reset = headers.get("ratelimit-reset", "")
        wait = max(error.retry_after or 0.0, float(reset) if reset.isdigit() else 0.0, 1.0)
        headers["retry-after"] = str(math.ceil(wait))
    more: dict[str, Any] = {}
    if shows_vendor:
        more["remote"] = {"status": error.status, "message": error.vendor_message}
    return HttpProblem(status, error.kind, _VENDOR_TEXTS[error.kind], headers=headers, more=more)


def _describe_credential_error(error: CredentialError, status: int) -> HttpProblem:
    if status == 503:
        text = "the place with the credentials cannot be used now"
        headers = {"retry-after": str(_STORE_SECONDS)}
        return HttpProblem(503, "credential_store", text, headers=headers, reason=error.message)
    reason = f"{error.message} (fix: {error.hint})" if error.hint else error.message
    if error.category == "answer":
        text = "the vendor's answer to the request for a token cannot be used"
        return HttpProblem(502, "bad_response", text, reason=reason)
    if error.category == "refused":
        text = "the vendor refuses the account's credential; the account must log in again"
        return HttpProblem(status, "needs_login", text)
    return HttpProblem(status, "needs_login", "the account has no usable credential; it must log in")
