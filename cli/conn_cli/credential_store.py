"""Decide, before any prompt or request, what a command may use or replace of a stored credential."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from conn_cli.console import App
from conn_engine.errors import UsageError

if TYPE_CHECKING:
    from conn_engine.config import Effective
    from conn_engine.secrets.vault import LayeredVault

__all__ = ["merge_login", "needs_store", "refuse_shadowed", "select_reusable"]


def needs_store(account: str, vault_kind: str) -> None:
    """Raise CredentialError if a credential could not be stored. Call it before asking a person for anything."""
    from conn_engine.secrets.vault.environment import build_no_store_error

    if vault_kind == "environment":
        raise build_no_store_error(account)


def refuse_shadowed(account: str, vault: "LayeredVault") -> None:
    """Raise UsageError if a stored credential would not be used."""
    from conn_engine.secrets.vault.environment import build_variable_prefix

    if vault.environment.has(account):
        raise UsageError(
            f"the credential of {account} comes from the environment, which overrides the store",
            hint=f"unset {build_variable_prefix(account)}* first",
        )


def select_reusable(app: App, effective: "Effective", account: str, vault: "LayeredVault") -> dict[str, Any] | None:
    """Return the part of the stored document that a new login may reuse: everything, or no secret for a new host."""
    from conn_engine.auth import CAPTURED
    from conn_engine.transport.hosts import is_covered

    stored = vault.find(account)
    if stored is None:
        return None
    hosts = stored.issue.hosts if stored.issue is not None else None
    others = [host for host in effective.issued_hosts() if hosts is not None and not is_covered(host, hosts)]
    if not others:
        return stored.document
    app.err(f"note: the login of {account} is for {', '.join(hosts or ())}; it is not reused for {', '.join(others)}")
    return {name: value for name, value in stored.document.items() if name == CAPTURED}


def merge_login(
    effective: "Effective", stored: Mapping[str, Any] | None, document: Mapping[str, Any]
) -> dict[str, Any]:
    """Return the document of a new login with the stored parts that it does not replace: the webhook secrets that it
    lacks, and the account's subscription."""
    from conn_engine.auth import CAPTURED, read_secret_fields
    from conn_engine.runtime.webhooks.subscribing import SUBSCRIPTION

    before = stored or {}
    names = [*(field.name for field in read_secret_fields(effective.data)), *_list_captured_secrets(effective)]
    reused = {name: before[name] for name in names if before.get(name) not in (None, "")}
    merged = {**reused, **document}
    captured = before.get(CAPTURED)
    if isinstance(captured, Mapping) and SUBSCRIPTION in captured:
        merged[CAPTURED] = {SUBSCRIPTION: captured[SUBSCRIPTION], **(document.get(CAPTURED) or {})}
    return merged


def _list_captured_secrets(effective: "Effective") -> list[str]:
    """Return the names of the secrets that the vendor sends in a challenge or in the response to a subscription."""
    webhooks = effective.webhooks
    if webhooks is None:
        return []
    names = [name for challenge in webhooks.challenge for name in challenge.capture]
    return [*names, *(webhooks.subscription.capture if webhooks.subscription is not None else ())]
