"""Remove the credential of an account that is deleted: it would be that of the next account with the same name."""

from dataclasses import dataclass
from typing import Literal

from conn_engine.errors import CredentialError
from conn_engine.secrets import Vault

__all__ = ["CredentialRemoval", "remove_credential"]


@dataclass(frozen=True, slots=True)
class CredentialRemoval:
    """What became of the credential of a deleted account, and why it is kept."""

    result: Literal["deleted", "absent", "kept"]
    reason: str = ""


def remove_credential(vault: Vault, account: str) -> CredentialRemoval:
    """Delete the credential of an account. One in the environment is kept: only a person can remove it.

    Raises CredentialError if the place with the credentials cannot be used.
    """
    try:
        with vault.exclusive(account):  # a process that renews it stores it before it is deleted
            return CredentialRemoval("deleted" if vault.delete(account) else "absent")
    except CredentialError as error:
        if error.category == "store":
            raise
        return CredentialRemoval("kept", f"{error.message}: {error.hint}" if error.hint else error.message)
