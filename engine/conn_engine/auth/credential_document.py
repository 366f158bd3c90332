"""The fields, templates and values of an account's credential document."""

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
    "CredentialField",
    "SuppliedValue",
    "build_document",
    "check_header_value",
    "fill_templates",
    "find_text",
    "read_token",
    "seal_error",
]

TOKEN_PATH = ("oauth", "token")
"""Where the document has the OAuth 2 token."""

CAPTURED = "captured"
"""Where the document has the values captured with a token. They are not secret."""

_UNFIT = re.compile(r"[\x00-\x08\x0a-\x1f\x7f]")


@dataclass(frozen=True, slots=True)
class CredentialField:
    """One value that a login asks for. `name` is its dotted path in the document (`oauth.token.access_token`). A field
    with `lines`, such as a PEM key, has several lines and is not typed."""

    name: str
    label: str
    secret: bool = True
    required: bool = True
    sample: str | None = None
    lines: bool = False


class SuppliedValue(Settings, frozen=True, kw_only=True):
    """A value that the account supplies at login. Templates refer to it by its name."""

    name: Annotated[str, Meta(description="Name in the stored credential.", pattern="^[a-z][a-z0-9_]*$")]
    label: Annotated[
        str | None, Meta(description="The vendor's name for it. Default: derived from `name`.", extra=REMARK)
    ] = None
    secret: Annotated[bool, Meta(description="Whether the value is hidden while it is typed.")] = True
    required: Annotated[bool, Meta(description="Whether the account must supply it.")] = True

    sample: Annotated[
        str | None,
        Meta(
            description="Made-up value for replayed tests, for a value that must have a certain format (a key in hex).",
            extra=PLAIN,
        ),
    ] = None
    lines: Annotated[
        bool,
        Meta(
            description="Whether the value has several lines, such as a key. At the prompt, enter @FILE to read "
            "it from a file."
        ),
    ] = False

    def field(self) -> CredentialField:
        """Return the field that a login asks for."""
        label = self.label or self.name.replace("_", " ").capitalize()
        return CredentialField(self.name, label, self.secret, self.required, self.sample, self.lines)


def build_document(fields: "list[CredentialField]", values: Mapping[str, str]) -> dict[str, Any]:
    """Return the document with the given values at the paths of their fields. Empty values are left out.

    Raises UsageError for a value without a field and for a missing required value.
    """
    unknown = sorted(set(values) - {field.name for field in fields})
    if unknown:
        names = ", ".join(field.name for field in fields)
        raise UsageError(
            f'this credential has no field "{unknown[0]}"',
            hint=f"use one of its fields: {names}" if names else f"remove {unknown[0]}: the credential has no fields",
        )
    document: dict[str, Any] = {}
    for field in fields:
        value = values.get(field.name, "").strip()
        if not value:
            if field.required:
                raise UsageError(f'"{field.name}" ({field.label}) is missing', hint=f"pass a value for {field.name}")
            continue
        node = document
        *parents, name = field.name.split(".")
        for parent in parents:
            node = node.setdefault(parent, {})
        node[name] = value
    return document


def read_token(document: Mapping[str, Any], place: tuple[str, ...] = TOKEN_PATH) -> dict[str, Any]:
    """Return the token of a document, by default the OAuth 2 token; empty when there is none."""
    node: Any = document
    for name in place:
        node = node.get(name) if isinstance(node, Mapping) else None
    return dict(node) if isinstance(node, Mapping) else {}


def find_text(path: str, scope: Scope) -> str | None:
    """Evaluate an expression on the credential and return the text it finds; None when it finds nothing or an empty
    text."""
    try:
        value = ask(path, scope)
    except ExpressionError as error:
        raise seal_error(error) from None
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        return None
    return str(value) or None


def check_header_value(text: str, *, purpose: str) -> str:
    """Return `text` if a header can contain it. Raises CredentialError, without the text, if not."""
    if _UNFIT.search(text):
        raise CredentialError(
            f"{purpose} contains a line break or a control character",
            hint="log the account in again, and paste only the value",
        )
    if not text.isascii():
        raise CredentialError(
            f"{purpose} contains characters that are not allowed in a header", hint="log the account in again"
        )
    return text
