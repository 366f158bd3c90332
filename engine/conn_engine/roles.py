"""What the texts of a setting are: written into the setting's annotation, `Meta(…, extra=TEMPLATE)`, and read here.

A text without a role says how or where: the name of a header, a format, an HTTP method.
"""

from collections.abc import Mapping
from functools import cache
from typing import Annotated, Any, Final, Literal, NamedTuple, TypeAlias, get_args, get_origin

import msgspec

__all__ = [
    "ADDRESS",
    "DELIVERY",
    "EXPRESSION",
    "FIXED",
    "HEADER",
    "PLAIN",
    "SCOPES",
    "TEMPLATE",
    "Names",
    "Note",
    "Role",
    "expression_over",
    "note_of",
    "read_roles",
    "steps_over",
    "template_over",
    "values_over",
]

Role: TypeAlias = Literal["template", "fixed", "expression", "values", "address", "header", "plain"]
Names: TypeAlias = frozenset[str] | None
"""Names in scope; None when any may stand there (a vendor's body, the names of a path)."""

_CALLER = frozenset({"query", "raw_query", "body", "id", "headers", "context", "params", "before"})
_CALL = _CALLER | {"partition", "parent"}
_ANSWER = _CALL | {"status", "response", "records", "request", "text", "page"}
_PAGING = _ANSWER | {"link"}
_RECORD = _CALL | {"record", "response"}
_MAPPED = _CALL | {"response", "status", "page", "window"}
DELIVERY: Final = frozenset(
    {"method", "url", "host", "path", "target", "query", "headers", "text", "body", "body_sha256"}
)
"""What expressions see of a delivery."""
SCOPES: Final[Mapping[str, Names]] = {
    "context": frozenset({"context"}),
    "caller": _CALLER,
    "call": _CALL,
    "page": _CALL | {"page"},
    "path": None,
    "body": None,
    "item": None,
    "answer": _ANSWER,
    "paging": _PAGING,
    "restart": _PAGING | {"record"},
    "fault": _ANSWER | {"fault", "attempt"},
    "record": _RECORD,
    "delivered": _RECORD | {"status"},
    "completed": _RECORD | {"records", "keys"},
    "state": _CALL | {"state"},
    "job": _CALL | {"job"},
    "job_answer": _ANSWER | {"job"},
    "mapped": _MAPPED,
    "error": _MAPPED | {"error"},
    "after": _MAPPED | {"after", "result"},
    "verified": frozenset({"body", "response", "status", "headers", "context"}),
    "connect": frozenset({"context", "connect"}),
    "token_answer": frozenset(
        {"response", "body", "headers", "status", "cookies", "cookie", "before", "callback", "request", "records"}
    ),
    "event": DELIVERY | {"event", "context"},
}
"""What expressions and templates are written over, and the names that each may use.

`body` is the decoded body of an answer itself, `item` one record; `answer`, `paging`, `restart`, `fault` and
`job_answer` see the body as `body`. The texts of a step are over `step`, or `step_result` where they see its answer:
where the steps stand (`steps_over`) decides what that is.
"""

TEMPLATE: Final[dict[str, Any]] = {"role": "template"}
"""Text with `{{…}}`, or data whose strings are such texts."""

FIXED: Final[dict[str, Any]] = {"role": "fixed"}
"""A template that only the connector may set."""

EXPRESSION: Final[dict[str, Any]] = {"role": "expression"}
"""An expression, or an object of expressions."""

ADDRESS: Final[dict[str, Any]] = {"role": "address"}
"""The URL, a template, of a request that may hold secrets."""

PLAIN: Final[dict[str, Any]] = {"role": "plain"}
"""Text that is used as it is and moves no secret: a label, the name of an option, what stands before a token."""

HEADER: Final[dict[str, Any]] = {"role": "header"}
"""The name of a header of the answer that is read."""


def expression_over(scope: str) -> dict[str, Any]:
    """An expression, or an object or a list of expressions, over a scope of `SCOPES`."""
    return {"role": "expression", "over": scope}


def template_over(scope: str) -> dict[str, Any]:
    """Text with `{{…}}`, or data whose strings are such texts, over a scope of `SCOPES`."""
    return {"role": "template", "over": scope}


def values_over(scope: str) -> dict[str, Any]:
    """An expression, or a list whose strings are templates, over a scope of `SCOPES`."""
    return {"role": "values", "over": scope}


def steps_over(scope: str) -> dict[str, Any]:
    """Steps whose texts are written over a scope of `SCOPES`."""
    return {"steps": scope}


class Note(NamedTuple):
    """The role of a setting's texts, and the scope that they are written over; `steps` is that of the steps in it."""

    role: Role | None = None
    over: str = ""
    steps: str = ""


def note_of(kind: Any) -> Note:
    """The note in an annotated type; empty if there is none."""
    if get_origin(kind) is not Annotated:
        return Note()
    said = (note.extra or {} for note in get_args(kind)[1:] if isinstance(note, msgspec.Meta))
    known = (extra for extra in said if "role" in extra or "steps" in extra)
    return next((Note(one.get("role"), one.get("over", ""), one.get("steps", "")) for one in known), Note())


@cache
def read_roles(model: type[msgspec.Struct]) -> tuple[tuple[str, str, Role | None], ...]:
    """The fields of a model: attribute, key in documents, role."""
    return tuple((field.name, field.encode_name, note_of(field.type).role) for field in msgspec.structs.fields(model))
