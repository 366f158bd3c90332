"""Where the documents of a workspace are: a folder, or something that stands for one. `load` interprets them."""

from pathlib import Path
from typing import Protocol

from conn_engine.documents import Document, read_document

__all__ = ["FolderTree", "Tree"]


class Tree(Protocol):
    """Files by path below the root of a workspace. The root need not exist on this machine."""

    def entries(self, folder: Path) -> list[Path]:
        """Return the contents of a folder, sorted, without hidden names; empty if it is not a folder."""
        ...

    def is_file(self, path: Path) -> bool:
        """Return whether there is a file at this path."""
        ...

    def is_dir(self, path: Path) -> bool:
        """Return whether there is a folder at this path."""
        ...

    def is_inside(self, path: Path) -> bool:
        """Return whether a path, existing or not, leads to a location in the workspace."""
        ...

    def document(self, path: Path, shown: str) -> Document:
        """Return a file as a document; `shown` is its name for people. Raises ConfigurationError."""
        ...

    def on_disk(self, path: Path) -> Path:
        """Return the path that other libraries can open."""
        ...


class FolderTree:
    """A folder on this machine."""

    def __init__(self, root: Path) -> None:
        self._root = root.resolve()

    def entries(self, folder: Path) -> list[Path]:
        """Return the contents of a folder."""
        return sorted(path for path in folder.iterdir() if path.name[0] != ".") if folder.is_dir() else []

    def is_file(self, path: Path) -> bool:
        """Return whether there is a file at this path."""
        return path.is_file()

    def is_dir(self, path: Path) -> bool:
        """Return whether there is a folder at this path."""
        return path.is_dir()

    def is_inside(self, path: Path) -> bool:
        """Return whether no link leads the path out of the folder."""
        try:
            return path.resolve().is_relative_to(self._root)
        except (OSError, RuntimeError):  # circular links
            return False

    def document(self, path: Path, shown: str) -> Document:
        """Return a file as a document."""
        return read_document(path, shown)

    def on_disk(self, path: Path) -> Path:
        """Return the path itself."""
        return path
