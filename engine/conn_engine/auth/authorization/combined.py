"""Several authorizations together, one of several, and the list of all kinds. To add a kind, write a class and list it
in `Authorization`."""

from typing import Annotated, TypeAlias

from msgspec import Meta

from conn_engine.auth.authorization.basic import BasicAuthorization
from conn_engine.auth.authorization.bearer import Bearer
from conn_engine.auth.authorization.body import Body
from conn_engine.auth.authorization.cookie import Cookie
from conn_engine.auth.authorization.expression import ExpressionAuthorization
from conn_engine.auth.authorization.header import Header
from conn_engine.auth.authorization.none import NoAuthorization
from conn_engine.auth.authorization.path import PathAuthorization
from conn_engine.auth.authorization.query import Query
from conn_engine.errors import ConfigurationError
from conn_engine.roles import EXPRESSION, PLAIN
from conn_engine.secrets.credential_places import CredentialPlace
from conn_engine.settings import Draft, Scope, Settings, ask

__all__ = ["Authorization", "AuthorizationChoice", "Several"]


class Several(Settings, frozen=True, kw_only=True, tag_field="format", tag="several"):
    """Several authorizations in order, such as a token in one header and a key in another."""

    all: Annotated[tuple["Authorization", ...], Meta(description="The authorizations.", min_length=1)]

    def apply(self, draft: Draft, scope: Scope) -> None:
        """Apply each authorization. Raises as each does."""
        for authorization in self.all:
            authorization.apply(draft, scope)

    def places(self) -> list[CredentialPlace]:
        """Return where a request has the credential."""
        return [place for authorization in self.all for place in authorization.places()]


class AuthorizationChoice(Settings, frozen=True, kw_only=True, tag_field="format", tag="choice"):
    """One of several authorizations, chosen by an expression: the counterpart of the credential `choice`."""

    by: Annotated[
        str,
        Meta(
            description="Expression for the name of an option, over `context`, the stored credential's keys and `env`: "
            "`context.login`, or `api_key ? 'key' : 'token'`.",
            extra=EXPRESSION,
        ),
    ]
    options: Annotated[
        dict[str, "Authorization"], Meta(description="The authorizations to choose from, by name.", min_length=1)
    ]
    default: Annotated[
        str | None,
        Meta(description="The option to use when the expression returns nothing. Default: the first.", extra=PLAIN),
    ] = None

    def __post_init__(self) -> None:
        if self.default is not None and self.default not in self.options:
            raise ValueError(f"`default` is not one of the options: {', '.join(self.options)}")

    def apply(self, draft: Draft, scope: Scope) -> None:
        """Apply the chosen option. Raises ConfigurationError when the expression returns an unknown name."""
        choice = ask(self.by, scope)
        name = choice if isinstance(choice, str) and choice else self.default or next(iter(self.options))
        if name not in self.options:
            raise ConfigurationError(
                f"`{self.by}` returns a name that is not one of the authorization's options",
                hint=f"use one of the options: {', '.join(self.options)}",
            )
        self.options[name].apply(draft, scope)

    def places(self) -> list[CredentialPlace]:
        """Return where a request has the credential."""
        return [place for option in self.options.values() for place in option.places()]


Authorization: TypeAlias = (
    NoAuthorization
    | Bearer
    | BasicAuthorization
    | Header
    | Query
    | PathAuthorization
    | Cookie
    | Body
    | ExpressionAuthorization
    | Several
    | AuthorizationChoice
)
