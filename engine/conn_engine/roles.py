"""What the texts of a setting are: written into the setting's annotation, `Meta(…, extra=TEMPLATE)`, and read here.

A text without a role says how: a format, an HTTP method, a name of ours.
"""

from collections.abc import Iterable, Mapping
from functools import cache
from typing import Annotated, Any, Final, Literal, NamedTuple, TypeAlias, get_args, get_origin

import msgspec

__all__ = [
    "ADDRESS",
    "ANSWER_SCOPES",
    "CONSENT",
    "CREDENTIAL_SCOPES",
    "DELIVERY",
    "EXPRESSION",
    "FIELD",
    "HEADER",
    "HOST",
    "LINK",
    "OUTER",
    "PARAMETER",
    "PAUSES",
    "PLAIN",
    "POINTER",
    "REMARK",
    "REQUEST_HEADER",
    "RESERVED",
    "SCOPES",
    "SECRET",
    "SECRETS",
    "SENT",
    "TEMPLATE",
    "TEMPLATES",
    "TEXT",
    "UNIT",
    "Names",
    "Note",
    "Role",
    "base_url_over",
    "bring_names",
    "expression_over",
    "inner_over",
    "note_of",
    "path_over",
    "read_roles",
    "reserve",
    "template_over",
    "values_over",
]

Role: TypeAlias = Literal[
    "template", "secret", "expression", "values", "address", "consent", "header", "link", "request_header", "parameter",
    "field", "pointer", "host", "base_url", "path", "remark", "unit", "plain", "text",
]  # fmt: skip
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
_VERIFICATION = DELIVERY | {"env", "context", "claims"}
_DELIVERED = DELIVERY | {"context", "claims"}
_SUBSCRIPTION = frozenset({"context", "url", "subscription", "query", "body", "params"})
_MOMENTS = frozenset({"timestamp", "timestamp_ms", "date", "nonce"})
OUTER: Final = "outer"
"""The scope of a text whose model stands in several places: each place says by `inner_over` which it is there."""
SCOPES: Final[Mapping[str, Names]] = {
    "context": frozenset({"context"}),
    "caller": _CALLER,
    "call": _CALL,
    "page": _CALL | {"page"},
    "path": None,
    "body": None,
    "item": None,
    "row": None,
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
    "delivery": _VERIFICATION,
    "verification": _VERIFICATION,
    "signed_time": _VERIFICATION | {"parts"},
    "signed_content": _VERIFICATION | {"parts"},
    "requirement": _VERIFICATION | {"parts"},
    "delivery_request": _VERIFICATION | _MOMENTS,
    "key_answer": _VERIFICATION | {"response", "status", "headers", "cookies", "request"},
    "delivered_events": _DELIVERED,
    "delivered_event": _DELIVERED | {"item"},
    "subscription": _SUBSCRIPTION,
    "subscription_creation": _SUBSCRIPTION | {"new_secret"},
    "subscription_answer": _SUBSCRIPTION | {"response"},
    "subscription_secrets": _SUBSCRIPTION | {"response", "new_secret"},
}
"""What expressions and templates are written over, and the names that each may use.

`body` is the decoded body of an answer itself, `item` one record, `row` one row of what completes records; `answer`,
`paging`, `restart`, `fault` and `job_answer` see the body as `body`. What is over `OUTER`, such as the texts of a step,
is over the scope that its place declares by `inner_over`.
"""

ANSWER_SCOPES: Final = frozenset(scope for scope, names in SCOPES.items() if names is not None and names >= _ANSWER)
"""The scopes in which `body` and `headers` are those of an answer; elsewhere they are the caller's."""

CREDENTIAL_SCOPES: Final = frozenset(
    {"delivery", "verification", "signed_time", "signed_content", "requirement", "delivery_request", "key_answer"}
)
"""The scopes that also have the parts of the stored credential, by whatever names these have."""

TEMPLATE: Final[dict[str, Any]] = {"role": "template"}
"""Text with `{{…}}`, or data whose strings are such texts."""

SECRET: Final[dict[str, Any]] = {"role": "secret"}
"""A template of a secret: of the credential, or of the connector's own app."""

RESERVED: Final[dict[str, Any]] = {"role": "template", "reserved": True}
"""A template that only the connector may set."""

EXPRESSION: Final[dict[str, Any]] = {"role": "expression"}
"""An expression, or an object of expressions."""

ADDRESS: Final[dict[str, Any]] = {"role": "address"}
"""The URL, a template, of a request that may hold secrets."""

CONSENT: Final[dict[str, Any]] = {"role": "consent"}
"""The URL, a template, of a page where a person consents: no credential is sent there."""

REMARK: Final[dict[str, Any]] = {"role": "remark"}
"""Text for people, on which nothing depends that a run does."""

UNIT: Final[dict[str, Any]] = {"role": "unit"}
"""What a number or a text about time means."""

PLAIN: Final[dict[str, Any]] = {"role": "plain"}
"""Text that is used as it is and moves no secret: a label, the name of an option, what stands before a token."""

TEMPLATES: Final[frozenset[Role]] = frozenset({"template", "secret", "address", "consent", "base_url", "path"})
"""The roles of templates."""

HEADER: Final[dict[str, Any]] = {"role": "header"}
"""The name of a header of the answer that is read."""

LINK: Final[dict[str, Any]] = {"role": "link"}
"""The relation of a link that is read, of the header `Link`."""

REQUEST_HEADER: Final[dict[str, Any]] = {"role": "request_header"}
"""The name of a header that is sent."""

PARAMETER: Final[dict[str, Any]] = {"role": "parameter"}
"""The name of a query parameter that is sent."""

FIELD: Final[dict[str, Any]] = {"role": "field"}
"""Another name that a value is sent by: of a field of a form or a body, a cookie, a part of the path."""

POINTER: Final[dict[str, Any]] = {"role": "pointer"}
"""A JSON pointer into the body that is sent."""

SENT: Final[frozenset[Role]] = frozenset({"parameter", "field", "request_header", "pointer"})
"""The roles of settings that put a value into the request."""

HOST: Final[dict[str, Any]] = {"role": "host"}
"""A pattern of hosts that requests may go to."""

TEXT: Final[dict[str, Any]] = {"role": "text"}
"""Text or values that are used as they are, of a setting whose description mentions more than that."""


PAUSES: Final[dict[str, Any]] = {"pauses": True}
"""Settings that only decide how long a run pauses."""

SECRETS: Final[dict[str, Any]] = {"secrets": True}
"""Settings whose texts see secrets."""


def expression_over(scope: str, *more: str) -> dict[str, Any]:
    """An expression, or an object or a list of expressions, over a scope of `SCOPES` and `more` names."""
    return {"role": "expression", "over": scope, "more": more}


def template_over(scope: str) -> dict[str, Any]:
    """Text with `{{…}}`, or data whose strings are such texts, over a scope of `SCOPES`."""
    return {"role": "template", "over": scope}


def base_url_over(scope: str) -> dict[str, Any]:
    """The start of URLs, a template over a scope of `SCOPES`."""
    return {"role": "base_url", "over": scope}


def path_over(scope: str) -> dict[str, Any]:
    """The path of a URL below its base URL, a template over a scope of `SCOPES`."""
    return {"role": "path", "over": scope}


def values_over(scope: str) -> dict[str, Any]:
    """An expression, or a list whose strings are templates, over a scope of `SCOPES`."""
    return {"role": "values", "over": scope}


def inner_over(scope: str) -> dict[str, Any]:
    """Settings whose texts over `OUTER` are written over a scope of `SCOPES` here."""
    return {"inner": scope}


def reserve(extra: Mapping[str, Any]) -> dict[str, Any]:
    """The same, which only the connector may set."""
    return {**extra, "reserved": True}


def bring_names(extra: Mapping[str, Any], *names: str, into: Iterable[str]) -> dict[str, Any]:
    """The same; once it has a value, it brings names into these scopes, for the settings of its model and for what is
    inside them."""
    return {**extra, "brings": names, "into": frozenset(into)}


class Note(NamedTuple):
    """What is noted of a setting: the role of its texts, the scope that they are written over and `more` names, the
    scope of what is inside it (`inner`), whether only the connector may set it (`reserved`), whether texts in it see
    secrets, whether it only decides about pauses, and which names it brings into which scopes."""

    role: Role | None = None
    over: str = ""
    more: frozenset[str] = frozenset()
    inner: str = ""
    reserved: bool = False
    secrets: bool = False
    pauses: bool = False
    brings: frozenset[str] = frozenset()
    into: frozenset[str] = frozenset()


def note_of(kind: Any) -> Note:
    """The note in an annotated type; empty if there is none."""
    if get_origin(kind) is not Annotated:
        return Note()
    for meta in get_args(kind)[1:]:
        extra = meta.extra or {} if isinstance(meta, msgspec.Meta) else {}
        if not extra.keys().isdisjoint(("role", "inner", "reserved", "secrets", "pauses")):
            return Note(
                extra.get("role"),
                extra.get("over", ""),
                frozenset(extra.get("more", ())),
                extra.get("inner", ""),
                extra.get("reserved", False),
                extra.get("secrets", False),
                extra.get("pauses", False),
                frozenset(extra.get("brings", ())),
                extra.get("into", frozenset()),
            )
    return Note()


@cache
def read_roles(model: type[msgspec.Struct]) -> tuple[tuple[str, str, Note], ...]:
    """The fields of a model: attribute, key in documents, note."""
    return tuple((field.name, field.encode_name, note_of(field.type)) for field in msgspec.structs.fields(model))
