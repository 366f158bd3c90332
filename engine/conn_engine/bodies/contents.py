"""The raw bytes of a response, for callers that want the file and not its data."""

import base64
import hashlib
import io
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, BinaryIO
from urllib.parse import unquote

from conn_engine.bodies.charsets import Pieces
from conn_engine.documents import write_atomically
from conn_engine.wire import Headers

__all__ = ["INLINE_BYTES", "BodyContent"]

INLINE_BYTES = 1024 * 1024
_PIECE = 256 * 1024
_EXTENDED = re.compile(r"filename\*\s*=\s*([A-Za-z0-9-]{1,20})'[^']*'([^;\s]{1,1000})", re.IGNORECASE)
_NAMED = re.compile(r'filename\s*=\s*(?:"((?:[^"\\]|\\.){0,1000})"|([^;\s]{1,1000}))', re.IGNORECASE)
_UNFIT = re.compile(r'[\x00-\x1f\x7f<>:"|?*]')


class BodyContent:
    """The content of a response body. It can be read more than once, until the listing moves on to the next page.

    `content_type` and `filename` come from the vendor. The filename has no folders and no control characters, but do
    not let it decide where something is written.
    """

    def __init__(self, headers: Headers, pieces: Callable[[], Iterator[bytes]]) -> None:
        self.content_type = headers.get("content-type", "").split(";")[0].strip().lower()
        self.filename = _read_filename(headers.get("content-disposition", ""))
        self._pieces = pieces
        self._measured: tuple[int, str] | None = None

    @property
    def size(self) -> int:
        """The number of bytes."""
        return self._measure()[0]

    @property
    def sha256(self) -> str:
        """The SHA-256 digest of the bytes, in hexadecimal."""
        return self._measure()[1]

    def pieces(self) -> Iterator[bytes]:
        """Return the bytes in pieces."""
        return self._pieces()

    def open(self) -> BinaryIO:
        """Return a reader at the first byte."""
        return io.BufferedReader(Pieces(self._pieces()), _PIECE)

    def read(self) -> bytes:
        """Return all bytes."""
        return b"".join(self._pieces())

    def save(
        self, path: str | Path, *, overwrite: bool = False, on_piece: Callable[[int], object] | None = None
    ) -> None:
        """Write the bytes to a file, completely or not at all. `on_piece` is called with the size of each piece.

        Raises UsageError when the file exists and `overwrite` is not set, or when it cannot be written.
        """
        with write_atomically(Path(path), overwrite=overwrite) as file:
            for piece in self._pieces():
                file.write(piece)
                if on_piece is not None:
                    on_piece(len(piece))

    def record(self) -> dict[str, Any]:
        """Return what expressions and mappings see: `{content_type, filename, size, sha256, base64}`. base64 is null
        above 1 MiB."""
        is_small = self.size <= INLINE_BYTES
        return {
            "content_type": self.content_type or None,
            "filename": self.filename or None,
            "size": self.size,
            "sha256": self.sha256,
            "base64": base64.b64encode(self.read()).decode() if is_small else None,
        }

    def _measure(self) -> tuple[int, str]:
        if self._measured is None:
            digest, size = hashlib.sha256(), 0
            for piece in self._pieces():
                digest.update(piece)
                size += len(piece)
            self._measured = size, digest.hexdigest()
        return self._measured

    def __repr__(self) -> str:
        return f"BodyContent({self.filename or self.content_type or 'bytes'})"


def _read_filename(disposition: str) -> str:
    name = ""
    if extended := _EXTENDED.search(disposition):
        try:
            name = unquote(extended[2], encoding=extended[1] if extended[1].lower() != "utf-8" else "utf-8")
        except LookupError:
            name = unquote(extended[2])
    elif plain := _NAMED.search(disposition):
        name = re.sub(r"\\(.)", r"\1", plain[1]) if plain[1] is not None else plain[2]
    base_name = re.split(r"[/\\]", name)[-1]
    base_name = _UNFIT.sub("_", base_name).strip(". ")
    return base_name[:200]
