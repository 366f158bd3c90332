"""Where the documents of a workspace are: a folder, a folder with strings that are not saved, or another source.

`load` interprets them.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Protocol

from conn_engine.documents import Document, parse, read_document
from conn_engine.errors import ConfigurationError

__all__ = ["DraftTree", "FolderTree", "Tree"]


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

    def content(self, path: Path) -> bytes:
        """Return the bytes of a file. Raises OSError or ConfigurationError if it cannot be read."""
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

    def content(self, path: Path) -> bytes:
        """Return the bytes of a file."""
        return path.read_bytes()

    def on_disk(self, path: Path) -> Path:
        """Return the path itself."""
        return path


class DraftTree:
    """Files of another tree, some of them with other strings. None stands for a removed file."""

    def __init__(self, saved: Tree, texts: Mapping[Path, str | None]) -> None:
        self.saved = saved
        self.texts = texts
        self._folders = {folder for path, text in texts.items() if text is not None for folder in path.parents}

    def entries(self, folder: Path) -> list[Path]:
        """Return the contents of a folder."""
        found = {path for path in self.saved.entries(folder) if self.texts.get(path, "") is not None}
        for path, text in self.texts.items():
            if text is not None and path.is_relative_to(folder) and path != folder:
                found.add(folder / path.relative_to(folder).parts[0])
        return sorted(path for path in found if path.name[0] != ".")

    def is_file(self, path: Path) -> bool:
        """Return whether there is a file at this path."""
        return self.texts[path] is not None if path in self.texts else self.saved.is_file(path)

    def is_dir(self, path: Path) -> bool:
        """Return whether there is a folder at this path."""
        return path in self._folders or self.saved.is_dir(path)

    def is_inside(self, path: Path) -> bool:
        """Return whether no link leads the path out of the workspace."""
        return self.saved.is_inside(path)

    def document(self, path: Path, shown: str) -> Document:
        """Return a file as a document."""
        if path not in self.texts:
            return self.saved.document(path, shown)
        return parse(self._get_text(path, shown), shown)

    def content(self, path: Path) -> bytes:
        """Return the bytes of a file."""
        return self._get_text(path, path.name).encode() if path in self.texts else self.saved.content(path)

    def _get_text(self, path: Path, shown: str) -> str:
        text = self.texts[path]
        if text is None:
            raise ConfigurationError(f"{shown} is removed in this draft")
        return text

    def on_disk(self, path: Path) -> Path:
        """Return the saved path. Raises ConfigurationError for a draft, which other libraries cannot open."""
        if path in self.texts:
            raise ConfigurationError(f"{path.name} must be saved before it can be used", hint="save the file")
        return self.saved.on_disk(path)
