"""What an account may leave out of its credential, and the templates that then go without it.

Which parts may be left out is each kind's (`CredentialField.required`); what a place does without its value is the
place's own. What is absent is undefined in the scopes that come here (`without`).
"""

from collections.abc import Iterable, Mapping
from typing import Any

from msgspec import UNSET

from conn_engine.auth.names import CredentialField, seal_error
from conn_engine.conditions import conditions_of
from conn_engine.documents.pointers import get_at
from conn_engine.errors import CredentialError, ExpressionError
from conn_engine.settings import Scope, fill_templates

__all__ = [
    "absent_parts",
    "blank_absent",
    "filled_in_part",
    "missing_parts",
    "reads",
    "remove_absent",
    "text_if_present",
]


def absent_parts(fields: Iterable[CredentialField], document: Mapping[str, Any]) -> frozenset[str]:
    """The names of the parts that the account may leave out and has left out; an empty value counts as none."""
    return frozenset(
        part.name
        for part in fields
        if not part.required and "." not in part.name and document.get(part.name) in (None, "")
    )


def missing_parts(fields: Iterable[CredentialField], document: Mapping[str, Any] | None) -> list[CredentialField]:
    """The parts that the account must have and has not; an empty value counts as none."""
    return [part for part in fields if part.required and get_at(document, part.name.split(".")) in (None, "")]


def remove_absent(scope: Scope, absent: frozenset[str]) -> Scope:
    """The scope in which what is absent is undefined, however the document holds it."""
    if not absent:
        return scope
    return Scope(((name, value) for name, value in scope.items() if name not in absent), conditions_of(scope))


def blank_absent(scope: Scope, absent: frozenset[str]) -> Scope:
    """The scope in which what is absent is an empty text: for signatures, which cannot leave a place out. A passphrase
    that is empty is none."""
    return scope | dict.fromkeys(absent, "") if absent else scope


def reads(text: str, absent: frozenset[str]) -> bool:
    """Whether an expression reads a part that is absent."""
    from conn_engine.expressions import expression

    return bool(absent) and bool((expression(text).roots() or frozenset()) & absent)


def text_if_present(template: str, scope: Scope, absent: frozenset[str], *, purpose: str) -> str | None:
    """The text of a template; None when it has none for want of a part that is absent.

    Raises CredentialError when it lacks anything else, as `filled` does, or is null.
    """
    found = filled_in_part(template, scope, absent, purpose=purpose)
    if found is UNSET or (found is None and _mentions(template, absent)):
        return None
    if found is None:
        raise CredentialError(f"{purpose} cannot be made: {template} is null", hint="log the account in again")
    return str(found)


def filled_in_part(data: Any, scope: Scope, absent: frozenset[str], *, purpose: str) -> Any:
    """Data with its templates filled in, without the entries and items that have no value for want of an absent part;
    UNSET when that is all of it. Raises CredentialError as `filled` does."""
    if not absent:
        return fill_templates(data, scope, purpose=purpose)
    if isinstance(data, Mapping):
        made = {name: filled_in_part(value, scope, absent, purpose=purpose) for name, value in data.items()}
        return {name: value for name, value in made.items() if value is not UNSET}
    if isinstance(data, list):
        items = (filled_in_part(one, scope, absent, purpose=purpose) for one in data)
        return [value for value in items if value is not UNSET]
    return _fill_present(data, scope, absent, purpose)


def _fill_present(data: Any, scope: Scope, absent: frozenset[str], purpose: str) -> Any:
    from conn_engine.expressions import render

    try:
        return render(data, scope)
    except ExpressionError as error:
        if error.code != "unresolved":
            raise seal_error(error) from None
        return UNSET if reads(error.token, absent) else fill_templates(data, scope, purpose=purpose)


def _mentions(text: str, absent: frozenset[str]) -> bool:
    from conn_engine.expressions import template

    return any(reads(source, absent) for source, _ in template(text).expressions)
