"""Answers that are packed: gzip and zip files unpacked piece by piece, within bounds. No formats.

Nothing is ever written under a name that an archive gives. An archive in an archive is refused.
"""

import fnmatch
import io
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO

from conn_engine.bodies.faults import ArchiveFault, detect_compression
from conn_engine.transport.content import ContentFault, Opening

__all__ = ["MAX_MEMBERS", "Document", "documents"]

MAX_MEMBERS = 10_000
_MAX_DIRECTORY = 16 * 1024 * 1024
_RATIO = 250
_HARMLESS = 64 * 1024 * 1024
_PIECE = 64 * 1024
_ENCRYPTED = 0x1
_DAMAGES = (zipfile.BadZipFile, EOFError, NotImplementedError, RuntimeError, zlib.error)
_METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)


@dataclass(frozen=True, slots=True)
class Document:
    """One file: its name in the archive (empty when it is not from one), and its bytes in pieces."""

    name: str
    pieces: Iterator[bytes]


def documents(reader: BinaryIO, kind: str, members: str, max_bytes: int) -> Iterator[Document]:
    """The files that are packed in `reader` (`kind`: gzip or zip), one after another; each is read before the next.

    `members` chooses among those of a zip. Raises ArchiveFault for what is damaged, encrypted, packed by a method that
    needs unbounded memory, packed twice, larger than `max_bytes` together, or beyond 64 MiB packed more than 250 times
    over; and for a choice that fits no file, or `one` where there are more.
    """
    if kind == "gzip":
        yield Document("", _once(_gunzip(reader, max_bytes)))
        return
    budget = _Budget(max_bytes, reader.seek(0, io.SEEK_END))
    try:
        with zipfile.ZipFile(_Bounded(reader)) as archive:
            for info in _select_members(archive, members):
                pieces = _once(_member(archive, info, budget))
                yield Document(info.filename, pieces)
                for _ in pieces:  # what the caller has not read
                    pass
    except _DAMAGES:
        raise ArchiveFault("the zip archive is damaged or cut off") from None


class _Budget:
    """How much the files of one archive may be, together."""

    def __init__(self, max_bytes: int, packed_size: int) -> None:
        self._max_bytes = max_bytes
        self._packed = packed_size
        self._given = 0

    def spend(self, count: int) -> None:
        self._given += count
        if self._given > self._max_bytes:
            raise ArchiveFault(f"the zip archive holds more than {self._max_bytes} bytes")
        if self._given > _HARMLESS and self._given > _RATIO * self._packed:
            raise ArchiveFault(f"the zip archive is packed more than {_RATIO} times over, as an archive bomb is")


def _gunzip(reader: BinaryIO, max_bytes: int) -> Iterator[bytes]:
    try:
        opening = Opening("gzip", max_bytes)
        while piece := reader.read(_PIECE):
            yield from opening.feed(piece)
        opening.finish()
    except ContentFault as fault:
        raise ArchiveFault(f"as gzip, {fault}") from None


def _once(pieces: Iterator[bytes]) -> Iterator[bytes]:
    """The pieces, unless they begin like a further archive."""
    head = b""
    for piece in pieces:
        head += piece
        if len(head) < 4:
            continue
        if detect_compression(head):
            raise ArchiveFault(f"it holds a further archive ({detect_compression(head)}): only one layer is unpacked")
        yield head
        yield from pieces
        return
    if head:
        yield head


def _select_members(archive: zipfile.ZipFile, members: str) -> list[zipfile.ZipInfo]:
    listed = archive.infolist()
    if len(listed) > MAX_MEMBERS:
        raise ArchiveFault(f"the zip archive has more than {MAX_MEMBERS} files")
    files = [info for info in listed if not info.is_dir()]
    if members not in ("one", "all"):
        files = [info for info in files if fnmatch.fnmatchcase(info.filename.rsplit("/", 1)[-1], members)]
    if not files:
        what = "no file" if members in ("one", "all") else f'no file whose name matches "{members[:60]}"'
        raise ArchiveFault(f"the zip archive has {what}")
    if members == "one" and len(files) > 1:
        raise ArchiveFault(f"the zip archive has {len(files)} files: say which by `response_options.members`")
    for info in files:
        if info.flag_bits & _ENCRYPTED:
            raise ArchiveFault("the zip archive is encrypted")
        if info.compress_type not in _METHODS:
            raise ArchiveFault(f"the zip archive is packed by method {info.compress_type}; stored and deflate are read")
    return files


def _member(archive: zipfile.ZipFile, info: zipfile.ZipInfo, budget: _Budget) -> Iterator[bytes]:
    try:
        with archive.open(info) as reader:
            while piece := reader.read(_PIECE):
                budget.spend(len(piece))
                yield piece
    except _DAMAGES:
        raise ArchiveFault("the zip archive is damaged or cut off") from None


class _Bounded(io.BufferedIOBase):
    """A file that never hands out much at once: the list of a zip's files is read in one go."""

    def __init__(self, reader: BinaryIO) -> None:
        self._reader = reader

    def seekable(self) -> bool:
        return True

    def readable(self) -> bool:
        return True

    def read(self, size: int | None = -1, /) -> bytes:
        whole = size is None or size < 0
        piece = self._reader.read(_MAX_DIRECTORY + 1 if whole else min(size or 0, _MAX_DIRECTORY + 1))
        if len(piece) > _MAX_DIRECTORY:
            raise ArchiveFault("the list of the zip archive's files is too long")
        return piece

    def seek(self, offset: int, whence: int = io.SEEK_SET, /) -> int:
        return self._reader.seek(offset, whence)

    def tell(self) -> int:
        return self._reader.tell()
