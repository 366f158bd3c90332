"""Renew a credential under its account's lock, and store it before it is used.

A vendor that rotates refresh tokens takes the old one back when it answers. If the process is killed before the answer
is stored, nobody has a token that works. A store that notes when a renewal began makes that known: the next refusal
says so.
"""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, Protocol, runtime_checkable

from conn_engine.errors import CredentialError
from conn_engine.secrets import Redactor, Vault, get_refresh_token
from conn_engine.wire import Clock, Renew

__all__ = ["renew_under_lock"]


@runtime_checkable
class RenewalJournal(Protocol):
    """A vault that notes which renewals have begun and were not stored."""

    def note_renewal(self, account: str, now: float) -> float | None:
        """Note that a renewal begins. Return when one began that was never stored, or None. To save the account's
        document removes the note. Raises like `save`."""
        ...

    def forget_renewal(self, account: str) -> None:
        """Remove the note: the vendor has refused the renewal, and taken nothing back."""
        ...


def renew_under_lock(
    effect: Renew,
    vault: Vault,
    clock: Clock,
    redactor: Redactor | None,
    ask: Callable[[dict[str, Any]], dict[str, Any]],
) -> dict[str, Any]:
    """Renew the credential with `ask` and save it, unless another run has just renewed it. Holds the account's lock."""
    with vault.exclusive(effect.account):
        stored = vault.load(effect.account)
        if stored is None and effect.stale:
            raise CredentialError(
                f'account "{effect.account}" has no stored credential to renew',
                hint=f"conn auth login {effect.account}",
                category="missing",
            )
        stored = stored or {}  # a client credential from the environment is never stored
        if dict(stored) != dict(effect.stale):  # another process or thread has renewed it
            return _add_secrets(dict(stored), redactor)
        renewed = _ask_noting(effect.account, stored, vault, clock, ask)
        vault.save(effect.account, renewed)  # before first use: a rotated refresh token must not be lost
        return _add_secrets(renewed, redactor)


def _ask_noting(
    account: str,
    stored: dict[str, Any],
    vault: Vault,
    clock: Clock,
    ask: Callable[[dict[str, Any]], dict[str, Any]],
) -> dict[str, Any]:
    """Ask the vendor, and note in the vault that this has begun, if the vendor may take the refresh token back. A vault
    that cannot be written fails here, while the token is still good."""
    if get_refresh_token(stored) is None or not isinstance(vault, RenewalJournal):
        return ask(stored)
    unfinished = vault.note_renewal(account, clock.now())
    try:
        return ask(stored)
    except CredentialError as error:
        if error.category != "refused":
            raise
        if unfinished is None:
            vault.forget_renewal(account)
            raise
        began = datetime.fromtimestamp(unfinished, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
        raise CredentialError(
            f"{error.message}; the renewal that began at {began} was interrupted before the new token was stored, and "
            "the vendor may have taken the old one back",
            hint=error.hint,
            category=error.category,
        ) from None


def _add_secrets(document: dict[str, Any], redactor: Redactor | None) -> dict[str, Any]:
    if redactor is not None:
        redactor.add_document(document)
    return document
