"""Credentials that a person consents to on the vendor's page."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

from conn_engine.auth.consent import Consent
from conn_engine.auth.credential_document import CredentialField
from conn_engine.auth.credentials.client_certificate import CERTIFICATE_FIELDS, add_certificate, read_certificate
from conn_engine.auth.credentials.combined import Credentials, Mtls
from conn_engine.auth.credentials.oauth1 import OAuth1Credentials
from conn_engine.auth.credentials.oauth2 import OAuth2
from conn_engine.settings import Scope
from conn_engine.wire import Clock, Flow

__all__ = ["ConsentCredentials", "as_consent_credentials"]

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class ConsentCredentials:
    """A credential that a person consents to on the vendor's page. With `uses_certificate`, the requests of the consent
    use the account's client certificate."""

    credentials: OAuth2 | OAuth1Credentials
    uses_certificate: bool = False

    @property
    def redirect_uri(self) -> str | None:
        """The URL that the vendor redirects to; a template."""
        return self.credentials.redirect_uri

    @property
    def redirect_port(self) -> int | None:
        """The port of the default redirect URL."""
        return self.credentials.redirect_port

    def consent_fields(self) -> list[CredentialField]:
        """Return the fields that a login asks for before the consent."""
        return [*(CERTIFICATE_FIELDS if self.uses_certificate else ()), *self.credentials.consent_fields()]

    def build_consent(  # noqa: PLR0917
        self, scope: Scope, redirect_uri: str, state: str, verifier: str, hosts: tuple[str, ...], clock: Clock
    ) -> Flow[Consent]:
        """Build the consent that the person is asked for."""
        flow = self.credentials.build_consent(scope, redirect_uri, state, verifier, hosts, clock)
        return (yield from self._add_certificate(flow, scope))

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
        flow = self.credentials.redeem_consent(consent, callback, stored, scope, hosts, clock)
        return (yield from self._add_certificate(flow, stored))

    def _add_certificate(self, flow: Flow[T], document: Mapping[str, Any]) -> Flow[T]:
        return add_certificate(flow, read_certificate(document)) if self.uses_certificate else flow


def as_consent_credentials(credentials: Credentials) -> ConsentCredentials | None:
    """Return the credential if a person can consent to it; None if it has no consent page."""
    uses_certificate = isinstance(credentials, Mtls)
    while isinstance(credentials, Mtls):
        credentials = credentials.get_delegate()
    if isinstance(credentials, OAuth2 | OAuth1Credentials) and credentials.authorization_url is not None:
        return ConsentCredentials(credentials, uses_certificate)
    return None
