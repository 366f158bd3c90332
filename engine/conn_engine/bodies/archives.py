"""Unpack gzip and zip responses piece by piece, within limits.

Nothing is ever written under a name from an archive. An archive inside an archive is refused.
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

__all__ = ["MAX_MEMBERS", "ArchiveFile", "open_files"]

MAX_MEMBERS = 10_000
_MAX_DIRECTORY = 16 * 1024 * 1024
_RATIO = 250
_HARMLESS = 64 * 1024 * 1024
_PIECE = 64 * 1024
_ENCRYPTED = 0x1
_DAMAGES = (zipfile.BadZipFile, EOFError, NotImplementedError, RuntimeError, zlib.error)
_METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)


@dataclass(frozen=True, slots=True)
class ArchiveFile:
    """One file: its name in the archive (empty for gzip), and its bytes in pieces."""

    name: str
    pieces: Iterator[bytes]


def open_files(reader: BinaryIO, kind: str, members: str, max_bytes: int) -> Iterator[ArchiveFile]:
    """Yield the files in the archive `reader` (`kind`: gzip or zip). Read each file before requesting the next.

    `members` selects the files of a zip. Raises ArchiveFault for an archive that is damaged, encrypted, nested, or
    compressed with a method that needs unbounded memory; whose files are together larger than `max_bytes`, or larger
    than 64 MiB and compressed more than 250 times; and when no file matches `members`, or several do for `one`.
    """
    if kind == "gzip":
        yield ArchiveFile("", _require_unpacked(_gunzip(reader, max_bytes)))
        return
    budget = _Budget(max_bytes, reader.seek(0, io.SEEK_END))
    try:
        with zipfile.ZipFile(_Bounded(reader)) as archive:
            for info in _select_members(archive, members):
                pieces = _require_unpacked(_read_member(archive, info, budget))
                yield ArchiveFile(info.filename, pieces)
                for _ in pieces:  # skip what the caller has not read
                    pass
    except _DAMAGES:
        raise ArchiveFault("the zip archive is damaged or cut off") from None


class _Budget:
    """How large the files of one archive may be in total."""

    def __init__(self, max_bytes: int, packed_size: int) -> None:
        self._max_bytes = max_bytes
        self._packed = packed_size
        self._given = 0

    def spend(self, count: int) -> None:
        self._given += count
        if self._given > self._max_bytes:
            raise ArchiveFault(f"the zip archive has more than {self._max_bytes} bytes")
        if self._given > _HARMLESS and self._given > _RATIO * self._packed:
            raise ArchiveFault(f"the zip archive is compressed more than {_RATIO} times, like an archive bomb")


def _gunzip(reader: BinaryIO, max_bytes: int) -> Iterator[bytes]:
    try:
        decompressor = Opening("gzip", max_bytes)
        while piece := reader.read(_PIECE):
            yield from decompressor.feed(piece)
        decompressor.finish()
    except ContentFault as fault:
        raise ArchiveFault(f"as gzip, {fault}") from None


def _require_unpacked(pieces: Iterator[bytes]) -> Iterator[bytes]:
    """Yield the pieces; raise ArchiveFault if they are another archive."""
    head = b""
    for piece in pieces:
        head += piece
        if len(head) < 4:
            continue
        if detect_compression(head):
            raise ArchiveFault(
                f"it contains another archive ({detect_compression(head)}), and only one level is unpacked"
            )
        yield head
        yield from pieces
        return
    if head:
        yield head


def _select_members(archive: zipfile.ZipFile, members: str) -> list[zipfile.ZipInfo]:
    members_of_archive = archive.infolist()
    if len(members_of_archive) > MAX_MEMBERS:
        raise ArchiveFault(f"the zip archive has more than {MAX_MEMBERS} files")
    files = [info for info in members_of_archive if not info.is_dir()]
    if members not in ("one", "all"):
        files = [info for info in files if fnmatch.fnmatchcase(info.filename.rsplit("/", 1)[-1], members)]
    if not files:
        missing = "no file" if members in ("one", "all") else f'no file whose name matches "{members[:60]}"'
        raise ArchiveFault(f"the zip archive has {missing}")
    if members == "one" and len(files) > 1:
        raise ArchiveFault(f"the zip archive has {len(files)} files: select one with `response_options.members`")
    for info in files:
        if info.flag_bits & _ENCRYPTED:
            raise ArchiveFault("the zip archive is encrypted")
        if info.compress_type not in _METHODS:
            raise ArchiveFault(
                f"the zip archive uses compression method {info.compress_type}; only stored and deflate are supported"
            )
    return files


def _read_member(archive: zipfile.ZipFile, info: zipfile.ZipInfo, budget: _Budget) -> Iterator[bytes]:
    try:
        with archive.open(info) as reader:
            while piece := reader.read(_PIECE):
                budget.spend(len(piece))
                yield piece
    except _DAMAGES:
        raise ArchiveFault("the zip archive is damaged or cut off") from None


class _Bounded(io.BufferedIOBase):
    """A file that never returns much at once: zipfile reads the list of files in one call."""

    def __init__(self, reader: BinaryIO) -> None:
        self._reader = reader

    def seekable(self) -> bool:
        return True

    def readable(self) -> bool:
        return True

    def read(self, size: int | None = -1, /) -> bytes:
        reads_all = size is None or size < 0
        piece = self._reader.read(_MAX_DIRECTORY + 1 if reads_all else min(size or 0, _MAX_DIRECTORY + 1))
        if len(piece) > _MAX_DIRECTORY:
            raise ArchiveFault("the zip archive's list of files is too long")
        return piece

    def seek(self, offset: int, whence: int = io.SEEK_SET, /) -> int:
        return self._reader.seek(offset, whence)

    def tell(self) -> int:
        return self._reader.tell()
