"""Log an account in: by a person's consent in two phases, the URL to open and the credential for the redirect back, and
what a new login keeps of the stored credential.

Minutes may pass between the phases, and another process may take the second. A consent is data: keep it where only the
program that began can read it.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

from conn_engine.auth import CAPTURED, Consent, ConsentCredentials, draw_secret, read_secret_fields
from conn_engine.conditions import DEFAULT_LIMITS, EvaluationLimits
from conn_engine.config import Effective
from conn_engine.runtime.call import Run, Session
from conn_engine.runtime.request import authorization_scope
from conn_engine.runtime.webhooks.subscribing import SUBSCRIPTION
from conn_engine.runtime.wiring import make_conditions
from conn_engine.secrets import Redactor, Vault
from conn_engine.secrets.vault import Issue, LayeredVault, StoredCredential, WorkspaceVault
from conn_engine.settings import Scope, fill_templates
from conn_engine.transport.hosts import is_covered
from conn_engine.wire import Clock, Flow

if TYPE_CHECKING:
    from conn_engine.expressions.isolation import Isolation

__all__ = ["AccountLogin", "find_new_hosts", "find_stored", "merge_login", "save_login", "select_reusable"]


@dataclass(frozen=True)
class AccountLogin:
    """One log-in of the account of `effective`. `client` has the fields of its own client with the vendor, if the
    connector does not set them. `redactor` learns the secrets of the exchange before they are sent. `isolation` runs
    the expressions of overrides, and `limits` bound each evaluation."""

    effective: Effective
    credentials: ConsentCredentials
    client: Mapping[str, Any]
    environ: Mapping[str, str]
    clock: Clock
    redactor: Redactor
    isolation: "Isolation | None" = None
    limits: EvaluationLimits = DEFAULT_LIMITS

    @cached_property
    def _document(self) -> dict[str, Any]:
        return {name: value for name, value in self.client.items() if name not in ("oauth", CAPTURED)}

    @cached_property
    def _scope(self) -> Scope:
        conditions = make_conditions(self.effective, self.clock, isolation=self.isolation, limits=self.limits)
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


def find_stored(vault: Vault, account: str) -> StoredCredential | None:
    """Return the account's stored credential, with its metadata if the vault has them."""
    if isinstance(vault, LayeredVault | WorkspaceVault):
        return vault.find(account)
    document = vault.load(account)
    return None if document is None else StoredCredential(document)


def save_login(vault: Vault, account: str, document: Mapping[str, Any], issue: Issue) -> None:
    """Store the document of a new login, with its metadata if the vault has them. The caller holds the account's
    lock."""
    if isinstance(vault, LayeredVault | WorkspaceVault):
        vault.save(account, document, issue)
    else:
        vault.save(account, document)


def find_new_hosts(effective: Effective, stored: StoredCredential | None) -> list[str]:
    """Return the hosts of a new login that the stored credential was not stored for."""
    hosts = stored.issue.hosts if stored is not None and stored.issue is not None else None
    return [host for host in effective.issued_hosts() if hosts is not None and not is_covered(host, hosts)]


def select_reusable(effective: Effective, stored: StoredCredential | None) -> dict[str, Any] | None:
    """Return the part of the stored document that a new login may reuse: everything, or no secret for a new host."""
    if stored is None:
        return None
    if not find_new_hosts(effective, stored):
        return stored.document
    return {name: value for name, value in stored.document.items() if name == CAPTURED}


def merge_login(effective: Effective, stored: Mapping[str, Any] | None, document: Mapping[str, Any]) -> dict[str, Any]:
    """Return the document of a new login with the stored parts that it does not replace: the webhook secrets that it
    lacks, and the account's subscription."""
    before = stored or {}
    names = [*(field.name for field in read_secret_fields(effective.data)), *_list_captured_secrets(effective)]
    reused = {name: before[name] for name in names if before.get(name) not in (None, "")}
    merged = {**reused, **document}
    captured = before.get(CAPTURED)
    if isinstance(captured, Mapping) and SUBSCRIPTION in captured:
        merged[CAPTURED] = {SUBSCRIPTION: captured[SUBSCRIPTION], **(document.get(CAPTURED) or {})}
    return merged


def _list_captured_secrets(effective: Effective) -> list[str]:
    """Return the names of the secrets that the vendor sends in a challenge or in the response to a subscription."""
    webhooks = effective.webhooks
    if webhooks is None:
        return []
    names = [name for challenge in webhooks.challenge for name in challenge.capture]
    return [*names, *(webhooks.subscription.capture if webhooks.subscription is not None else ())]
