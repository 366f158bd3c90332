"""Credentials in memory, for tests, replays, and applications that store them elsewhere."""

import copy
from collections.abc import Mapping
from contextlib import AbstractContextManager
from typing import Any

from conn_engine.secrets.vault.locks import Locks

__all__ = ["MemoryVault"]


class MemoryVault:
    """A vault in memory. Documents are copied when they are saved and loaded."""

    kind = "memory"

    def __init__(self, documents: Mapping[str, Mapping[str, Any]] | None = None) -> None:
        self._documents = {account: copy.deepcopy(dict(d)) for account, d in (documents or {}).items()}
        self._locks = Locks(None)

    def load(self, account: str) -> dict[str, Any] | None:
        """Return the account's document, or None."""
        document = self._documents.get(account)
        return None if document is None else copy.deepcopy(document)

    def save(self, account: str, document: Mapping[str, Any]) -> None:
        """Store the document until the process ends."""
        self._documents[account] = copy.deepcopy(dict(document))

    def delete(self, account: str) -> bool:
        """Delete the document. Return whether there was one."""
        return self._documents.pop(account, None) is not None

    def exclusive(self, account: str) -> AbstractContextManager[None]:
        """Return a lock for one thread at a time; other processes have their own memory."""
        return self._locks.hold(f"{id(self)} {account}")
