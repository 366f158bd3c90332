"""Parts of a request body that are written as they are: text, bytes, JSON, or a file that the caller gives.

A part of a document names a caller's file by its *name*: no connector can have a local file read.
"""

import base64
import binascii
import hashlib
import io
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO

from conn_engine.bodies.charsets import Pieces
from conn_engine.bodies.json_text import encode_json
from conn_engine.errors import ConfigurationError, UsageError

__all__ = ["MAX_UPLOAD_BYTES", "Payload", "Upload", "UploadPart", "part_of"]

MAX_UPLOAD_BYTES = 8 * 1024**3
_IN_MEMORY = 1024 * 1024
_KINDS = ("file", "text", "base64", "json")
_KEYS = frozenset({*_KINDS, "filename", "content_type", "headers"})
_BREAKS = re.compile(r"[\r\n\0]")
_PIECE = 256 * 1024


@dataclass(frozen=True, slots=True, repr=False)
class Upload:
    """A file that the caller gives: bytes, or the path of a file that is read while it is sent."""

    data: bytes | Path
    filename: str = ""
    content_type: str = ""

    @staticmethod
    def from_path(path: str | Path, *, filename: str = "", content_type: str = "") -> "Upload":
        """The file at a path. Raises UsageError when it is none or larger than 8 GiB."""
        place = Path(path)
        try:
            size = place.stat().st_size
        except OSError as error:
            raise UsageError(f"cannot read {path}: {(error.strerror or str(error)).lower()}") from error
        if not place.is_file():
            raise UsageError(f"{path} is not a file")
        if size > MAX_UPLOAD_BYTES:
            raise UsageError(f"{path} is larger than {MAX_UPLOAD_BYTES // 2**30} GiB")
        import mimetypes

        name = filename or place.name
        return Upload(place, name, content_type or mimetypes.guess_type(name)[0] or "")

    @property
    def size(self) -> int:
        """How many bytes."""
        return len(self.data) if isinstance(self.data, bytes) else self.data.stat().st_size

    def open(self) -> BinaryIO:
        """A reader from the first byte."""
        try:
            return io.BytesIO(self.data) if isinstance(self.data, bytes) else self.data.open("rb")
        except OSError as error:
            raise UsageError(f"cannot read {self.data!s}: {(error.strerror or str(error)).lower()}") from error

    def close(self) -> None:
        """Nothing is held open."""


@dataclass(frozen=True, slots=True)
class UploadPart:
    """What is written: bytes or a file, what it is, and the name it has been given."""

    content: bytes | Upload
    content_type: str = ""
    filename: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)


def part_of(value: Any, files: Mapping[str, Upload]) -> UploadPart | None:
    """The part that an object describes; None when the object is data and describes none.

    A part has exactly one of `file` (the name of a caller's file), `text`, `base64` and `json`, and nothing besides
    but `filename`, `content_type` and `headers`. Raises ConfigurationError for one that cannot be written, UsageError
    when the caller has not given the file.
    """
    if not isinstance(value, dict) or not value.keys() <= _KEYS or sum(kind in value for kind in _KINDS) != 1:
        return None
    kind = next(kind for kind in _KINDS if kind in value)
    content, usual, name = _content(kind, value[kind], files)
    headers = value.get("headers") or {}
    if not isinstance(headers, dict):
        raise ConfigurationError("`headers` of a part is an object")
    return UploadPart(
        content,
        _line("content_type", value.get("content_type") or usual),
        _line("filename", value.get("filename") or name),
        {_line("a header's name", key): _line(key, item) for key, item in headers.items() if item is not None},
    )


def _content(kind: str, value: Any, files: Mapping[str, Upload]) -> tuple[bytes | Upload, str, str]:
    if kind == "json":
        return encode_json(value), "application/json", ""
    if not isinstance(value, str):
        raise ConfigurationError(f"`{kind}` of a part is text, not {type(value).__name__}")
    if kind == "text":
        return value.encode(), "text/plain; charset=utf-8", ""
    if kind == "base64":
        try:
            return base64.b64decode("".join(value.split()), validate=True), "application/octet-stream", ""
        except (binascii.Error, ValueError):
            raise ConfigurationError("`base64` of a part is not base64") from None
    if value not in files:
        given = f"given: {', '.join(files)}" if files else "none is given"
        raise UsageError(
            f'the operation sends a file "{value[:80]}", and {given}',
            hint=f"conn run … --file {value[:80]}=PATH, or Call(files={{{value[:80]!r}: Upload.of(PATH)}})",
        )
    upload = files[value]
    return upload, upload.content_type or "application/octet-stream", upload.filename or value


def _line(what: str, value: Any) -> str:
    text = str(value)
    if _BREAKS.search(text):
        raise ConfigurationError(f"{what} of a part holds a line break, which no header can")
    return text


class Payload:
    """A body made of pieces, some of them files. Its `digest` is of what the pieces hold."""

    def __init__(self, pieces: Sequence[bytes | Upload]) -> None:
        self._pieces = list(pieces)
        self._sizes = [len(piece) if isinstance(piece, bytes) else piece.size for piece in pieces]

    @property
    def size(self) -> int:
        """How many bytes."""
        return sum(self._sizes)

    def open(self) -> BinaryIO:
        """A reader of all pieces in order."""
        return io.BufferedReader(Pieces(self._read()), _PIECE)

    def read_all(self, most: int | None = None) -> bytes | None:
        """All of it as bytes; None when that is more than `most`."""
        if self.size > (_IN_MEMORY if most is None else most):
            return None
        return b"".join(self._read())

    def close(self) -> None:
        """Nothing is held open."""

    @property
    def digest(self) -> str:
        """SHA-256 of the content, in hexadecimal."""
        made = hashlib.sha256()
        for piece in self._read():
            made.update(piece)
        return made.hexdigest()

    def _read(self) -> Iterator[bytes]:
        for piece in self._pieces:
            if isinstance(piece, bytes):
                yield piece
                continue
            with piece.open() as reader:
                while text := reader.read(_PIECE):
                    yield text
