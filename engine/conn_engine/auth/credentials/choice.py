"""Kinds of credentials made of others (one of several, one beside a client certificate), and with them the list of all
kinds: a new one is a class and its name here."""

from collections.abc import Callable, Mapping
from typing import Annotated, Any, TypeAlias

from msgspec import Meta, field, structs

from conn_engine.auth.credentials.api_key import ApiKey
from conn_engine.auth.credentials.basic import BasicCredentials
from conn_engine.auth.credentials.bearer import BearerCredentials
from conn_engine.auth.credentials.client_certificate import (
    CERTIFICATE_FIELDS,
    CERTIFICATE_NAMES,
    certificate_of,
    show_certificate,
)
from conn_engine.auth.credentials.jwt_bearer import JwtBearer
from conn_engine.auth.credentials.none import NoCredentials
from conn_engine.auth.credentials.oauth1 import OAuth1Credentials
from conn_engine.auth.credentials.oauth2 import OAuth2
from conn_engine.auth.credentials.oauth2_client_credentials import OAuth2ClientCredentials
from conn_engine.auth.credentials.oauth2_password import OAuth2Password
from conn_engine.auth.credentials.session import SessionCredentials
from conn_engine.auth.lifecycle import Revocation
from conn_engine.auth.names import CredentialField, document_of
from conn_engine.conditions import USUAL, Conditions, conditions_of
from conn_engine.errors import ConfigurationError
from conn_engine.roles import PLAIN, expression_over
from conn_engine.settings import Scope, Settings, ask
from conn_engine.transport.client_certificate import check_certificate
from conn_engine.wire import ClientCertificate, Clock, Flow

__all__ = ["Choice", "Credentials", "Mtls", "choose_credentials"]


class _Delegating(Settings, frozen=True, kw_only=True):
    """Does what another credential does."""

    def get_delegate(self) -> "Credentials":
        """That other one."""
        raise NotImplementedError

    @property
    def revoke(self) -> tuple[Revocation, ...]:
        """How the vendor is made to forget it."""
        return self.get_delegate().revoke

    def fields(self) -> list[CredentialField]:
        """What a log-in asks for."""
        return self.get_delegate().fields()

    def document(self, values: Mapping[str, str]) -> dict[str, Any]:
        """The stored document for the values of `fields`."""
        return self.get_delegate().document(values)

    def sample(self, number: int = 1) -> dict[str, Any]:
        """A made-up document of the right shape."""
        return self.get_delegate().sample(number)

    def is_expired(self, document: Mapping[str, Any], now: float) -> bool:
        """Whether a token is missing or ends soon."""
        return self.get_delegate().is_expired(document, now)

    def due(self, document: Mapping[str, Any], now: float) -> bool:
        """Whether `exchange` is to be run before the credential is used."""
        return self.get_delegate().due(document, now)

    def renewable(self, document: Mapping[str, Any]) -> bool:
        """Whether a new token can be asked for without a person."""
        return self.get_delegate().renewable(document)


class Choice(_Delegating, frozen=True, kw_only=True, tag_field="format", tag="choice"):
    """One of several, by an expression over the account's context. Which one is decided before anything is asked."""

    by: Annotated[
        str,
        Meta(
            description="Expression over `context` for the name of an option, such as `context.login`.",
            extra=expression_over("context"),
        ),
    ]
    options: Annotated[
        dict[str, "Credentials"], Meta(description="The credentials to choose from, by name.", min_length=1)
    ]
    default: Annotated[
        str | None, Meta(description="The option where the expression finds nothing. Default: the first.", extra=PLAIN)
    ] = None

    def __post_init__(self) -> None:
        if self.default is not None and self.default not in self.options:
            raise ValueError(f"`default` names no option: {', '.join(self.options)}")

    def option(self, context: Mapping[str, Any], conditions: Conditions = USUAL) -> "Credentials":
        """The option that is meant. Raises ConfigurationError when the expression names none."""
        found = ask(self.by, {"context": dict(context)}, conditions)
        name = found if isinstance(found, str) and found else self.default or next(iter(self.options))
        if name not in self.options:
            raise ConfigurationError(
                f'`{self.by}` chooses the credential "{name[:60]}", which is no option',
                hint=f"the options are {', '.join(self.options)}",
            )
        return choose_credentials(self.options[name], context)

    def get_delegate(self) -> "Credentials":
        """Until the account is known, a choice is what its default is."""
        return self.option({})

    def certificate(self, scope: Scope) -> ClientCertificate | None:
        """The client certificate of the option that the scope's context means."""
        return self.option(scope.get("context", {}), conditions_of(scope)).certificate(scope)

    def exchange(
        self, scope: Scope, hosts: tuple[str, ...], clock: Clock
    ) -> Callable[[Mapping[str, Any]], Flow[dict[str, Any]]]:
        """What asks for a new token, of the option that the scope's context means."""
        return self.option(scope.get("context", {}), conditions_of(scope)).exchange(scope, hosts, clock)

    def revocation(self, scope: Scope, hosts: tuple[str, ...], clock: Clock) -> Flow[None]:
        """Make the vendor forget the credential."""
        yield from self.option(scope.get("context", {}), conditions_of(scope)).revocation(scope, hosts, clock)


class Mtls(_Delegating, frozen=True, kw_only=True, tag_field="format", tag="mtls"):
    """A client certificate in TLS, with or without another credential. Stored as `{certificate, private_key,
    passphrase}`, PEM texts, beside what the other stores. Token requests show it too."""

    with_: Annotated[
        "Credentials | None", Meta(description="The other credential: its token, its key. Default: none.")
    ] = field(default=None, name="with")

    def __post_init__(self) -> None:
        taken = sorted(CERTIFICATE_NAMES & {asked.name for asked in self.get_delegate().fields()})
        if taken:
            raise ValueError(f"`with` asks for {taken[0]} as well, which is the certificate's: call it otherwise")

    def get_delegate(self) -> "Credentials":
        """The other credential."""
        return self.with_ if self.with_ is not None else NoCredentials()

    def fields(self) -> list[CredentialField]:
        """The certificate, then what the other asks for."""
        return [*CERTIFICATE_FIELDS, *self.get_delegate().fields()]

    def document(self, values: Mapping[str, str]) -> dict[str, Any]:
        """The stored document. Raises UsageError for a missing value, CredentialError for a certificate that does not
        serve."""
        own = {name: value for name, value in values.items() if name not in CERTIFICATE_NAMES}
        mine = document_of(CERTIFICATE_FIELDS, {name: values[name] for name in values if name in CERTIFICATE_NAMES})
        made = {**mine, **self.get_delegate().document(own)}
        check_certificate(certificate_of(made))
        return made

    def sample(self, number: int = 1) -> dict[str, Any]:
        """A made-up document of the right shape."""
        mine = {"certificate": f"sample-{number}", "private_key": f"sample-{number}"}
        return {**mine, **self.get_delegate().sample(number)}

    def certificate(self, scope: Scope) -> ClientCertificate | None:
        """The account's certificate and key. Raises CredentialError when it has none."""
        return certificate_of(scope)

    def exchange(
        self, scope: Scope, hosts: tuple[str, ...], clock: Clock
    ) -> Callable[[Mapping[str, Any]], Flow[dict[str, Any]]]:
        """What asks for a new token of the other credential, showing the certificate."""
        exchange = self.get_delegate().exchange(scope, hosts, clock)
        return lambda stored: show_certificate(exchange(stored), certificate_of(stored))

    def revocation(self, scope: Scope, hosts: tuple[str, ...], clock: Clock) -> Flow[None]:
        """Make the vendor forget the other credential."""
        yield from show_certificate(self.get_delegate().revocation(scope, hosts, clock), certificate_of(scope))


Credentials: TypeAlias = (
    NoCredentials
    | ApiKey
    | BasicCredentials
    | BearerCredentials
    | OAuth2
    | OAuth2ClientCredentials
    | OAuth2Password
    | JwtBearer
    | SessionCredentials
    | OAuth1Credentials
    | Mtls
    | Choice
)


def choose_credentials(credentials: "Credentials", context: Mapping[str, Any]) -> "Credentials":
    """The credentials that an account has: those themselves, or the option of a choice that its context means.

    Raises ConfigurationError when the choice names no option.
    """
    if isinstance(credentials, Choice):
        return credentials.option(context)
    if isinstance(credentials, Mtls) and credentials.with_ is not None:
        return structs.replace(credentials, with_=choose_credentials(credentials.with_, context))
    return credentials
