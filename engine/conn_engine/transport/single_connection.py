"""A pool of one connection in an event loop, which one request uses at a time.

The HTTP library's pool examines its connections for each request and closes them in a shielded scope, which costs as
much as the exchange itself. A pool that one request uses at a time needs neither.
"""

from typing import Any

import httpcore

__all__ = ["SingleConnection"]


class SingleConnection:
    """Sends requests over one connection, which is opened again for another origin, or when it was closed. `options`
    are those of the library's connection."""

    def __init__(self, **options: Any) -> None:
        self._options = options
        self._connection: httpcore.AsyncHTTPConnection | None = None

    async def handle_async_request(self, request: httpcore.Request) -> httpcore.Response:
        """Return the response as soon as its headers arrive. It must be closed before the next request. Raises the
        library's errors."""
        origin = request.url.origin
        connection = self._connection
        if connection is None or not (connection.can_handle_request(origin) and _is_usable(connection)):
            await self.aclose()
            connection = self._connection = httpcore.AsyncHTTPConnection(origin, **self._options)
        return await connection.handle_async_request(request)

    async def aclose(self) -> None:
        """Close the connection. The next request opens another one."""
        connection, self._connection = self._connection, None
        if connection is not None:
            await connection.aclose()


def _is_usable(connection: httpcore.AsyncHTTPConnection) -> bool:
    return connection.is_available() and not connection.has_expired()
