"""Credentials that a person consents to on the vendor's page."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from conn_engine.auth.consent import Consent
from conn_engine.auth.credential_document import CredentialField
from conn_engine.auth.credentials.client_certificate import CERTIFICATE_FIELDS, add_certificate, read_certificate
from conn_engine.auth.credentials.combined import Credentials, Mtls
from conn_engine.auth.credentials.oauth1 import OAuth1Credentials
from conn_engine.auth.credentials.oauth2 import OAuth2
from conn_engine.settings import Scope
from conn_engine.wire import Clock, Flow

__all__ = ["ConsentCredentials", "as_consent_credentials"]


class ConsentCredentials(Protocol):
    """A credential that a person consents to on the vendor's page."""

    @property
    def redirect_uri(self) -> str | None:
        """The URL that the vendor redirects to; a template."""

    @property
    def redirect_port(self) -> int | None:
        """The port of the default redirect URL."""

    def consent_fields(self) -> list[CredentialField]:
        """Return the fields that a log-in asks for before the consent."""

    def has_consent(self, document: Mapping[str, Any]) -> bool:
        """Return whether a document has the result of a consent."""

    def build_consent(  # noqa: PLR0917
        self, scope: Scope, redirect_uri: str, state: str, verifier: str, hosts: tuple[str, ...], clock: Clock
    ) -> Flow[Consent]:
        """Build the consent that the person is asked for."""

    def redeem_consent(  # noqa: PLR0917
        self,
        consent: Consent,
        callback: Mapping[str, str],
        stored: Mapping[str, Any],
        scope: Scope,
        hosts: tuple[str, ...],
        clock: Clock,
    ) -> Flow[dict[str, Any]]:
        """Trade the vendor's redirect for the document to store."""


def as_consent_credentials(credentials: Credentials) -> ConsentCredentials | None:
    """Return the credential if a person can consent to it; None if it has no consent page."""
    if isinstance(credentials, Mtls):
        inner = as_consent_credentials(credentials.get_delegate())
        return _ConsentWithCertificate(inner) if inner is not None else None
    if isinstance(credentials, OAuth2 | OAuth1Credentials) and credentials.authorization_url is not None:
        return credentials
    return None


@dataclass(frozen=True, slots=True)
class _ConsentWithCertificate:
    """A consent whose requests use the account's client certificate."""

    inner: ConsentCredentials

    @property
    def redirect_uri(self) -> str | None:
        return self.inner.redirect_uri

    @property
    def redirect_port(self) -> int | None:
        return self.inner.redirect_port

    def consent_fields(self) -> list[CredentialField]:
        return [*CERTIFICATE_FIELDS, *self.inner.consent_fields()]

    def has_consent(self, document: Mapping[str, Any]) -> bool:
        return self.inner.has_consent(document)

    def build_consent(  # noqa: PLR0917
        self, scope: Scope, redirect_uri: str, state: str, verifier: str, hosts: tuple[str, ...], clock: Clock
    ) -> Flow[Consent]:
        flow = self.inner.build_consent(scope, redirect_uri, state, verifier, hosts, clock)
        return (yield from add_certificate(flow, read_certificate(scope)))

    def redeem_consent(  # noqa: PLR0917
        self,
        consent: Consent,
        callback: Mapping[str, str],
        stored: Mapping[str, Any],
        scope: Scope,
        hosts: tuple[str, ...],
        clock: Clock,
    ) -> Flow[dict[str, Any]]:
        flow = self.inner.redeem_consent(consent, callback, stored, scope, hosts, clock)
        return (yield from add_certificate(flow, read_certificate(stored)))
