"""The fields that a customer fills in: what the account lacks of the connector's `fields`, and the parts of its
credential."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from conn_engine.auth import CAPTURED, ConsentCredentials, CredentialField, as_consent_credentials
from conn_engine.config import Effective
from conn_engine.config.models import Field
from conn_engine.errors import ExpressionError
from conn_engine.expressions import groups_of

__all__ = ["FormField", "LoginForm", "build_login_form"]

_LONGEST: Final = 8_000
_LONGEST_LINES: Final = 64_000
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")


@dataclass(slots=True)
class FormField:
    """One field. `value` is empty for a secret, which never goes back to the browser; `error` says what to correct."""

    name: str
    label: str
    help: str = ""
    is_secret: bool = False
    is_required: bool = True
    has_lines: bool = False
    options: tuple[str, ...] = ()
    pattern: str | None = None
    value: str = ""
    error: str = ""

    def read(self, text: str) -> str:
        """Return what was entered, and set `error` if it cannot be used."""
        text = text.strip()
        if not self.is_secret:
            self.value = text[:_LONGEST]
        self.error = self._find_error(text)
        return text

    def _find_error(self, text: str) -> str:
        if not text:
            return f"Enter a value for “{self.label}”." if self.is_required else ""
        if len(text) > (_LONGEST_LINES if self.has_lines else _LONGEST):
            return f"“{self.label}” is too long. Check that you pasted only this value."
        if not self.has_lines and _CONTROL.search(text):
            return f"“{self.label}” has a line break or a control character. Paste only the value."
        if self.options and text not in self.options:
            return f"Choose one of the values for “{self.label}”."
        if self.pattern and not _matches(self.pattern, text):
            return f"“{self.label}” does not have the expected form. {self.help}".strip()
        return ""


@dataclass(slots=True)
class LoginForm:
    """The fields of an account's login. `consent` is set if the customer agrees on the vendor's page, and `client` has
    what is already known of the client for that."""

    fields: list[FormField]
    consent: ConsentCredentials | None = None
    client: dict[str, Any] = field(default_factory=dict)
    context_names: frozenset[str] = frozenset()

    @property
    def has_errors(self) -> bool:
        """Whether a field must be corrected."""
        return any(entry.error for entry in self.fields)

    def read(self, values: Mapping[str, str]) -> tuple[dict[str, str], dict[str, str]]:
        """Return the values of the context, and those of the credential, without empty ones. Sets the errors."""
        entered = {entry.name: entry.read(values.get(entry.name, "")) for entry in self.fields}
        present = {name: text for name, text in entered.items() if text}
        context = {name: text for name, text in present.items() if name in self.context_names}
        prefix = "credential."
        return (
            {name.removeprefix("context."): text for name, text in context.items()},
            {name.removeprefix(prefix): text for name, text in present.items() if name.startswith(prefix)},
        )


def build_login_form(effective: Effective, stored: Mapping[str, Any] | None) -> LoginForm:
    """Return the fields of an account. `stored` is what a new login may reuse of its credential.

    A customer enters the required values, and every part of the credential. Raises ConfigurationError.
    """
    credentials = effective.connector.credentials
    notes = {entry.name: entry for entry in effective.connector.fields}
    captured = (stored or {}).get(CAPTURED)
    fields = list(_list_context_fields(effective, captured if isinstance(captured, Mapping) else {}))
    names = frozenset(entry.name for entry in fields)
    consent = as_consent_credentials(credentials) if credentials is not None else None
    if consent is None:
        parts: list[CredentialField] = credentials.fields() if credentials is not None else []
        return LoginForm([*fields, *(_to_form_field(part, notes) for part in parts)], context_names=names)
    known = {part.name: (stored or {}).get(part.name) for part in consent.consent_fields()}
    client = {name: value for name, value in known.items() if value not in (None, "")}
    lacking = [part for part in consent.consent_fields() if part.name not in client]
    return LoginForm([*fields, *(_to_form_field(part, notes) for part in lacking)], consent, client, names)


def _list_context_fields(effective: Effective, captured: Mapping[str, Any]) -> Iterable[FormField]:
    for needed in effective.connector.fields:
        if needed.secret or not needed.required or effective.context.get(needed.name) is not None:
            continue
        earlier = captured.get(needed.name)
        yield FormField(
            f"context.{needed.name}",
            _label(needed),
            needed.description or "",
            options=needed.options or (),
            pattern=needed.pattern,
            value=earlier if isinstance(earlier, str) else "",
        )


def _to_form_field(part: CredentialField, notes: Mapping[str, Field]) -> FormField:
    note = notes.get(part.name)
    return FormField(
        f"credential.{part.name}",
        part.label,
        (note.description or "") if note is not None else "",
        is_secret=part.secret,
        is_required=part.required,
        has_lines=part.lines,
        options=(note.options or ()) if note is not None else (),
        pattern=note.pattern if note is not None else None,
    )


def _label(needed: Field) -> str:
    return needed.label or needed.name.replace("_", " ").capitalize()


def _matches(pattern: str, text: str) -> bool:
    try:
        return groups_of(pattern, text, whole=True) is not None
    except ExpressionError:  # a pattern that takes too long matches nothing
        return False
