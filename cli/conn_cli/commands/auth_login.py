"""`conn auth login`: store an account's credential, from a person's consent or from input."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any

import typer

from conn_cli.account_vault import VaultStore, add_store, open_account_vault, use_accounts
from conn_cli.console import App
from conn_cli.options import Formats, format_option

if TYPE_CHECKING:
    from conn_cli.credential_change import CredentialChange
    from conn_engine.auth import ConsentCredentials, Credentials
    from conn_engine.conditions import Conditions
    from conn_engine.config import Effective
    from conn_engine.secrets.vault import LayeredVault

__all__ = ["login_command"]


def login_command(  # noqa: PLR0917
    context: typer.Context,
    account: Annotated[str, typer.Argument(metavar="ACCOUNT", help="Name of the account.")],
    with_json: Annotated[
        bool, typer.Option("--json", help="Read a JSON object with the parts of the credential from standard input.")
    ] = False,
    paste: Annotated[
        bool, typer.Option("--paste", help="Prompt for an existing token instead of opening the vendor's page.")
    ] = False,
    no_browser: Annotated[
        bool, typer.Option("--no-browser", help="Print the URL of the vendor's page instead of opening it.")
    ] = False,
    timeout: Annotated[
        float, typer.Option("--timeout", metavar="SECONDS", min=1, max=86400, help="Wait at most SECONDS for consent.")
    ] = 180,
    verify: Annotated[
        bool, typer.Option("--verify", help="Store the credential only if the connector's verify operation accepts it.")
    ] = False,
    store: VaultStore = None,
    formats: Annotated[Formats, format_option()] = None,
) -> None:
    """Store an account's credential, from OAuth consent or from input.

    Secrets are typed hidden or read from standard input, never passed as options. Afterwards, the connector's
    `connect` steps run. With --store, workers of syncs on every machine use the credential.

    \b
    Examples:
      conn auth login acme
      echo KEY | conn auth login acme
    """
    from conn_cli.credential_change import show_change

    app: App = context.obj
    use_accounts(app, store, creates=True)
    effective = app.workspace.effective(account=account)
    effective.check_authority()
    credentials = effective.connector.credentials
    with show_change(app, account, "login", formats) as change, open_account_vault(app, store) as vault:
        if credentials is None or not credentials.fields():
            change.lines.append(f"connector {effective.connector_name} needs no credential")
            return
        login = _Login(app, effective, credentials, change, vault, store)
        login.run(
            with_json=with_json, paste=paste, browser=app.is_terminal and not no_browser, timeout=timeout, verify=verify
        )


@dataclass(frozen=True)
class _Login:
    """One login of an account."""

    app: App
    effective: "Effective"
    credentials: "Credentials"
    change: "CredentialChange"
    vault: "LayeredVault"
    store: str | None = None

    def run(self, *, with_json: bool, paste: bool, browser: bool, timeout: float, verify: bool) -> None:
        """Get the credential's document and store it."""
        from conn_cli.credential_input import read_json
        from conn_cli.credential_store import find_reusable, needs_store, refuse_shadowed
        from conn_engine.runtime.login import merge_login

        app, effective, account, vault = self.app, self.effective, self.change.account, self.vault
        refuse_shadowed(account, vault)
        needs_store(account, vault.kind)
        if verify:
            _check_verifiable(effective)
        stored = find_reusable(app, effective, account, vault)
        values = read_json(app, self.credentials.fields()) if with_json else None
        consent_credentials = None if paste else _find_consent_credentials(self.credentials, values)
        if consent_credentials is not None:
            from conn_cli.consent_login import ConsentLogin

            client = _find_client(app, account, consent_credentials, values, stored)
            document = ConsentLogin(app, effective, consent_credentials, client, vault, browser, timeout).run()
        else:
            document = _read_document(app, account, self.credentials, values, effective.conditions)
        app.redactor.add_document(document)
        self._save(merge_login(effective, stored, document), verify=verify)

    def _save(self, document: dict[str, Any], *, verify: bool) -> None:
        """Store the document for the connector's hosts. The `connect` steps run afterwards, or before with `verify`."""
        from conn_cli.credential_change import run_connect_steps
        from conn_engine.secrets.vault import Issue

        app, change = self.app, self.change
        if verify:
            document = self._verify(document)
        verified_at = app.clock.now() if verify else None
        self.vault.save(change.account, document, Issue(self.effective.issued_hosts(), verified_at))
        change.stored = self.vault.kind
        change.lines.append(f"stored the credential of {change.account} in the {self.vault.kind}")
        if not verify:
            again = add_store(f"conn auth connect {change.account}", self.store)
            vault = None if self.store is None else self.vault
            run_connect_steps(app, self.effective, change, vault, again=again)

    def _verify(self, document: Mapping[str, Any]) -> dict[str, Any]:
        """Run the `connect` steps and the `verify` call before anything is stored; return the document after them."""
        from conn_cli.credential_change import run_connect_steps, verify_credential
        from conn_engine.errors import ConnError
        from conn_engine.secrets.vault import MemoryVault

        app, change = self.app, self.change
        vault = MemoryVault({change.account: document})
        try:
            run_connect_steps(app, self.effective, change, vault)
            change.accepted = verify_credential(app, change.account, change.lines, vault)
        except ConnError:
            app.err(f"note: nothing was stored for {change.account}")
            raise
        return vault.load(change.account) or {}


def _check_verifiable(effective: "Effective") -> None:
    from conn_engine.errors import ConfigurationError
    from conn_engine.runtime.variants import verify_operation

    if verify_operation(effective) is None:
        raise ConfigurationError(
            f"connector {effective.connector_name} declares no `verify`, so --verify has nothing to call",
            hint="log in without --verify, or add its cheapest operation to connector.yaml: verify: RESOURCE.METHOD",
        )


def _find_consent_credentials(credentials: "Credentials", values: dict[str, Any] | None) -> "ConsentCredentials | None":
    """Return the credential if a person must consent: the vendor has a page for that, and no token was given."""
    from conn_engine.auth import as_consent_credentials

    consent_credentials = as_consent_credentials(credentials)
    if consent_credentials is None or not values:
        return consent_credentials
    token = {field.name for field in credentials.fields()} - {
        field.name for field in consent_credentials.consent_fields()
    }
    return None if token & values.keys() else consent_credentials


def _find_client(
    app: App,
    account: str,
    credentials: "ConsentCredentials",
    values: dict[str, Any] | None,
    stored: Mapping[str, Any] | None,
) -> dict[str, Any]:
    """Return the fields of the client that consent needs: from the input, the stored credential, or a prompt."""
    from conn_cli.credential_input import ask_for, describe_parts
    from conn_engine.auth.credential_document import build_document
    from conn_engine.errors import UsageError

    fields = credentials.consent_fields()
    values_by_name = {field.name: (stored or {}).get(field.name) for field in fields} | (values or {})
    missing = [field for field in fields if not values_by_name.get(field.name)]
    if missing and app.interactive:
        values_by_name |= ask_for(app, missing)
    lacking = [field.name for field in missing if field.required and not values_by_name.get(field.name)]
    if lacking:
        raise UsageError(
            f"missing: {', '.join(lacking)}",
            hint=f"conn auth login {account} --json < FILE, where FILE contains {describe_parts(fields)}",
        )
    return build_document(fields, {name: str(value) for name, value in values_by_name.items() if value})


def _read_document(
    app: App, account: str, credentials: "Credentials", values: dict[str, Any] | None, conditions: "Conditions"
) -> dict[str, Any]:
    """Return the document of the parts, from JSON, from prompts, or the only part from standard input."""
    from conn_cli.credential_input import ask_for, describe_parts, read_one
    from conn_engine.conditions import Scope
    from conn_engine.errors import UsageError
    from conn_engine.transport.client_certificate import check_certificate

    fields = credentials.fields()
    if values is None:
        values = ask_for(app, fields) if app.interactive else read_one(app, account, fields)
    missing = [field.name.rpartition(".")[2] for field in fields if field.required and not values.get(field.name)]
    if missing:
        raise UsageError(f"missing: {', '.join(missing)}", hint=f"pass all parts: {describe_parts(fields)}")
    document = credentials.document(values)
    certificate = credentials.certificate(Scope(document, conditions))
    if certificate is not None:
        check_certificate(certificate, app.clock.now())
    return document
