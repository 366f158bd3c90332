"""Optional parts that an account has left out of its credential, and templates that use them.

`CredentialField.required` declares which parts are optional; each authorization decides what to do without a value.
Absent parts are undefined in the scopes passed to this module (see `remove_absent`).
"""

from collections.abc import Iterable, Mapping
from typing import Any

from msgspec import UNSET

from conn_engine.auth.credential_document import CredentialField, seal_error
from conn_engine.conditions import conditions_of
from conn_engine.documents.pointers import get_at
from conn_engine.errors import CredentialError, ExpressionError
from conn_engine.settings import Scope, fill_templates

__all__ = [
    "absent_parts",
    "blank_absent",
    "fill_if_present",
    "fill_present_parts",
    "missing_parts",
    "reads_absent",
    "remove_absent",
]


def absent_parts(fields: Iterable[CredentialField], document: Mapping[str, Any]) -> frozenset[str]:
    """Return the names of the optional parts that the account has left out. An empty value counts as left out."""
    return frozenset(
        part.name
        for part in fields
        if not part.required and "." not in part.name and document.get(part.name) in (None, "")
    )


def missing_parts(fields: Iterable[CredentialField], document: Mapping[str, Any] | None) -> list[CredentialField]:
    """Return the required parts that the account lacks. An empty value counts as missing."""
    return [part for part in fields if part.required and get_at(document, part.name.split(".")) in (None, "")]


def remove_absent(scope: Scope, absent: frozenset[str]) -> Scope:
    """Return the scope with absent parts undefined, whatever the document has for them."""
    if not absent:
        return scope
    return Scope(((name, value) for name, value in scope.items() if name not in absent), conditions_of(scope))


def blank_absent(scope: Scope, absent: frozenset[str]) -> Scope:
    """Return the scope with absent parts as empty strings: a signature cannot leave a part out. An empty passphrase
    means no passphrase."""
    return scope | dict.fromkeys(absent, "") if absent else scope


def reads_absent(text: str, absent: frozenset[str]) -> bool:
    """Return whether an expression reads an absent part."""
    from conn_engine.expressions import expression

    return bool(absent) and bool((expression(text).roots() or frozenset()) & absent)


def fill_if_present(template: str, scope: Scope, absent: frozenset[str], *, purpose: str) -> str | None:
    """Return the text of a template; None when it has no value because a part is absent.

    Raises CredentialError when anything else is missing, as `fill_templates` does, or when the value is null.
    """
    text = fill_present_parts(template, scope, absent, purpose=purpose)
    if text is UNSET or (text is None and _uses_absent(template, absent)):
        return None
    if text is None:
        raise CredentialError(f"{purpose} has no value: {template} is null", hint="log the account in again")
    return str(text)


def fill_present_parts(data: Any, scope: Scope, absent: frozenset[str], *, purpose: str) -> Any:
    """Return data with its templates filled in, without the entries and items that have no value because a part is
    absent; UNSET when nothing is left. Raises CredentialError as `fill_templates` does."""
    if not absent:
        return fill_templates(data, scope, purpose=purpose)
    if isinstance(data, Mapping):
        entries = {name: fill_present_parts(value, scope, absent, purpose=purpose) for name, value in data.items()}
        return {name: value for name, value in entries.items() if value is not UNSET}
    if isinstance(data, list):
        items = (fill_present_parts(item, scope, absent, purpose=purpose) for item in data)
        return [value for value in items if value is not UNSET]
    return _fill_present(data, scope, absent, purpose)


def _fill_present(data: Any, scope: Scope, absent: frozenset[str], purpose: str) -> Any:
    from conn_engine.expressions import render

    try:
        return render(data, scope)
    except ExpressionError as error:
        if error.code != "unresolved":
            raise seal_error(error) from None
        return UNSET if reads_absent(error.token, absent) else fill_templates(data, scope, purpose=purpose)


def _uses_absent(text: str, absent: frozenset[str]) -> bool:
    from conn_engine.expressions import template

    return any(reads_absent(source, absent) for source, _ in template(text).expressions)
