"""Credentials that combine others (one of several, or one with a client certificate), and the list of all kinds. To add
a kind, write a class and list it in `Credentials`."""

from collections.abc import Callable, Mapping
from typing import Annotated, Any, TypeAlias

from msgspec import Meta, field, structs

from conn_engine.auth.authorization import Authorization, AuthorizationChoice, NoAuthorization
from conn_engine.auth.credential_document import CredentialField, build_document
from conn_engine.auth.credentials.api_key import ApiKey
from conn_engine.auth.credentials.basic import BasicCredentials
from conn_engine.auth.credentials.bearer import BearerCredentials
from conn_engine.auth.credentials.client_certificate import (
    CERTIFICATE_FIELDS,
    CERTIFICATE_NAMES,
    add_certificate,
    read_certificate,
)
from conn_engine.auth.credentials.jwt_bearer import JwtBearer
from conn_engine.auth.credentials.none import NoCredentials
from conn_engine.auth.credentials.oauth1 import OAuth1Credentials
from conn_engine.auth.credentials.oauth2 import OAuth2
from conn_engine.auth.credentials.oauth2_client_credentials import OAuth2ClientCredentials
from conn_engine.auth.credentials.oauth2_password import OAuth2Password
from conn_engine.auth.credentials.session import SessionCredentials
from conn_engine.auth.lifecycle import Revocation
from conn_engine.conditions import Conditions, conditions_of
from conn_engine.errors import ConfigurationError
from conn_engine.roles import PLAIN, expression_over
from conn_engine.settings import Scope, Settings, ask
from conn_engine.transport.client_certificate import check_certificate
from conn_engine.wire import ClientCertificate, Clock, Flow

__all__ = ["Choice", "Credentials", "Mtls", "choose_credentials"]


class _Delegating(Settings, frozen=True, kw_only=True):
    """Delegates to another credential."""

    def get_delegate(self) -> "Credentials":
        """Return the other credential."""
        raise NotImplementedError

    @property
    def revoke(self) -> tuple[Revocation, ...]:
        """The requests that revoke the credential."""
        return self.get_delegate().revoke

    def fields(self) -> list[CredentialField]:
        """Return the fields that a login asks for."""
        return self.get_delegate().fields()

    def document(self, values: Mapping[str, str]) -> dict[str, Any]:
        """Return the document to store for the values of `fields`."""
        return self.get_delegate().document(values)

    def sample(self, number: int = 1) -> dict[str, Any]:
        """Return a made-up document with the same structure."""
        return self.get_delegate().sample(number)

    def is_expired(self, document: Mapping[str, Any], now: float) -> bool:
        """Return whether a token is missing or expires soon."""
        return self.get_delegate().is_expired(document, now)

    def due(self, document: Mapping[str, Any], now: float) -> bool:
        """Return whether to run `exchange` before the credential is used."""
        return self.get_delegate().due(document, now)

    def renewable(self, document: Mapping[str, Any]) -> bool:
        """Return whether a new token can be requested without a person."""
        return self.get_delegate().renewable(document)

    def imply_authorization(self) -> "Authorization | None":
        """Return how requests send the other credential if the connector does not set it."""
        return self.get_delegate().imply_authorization()


class Choice(_Delegating, frozen=True, kw_only=True, tag_field="format", tag="choice"):
    """One of several credentials, chosen by an expression over the account's context before the login asks for
    anything."""

    by: Annotated[
        str,
        Meta(
            description="The name of an option, such as `context.login`.",
            extra=expression_over("context"),
        ),
    ]
    options: Annotated[
        dict[str, "Credentials"], Meta(description="The credentials to choose from, by name.", min_length=1)
    ]
    default: Annotated[
        str | None,
        Meta(description="The option to use when the expression returns nothing. Default: the first.", extra=PLAIN),
    ] = None

    def __post_init__(self) -> None:
        if self.default is not None and self.default not in self.options:
            raise ValueError(f"`default` is not one of the options: {', '.join(self.options)}")

    def option(self, context: Mapping[str, Any], conditions: Conditions) -> "Credentials":
        """Return the chosen option. Raises ConfigurationError when the expression returns an unknown name."""
        choice = ask(self.by, {"context": dict(context)}, conditions)
        name = choice if isinstance(choice, str) and choice else self.default or next(iter(self.options))
        if name not in self.options:
            raise ConfigurationError(
                f'`{self.by}` returns "{name[:60]}", which is not one of the credential\'s options',
                hint=f"use one of the options: {', '.join(self.options)}",
            )
        return choose_credentials(self.options[name], context, conditions)

    def get_delegate(self) -> "Credentials":
        """Return the default option: it stands for the choice until the account is known."""
        return self.options[self.default or next(iter(self.options))]

    def imply_authorization(self) -> "Authorization | None":
        """Return the choice of what follows from each option, None if nothing follows from any of them."""
        implied = {name: option.imply_authorization() for name, option in self.options.items()}
        if not any(implied.values()):
            return None
        options = {name: authorization or NoAuthorization() for name, authorization in implied.items()}
        return AuthorizationChoice(by=self.by, options=options, default=self.default)

    def certificate(self, scope: Scope) -> ClientCertificate | None:
        """Return the client certificate of the option that the scope's context chooses."""
        return self.option(scope.get("context", {}), conditions_of(scope)).certificate(scope)

    def exchange(
        self, scope: Scope, hosts: tuple[str, ...], clock: Clock
    ) -> Callable[[Mapping[str, Any]], Flow[dict[str, Any]]]:
        """Return the token exchange of the option that the scope's context chooses."""
        return self.option(scope.get("context", {}), conditions_of(scope)).exchange(scope, hosts, clock)

    def revocation(self, scope: Scope, hosts: tuple[str, ...], clock: Clock) -> Flow[None]:
        """Revoke the credential of the option that the scope's context chooses."""
        yield from self.option(scope.get("context", {}), conditions_of(scope)).revocation(scope, hosts, clock)


class Mtls(_Delegating, frozen=True, kw_only=True, tag_field="format", tag="mtls"):
    """A TLS client certificate, alone or with another credential. Stored as `{certificate, private_key, passphrase}`
    (in PEM format), next to the other credential's keys. Token requests use it too."""

    with_: Annotated[
        "Credentials | None", Meta(description="The other credential, such as a token or a key. Default: none.")
    ] = field(default=None, name="with")

    def __post_init__(self) -> None:
        reserved = sorted(CERTIFICATE_NAMES & {field.name for field in self.get_delegate().fields()})
        if reserved:
            raise ValueError(f"`with` asks for {reserved[0]}, a name of the certificate: use another name")

    def get_delegate(self) -> "Credentials":
        """Return the other credential."""
        return self.with_ if self.with_ is not None else NoCredentials()

    def fields(self) -> list[CredentialField]:
        """Return the certificate's fields, then those of the other credential."""
        return [*CERTIFICATE_FIELDS, *self.get_delegate().fields()]

    def document(self, values: Mapping[str, str]) -> dict[str, Any]:
        """Return the document to store. Raises UsageError for a missing value, and CredentialError for a certificate
        that cannot be used."""
        others = {name: value for name, value in values.items() if name not in CERTIFICATE_NAMES}
        certificate = build_document(
            CERTIFICATE_FIELDS, {name: values[name] for name in values if name in CERTIFICATE_NAMES}
        )
        document = {**certificate, **self.get_delegate().document(others)}
        check_certificate(read_certificate(document))
        return document

    def sample(self, number: int = 1) -> dict[str, Any]:
        """Return a made-up document with the same structure."""
        certificate = {"certificate": f"sample-{number}", "private_key": f"sample-{number}"}
        return {**certificate, **self.get_delegate().sample(number)}

    def certificate(self, scope: Scope) -> ClientCertificate | None:
        """Return the account's certificate and key. Raises CredentialError when there are none."""
        return read_certificate(scope)

    def exchange(
        self, scope: Scope, hosts: tuple[str, ...], clock: Clock
    ) -> Callable[[Mapping[str, Any]], Flow[dict[str, Any]]]:
        """Return the other credential's token exchange; its requests use the certificate."""
        exchange = self.get_delegate().exchange(scope, hosts, clock)
        return lambda stored: add_certificate(exchange(stored), read_certificate(stored))

    def revocation(self, scope: Scope, hosts: tuple[str, ...], clock: Clock) -> Flow[None]:
        """Revoke the other credential."""
        yield from add_certificate(self.get_delegate().revocation(scope, hosts, clock), read_certificate(scope))


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


def choose_credentials(credentials: "Credentials", context: Mapping[str, Any], conditions: Conditions) -> "Credentials":
    """Return the credentials of an account: these credentials, or the option of a choice that its context selects.

    Raises ConfigurationError when the choice returns an unknown option.
    """
    if isinstance(credentials, Choice):
        return credentials.option(context, conditions)
    if isinstance(credentials, Mtls) and credentials.with_ is not None:
        return structs.replace(credentials, with_=choose_credentials(credentials.with_, context, conditions))
    return credentials
