"""Recordings and recorded deliveries by file: what each is for, and the digest of its content."""

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from conn_engine.recordings.files import load_recording
from conn_engine.testing.deliveries.cases import delivery_name
from conn_engine.webhooks.recorded import load_delivery

__all__ = ["RecordedFile", "RecordedFiles"]

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


class RecordedFiles:
    """Reads recordings, and reads a file again only when it has changed: several workspaces with the same folder, such
    as drafts, can share it."""

    def __init__(self) -> None:
        self._known: dict[Path, tuple[Signature, RecordedFile]] = {}

    def read_recording(self, path: Path, display: str) -> RecordedFile:
        """Return the recording in a file. Raises ConfigurationError if it cannot be read."""
        return self._read(path, display, _describe_recording)

    def read_delivery(self, path: Path, display: str) -> RecordedFile:
        """Return the recorded delivery in a file. Raises ConfigurationError if it cannot be read."""
        return self._read(path, display, _describe_delivery)

    def _read(self, path: Path, display: str, describe: Callable[..., RecordedFile]) -> RecordedFile:
        try:
            status = path.stat()
        except OSError:
            return describe(path, display, size=0)  # raises the error
        signature = (status.st_mtime_ns, status.st_size, status.st_ino)
        cached = self._known.get(path)
        if cached is not None and cached[0] == signature:
            return cached[1]
        file = describe(path, display, size=status.st_size)
        self._known[path] = (signature, file)
        return file


def _describe_recording(path: Path, display: str, *, size: int) -> RecordedFile:
    recording = load_recording(path, display)
    return RecordedFile(path, recording.operation, recording.account, _digest(path), recording.context, size)


def _describe_delivery(path: Path, display: str, *, size: int) -> RecordedFile:
    delivery = load_delivery(path, display)
    return RecordedFile(path, delivery_name(path.stem).text, "", _digest(path), delivery.account.context, size)


def _digest(path: Path) -> str:
    return hashlib.blake2b(path.read_bytes(), digest_size=16).hexdigest()
