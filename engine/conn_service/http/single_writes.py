"""Send each write once: its result is stored under a key, and a repeated request gets that result."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, Protocol

from sqlalchemy.exc import SQLAlchemyError

from conn_engine.errors import ConnError, TransportError, VendorError
from conn_engine.releases.store_location import StoreLocation
from conn_engine.releases.translating import translate_store_error
from conn_engine.wire import Clock
from conn_service.http.idempotency import KeptAnswer
from conn_service.http.problems import HttpProblem
from conn_service.http.unified import UnifiedAnswer

__all__ = ["AnswerStore", "SingleWrites", "may_have_written"]

_LOG = logging.getLogger(__name__)


class AnswerStore(Protocol):
    """Where the results of writes are stored by account and key. All methods block."""

    def take(self, account: str, key: str, print_: str, now: float) -> KeptAnswer:
        """Take a key for a request, or return what is known of it."""
        ...

    def keep(self, account: str, key: str, status: int, data: Any) -> None:
        """Store the answer of a request."""
        ...

    def release(self, account: str, key: str) -> None:
        """Forget a key whose request has surely not changed anything."""
        ...


def may_have_written(error: HttpProblem | ConnError) -> bool:
    """Return whether a failed write may still have taken place at the vendor."""
    if isinstance(error, HttpProblem):
        return error.status == 504
    if isinstance(error, TransportError):
        return error.fault not in ("dns", "connect", "refused", "tls", "proxy")
    return isinstance(error, VendorError) and error.kind in ("vendor_unavailable", "bad_response")


@dataclass(frozen=True, slots=True)
class SingleWrites:
    """Runs writes by their keys. `location` is where the store of `keys` is, for its errors."""

    keys: AnswerStore
    clock: Clock
    location: StoreLocation

    async def run(
        self, account: str, key: str, print_: str, work: Callable[[], Awaitable[UnifiedAnswer]]
    ) -> UnifiedAnswer | KeptAnswer:
        """Do the work if the key is new, and return its answer. Return what is known of any other key.

        `print_` is what identifies the request. Raises the errors of the work, after which the key can be used again
        if nothing was written.
        """
        known = await asyncio.to_thread(self.keys.take, account, key, print_, self.clock.now())
        if known.state != "new":
            return known
        try:
            answer = await work()
        except (HttpProblem, ConnError) as error:
            if not may_have_written(error):
                await self._note_result(self.keys.release, account, key)
            raise
        await self._note_result(self.keys.keep, account, key, answer.status, answer.data)
        return answer

    async def _note_result(self, note: Callable[..., None], account: str, key: str, *result: Any) -> None:
        """Store what became of a write. If the store is down now, the caller gets the result nevertheless, and the key
        stays unknown: the write is not sent a second time."""
        try:
            await asyncio.to_thread(note, account, key, *result)
        except SQLAlchemyError as error:
            message = translate_store_error(error, self.location).message
            _LOG.error("the result of a write is not stored, and its Idempotency-Key stays unknown: %s", message)
