"""Receive a large body: decompress it, remove credentials that it repeats, and spool it. It knows neither the source
nor the meaning of the body."""

import errno

from conn_engine.errors import TransportError
from conn_engine.transport.content import Opening
from conn_engine.transport.spool import Spool
from conn_engine.wire import Cleaner, Request

__all__ = ["MAX_STREAM_BYTES", "Receiving"]

MAX_STREAM_BYTES = 8 * 1024**3
_IN_MEMORY = 1024 * 1024
_SLOWEST = 16 * 1024
_EACH = 64 * 1024


class Receiving:
    """Takes a body in pieces. Small ones stay in memory. Raises ContentFault, and TransportError if the disk is full.

    A large body may take long: each piece earns additional time, at 16 KiB per second. A body that arrives more slowly
    still exceeds the time limit.
    """

    def __init__(self, request: Request, encoding: str, max_bytes: int, cleaner: Cleaner | None) -> None:
        self._request = request
        self._opening = Opening(encoding, max_bytes)
        self._cleaner = cleaner
        self._parts: list[bytes] = []
        self._size = self._counted = self._rewarded = 0
        self._spool: Spool | None = None

    def take(self, piece: bytes) -> float:
        """Take a piece, and return the seconds that it earned."""
        for text in self._opening.feed(piece):
            self._keep(text if self._cleaner is None else self._cleaner.feed(text))
        self._counted += len(piece)
        if self._counted - self._rewarded < _EACH:
            return 0.0
        earned = (self._counted - self._rewarded) / _SLOWEST
        self._rewarded = self._counted
        return earned

    def end(self) -> tuple[bytes, Spool | None]:
        """Return the body, in memory or spooled."""
        self._opening.finish()
        if self._cleaner is not None:
            self._keep(self._cleaner.finish())
        return b"".join(self._parts), self._spool

    def drop(self) -> None:
        """Release all resources."""
        if self._spool is not None:
            self._spool.close()

    def _keep(self, text: bytes) -> None:
        if not text:
            return
        self._size += len(text)
        if self._spool is None:
            self._parts.append(text)
            if self._size <= _IN_MEMORY:
                return
            text = b"".join(self._parts)
            self._parts.clear()
        try:
            if self._spool is None:
                self._spool = Spool()
            self._spool.write(text)
        except OSError as error:
            full = error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
            raise TransportError(
                f"{self._request.label or self._request.method}: the response cannot be stored on disk: "
                + ("no space is left for temporary files" if full else (error.strerror or "it is refused").lower()),
                request=self._request,
                retryable=False,
                hint="set TMPDIR to a folder with more space" if full else "",
            ) from error
