"""Authorization that an expression makes, for what no other kind says."""

import re
from collections.abc import Mapping
from typing import Annotated, Any

from msgspec import Meta

from conn_engine.auth.authorization.body import with_field
from conn_engine.auth.names import header_value, seal_error
from conn_engine.auth.omission import reads
from conn_engine.errors import ConfigurationError, CredentialError, ExpressionError
from conn_engine.roles import EXPRESSION
from conn_engine.secrets.credential_places import CredentialPlace, Kind
from conn_engine.settings import Draft, Scope, Settings, ask
from conn_engine.urls import split_plain_url

__all__ = ["ExpressionAuthorization"]

_PLACES = frozenset({"headers", "query", "body"})
_QUOTED = re.compile(r"""\"([^\"\\]{1,100})\"|'([^'\\]{1,100})'""")


class ExpressionAuthorization(Settings, frozen=True, kw_only=True, tag_field="format", tag="expression"):
    """Headers, query parameters and fields of the body by one expression."""

    expression: Annotated[
        str,
        Meta(
            description="Expression for an object `{headers: {…}, query: {…}, body: {…}}`, each part optional. It sees "
            "the stored credential's keys, `env`, `context`, and `request` (method, url, path, query, body) as it is "
            "before.",
            extra=EXPRESSION,
        ),
    ]

    def apply(self, draft: Draft, scope: Scope) -> None:
        """Put what the expression finds into the request. Raises ConfigurationError when it is no such object."""
        sent = {
            "method": draft.method,
            "url": draft.url,
            "path": split_plain_url(draft.url).path,
            "query": dict(draft.query),
            "body": draft.body,
        }
        try:
            found = ask(self.expression, scope | {"request": sent})
        except ExpressionError as error:
            raise seal_error(error) from None
        if not _has_content(found) and reads(self.expression, draft.absent):
            return
        if not isinstance(found, dict) or not found or not found.keys() <= _PLACES:
            raise ConfigurationError(
                "the expression of `authorization` gives no object with headers, query or body in it",
                hint=f"it is {self.expression}",
            )
        for name, value in _part(found, "headers").items():
            draft.set_header(name, header_value(_text(name, value), purpose=f'the value of the header "{name}"'))
        for name, value in _part(found, "query").items():
            draft.set_query(name, _text(name, value))
        for name, value in _part(found, "body").items():
            draft.body = with_field(draft, (name,), value)
        draft.authorized = True

    def places(self) -> list[CredentialPlace]:
        """Where the credential stands in a request."""
        kinds: tuple[Kind, ...] = ("header", "parameter", "field")
        names = _names_in(self.expression) - _PLACES
        return [CredentialPlace(kind, name, certain=False) for name in sorted(names) for kind in kinds]


def _names_in(text: str) -> set[str]:
    """The texts that an expression has: those among them that are keys name what it sets, wherever that is."""
    return {first or second for first, second in _QUOTED.findall(text)}


def _has_content(found: Any) -> bool:
    """Whether there is something to put into a request."""
    from conn_engine.expressions import UNDEFINED

    return any(map(_has_content, found.values())) if isinstance(found, dict) else found is not UNDEFINED


def _part(found: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    part = found.get(name, {})
    if not isinstance(part, dict):
        raise ConfigurationError(f"the expression of `authorization` gives {name} that are no object")
    return part


def _text(name: str, value: Any) -> str:
    if value is None or isinstance(value, dict | list | bool) or value == "":
        raise CredentialError(
            f'the expression of `authorization` finds no text for "{name}"', hint="log the account in again"
        )
    return str(value)
