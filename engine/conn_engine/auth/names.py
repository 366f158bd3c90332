"""Names, templates and values of an account's credential document. What they are used for is decided
elsewhere."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any

from msgspec import Meta

from conn_engine.errors import CredentialError, ExpressionError, UsageError
from conn_engine.roles import PLAIN, REMARK
from conn_engine.settings import Scope, Settings, ask, fill_templates, seal_error

__all__ = [
    "CAPTURED",
    "TOKEN_PATH",
    "Asked",
    "CredentialField",
    "document_of",
    "fill_templates",
    "header_value",
    "looked_up",
    "seal_error",
    "token_of",
]

TOKEN_PATH = ("oauth", "token")
"""Where an OAuth 2 token is in the document."""

CAPTURED = "captured"
"""Where the document keeps what was captured beside a token: no secrets."""

_UNFIT = re.compile(r"[\x00-\x08\x0a-\x1f\x7f]")


@dataclass(frozen=True, slots=True)
class CredentialField:
    """One thing that a log-in asks for. `name` is its dotted place in the document
    (`oauth.token.access_token`). With `lines` it has several, as a key in PEM form: nobody types it."""

    name: str
    label: str
    secret: bool = True
    required: bool = True
    sample: str | None = None
    lines: bool = False


class Asked(Settings, frozen=True, kw_only=True):
    """One thing that an account supplies when it is logged in. Templates call it by its name."""

    name: Annotated[str, Meta(description="Its name in the stored credential.", pattern="^[a-z][a-z0-9_]*$")]
    label: Annotated[str | None, Meta(description="What the vendor calls it. Default: its name.", extra=REMARK)] = None
    secret: Annotated[bool, Meta(description="Whether it is hidden while it is typed.")] = True
    required: Annotated[bool, Meta(description="Whether it may not be left out.")] = True

    sample: Annotated[
        str | None,
        Meta(
            description="A made-up value for replayed tests, for one that must have a form (a key in hex).", extra=PLAIN
        ),
    ] = None
    lines: Annotated[
        bool,
        Meta(description="Whether it has several lines, as a key: where it is asked for, @FILE reads it from a file."),
    ] = False

    def field(self) -> CredentialField:
        """What a log-in asks for."""
        label = self.label or self.name.replace("_", " ").capitalize()
        return CredentialField(self.name, label, self.secret, self.required, self.sample, self.lines)


def document_of(fields: "list[CredentialField]", values: Mapping[str, str]) -> dict[str, Any]:
    """The document that holds the given values at their fields' places; empty values are left out.

    Raises UsageError for a value that no field asks for and for a required one that is missing.
    """
    unknown = sorted(set(values) - {field.name for field in fields})
    if unknown:
        asked = ", ".join(field.name for field in fields) or "nothing"
        raise UsageError(f'this credential has no "{unknown[0]}"', hint=f"it asks for {asked}")
    document: dict[str, Any] = {}
    for field in fields:
        value = values.get(field.name, "").strip()
        if not value:
            if field.required:
                raise UsageError(f'"{field.name}" ({field.label}) is missing')
            continue
        node = document
        *parents, name = field.name.split(".")
        for parent in parents:
            node = node.setdefault(parent, {})
        node[name] = value
    return document


def token_of(document: Mapping[str, Any], place: tuple[str, ...] = TOKEN_PATH) -> dict[str, Any]:
    """The token of a document, by default the OAuth 2 one; empty when it has none."""
    node: Any = document
    for name in place:
        node = node.get(name) if isinstance(node, Mapping) else None
    return dict(node) if isinstance(node, Mapping) else {}


def looked_up(path: str, scope: Scope) -> str | None:
    """The text that an expression finds in the credential; None when it finds none or an empty one."""
    try:
        value = ask(path, scope)
    except ExpressionError as error:
        raise seal_error(error) from None
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        return None
    return str(value) or None


def header_value(text: str, *, purpose: str) -> str:
    """`text` if it can stand in a header. Raises CredentialError, without the text, if it cannot."""
    if _UNFIT.search(text):
        raise CredentialError(
            f"{purpose} contains a line break or a control character",
            hint="it was probably pasted with something around it: log the account in again",
        )
    if not text.isascii():
        raise CredentialError(
            f"{purpose} contains characters that a header cannot carry", hint="log the account in again"
        )
    return text
