"""The parts of an OpenAPI document that every account has: problems, headers, parameters and the security scheme."""

from collections.abc import Mapping
from typing import Any, Final

from conn_service.http.contracts import ID_PATTERN, LONGEST_ID, MOST_PER_PAGE, TEXT_PATTERN
from conn_service.http.problems import KINDS, STATUSES

__all__ = ["build_shared_components", "list_rate_headers", "name_problem", "refer"]

Json = dict[str, Any]
_TEXTS: Final[Mapping[str, str]] = {
    "RateLimit-Limit": "The quota that is nearest to its end: the number of requests in its window.",
    "RateLimit-Remaining": "The number of requests that remain of it.",
    "RateLimit-Reset": "Seconds until it is restored.",
    "RateLimit": "What remains of each quota, by name: `r` requests, and `t` seconds until it is restored.",
    "RateLimit-Policy": "Each quota, by name: `q` requests in a window of `w` seconds.",
}
_NUMBERS: Final = frozenset({"RateLimit-Limit", "RateLimit-Remaining", "RateLimit-Reset"})


def refer(kind: str, name: str) -> Json:
    """Return a reference to a component."""
    return {"$ref": f"#/components/{kind}/{name}"}


def name_problem(status: int) -> str:
    """Return the name of the component for problems with a status."""
    return f"Problem{status}"


def build_shared_components(account: str) -> Json:
    """Return the components that do not depend on operations."""
    return {
        "securitySchemes": {
            "token": {
                "type": "http",
                "scheme": "bearer",
                "description": "A token of the service: `conn token create`. Reading needs the scope `unified:read`, "
                "and writing `unified:write`.",
            }
        },
        "parameters": _build_parameters(account),
        "headers": _build_headers(),
        "responses": {name_problem(status): _build_problem(status) for status in STATUSES},
        "schemas": {"Problem": _PROBLEM, "Completeness": _COMPLETENESS, "FieldFailure": _FAILURE},
    }


def _build_parameters(account: str) -> Json:
    return {
        "Account": {
            "name": "Conn-Account",
            "in": "header",
            "description": "The account. Not needed with a token for one account.",
            "schema": {"type": "string", "enum": [account]},
        },
        "IdempotencyKey": {
            "name": "Idempotency-Key",
            "in": "header",
            "description": "A text that is new for each write, such as a UUID. The same request under the same key "
            "gets the first answer again, and is never sent to the vendor a second time.",
            "schema": {"type": "string", "minLength": 1, "maxLength": 255, "pattern": "^[!-~]+$"},
        },
        "Id": {
            "name": "id",
            "in": "path",
            "required": True,
            "description": "The vendor's identifier of the record.",
            "schema": {"type": "string", "minLength": 1, "maxLength": LONGEST_ID, "pattern": ID_PATTERN},
        },
        "Limit": {
            "name": "limit",
            "in": "query",
            "description": "The number of records per page, as far as the vendor allows it.",
            "schema": {"type": "integer", "minimum": 1, "maximum": MOST_PER_PAGE},
        },
        "Cursor": {
            "name": "cursor",
            "in": "query",
            "description": "`next_cursor` of an earlier page of the same listing.",
            "schema": {"type": "string", "minLength": 1, "pattern": TEXT_PATTERN},
        },
        "RemoteData": {
            "name": "remote_data",
            "in": "query",
            "description": "Whether each record has the vendor's own record too, as `remote_data`.",
            "schema": {"type": "boolean"},
        },
    }


def _build_headers() -> Json:
    headers: Json = {
        name: {"description": text, "schema": {"type": "integer", "minimum": 0} if name in _NUMBERS else _STRING}
        for name, text in _TEXTS.items()
    }
    headers["Retry-After"] = {
        "description": "Seconds to wait before the next request.",
        "schema": {"type": "integer", "minimum": 1},
    }
    headers["Idempotency-Replayed"] = {
        "description": "`true` if this is the answer to an earlier request with the same key.",
        "schema": {"type": "string", "enum": ["true"]},
    }
    headers["Allow"] = {"description": "The methods that the path has.", "schema": _STRING}
    headers["WWW-Authenticate"] = {"description": "How to authenticate.", "schema": _STRING}
    return headers


def _build_problem(status: int) -> Json:
    text, names = STATUSES[status]
    kinds = "\n".join(f"- `{kind}`: {KINDS[kind]}" for kind in names)
    headers = {401: ["WWW-Authenticate"], 405: ["Allow"], 429: ["Retry-After", *_TEXTS], 503: ["Retry-After"]}
    shown = {name: refer("headers", name) for name in headers.get(status, ())}
    return {
        "description": f"{text}. `kind` is one of:\n\n{kinds}",
        **({"headers": shown} if shown else {}),
        "content": {"application/problem+json": {"schema": refer("schemas", "Problem")}},
    }


def list_rate_headers() -> Json:
    """Return the headers with which an answer reports the vendor's quotas."""
    return {name: refer("headers", name) for name in _TEXTS}


_STRING: Final[Json] = {"type": "string"}
_PROBLEM: Final[Json] = {
    "type": "object",
    "description": "What is wrong, and what to do (RFC 9457). More members may be added.",
    "required": ["type", "title", "status", "kind", "detail"],
    "properties": {
        "type": {"type": "string", "description": "Always `about:blank`."},
        "title": {"type": "string", "description": "The name of the status."},
        "status": {"type": "integer", "description": "The status of the answer."},
        "kind": {"type": "string", "description": f"For programs: {', '.join(KINDS)}. More may be added."},
        "detail": {"type": "string", "description": "What is wrong with this request."},
        "fix": {"type": "string", "description": "What to do."},
        "request_id": {"type": "string", "description": "The ID of the request, for the service's log."},
        "remote": {
            "type": "object",
            "description": "The vendor's own status and text, if the deployment shows them.",
            "properties": {
                "status": {"type": ["integer", "null"], "description": "The vendor's status."},
                "message": {"type": ["string", "null"], "description": "The vendor's text."},
            },
        },
    },
}
_COMPLETENESS: Final[Json] = {
    "type": "object",
    "description": "Whether the listing returned everything, on its last page if it is not known to be complete.",
    "required": ["state"],
    "properties": {
        "state": {"type": "string", "enum": ["complete", "incomplete", "unknown", "stopped"]},
        "reason": {"type": "string", "description": "Why it is not complete."},
    },
}
_FAILURE: Final[Json] = {
    "type": "object",
    "description": "A field that is null in some records because its expression fails on them.",
    "required": ["field"],
    "properties": {
        "field": {"type": "string", "description": "The field, with dots."},
        "records": {"type": "integer", "description": "The number of records."},
        "first_ids": {"type": "array", "items": {}, "description": "IDs of some of them."},
        "message": {"type": "string", "description": "Why it fails."},
    },
}
