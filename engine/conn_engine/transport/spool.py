"""A body that is too large for memory, in an unnamed temporary file. The system removes it when it is closed, even if
the process is killed."""

import io
import threading
from typing import BinaryIO

__all__ = ["Spool"]


class Spool:
    """A temporary file that is written once and read any number of times. `close()` deletes it."""

    def __init__(self) -> None:
        import tempfile

        self._file: BinaryIO | None = tempfile.TemporaryFile(buffering=0)  # noqa: SIM115
        self._lock = threading.Lock()
        self._size = 0

    @property
    def size(self) -> int:
        """The number of bytes."""
        return self._size

    def write(self, piece: bytes) -> None:
        """Append bytes. Raises OSError if the disk is full."""
        file = self._get_file()
        rest = memoryview(piece)
        while rest:
            rest = rest[file.write(rest) :]
        self._size += len(piece)

    def open(self) -> BinaryIO:
        """Return a new reader that starts at the first byte."""
        return io.BufferedReader(_SpoolReader(self), 64 * 1024)

    def read_at(self, offset: int, most: int) -> bytes:
        """Return at most `most` bytes at a position; none at the end."""
        with self._lock:
            file = self._get_file()
            file.seek(offset)
            return file.read(most)

    def close(self) -> None:
        """Delete the file. Reading afterwards raises ValueError."""
        file, self._file = self._file, None
        if file is not None:
            file.close()

    def _get_file(self) -> BinaryIO:
        if self._file is None:
            raise ValueError("the body was released: read it while its page is the current one")
        return self._file

    def __del__(self) -> None:
        self.close()


class _SpoolReader(io.RawIOBase):
    def __init__(self, spool: Spool) -> None:
        self._spool = spool
        self._at = 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        piece = self._spool.read_at(self._at, len(buffer))
        buffer[: len(piece)] = piece
        self._at += len(piece)
        return len(piece)

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        base = {io.SEEK_SET: 0, io.SEEK_CUR: self._at, io.SEEK_END: self._spool.size}[whence]
        if base + offset < 0:
            raise ValueError("a position before the start")
        self._at = base + offset
        return self._at

    def tell(self) -> int:
        return self._at
