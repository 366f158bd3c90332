"""Authorization by an expression, for requests that no other kind can authorize."""

import re
from collections.abc import Mapping
from typing import Annotated, Any

from msgspec import Meta

from conn_engine.auth.absent_parts import reads_absent
from conn_engine.auth.authorization.body import set_body_field
from conn_engine.auth.credential_document import check_header_value, seal_error
from conn_engine.errors import ConfigurationError, CredentialError, ExpressionError
from conn_engine.roles import EXPRESSION
from conn_engine.secrets.credential_places import CredentialPlace, Kind
from conn_engine.settings import Draft, Scope, Settings, ask
from conn_engine.urls import split_plain_url

__all__ = ["ExpressionAuthorization"]

_PLACES = frozenset({"headers", "query", "body"})
_QUOTED = re.compile(r"""\"([^\"\\]{1,100})\"|'([^'\\]{1,100})'""")


class ExpressionAuthorization(Settings, frozen=True, kw_only=True, tag_field="format", tag="expression"):
    """Headers, query parameters and body fields from one expression."""

    expression: Annotated[
        str,
        Meta(
            description="Expression that returns an object `{headers: {…}, query: {…}, body: {…}}`, each part "
            "optional. It sees the stored credential's keys, `env`, `context`, and `request` "
            "(method, url, path, query, body) before authorization.",
            extra=EXPRESSION,
        ),
    ]

    def apply(self, draft: Draft, scope: Scope) -> None:
        """Add the expression's result to the request. Raises ConfigurationError when it is not such an object."""
        sent_parts = {
            "method": draft.method,
            "url": draft.url,
            "path": split_plain_url(draft.url).path,
            "query": dict(draft.query),
            "body": draft.body,
        }
        try:
            parts = ask(self.expression, scope | {"request": sent_parts})
        except ExpressionError as error:
            raise seal_error(error) from None
        if not _has_content(parts) and reads_absent(self.expression, draft.absent):
            return
        if not isinstance(parts, dict) or not parts or not parts.keys() <= _PLACES:
            raise ConfigurationError(
                "the expression of `authorization` returns no object with headers, query or body",
                hint=f"return an object such as {{headers: {{…}}}}; the expression is {self.expression}",
            )
        for name, value in _part(parts, "headers").items():
            draft.set_header(name, check_header_value(_text(name, value), purpose=f'the value of the header "{name}"'))
        for name, value in _part(parts, "query").items():
            draft.set_query(name, _text(name, value))
        for name, value in _part(parts, "body").items():
            draft.body = set_body_field(draft, (name,), value)
        draft.authorized = True

    def places(self) -> list[CredentialPlace]:
        """Return where a request may have the credential."""
        kinds: tuple[Kind, ...] = ("header", "parameter", "field")
        names = _names_in(self.expression) - _PLACES
        return [CredentialPlace(kind, name, certain=False) for name in sorted(names) for kind in kinds]


def _names_in(text: str) -> set[str]:
    """Return the quoted strings of an expression. Those that are keys name what it sets."""
    return {first or second for first, second in _QUOTED.findall(text)}


def _has_content(result: Any) -> bool:
    """Return whether there is something to add to a request."""
    from conn_engine.expressions import UNDEFINED

    return any(map(_has_content, result.values())) if isinstance(result, dict) else result is not UNDEFINED


def _part(result: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    part = result.get(name, {})
    if not isinstance(part, dict):
        raise ConfigurationError(
            f"the expression of `authorization` returns {name} that are not an object",
            hint=f"return an object such as {{{name}: {{X-Key: token}}}}",
        )
    return part


def _text(name: str, value: Any) -> str:
    if value is None or isinstance(value, dict | list | bool) or value == "":
        raise CredentialError(
            f'the expression of `authorization` returns no text for "{name}"', hint="log the account in again"
        )
    return str(value)
