"""Recordings and recorded deliveries by file: what each is for, and the digest of its content."""

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Generic, TypeVar

from conn_engine.recordings.files import load_recording
from conn_engine.testing.deliveries.cases import delivery_name
from conn_engine.webhooks.recorded import load_delivery

__all__ = ["FileCache", "RecordedFile", "RecordedFiles"]

T = TypeVar("T")
Signature = tuple[int, int, int]


@dataclass(frozen=True, slots=True)
class RecordedFile:
    """One recording: its path, its operation and account ("" for all accounts), and the digest of its content."""

    path: Path
    operation: str
    account: str
    digest: str
    context: Mapping[str, Any]
    size: int


class FileCache(Generic[T]):
    """Reads files, and reads a file again only when it has changed."""

    def __init__(self, read: Callable[[Path, str], T]) -> None:
        self._read = read
        self._known: dict[Path, tuple[Signature, T]] = {}

    def read(self, path: Path, display: str) -> T:
        """Return what a file contains; `display` is its name for people. Raises the errors of reading it."""
        try:
            status = path.stat()
        except OSError:
            return self._read(path, display)  # raises the error
        signature = (status.st_mtime_ns, status.st_size, status.st_ino)
        cached = self._known.get(path)
        if cached is not None and cached[0] == signature:
            return cached[1]
        content = self._read(path, display)
        self._known[path] = (signature, content)
        return content


class RecordedFiles:
    """Describes recordings and recorded deliveries. Several workspaces with the same folder, such as drafts, can share
    it."""

    def __init__(self) -> None:
        self._recordings = FileCache(_describe_recording)
        self._deliveries = FileCache(_describe_delivery)

    def read_recording(self, path: Path, display: str) -> RecordedFile:
        """Return the recording in a file. Raises ConfigurationError if it cannot be read."""
        return self._recordings.read(path, display)

    def read_delivery(self, path: Path, display: str) -> RecordedFile:
        """Return the recorded delivery in a file. Raises ConfigurationError if it cannot be read."""
        return self._deliveries.read(path, display)


def _describe_recording(path: Path, display: str) -> RecordedFile:
    recording = load_recording(path, display)
    return RecordedFile(
        path, recording.operation, recording.account, _digest(path), recording.context, path.stat().st_size
    )


def _describe_delivery(path: Path, display: str) -> RecordedFile:
    delivery = load_delivery(path, display)
    return RecordedFile(
        path, delivery_name(path.stem).text, "", _digest(path), delivery.account.context, path.stat().st_size
    )


def _digest(path: Path) -> str:
    return hashlib.blake2b(path.read_bytes(), digest_size=16).hexdigest()
