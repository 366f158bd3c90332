"""Log an account in without a terminal: begin and finish a consent, try a credential, and store it if it works.

Nothing here blocks the event loop: the vault is used in threads, and requests are awaited.
"""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeVar

from conn_engine.auth import CAPTURED, Consent
from conn_engine.auth.credential_document import build_document
from conn_engine.conditions import DEFAULT_LIMITS, EvaluationLimits, Scope
from conn_engine.config import Effective, Workspace
from conn_engine.errors import CredentialError
from conn_engine.responses.failures import Policy
from conn_engine.runtime.connection import aconnect
from conn_engine.runtime.drive import afinish
from conn_engine.runtime.login import AccountLogin, find_stored, merge_login, save_login, select_reusable
from conn_engine.secrets import Redactor, Vault
from conn_engine.secrets.vault import Issue, LayeredVault, MemoryVault
from conn_engine.secrets.vault.environment import build_no_store_error, build_shadowed_error
from conn_engine.transport.client_certificate import check_certificate
from conn_engine.transport.live import AsyncLive
from conn_engine.wire import MACHINE_CLOCK, Clock, Flow
from conn_service.connect.login_form import LoginForm, build_login_form
from conn_service.store import WorkerVault

if TYPE_CHECKING:
    from conn_engine.expressions.isolation import Isolation

__all__ = ["AccountConnector", "OpenAccount", "check_storable", "choose_login_vault"]

T = TypeVar("T")
_POLICY = Policy(transport_retries=1, transport_seconds=1.0, retries=1, budget_seconds=5.0)
"""A person waits for the result, and can try again."""


@dataclass(frozen=True, slots=True, repr=False)
class OpenAccount:
    """An account that is being connected: its configuration, the form for its login, and what is reused of its stored
    credential. `redactor` knows the secrets of this attempt."""

    name: str
    workspace: Workspace
    effective: Effective
    stored: Mapping[str, Any] | None
    form: LoginForm
    redactor: Redactor = field(default_factory=Redactor)

    @property
    def vendor(self) -> str:
        """The name of the vendor for people."""
        return self.effective.connector.label or self.effective.connector_name


def choose_login_vault(vault: Vault, account: str) -> Vault:
    """Return where a new credential of an account is stored: in the database, if that serves several machines or has
    one of the account."""
    return vault.get_login_vault(account) if isinstance(vault, WorkerVault) else vault


def check_storable(vault: Vault, account: str) -> None:
    """Raise UsageError or CredentialError if a new credential of the account could not be stored, or not be used."""
    if not isinstance(vault, LayeredVault):
        return
    if vault.environment.has(account):
        raise build_shadowed_error(account)
    if vault.kind == "environment":
        raise build_no_store_error(account)


@dataclass(frozen=True, slots=True)
class AccountConnector:
    """Connects accounts of a workspace. `isolation` runs the expressions that accounts set, and `limits` bound all."""

    vault: Vault
    environ: Mapping[str, str]
    clock: Clock = MACHINE_CLOCK
    isolation: "Isolation | None" = None
    limits: EvaluationLimits = DEFAULT_LIMITS

    async def open(self, workspace: Workspace, account: str) -> OpenAccount:
        """Return what is known of an account. Raises UsageError for an unknown one, ConfigurationError, and
        CredentialError if its vault cannot be used."""
        return await asyncio.to_thread(self._open, workspace, account)

    def _open(self, workspace: Workspace, account: str) -> OpenAccount:
        effective = workspace.effective(account=account)
        effective.check_authority()
        vault = choose_login_vault(self.vault, account)
        check_storable(vault, account)
        stored = select_reusable(effective, find_stored(vault, account))
        form = build_login_form(effective, stored)
        opened = OpenAccount(account, workspace, effective, stored, form)
        opened.redactor.add_document(stored or {})
        return opened

    def find_redirect_uri(self, opened: OpenAccount) -> str | None:
        """Return the redirect URL that the connector sets, None if it leaves the choice to the caller or is not
        usable."""
        try:
            return self._prepare_login(opened, {}, opened.form.client).find_redirect_uri()
        except CredentialError:  # it depends on what the account does not have: then it is not ours
            return None

    async def begin(
        self, opened: OpenAccount, context: Mapping[str, str], entered: Mapping[str, str], redirect_uri: str
    ) -> tuple[Consent, dict[str, Any]]:
        """Return the consent to ask for, and the client that it is for. Raises as `AccountLogin.begin`."""
        client = {**opened.form.client, **self._build_client(opened, entered)}
        opened.redactor.add_document(client)
        login = self._prepare_login(opened, context, client)
        return await self._run(opened, login.begin(redirect_uri)), client

    async def finish(
        self,
        opened: OpenAccount,
        context: Mapping[str, str],
        client: Mapping[str, Any],
        consent: Consent,
        callback: Mapping[str, str],
    ) -> dict[str, Any]:
        """Return the document for the vendor's redirect. Raises as `AccountLogin.finish`."""
        login = self._prepare_login(opened, context, client)
        return await self._run(opened, login.finish(consent, callback))

    def build_document(self, opened: OpenAccount, entered: Mapping[str, str]) -> dict[str, Any]:
        """Return the document of what a customer has entered. Raises UsageError for a value that cannot be used."""
        credentials = opened.effective.connector.credentials
        if credentials is None:
            return {}
        document = credentials.document(dict(entered))
        opened.redactor.add_document(document)
        certificate = credentials.certificate(Scope(document, opened.effective.conditions))
        if certificate is not None:
            check_certificate(certificate, self.clock.now())
        return document

    async def try_credential(
        self, opened: OpenAccount, context: Mapping[str, str], document: Mapping[str, Any]
    ) -> tuple[dict[str, Any], bool]:
        """Run the connector's `connect` steps and its `verify` with a credential that is not stored. Return the
        document after them, and whether the vendor has accepted it. Raises as an operation does."""
        merged = merge_login(opened.effective, opened.stored, document)
        if context:
            captured = merged.get(CAPTURED)
            merged[CAPTURED] = {**(captured if isinstance(captured, dict) else {}), **context}
        vault = MemoryVault({opened.name: merged})
        connection = await asyncio.to_thread(
            aconnect,
            opened.workspace,
            opened.name,
            environ=self.environ,
            vault=vault,
            clock=self.clock,
            redactor=opened.redactor,
            policy=_POLICY,
            isolation=self.isolation,
            limits=self.limits,
        )
        async with connection:
            await connection.prepare()
            is_verified = await connection.verify()
        return vault.load(opened.name) or {}, is_verified

    async def store(self, opened: OpenAccount, document: Mapping[str, Any], *, is_verified: bool) -> None:
        """Store the credential for the hosts of the connector. Raises CredentialError if the vault cannot be used."""
        await asyncio.to_thread(self._store, opened, document, is_verified)

    def _store(self, opened: OpenAccount, document: Mapping[str, Any], is_verified: bool) -> None:
        issue = Issue(opened.effective.issued_hosts(), self.clock.now() if is_verified else None)
        vault = choose_login_vault(self.vault, opened.name)
        with vault.exclusive(opened.name):
            save_login(vault, opened.name, document, issue)

    def _build_client(self, opened: OpenAccount, entered: Mapping[str, str]) -> dict[str, Any]:
        consent = opened.form.consent
        if consent is None:
            raise CredentialError("the account's credential has no page of the vendor")
        lacking = [part for part in consent.consent_fields() if part.name not in opened.form.client]
        return build_document(lacking, dict(entered))

    def _prepare_login(
        self, opened: OpenAccount, context: Mapping[str, str], client: Mapping[str, Any]
    ) -> AccountLogin:
        consent = opened.form.consent
        if consent is None:
            raise CredentialError("the account's credential has no page of the vendor")
        captured = (opened.stored or {}).get(CAPTURED)
        effective = opened.effective.in_context(opened.effective.context)
        effective.learn({**(captured if isinstance(captured, dict) else {}), **context})
        return AccountLogin(
            effective,
            consent,
            client,
            self.environ,
            self.clock,
            opened.redactor,
            isolation=self.isolation,
            limits=self.limits,
        )

    async def _run(self, opened: OpenAccount, flow: Flow[T]) -> T:
        transport = AsyncLive(opened.redactor, trust=opened.workspace.trust, clock=self.clock)
        try:
            aside = asyncio.Semaphore(1) if self.isolation is not None else None
            return await afinish(flow, transport, self.vault, self.clock, opened.redactor, aside)
        finally:
            await transport.aclose()
