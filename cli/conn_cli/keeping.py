"""Whether what a command finds out for an account can be kept, and would be used: asked before anything is sent."""

from typing import TYPE_CHECKING

from conn_engine.errors import CredentialError, UsageError

if TYPE_CHECKING:
    from conn_engine.vault import LayeredVault

__all__ = ["needs_store", "refuse_shadowed"]


def needs_store(account: str, vault_kind: str, what: str = "a log-in") -> None:
    """Raise CredentialError, before a person takes any trouble, when what comes out could not be kept."""
    if vault_kind == "environment":
        raise CredentialError(
            f'the credential of account "{account}" cannot be stored: the environment is read only',
            hint=f"{what} needs a keyring, or CONN_VAULT_KEY for an encrypted file",
        )


def refuse_shadowed(account: str, vault: "LayeredVault") -> None:
    """Raise UsageError when what is stored would not be used."""
    from conn_engine.vault.environment import variable_prefix

    if vault.environment.has(account):
        raise UsageError(
            f"the credential of {account} comes from the environment, which goes before what is stored",
            hint=f"unset {variable_prefix(account)}* first",
        )
