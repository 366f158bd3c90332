"""Whose change is checked next: a change that waits occupies no thread, and nobody waits only for one tenant."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from weakref import WeakValueDictionary

from conn_service.http.tokens import ApiToken
from conn_service.revisions import Subject

__all__ = ["ChangeTurns"]


class ChangeTurns:
    """At most `most` changes at the same time, of which one is a tenant's or, for who may change all, one account's."""

    def __init__(self, most: int) -> None:
        self._all = asyncio.Semaphore(most)
        self._locks: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()

    @asynccontextmanager
    async def wait(self, token: ApiToken, subject: Subject) -> AsyncIterator[None]:
        """Wait for a turn, and keep it for the block."""
        lock = self._locks.setdefault(token.tenant or subject.path, asyncio.Lock())
        async with lock, self._all:
            yield
