"""A workspace folder as the only release. Files are read again only if they have changed."""

import os
import time
from collections.abc import Iterator
from pathlib import Path
from threading import Lock
from typing import Final

from conn_engine.config import Workspace, load_workspace

__all__ = ["FolderReleases"]

_FRESH_SECONDS: Final = 1.0
_SHARE: Final = 20
"""How much longer than a look at the files the pause is that follows it."""
_NO_DOCUMENTS: Final = ("recordings", "deliveries", "expected", "node_modules", "__pycache__")
Stamp = tuple[int, int, int]
"""The time of the last change, the size and the number of a file."""


class FolderReleases:
    """A workspace folder as the only release: each run uses the files as they are when it is opened."""

    def __init__(self, root: Path, *, fresh_seconds: float = _FRESH_SECONDS) -> None:
        self.root = root
        self._fresh_seconds = fresh_seconds
        self._lock = Lock()
        self._workspace: Workspace | None = None
        self._stamps: dict[Path, Stamp] = {}
        self._next_check = 0.0

    def get_current(self) -> tuple[str, Workspace]:
        """Return the workspace in the folder: the same one as long as no file has changed. That is looked up after
        `fresh_seconds`, or later if there are many files. Raises ConfigurationError if it cannot be used."""
        with self._lock:
            began = time.monotonic()
            if self._workspace is None or began >= self._next_check:
                self._workspace = self._load_changed(self._workspace)
                took = time.monotonic() - began
                pause = max(self._fresh_seconds, _SHARE * took) if self._fresh_seconds else 0.0
                self._next_check = began + took + pause
            return "", self._workspace

    def get_workspace(self, release: str) -> Workspace:
        """Return the workspace in the folder, as its files are now: the same one as long as no file has changed."""
        with self._lock:
            self._workspace = self._load_changed(self._workspace)
            return self._workspace

    def _load_changed(self, workspace: Workspace | None) -> Workspace:
        before, self._stamps = self._stamps, dict(_find_stamps(self.root.absolute()))
        if workspace is None:
            return load_workspace(self.root)
        changed = {path for path, _ in before.items() ^ self._stamps.items()}
        if not changed:
            return workspace
        try:
            workspace = workspace.reread(changed)
            _ = workspace.settings
        except BaseException:
            self._workspace = None  # so that the next call reads it again
            raise
        return workspace


def _find_stamps(folder: Path) -> Iterator[tuple[Path, Stamp]]:
    """Yield the files that may be documents, or that documents name."""
    with os.scandir(folder) as entries:
        for entry in entries:
            if entry.name.startswith(".") or entry.name in _NO_DOCUMENTS:
                continue
            if entry.is_dir(follow_symlinks=False):
                yield from _find_stamps(Path(entry.path))
            else:
                status = entry.stat(follow_symlinks=False)
                yield Path(entry.path), (status.st_mtime_ns, status.st_size, status.st_ino)
