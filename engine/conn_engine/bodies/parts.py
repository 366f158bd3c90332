"""Parts of a request body that are sent unchanged: text, bytes, JSON, or a file of the caller.

A part refers to a caller's file by its *name*, so a connector cannot cause a local file to be read.
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

__all__ = ["MAX_UPLOAD_BYTES", "Payload", "Upload", "UploadPart", "to_part"]

MAX_UPLOAD_BYTES = 8 * 1024**3
_IN_MEMORY = 1024 * 1024
_KINDS = ("file", "text", "base64", "json")
_KEYS = frozenset({*_KINDS, "filename", "content_type", "headers"})
_BREAKS = re.compile(r"[\r\n\0]")
_PIECE = 256 * 1024


@dataclass(frozen=True, slots=True, repr=False)
class Upload:
    """A file that the caller provides: bytes, or the path of a file that is read while it is sent."""

    data: bytes | Path
    filename: str = ""
    content_type: str = ""

    @staticmethod
    def from_path(path: str | Path, *, filename: str = "", content_type: str = "") -> "Upload":
        """Return the file at a path. Raises UsageError when it is not a file or larger than 8 GiB."""
        file_path = Path(path)
        try:
            size = file_path.stat().st_size
        except OSError as error:
            raise UsageError(
                f"cannot read {path}: {(error.strerror or str(error)).lower()}",
                hint="correct the path or the permissions of the file",
            ) from error
        if not file_path.is_file():
            raise UsageError(f"{path} is not a file", hint="pass the path of a file")
        if size > MAX_UPLOAD_BYTES:
            raise UsageError(f"{path} is larger than {MAX_UPLOAD_BYTES // 2**30} GiB", hint="send a smaller file")
        import mimetypes

        name = filename or file_path.name
        return Upload(file_path, name, content_type or mimetypes.guess_type(name)[0] or "")

    @property
    def size(self) -> int:
        """The number of bytes."""
        return len(self.data) if isinstance(self.data, bytes) else self.data.stat().st_size

    def open(self) -> BinaryIO:
        """Return a reader at the first byte."""
        try:
            return io.BytesIO(self.data) if isinstance(self.data, bytes) else self.data.open("rb")
        except OSError as error:
            raise UsageError(
                f"cannot read {self.data!s}: {(error.strerror or str(error)).lower()}",
                hint="correct the permissions of the file",
            ) from error

    def close(self) -> None:
        """Do nothing: no file is kept open."""


@dataclass(frozen=True, slots=True)
class UploadPart:
    """One part: bytes or a file, its content type, and its file name."""

    content: bytes | Upload
    content_type: str = ""
    filename: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)


def to_part(value: Any, files: Mapping[str, Upload]) -> UploadPart | None:
    """Return the part that an object describes; None when the object is plain data.

    A part has exactly one of `file` (the name of a caller's file), `text`, `base64` and `json`, and otherwise only
    `filename`, `content_type` and `headers`. Raises ConfigurationError for a part that cannot be written, and
    UsageError when the caller has not provided the file.
    """
    if not isinstance(value, dict) or not value.keys() <= _KEYS or sum(kind in value for kind in _KINDS) != 1:
        return None
    kind = next(kind for kind in _KINDS if kind in value)
    content, default_type, name = _build_content(kind, value[kind], files)
    headers = value.get("headers") or {}
    if not isinstance(headers, dict):
        raise ConfigurationError(
            "`headers` of a part must be an object", hint="write an object such as {X-Name: value}"
        )
    return UploadPart(
        content,
        _require_one_line("content_type", value.get("content_type") or default_type),
        _require_one_line("filename", value.get("filename") or name),
        {
            _require_one_line("a header's name", key): _require_one_line(key, item)
            for key, item in headers.items()
            if item is not None
        },
    )


def _build_content(kind: str, value: Any, files: Mapping[str, Upload]) -> tuple[bytes | Upload, str, str]:
    if kind == "json":
        return encode_json(value), "application/json", ""
    if not isinstance(value, str):
        raise ConfigurationError(
            f"`{kind}` of a part must be text, not {type(value).__name__}",
            hint="quote the value, or use `json` for data",
        )
    if kind == "text":
        return value.encode(), "text/plain; charset=utf-8", ""
    if kind == "base64":
        try:
            return base64.b64decode("".join(value.split()), validate=True), "application/octet-stream", ""
        except (binascii.Error, ValueError):
            raise ConfigurationError(
                "`base64` of a part is not valid base64", hint="correct the value, or use `text` for text"
            ) from None
    if value not in files:
        passed = f"only these were passed: {', '.join(files)}" if files else "no file was passed"
        raise UsageError(
            f'the operation sends a file "{value[:80]}", but {passed}',
            hint=f"pass it: conn run … --file {value[:80]}=PATH, or Call(files={{{value[:80]!r}: "
            f"Upload.from_path(PATH)}})",
        )
    upload = files[value]
    return upload, upload.content_type or "application/octet-stream", upload.filename or value


def _require_one_line(label: str, value: Any) -> str:
    text = str(value)
    if _BREAKS.search(text):
        raise ConfigurationError(
            f"{label} of a part contains a line break, which is not allowed in a header", hint="remove the line break"
        )
    return text


class Payload:
    """A body made of pieces, some of them files. Its `digest` covers the content of the pieces."""

    def __init__(self, pieces: Sequence[bytes | Upload]) -> None:
        self._pieces = list(pieces)
        self._sizes = [len(piece) if isinstance(piece, bytes) else piece.size for piece in pieces]

    @property
    def size(self) -> int:
        """The number of bytes."""
        return sum(self._sizes)

    def open(self) -> BinaryIO:
        """Return a reader of all pieces in order."""
        return io.BufferedReader(Pieces(self._iterate()), _PIECE)

    def read_all(self, most: int | None = None) -> bytes | None:
        """Return all bytes; None when there are more than `most`."""
        if self.size > (_IN_MEMORY if most is None else most):
            return None
        return b"".join(self._iterate())

    def close(self) -> None:
        """Do nothing: no file is kept open."""

    @property
    def digest(self) -> str:
        """The SHA-256 digest of the content, in hexadecimal."""
        digest = hashlib.sha256()
        for piece in self._iterate():
            digest.update(piece)
        return digest.hexdigest()

    def _iterate(self) -> Iterator[bytes]:
        for piece in self._pieces:
            if isinstance(piece, bytes):
                yield piece
                continue
            with piece.open() as reader:
                while text := reader.read(_PIECE):
                    yield text
