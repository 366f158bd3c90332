"""Folders that stay open while files are created in them, so that replacing a folder meanwhile has no effect.

On systems without calls relative to an open folder (Windows), paths are used. A link that replaces a folder between the
check and the write is then followed.
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
    """An open folder, and the files in it by name. Every method raises OSError."""

    def __init__(self, path: Path, descriptor: int | None) -> None:
        self._path = path
        self._descriptor = descriptor

    def find_mode(self, name: str) -> int | None:
        """Return the type and permissions of an entry, or None if it does not exist. Links are not followed."""
        try:
            return os.stat(self._to_path(name), dir_fd=self._descriptor, follow_symlinks=False).st_mode
        except FileNotFoundError:
            return None

    def create(self, name: str, mode: int) -> int:
        """Create a file, and return its descriptor."""
        return os.open(self._to_path(name), _NEW, mode, dir_fd=self._descriptor)

    def replace(self, name: str, by: str) -> None:
        """Rename the file `by` to `name`, replacing an existing file."""
        os.replace(self._to_path(by), self._to_path(name), src_dir_fd=self._descriptor, dst_dir_fd=self._descriptor)

    def claim(self, name: str, by: str) -> bool:
        """Rename the file `by` to `name`. Return False if `name` already exists."""
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
        """Remove a file, if it exists."""
        with contextlib.suppress(FileNotFoundError):
            os.unlink(self._to_path(name), dir_fd=self._descriptor)

    def flush(self) -> None:
        """Write renames to disk, if the system supports that."""
        if self._descriptor is not None:
            with contextlib.suppress(OSError):  # some file systems refuse; the file itself is already on disk
                os.fsync(self._descriptor)

    def _to_path(self, name: str) -> str:
        return name if self._descriptor is not None else str(self._path / name)


@contextlib.contextmanager
def open_folder(path: Path, within: Path | None = None, *, create: bool = True) -> Iterator[OpenFolder]:
    """Open a folder, and create it if it is missing. Raises OSError.

    Below `within`, which contains the folder, links are not followed.
    """
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
    with contextlib.suppress(FileExistsError):  # created meanwhile
        os.mkdir(name, dir_fd=folder)
    return os.open(name, _FLAGS | _NO_FOLLOW, dir_fd=folder)
