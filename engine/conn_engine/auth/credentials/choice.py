"""One of several kinds of credentials, and with it the list of all kinds: a new one is a class and its name here."""

from collections.abc import Callable, Mapping
from typing import Annotated, Any, TypeAlias

from msgspec import Meta

from conn_engine.auth.credentials.api_key import ApiKey
from conn_engine.auth.credentials.basic import BasicCredentials
from conn_engine.auth.credentials.bearer import BearerCredentials
from conn_engine.auth.credentials.jwt_bearer import JwtBearer
from conn_engine.auth.credentials.none import NoCredentials
from conn_engine.auth.credentials.oauth2 import OAuth2
from conn_engine.auth.credentials.oauth2_client_credentials import OAuth2ClientCredentials
from conn_engine.auth.credentials.oauth2_password import OAuth2Password
from conn_engine.auth.credentials.session import Session
from conn_engine.auth.names import CredentialField
from conn_engine.errors import ConfigurationError
from conn_engine.strategies import Scope, Settings, ask
from conn_engine.wire import Clock, Flow

__all__ = ["Choice", "Credentials", "chosen"]


class Choice(Settings, frozen=True, kw_only=True, tag_field="format", tag="choice"):
    """One of several, by an expression over the account's context. Which one is decided before anything is asked."""

    by: Annotated[
        str, Meta(description="Expression over `context` for the name of an option, such as `context.login`.")
    ]
    options: Annotated[
        dict[str, "Credentials"], Meta(description="The credentials to choose from, by name.", min_length=1)
    ]
    default: Annotated[
        str | None, Meta(description="The option where the expression finds nothing. Default: the first.")
    ] = None

    def __post_init__(self) -> None:
        if self.default is not None and self.default not in self.options:
            raise ValueError(f"`default` names no option: {', '.join(self.options)}")

    def option(self, context: Mapping[str, Any]) -> "Credentials":
        """The option that is meant. Raises ConfigurationError when the expression names none."""
        found = ask(self.by, {"context": dict(context)})
        name = found if isinstance(found, str) and found else self.default or next(iter(self.options))
        if name not in self.options:
            raise ConfigurationError(
                f'`{self.by}` chooses the credential "{name[:60]}", which is no option',
                hint=f"the options are {', '.join(self.options)}",
            )
        return chosen(self.options[name], context)

    # Until the account is known, a choice is what its default is.

    def _usual(self) -> "Credentials":
        return self.option({})

    def fields(self) -> list[CredentialField]:
        """What a log-in asks for."""
        return self._usual().fields()

    def document(self, values: Mapping[str, str]) -> dict[str, Any]:
        """The stored document for the values of `fields`."""
        return self._usual().document(values)

    def sample(self, number: int = 1) -> dict[str, Any]:
        """A made-up document of the right shape."""
        return self._usual().sample(number)

    def expired(self, document: Mapping[str, Any], now: float) -> bool:
        """Whether a token is missing or ends soon."""
        return self._usual().expired(document, now)

    def renewable(self, document: Mapping[str, Any]) -> bool:
        """Whether a new token can be asked for without a person."""
        return self._usual().renewable(document)

    def exchange(
        self, scope: Scope, hosts: tuple[str, ...], clock: Clock
    ) -> Callable[[Mapping[str, Any]], Flow[dict[str, Any]]]:
        """What asks for a new token, of the option that the scope's context means."""
        return self.option(scope.get("context", {})).exchange(scope, hosts, clock)


Credentials: TypeAlias = (
    NoCredentials
    | ApiKey
    | BasicCredentials
    | BearerCredentials
    | OAuth2
    | OAuth2ClientCredentials
    | OAuth2Password
    | JwtBearer
    | Session
    | Choice
)


def chosen(credentials: "Credentials", context: Mapping[str, Any]) -> "Credentials":
    """The credentials that an account has: those themselves, or the option of a choice that its context means.

    Raises ConfigurationError when the choice names no option.
    """
    return credentials.option(context) if isinstance(credentials, Choice) else credentials
