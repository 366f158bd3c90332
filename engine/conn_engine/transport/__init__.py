"""The only way to the wire, and its stand-ins: live, record, replay, plan, faults.

Nothing else imports an HTTP client. Each stand-in is a module: `live` sends, `record` keeps what another
transport answered, `replay` answers from recordings, `plan` sends nothing, `faults` answers as scripted.
`door` says where a credential may go, `recordings` and `har` are the files. This module holds only what they
have in common, so that importing it costs nothing.
"""

from typing import Protocol

from conn_engine.wire import Request, Response

__all__ = ["AsyncTransport", "Transport"]


class Transport(Protocol):
    """Answers requests, blocking."""

    def send(self, request: Request) -> Response:
        """The answer, whatever its status. Raises TransportError or MissingRecording."""
        ...


class AsyncTransport(Protocol):
    """Answers requests in an event loop."""

    async def asend(self, request: Request) -> Response:
        """As `Transport.send`."""
        ...
