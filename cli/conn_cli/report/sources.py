"""Read the lines that findings point to, once for each file and only when they are needed."""

from collections.abc import Iterable
from functools import cached_property
from pathlib import Path, PurePath
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from conn_engine.documents import Document

__all__ = ["Sources"]

_MAX_BYTES = 8 * 1024 * 1024


class Sources:
    """Lines of files, by the file names of spans.

    Lines come from `documents` that were already read (or are not files, such as standard input), or else from the
    file below `root`. Without a root, they only come from the documents.
    """

    def __init__(self, root: Path | None = None, documents: "Iterable[Document]" = ()) -> None:
        self._root = root
        self._documents: dict[str, list[Document]] = {}
        self._files: dict[str, list[str]] = {}
        for document in documents:
            self.add(document)

    def add(self, document: "Document") -> None:
        """Take lines of this file from the document. The code blocks of a Markdown file are several documents."""
        self._documents.setdefault(document.file, []).append(document)

    def in_repository(self, file: str) -> str:
        """Return a file's path in the repository, of which the workspace may be only a folder."""
        return file if PurePath(file).is_absolute() else f"{self._prefix}{file}"

    @cached_property
    def _prefix(self) -> str:
        root = self._root.resolve() if self._root is not None else None
        for folder in (root, *root.parents) if root is not None else ():
            if (folder / ".git").exists() and root is not None:
                below = root.relative_to(folder).as_posix()
                return "" if below == "." else f"{below}/"
        return ""

    def line(self, file: str, number: int) -> str:
        """Return a line without its break, numbered from 1, or "" if there is no such file or line."""
        for document in self._documents.get(file, ()):
            if text := document.line(number):
                return text
        lines = self._files.get(file)
        if lines is None:
            lines = self._files[file] = self._read(file)
        return lines[number - 1] if 1 <= number <= len(lines) else ""

    def _read(self, file: str) -> list[str]:
        if self._root is None or not file:
            return []
        try:
            path = (self._root / file).resolve()
            # A document may set the file name of a span, and must not make other files of the machine readable.
            if not path.is_relative_to(self._root.resolve()) or not path.is_file():
                return []
            with path.open("rb") as stream:
                content = stream.read(_MAX_BYTES)
        except (OSError, ValueError, RuntimeError):  # circular links raise RuntimeError
            return []
        text = content.decode("utf-8-sig", "replace")
        return text.replace("\r\n", "\n").replace("\r", "\n").split("\n")
