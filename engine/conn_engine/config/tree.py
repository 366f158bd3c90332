"""Where the documents of a workspace lie: a folder, or something that stands for one. What they mean is `load`'s."""

from pathlib import Path
from typing import Protocol

from conn_engine.documents import Document, read

__all__ = ["FolderTree", "Tree"]


class Tree(Protocol):
    """Files by path below the root of a workspace. The root need not exist on this machine."""

    def entries(self, folder: Path) -> list[Path]:
        """What is in a folder, sorted, without hidden names; nothing for what is no folder."""
        ...

    def is_file(self, path: Path) -> bool:
        """Whether there is a file of this path."""
        ...

    def is_dir(self, path: Path) -> bool:
        """Whether there is a folder of this path."""
        ...

    def inside(self, path: Path) -> bool:
        """Whether a path, existing or not, leads to a place in the workspace."""
        ...

    def document(self, path: Path, shown: str) -> Document:
        """A file as a document; `shown` is its name for people. Raises ConfigurationError."""
        ...

    def on_disk(self, path: Path) -> Path:
        """The path by which other libraries can open a file."""
        ...


class FolderTree:
    """A folder on this machine."""

    def __init__(self, root: Path) -> None:
        self._root = root.resolve()

    def entries(self, folder: Path) -> list[Path]:
        """What is in a folder."""
        return sorted(path for path in folder.iterdir() if path.name[0] != ".") if folder.is_dir() else []

    def is_file(self, path: Path) -> bool:
        """Whether there is a file of this path."""
        return path.is_file()

    def is_dir(self, path: Path) -> bool:
        """Whether there is a folder of this path."""
        return path.is_dir()

    def inside(self, path: Path) -> bool:
        """Whether no link leads a path out of the folder."""
        try:
            return path.resolve().is_relative_to(self._root)
        except (OSError, RuntimeError):  # links that go round
            return False

    def document(self, path: Path, shown: str) -> Document:
        """A file as a document."""
        return read(path, shown)

    def on_disk(self, path: Path) -> Path:
        """The path itself."""
        return path
