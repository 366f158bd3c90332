"""End a successful attempt: use the link up, create its account if it has none yet, and store the credential."""

import asyncio
import json
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any

from conn_service.connect.account_connector import AccountConnector, OpenAccount
from conn_service.connect.account_creation import AccountCreation
from conn_service.connect.links import ConnectLink, LinkStore

__all__ = ["LoginCompletion", "TriedLogin", "build_account"]


@dataclass(frozen=True, slots=True, repr=False)
class TriedLogin:
    """A login that works. `context` is what the customer has entered of it, and `browser` the digest of the browser."""

    link: ConnectLink
    browser: str
    opened: OpenAccount
    document: Mapping[str, Any]
    context: Mapping[str, str]
    is_verified: bool


@dataclass(frozen=True, slots=True)
class LoginCompletion:
    """Completes logins. `note_connected` is called with an account whose credential was replaced."""

    links: LinkStore
    connector: AccountConnector
    creation: AccountCreation
    note_connected: Callable[[str], Awaitable[None]]

    async def complete(self, login: TriedLogin) -> bool:
        """Do everything or nothing, also if the browser gives up meanwhile. Return False if the link was used up by
        another request. Raises CredentialError if the vault cannot be used, and the errors of `AccountCreation`."""
        return await asyncio.shield(self._complete(login))

    async def _complete(self, login: TriedLogin) -> bool:
        link, now = login.link, self.connector.clock.now()
        if not await asyncio.to_thread(self.links.claim, link, login.browser, now):
            return False
        try:
            if link.document:
                await asyncio.to_thread(self.creation.create, link, build_account(link, login.context))
            await self._store(login)
        except BaseException:
            await asyncio.to_thread(self.links.release, link)
            raise
        await self.note_connected(link.account)
        return True

    async def _store(self, login: TriedLogin) -> None:
        try:
            await self.connector.store(login.opened, login.document, is_verified=login.is_verified)
        except BaseException:  # the customer tries again with the same link
            if login.link.document:
                await asyncio.to_thread(self.creation.remove, login.link)
            raise


def build_account(link: ConnectLink, context: Mapping[str, str]) -> dict[str, Any]:
    """Return the document of an account that a link creates, with what its customer has entered."""
    document: dict[str, Any] = json.loads(link.document)
    given = document.get("context")
    merged = {**(given if isinstance(given, dict) else {}), **context}
    return {**document, "context": merged} if merged else document
