"""Wait for the work of a request: in time, and no longer than its client does."""

import asyncio
from collections.abc import Awaitable
from typing import TypeVar

from starlette.requests import ClientDisconnect, Request

from conn_service.http.problems import HttpProblem
from conn_service.http.reading import ServiceLimits, wait_for_disconnect

__all__ = ["wait_in_time"]

T = TypeVar("T")
_UNWATCHED_SECONDS = 0.1


async def wait_in_time(request: Request, work: Awaitable[T], limits: ServiceLimits, *, until_done: bool = False) -> T:
    """Wait for the work in time; end it when the client is gone, unless its result must be kept."""
    watch = None if until_done else _DisconnectWatch(request)
    try:
        async with asyncio.timeout(limits.request_seconds) as limit:
            return await work
    except TimeoutError:
        if not limit.expired():
            raise
        raise HttpProblem(504, "timeout", f"no result within {limits.request_seconds:g} seconds") from None
    except asyncio.CancelledError:
        if watch is None or not watch.is_gone:
            raise
        raise ClientDisconnect from None
    finally:
        if watch is not None:
            watch.end()


class _DisconnectWatch:
    """Cancels the current task when the client is gone. Most requests are done before it looks for the first time."""

    def __init__(self, request: Request) -> None:
        self.is_gone = False
        self._request = request
        self._working = asyncio.current_task()
        self._watching: asyncio.Task[None] | None = None
        self._start = asyncio.get_running_loop().call_later(_UNWATCHED_SECONDS, self._begin)

    def _begin(self) -> None:
        self._watching = asyncio.ensure_future(self._watch())

    async def _watch(self) -> None:
        await wait_for_disconnect(self._request)
        self.is_gone = True
        if self._working is not None:
            self._working.cancel()

    def end(self) -> None:
        """Watch no longer."""
        self._start.cancel()
        if self.is_gone and self._working is not None:
            self._working.uncancel()
        if self._watching is not None:
            self._watching.cancel()
