"""The roles of the strings of settings: declared in a setting's annotation, `Meta(…, extra=TEMPLATE)`, and read here.

A string without a role selects something: a format, an HTTP method, a name of ours.
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
    "FORM_PLACE",
    "HEADER",
    "HEADER_PLACE",
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
    "RULE",
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
    "describe_setting",
    "expression_over",
    "inner_over",
    "mark_advanced",
    "name_kind",
    "note_of",
    "path_over",
    "read_roles",
    "reserve",
    "template_over",
    "to_note",
    "values_over",
]

Role: TypeAlias = Literal[
    "template", "secret", "expression", "values", "address", "consent", "header", "link", "request_header", "parameter",
    "field", "pointer", "host", "base_url", "path", "remark", "unit", "plain", "text",
]  # fmt: skip
Names: TypeAlias = frozenset[str] | None
"""Names in scope; None if any name is allowed (a vendor's body, the names of a path)."""

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
_SYNC = frozenset({"last_run_at", "context", "id", "item", "account", "event"})
_MOMENTS = frozenset({"timestamp", "timestamp_ms", "date", "nonce"})
OUTER: Final = "outer"
"""The scope of strings in a model that is used in several places. Each place declares the actual scope with
`inner_over`."""
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
    "sync_call": _SYNC,
    "sync_window": _SYNC | {"window"},
    "synced": _SYNC | {"results", "records"},
    "synced_record": _SYNC | {"record"},
    "subscription": _SUBSCRIPTION,
    "subscription_creation": _SUBSCRIPTION | {"new_secret"},
    "subscription_answer": _SUBSCRIPTION | {"response"},
    "subscription_secrets": _SUBSCRIPTION | {"response", "new_secret"},
}
"""The scopes of expressions and templates, and the names that each allows.

`body` is the decoded body of a response itself, `item` one record, `row` one row of an enrichment's response; `answer`,
`paging`, `restart`, `fault` and `job_answer` see the body as `body`. Strings over `OUTER`, such as those of a step,
have the scope that their place declares with `inner_over`.
"""

ANSWER_SCOPES: Final = frozenset(scope for scope, names in SCOPES.items() if names is not None and names >= _ANSWER)
"""The scopes in which `body` and `headers` are those of a response; in the others they are the caller's."""

CREDENTIAL_SCOPES: Final = frozenset(
    {"delivery", "verification", "signed_time", "signed_content", "requirement", "delivery_request", "key_answer"}
)
"""The scopes that also have the parts of the stored credential, under their own names."""

TEMPLATE: Final[dict[str, Any]] = {"role": "template"}
"""Text with `{{…}}`, or data whose strings are such strings."""

SECRET: Final[dict[str, Any]] = {"role": "secret"}
"""A template for a secret: of the credential, or of the connector's own app."""

RESERVED: Final[dict[str, Any]] = {"role": "template", "reserved": True}
"""A template that only the connector may set."""

EXPRESSION: Final[dict[str, Any]] = {"role": "expression"}
"""An expression, or an object of expressions."""

ADDRESS: Final[dict[str, Any]] = {"role": "address"}
"""The URL (a template) of a request that may contain secrets."""

CONSENT: Final[dict[str, Any]] = {"role": "consent"}
"""The URL (a template) of a consent page. No credential is sent there."""

REMARK: Final[dict[str, Any]] = {"role": "remark"}
"""Text for people that does not affect a run."""

UNIT: Final[dict[str, Any]] = {"role": "unit"}
"""The unit of a number or a string about time."""

PLAIN: Final[dict[str, Any]] = {"role": "plain"}
"""Text that is used unchanged and moves no secret: a label, the name of an option, the prefix of a token."""

TEMPLATES: Final[frozenset[Role]] = frozenset({"template", "secret", "address", "consent", "base_url", "path"})
"""The roles of templates."""

HEADER: Final[dict[str, Any]] = {"role": "header"}
"""The name of a response header to read."""

LINK: Final[dict[str, Any]] = {"role": "link"}
"""The relation of a link to read from the `Link` header."""

REQUEST_HEADER: Final[dict[str, Any]] = {"role": "request_header"}
"""The name of a header to send."""

PARAMETER: Final[dict[str, Any]] = {"role": "parameter"}
"""The name of a query parameter to send."""

FIELD: Final[dict[str, Any]] = {"role": "field"}
"""Another name to send a value under: a form or body field, a cookie, a part of the path."""

POINTER: Final[dict[str, Any]] = {"role": "pointer"}
"""A JSON pointer into the request body."""

SENT: Final[frozenset[Role]] = frozenset({"parameter", "field", "request_header", "pointer"})
"""The roles of settings that add a value to the request."""

HOST: Final[dict[str, Any]] = {"role": "host"}
"""A pattern of hosts that requests may go to."""

TEXT: Final[dict[str, Any]] = {"role": "text"}
"""Text or values that are used unchanged, in a setting whose description mentions more than that."""


PAUSES: Final[dict[str, Any]] = {"pauses": True}
"""Settings that only affect how long a run pauses."""

SECRETS: Final[dict[str, Any]] = {"secrets": True}
"""Settings whose strings see secrets."""


def expression_over(scope: str, *more: str) -> dict[str, Any]:
    """Declare an expression, or an object or a list of expressions, over a scope of `SCOPES` and `more` names."""
    return {"role": "expression", "over": scope, "more": more}


def template_over(scope: str) -> dict[str, Any]:
    """Declare text with `{{…}}`, or data whose strings are such strings, over a scope of `SCOPES`."""
    return {"role": "template", "over": scope}


def base_url_over(scope: str) -> dict[str, Any]:
    """Declare the start of URLs, a template over a scope of `SCOPES`."""
    return {"role": "base_url", "over": scope}


def path_over(scope: str) -> dict[str, Any]:
    """Declare the path of a URL below its base URL, a template over a scope of `SCOPES`."""
    return {"role": "path", "over": scope}


def values_over(scope: str) -> dict[str, Any]:
    """Declare an expression, or a list whose strings are templates, over a scope of `SCOPES`."""
    return {"role": "values", "over": scope}


def inner_over(scope: str) -> dict[str, Any]:
    """Declare the scope of `SCOPES` for settings with strings over `OUTER`."""
    return {"inner": scope}


def reserve(extra: Mapping[str, Any]) -> dict[str, Any]:
    """Declare that only the connector may set it."""
    return {**extra, "reserved": True}


def mark_advanced(extra: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """Declare that few connectors need it: the reference and the schemas say so and list it last."""
    return {**(extra or {}), "advanced": True}


HEADER_PLACE: Final = mark_advanced(REQUEST_HEADER)
FORM_PLACE: Final = mark_advanced(FIELD)
"""A place in the request other than its query and its body, for the few vendors that need it."""


def bring_names(extra: Mapping[str, Any], *names: str, into: Iterable[str]) -> dict[str, Any]:
    """Declare that the setting, once it has a value, adds names to these scopes, for the settings of its model and
    everything inside them."""
    return {**extra, "brings": names, "into": frozenset(into)}


class Note(NamedTuple):
    """What is declared about a setting: the role of its strings, their scope and `more` names, the scope of strings
    inside it (`inner`), whether only the connector may set it (`reserved`), whether its strings see secrets, whether
    it only affects pauses, and which names it adds to which scopes."""

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
    """Return the note of an annotated type; empty if it has no note."""
    if get_origin(kind) is not Annotated:
        return Note()
    for meta in get_args(kind)[1:]:
        note = to_note(meta.extra or {}) if isinstance(meta, msgspec.Meta) else Note()
        if note != Note():
            return note
    return Note()


def to_note(extra: Mapping[str, Any]) -> Note:
    """Return the note that `Meta.extra` declares; empty if it declares none."""
    if extra.keys().isdisjoint(("role", "inner", "reserved", "secrets", "pauses")):
        return Note()
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


RULE: Final = (
    "What is sent is text, and `{{…}}` computes in it. What is read, decided or mapped is an expression; braces around "
    "a whole expression are allowed and mean nothing."
)
"""The rule for all strings of settings."""

_KINDS: Final[Mapping[Role, str]] = {
    **dict.fromkeys(("expression", "values"), "Expression"),
    **dict.fromkeys(("template", "secret", "address", "consent", "base_url", "path"), "Template"),
    **dict.fromkeys(("header", "link"), "Place in the response"),
    **dict.fromkeys(("request_header", "parameter", "field", "pointer"), "Place in the request"),
    **dict.fromkeys(("host", "remark", "unit", "plain"), "Text"),
}
_VALUES: Final = {"body": "the body", "item": "the record", "row": "the row"}
"""What an expression is over whose names are those of a vendor."""
_GROUPS: Final = (("the call", _CALL), ("the caller", _CALLER), ("the delivery", DELIVERY))
"""Names that many scopes have, as descriptions call them."""


def name_kind(note: Note) -> str:
    """Return the word for the strings of a setting that are computed: `expression` or `template`; empty for others."""
    kind = _KINDS.get(note.role, "") if note.role is not None else ""
    return kind.lower() if kind in ("Expression", "Template") else ""


def describe_setting(note: Note, description: str) -> str:
    """Return the description of a setting after what its strings are, such as `Expression over the body.`; unchanged if
    the setting has no role, or its strings are data."""
    kind = _KINDS.get(note.role) if note.role is not None else None
    if kind is None:
        return description
    over = _VALUES.get(note.over, "") if kind == "Expression" else ""
    names = SCOPES.get(note.over)
    if not over and names and kind in ("Expression", "Template"):
        own = {"body", "headers"} if note.over in ANSWER_SCOPES else set()
        over = _list_names(names | note.more, own)
    if not over and description.startswith(f"{kind} "):
        return description  # describes its names itself
    return f"{kind}{f' over {over}' if over else ''}. {description}".strip()


def _list_names(names: frozenset[str], own: set[str]) -> str:
    """Return names for a sentence: those of the scope itself, and the group that it contains except its `own` names."""
    label, group = next(((label, group) for label, group in _GROUPS if group <= names), ("", frozenset[str]()))
    words = [f"`{name}`" for name in sorted((names - group) | own)]
    if label:
        words.append(f"the names of {label}")
    return " and ".join(part for part in (", ".join(words[:-1]), words[-1]) if part)


@cache
def read_roles(model: type[msgspec.Struct]) -> tuple[tuple[str, str, Note], ...]:
    """Return the fields of a model: attribute, key in documents, note."""
    return tuple((field.name, field.encode_name, note_of(field.type)) for field in msgspec.structs.fields(model))
