"""A connection in an event loop, for the HTTP library: plain TCP, or TLS.

It has no time limits of its own, because `live` limits the complete exchange. The library's own streams have some for
each read and write, which cost as much as the rest of them. There is no HTTP here.
"""

import asyncio
import select
import ssl
from collections import deque
from typing import Any, Final

import httpcore

__all__ = ["AsyncStream", "open_stream"]

_MOST_BUFFERED: Final = 256 * 1024


class AsyncStream(asyncio.Protocol, httpcore.AsyncNetworkStream):
    """One connection, for one reader and one writer."""

    def __init__(self) -> None:
        self._transport: Any = None
        self._parts: deque[bytes] = deque()
        self._size = 0
        self._ended = False
        self._error: Exception | None = None
        self._reader: asyncio.Future[None] | None = None
        self._writer: asyncio.Future[None] | None = None
        self._is_full = False
        self._is_paused = False
        self._has_tls = False

    # --- what the event loop calls ---

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the transport."""
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        """Buffer the data, and read no more than fits."""
        self._parts.append(data)
        self._size += len(data)
        if self._size > _MOST_BUFFERED and not self._is_paused:
            self._is_paused = True
            self._transport.pause_reading()
        _wake(self._reader)

    def eof_received(self) -> bool:
        """Note that nothing more arrives. What is left to write can be written, without TLS."""
        self._ended = True
        _wake(self._reader)
        return not self._has_tls

    def connection_lost(self, exc: Exception | None) -> None:
        """Note the end, and its reason."""
        self._ended = True
        self._error = exc
        _wake(self._reader)
        _wake(self._writer)

    def pause_writing(self) -> None:
        """Let the writer wait."""
        self._is_full = True

    def resume_writing(self) -> None:
        """Let the writer continue."""
        self._is_full = False
        _wake(self._writer)

    # --- what the library calls ---

    async def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        """Return some data, or nothing at the end. Raises httpcore.ReadError."""
        while not self._parts:
            if self._error is not None:
                raise httpcore.ReadError(str(self._error)) from self._error
            if self._ended:
                return b""
            self._reader = asyncio.get_running_loop().create_future()
            try:
                await self._reader
            finally:
                self._reader = None
        data = self._parts.popleft()
        if len(data) > max_bytes:
            self._parts.appendleft(data[max_bytes:])
            data = data[:max_bytes]
        self._size -= len(data)
        if self._is_paused and self._size <= _MOST_BUFFERED // 2:
            self._is_paused = False
            self._transport.resume_reading()
        return data

    async def write(self, buffer: bytes, timeout: float | None = None) -> None:
        """Send the data. Raises httpcore.WriteError."""
        if not buffer:
            return
        if self._transport.is_closing():
            raise httpcore.WriteError(str(self._error or "the connection is closed")) from self._error
        self._transport.write(buffer)
        while self._is_full and not self._transport.is_closing():
            self._writer = asyncio.get_running_loop().create_future()
            try:
                await self._writer
            finally:
                self._writer = None

    async def aclose(self) -> None:
        """Close the connection at once."""
        self._transport.close()
        await asyncio.sleep(0)
        self._transport.abort()

    async def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> "AsyncStream":
        """Encrypt the connection. Raises httpcore.ConnectTimeout and httpcore.ConnectError."""
        loop = asyncio.get_running_loop()
        self._has_tls = True
        try:
            async with asyncio.timeout(timeout):
                self._transport = await loop.start_tls(
                    self._transport, self, ssl_context, server_hostname=server_hostname
                )
        except TimeoutError as error:
            raise httpcore.ConnectTimeout(str(error)) from error
        except OSError as error:  # also the errors of TLS
            raise httpcore.ConnectError(str(error)) from error
        if self._transport is None:
            raise httpcore.ConnectError("the connection was closed") from self._error
        return self

    def get_extra_info(self, info: str) -> Any:
        """Return what the library asks for: the TLS object, and whether there is something to read."""
        if info == "is_readable":
            return self._is_readable()
        return self._transport.get_extra_info(info)

    def _is_readable(self) -> bool:
        """Return whether an idle connection was closed, or has data that nobody waits for."""
        if self._parts or self._ended or self._transport.is_closing():
            return True
        opened = self._transport.get_extra_info("socket")
        if opened is None or opened.fileno() < 0:
            return True
        if not hasattr(select, "poll"):
            return bool(select.select([opened.fileno()], [], [], 0)[0])
        poll = select.poll()
        poll.register(opened.fileno(), select.POLLIN)
        return bool(poll.poll(0))


async def open_stream(address: str, port: int, seconds: float) -> AsyncStream:
    """Connect to an address. Raises httpcore.ConnectTimeout and httpcore.ConnectError."""
    stream = AsyncStream()
    try:
        async with asyncio.timeout(seconds):
            await asyncio.get_running_loop().create_connection(lambda: stream, address, port)
    except TimeoutError as error:
        raise httpcore.ConnectTimeout(str(error)) from error
    except OSError as error:
        raise httpcore.ConnectError(str(error)) from error
    return stream


def _wake(waiter: "asyncio.Future[None] | None") -> None:
    if waiter is not None and not waiter.done():
        waiter.set_result(None)
