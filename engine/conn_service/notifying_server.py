"""A server of HTTP that reports its start, and that a signal ends without ending the process."""

import contextlib
import socket
from collections.abc import Callable, Iterator

import uvicorn

__all__ = ["NotifyingServer"]


class NotifyingServer(uvicorn.Server):
    """A server that calls `started` when it accepts requests."""

    def __init__(self, config: uvicorn.Config, started: Callable[[], None]) -> None:
        super().__init__(config)
        self._notify = started

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Start, and report it."""
        await super().startup(sockets)
        if self.started:
            self._notify()

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Capture SIGINT and SIGTERM, and do not raise them again at the end: what is open is closed first."""
        with super().capture_signals():
            try:
                yield
            finally:
                self._captured_signals.clear()
