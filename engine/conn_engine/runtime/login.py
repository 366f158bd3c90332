"""Log an account in by a person's consent in two phases: the URL to open, and the credential for the redirect back.

Minutes may pass between them, and another process may take the second. A consent is data: keep it where only the
program that began can read it.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from conn_engine.auth import CAPTURED, Consent, ConsentCredentials, draw_secret
from conn_engine.config import Effective
from conn_engine.runtime.call import Run, Session
from conn_engine.runtime.request import authorization_scope
from conn_engine.runtime.wiring import make_conditions
from conn_engine.secrets import Redactor
from conn_engine.settings import Scope, fill_templates
from conn_engine.wire import Clock, Flow

__all__ = ["AccountLogin"]


@dataclass(frozen=True)
class AccountLogin:
    """One log-in of the account of `effective`. `client` has the fields of its own client with the vendor, if the
    connector does not set them. `redactor` learns the secrets of the exchange before they are sent."""

    effective: Effective
    credentials: ConsentCredentials
    client: Mapping[str, Any]
    environ: Mapping[str, str]
    clock: Clock
    redactor: Redactor

    @cached_property
    def _document(self) -> dict[str, Any]:
        return {name: value for name, value in self.client.items() if name not in ("oauth", CAPTURED)}

    @cached_property
    def _scope(self) -> Scope:
        conditions = make_conditions(self.effective, self.clock)
        session = Session(self.effective.account or "", self._document, self.environ, self.clock, conditions=conditions)
        return authorization_scope(Run(self.effective, session))

    def find_redirect_uri(self) -> str | None:
        """Return the URL that the connector says the vendor redirects to; None if it leaves the choice to the caller.

        Raises CredentialError if its template uses an unknown name.
        """
        template = self.credentials.redirect_uri
        return None if template is None else str(fill_templates(template, self._scope, purpose="redirect_uri"))

    def begin(self, redirect_uri: str) -> Flow[Consent]:
        """Return the consent: its `url` is for the person, and the rest is for `finish`.

        Raises ConfigurationError, CredentialError and VendorError.
        """
        state, verifier = draw_secret(), draw_secret()
        hosts = self.effective.hosts
        return self.credentials.build_consent(self._scope, redirect_uri, state, verifier, hosts, self.clock)

    def finish(self, consent: Consent, callback: Mapping[str, str]) -> Flow[dict[str, Any]]:
        """Return the document to store for the parameters of the vendor's redirect.

        Raises CredentialError if the redirect belongs to another log-in, or consent was denied.
        """
        redactor = self.redactor
        redactor.add_document(self._document)
        redactor.add(consent.verifier or "", "the secret of the consent")
        redactor.add(callback.get(consent.code_param, ""), "the authorization code")
        for name in self.effective.env_names:
            redactor.add(self.environ.get(name, ""))
        hosts = self.effective.hosts
        return self.credentials.redeem_consent(consent, callback, self._document, self._scope, hosts, self.clock)
