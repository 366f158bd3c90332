"""Folders that are open while a file is made in them: what is put in the place of one meanwhile changes nothing.

Where the system has no calls relative to an open folder (Windows), paths are used, and a link that is put in the place
of a folder between the check and the writing is followed.
"""

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path

__all__ = ["OpenFolder", "open_folder"]

_RELATIVE = {os.open, os.mkdir, os.rename, os.link, os.unlink, os.stat} <= os.supports_dir_fd
_FLAGS = os.O_RDONLY | getattr(os, "O_DIRECTORY", 0) | getattr(os, "O_CLOEXEC", 0)
_NO_FOLLOW = getattr(os, "O_NOFOLLOW", 0)
_NEW = os.O_WRONLY | os.O_CREAT | os.O_EXCL | _NO_FOLLOW | getattr(os, "O_BINARY", 0)


class OpenFolder:
    """A folder, and the files in it by name. Every method raises OSError."""

    def __init__(self, path: Path, descriptor: int | None) -> None:
        self._path = path
        self._descriptor = descriptor

    def find_mode(self, name: str) -> int | None:
        """What an entry is, and its permissions; None where there is none. A link is itself."""
        try:
            return os.stat(self._to_path(name), dir_fd=self._descriptor, follow_symlinks=False).st_mode
        except FileNotFoundError:
            return None

    def create(self, name: str, mode: int) -> int:
        """The descriptor of a new file."""
        return os.open(self._to_path(name), _NEW, mode, dir_fd=self._descriptor)

    def replace(self, name: str, by: str) -> None:
        """Give the file `by` this name, in place of whatever has it."""
        os.replace(self._to_path(by), self._to_path(name), src_dir_fd=self._descriptor, dst_dir_fd=self._descriptor)

    def claim(self, name: str, by: str) -> bool:
        """Give the file `by` this name too, unless something has it already."""
        try:
            os.link(self._to_path(by), self._to_path(name), src_dir_fd=self._descriptor, dst_dir_fd=self._descriptor)
        except FileExistsError:
            return False
        except OSError:  # a file system without hard links
            if self.find_mode(name) is not None:
                return False
            self.replace(name, by)
        return True

    def remove(self, name: str) -> None:
        """Remove a file, if it is there."""
        with contextlib.suppress(FileNotFoundError):
            os.unlink(self._to_path(name), dir_fd=self._descriptor)

    def flush(self) -> None:
        """Make what was renamed durable, where the system does that."""
        if self._descriptor is not None:
            with contextlib.suppress(OSError):  # some file systems refuse; the file itself is already on disk
                os.fsync(self._descriptor)

    def _to_path(self, name: str) -> str:
        return name if self._descriptor is not None else str(self._path / name)


@contextlib.contextmanager
def open_folder(path: Path, within: Path | None = None, *, create: bool = True) -> Iterator[OpenFolder]:
    """A folder, made where it is missing. Below `within`, which contains it, no link is followed. Raises OSError."""
    if not _RELATIVE:
        if create:
            path.mkdir(parents=True, exist_ok=True)
        yield OpenFolder(path, None)
        return
    start = path if within is None else within
    if create:
        start.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(start, _FLAGS)
    try:
        for part in path.relative_to(start).parts:
            below = _enter(descriptor, part, create=create)
            os.close(descriptor)
            descriptor = below
        yield OpenFolder(path, descriptor)
    finally:
        os.close(descriptor)


def _enter(folder: int, name: str, *, create: bool) -> int:
    try:
        return os.open(name, _FLAGS | _NO_FOLLOW, dir_fd=folder)
    except FileNotFoundError:
        if not create:
            raise
    with contextlib.suppress(FileExistsError):  # made meanwhile
        os.mkdir(name, dir_fd=folder)
    return os.open(name, _FLAGS | _NO_FOLLOW, dir_fd=folder)
