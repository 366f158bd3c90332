"""Transports: the only way to the network, and its replacements.

Nothing else imports an HTTP client. `live` sends requests, `plan` sends nothing, and `faults` returns what a script
says; recording and replay transports are in `recordings`. `gateway` decides where a credential may go. This module
has only what they share, so that importing it is cheap.
"""

from typing import Protocol

from conn_engine.wire import Request, Response

__all__ = ["AsyncTransport", "Transport"]


class Transport(Protocol):
    """Answers requests, blocking."""

    def send(self, request: Request) -> Response:
        """Return the response with any status. Raises TransportError or MissingRecording."""
        ...


class AsyncTransport(Protocol):
    """Answers requests in an event loop."""

    async def asend(self, request: Request) -> Response:
        """Return the response, like `Transport.send`."""
        ...
