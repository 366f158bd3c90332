"""The bytes of an answer, for those who want them and not data."""

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
    """What an answer's body holds. Readable, more than once, until the page it came with gives way to the next.

    `content_type` and `filename` are the vendor's words: the name has no folders and no control characters, but do not
    let it decide where something is written.
    """

    def __init__(self, headers: Headers, pieces: Callable[[], Iterator[bytes]]) -> None:
        self.content_type = headers.get("content-type", "").split(";")[0].strip().lower()
        self.filename = _filename(headers.get("content-disposition", ""))
        self._pieces = pieces
        self._told: tuple[int, str] | None = None

    @property
    def size(self) -> int:
        """How many bytes."""
        return self._measure()[0]

    @property
    def sha256(self) -> str:
        """The digest of the bytes, in hexadecimal."""
        return self._measure()[1]

    def pieces(self) -> Iterator[bytes]:
        """The bytes, a piece at a time."""
        return self._pieces()

    def open(self) -> BinaryIO:
        """A reader from the first byte."""
        return io.BufferedReader(Pieces(self._pieces()), _PIECE)

    def read(self) -> bytes:
        """All bytes at once."""
        return b"".join(self._pieces())

    def save(self, path: str | Path, *, overwrite: bool = False, told: Callable[[int], object] | None = None) -> None:
        """Write them to a file, whole or not at all. `told` hears of each piece's size.

        Raises UsageError when the file is there already and may not be overwritten, or cannot be written.
        """
        with write_atomically(Path(path), overwrite=overwrite) as file:
            for piece in self._pieces():
                file.write(piece)
                if told is not None:
                    told(len(piece))

    def record(self) -> dict[str, Any]:
        """What expressions and mappings see of it: `{content_type, filename, size, sha256, base64}`; base64 is null
        above 1 MiB."""
        small = self.size <= INLINE_BYTES
        return {
            "content_type": self.content_type or None,
            "filename": self.filename or None,
            "size": self.size,
            "sha256": self.sha256,
            "base64": base64.b64encode(self.read()).decode() if small else None,
        }

    def _measure(self) -> tuple[int, str]:
        if self._told is None:
            made, size = hashlib.sha256(), 0
            for piece in self._pieces():
                made.update(piece)
                size += len(piece)
            self._told = size, made.hexdigest()
        return self._told

    def __repr__(self) -> str:
        return f"Content({self.filename or self.content_type or 'bytes'})"


def _filename(disposition: str) -> str:
    name = ""
    if extended := _EXTENDED.search(disposition):
        try:
            name = unquote(extended[2], encoding=extended[1] if extended[1].lower() != "utf-8" else "utf-8")
        except LookupError:
            name = unquote(extended[2])
    elif plain := _NAMED.search(disposition):
        name = re.sub(r"\\(.)", r"\1", plain[1]) if plain[1] is not None else plain[2]
    last = re.split(r"[/\\]", name)[-1]
    last = _UNFIT.sub("_", last).strip(". ")
    return last[:200]
