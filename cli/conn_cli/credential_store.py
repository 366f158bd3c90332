"""Decide, before any prompt or request, what a command may use or replace of a stored credential."""

from typing import TYPE_CHECKING, Any

from conn_cli.console import App

if TYPE_CHECKING:
    from conn_engine.config import Effective
    from conn_engine.secrets.vault import LayeredVault

__all__ = ["find_reusable", "needs_store", "refuse_shadowed"]


def needs_store(account: str, vault_kind: str) -> None:
    """Raise CredentialError if a credential could not be stored. Call it before asking a person for anything."""
    from conn_engine.secrets.vault.environment import build_no_store_error

    if vault_kind == "environment":
        raise build_no_store_error(account)


def refuse_shadowed(account: str, vault: "LayeredVault") -> None:
    """Raise UsageError if a stored credential would not be used."""
    from conn_engine.secrets.vault.environment import build_shadowed_error

    if vault.environment.has(account):
        raise build_shadowed_error(account)


def find_reusable(app: App, effective: "Effective", account: str, vault: "LayeredVault") -> dict[str, Any] | None:
    """Return the part of the stored document that a new login may reuse, and say if that is not everything."""
    from conn_engine.runtime.login import find_new_hosts, select_reusable

    stored = vault.find(account)
    others = find_new_hosts(effective, stored)
    if others:
        hosts = stored.issue.hosts if stored is not None and stored.issue is not None else None
        app.err(
            f"note: the login of {account} is for {', '.join(hosts or ())}; it is not reused for {', '.join(others)}"
        )
    return select_reusable(effective, stored)
