"""Which credentials a person consents to at the vendor's own page, whatever they are made of."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from conn_engine.auth.consent import Consent
from conn_engine.auth.credentials.choice import Credentials, Mtls
from conn_engine.auth.credentials.client_certificate import CERTIFICATE_FIELDS, certificate_of, show_certificate
from conn_engine.auth.credentials.oauth1 import OAuth1Credentials
from conn_engine.auth.credentials.oauth2 import OAuth2
from conn_engine.auth.names import CredentialField
from conn_engine.settings import Scope
from conn_engine.wire import Clock, Flow

__all__ = ["Consenting", "as_consenting"]


class Consenting(Protocol):
    """A credential that a person consents to at the vendor's own page."""

    @property
    def redirect_uri(self) -> str | None:
        """Where the vendor sends the person back to; a template."""

    @property
    def redirect_port(self) -> int | None:
        """The port of the default one."""

    def consent_fields(self) -> list[CredentialField]:
        """What is asked for before."""

    def has_consent(self, document: Mapping[str, Any]) -> bool:
        """Whether a document has what a consent brings."""

    def build_consent(  # noqa: PLR0917
        self, scope: Scope, redirect_uri: str, state: str, verifier: str, hosts: tuple[str, ...], clock: Clock
    ) -> Flow[Consent]:
        """What the person is asked."""

    def redeem_consent(  # noqa: PLR0917
        self,
        consent: Consent,
        callback: Mapping[str, str],
        stored: Mapping[str, Any],
        scope: Scope,
        hosts: tuple[str, ...],
        clock: Clock,
    ) -> Flow[dict[str, Any]]:
        """The document to store for an answer."""


def as_consenting(credentials: Credentials) -> Consenting | None:
    """The credential when a person can consent to it: it has a page for that."""
    if isinstance(credentials, Mtls):
        inner = as_consenting(credentials.get_delegate())
        return _ShownConsent(inner) if inner is not None else None
    if isinstance(credentials, OAuth2 | OAuth1Credentials) and credentials.authorization_url is not None:
        return credentials
    return None


@dataclass(frozen=True, slots=True)
class _ShownConsent:
    """A consent whose requests show the account's client certificate."""

    inner: Consenting

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
        return (yield from show_certificate(flow, certificate_of(scope)))

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
        return (yield from show_certificate(flow, certificate_of(stored)))
