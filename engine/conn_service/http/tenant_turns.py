"""Whose work is done next: work that waits occupies no thread, and nobody waits only for one tenant."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from weakref import WeakValueDictionary

from conn_service.http.tokens import ApiToken

__all__ = ["TenantTurns"]


class TenantTurns:
    """At most `most` turns at the same time, of which one is a tenant's or, for who may use all, one subject's."""

    def __init__(self, most: int) -> None:
        self._all = asyncio.Semaphore(most)
        self._locks: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()

    @asynccontextmanager
    async def wait(self, token: ApiToken, subject: str) -> AsyncIterator[None]:
        """Wait for a turn, and keep it for the block."""
        lock = self._locks.setdefault(token.tenant or subject, asyncio.Lock())
        async with lock, self._all:
            yield
