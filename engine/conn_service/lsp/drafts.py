"""The open documents of one workspace as drafts, and which of them a change reaches."""

from collections.abc import Iterator, Mapping
from pathlib import Path

from conn_engine.config import File, Workspace
from conn_engine.documents import Document
from conn_engine.errors import ConnError

__all__ = ["DraftWorkspace"]


class DraftWorkspace:
    """A workspace with the open documents as they are in the editor.

    `current` is that workspace. Documents that did not change are parsed once, whatever is typed elsewhere.
    """

    def __init__(self, root: Path) -> None:
        self._saved = Workspace(root)
        self.current = self._saved
        self.open: dict[Path, str] = {}
        self._changed: set[Path] = set()

    def change(self, path: Path, text: str | None) -> None:
        """Open a document, change its text, or close it (None)."""
        if text is None:
            self.open.pop(path, None)
            self.current = self._saved.with_texts(self._list_texts(self.open))
        elif self.open.get(path) != text:
            self.open[path] = text
            self.current = self.current.with_texts(self._list_texts({path: text}))
        self._changed.add(path)

    def reload(self) -> None:
        """Read the files that are not open again: something else has changed some."""
        self._saved = Workspace(self._saved.root)
        self.current = self._saved.with_texts(self._list_texts(self.open))
        self._changed.update(self.open)

    def take_affected(self) -> list[Path]:
        """Return the open documents whose findings the changes since the last call may affect."""
        changed, self._changed = self._changed, set()
        files = {file.path: file for file in self.current.files()}
        sources = [(files[path], self._find_connectors(files[path])) for path in changed if path in files]
        return [
            path
            for path in self.open
            if path in files and (path in changed or any(self._is_related(files[path], *source) for source in sources))
        ]

    def find_file(self, path: Path) -> File | None:
        """Return the document of the workspace at a path, or None for any other file."""
        return next((file for file in self.current.files() if file.path == path), None)

    def read(self, file: File) -> Document | None:
        """Return a document; None if it cannot be read."""
        try:
            return self.current.read(file)
        except ConnError:
            return None

    def get_text(self, path: Path) -> str:
        """Return the text of a document, open or not; an empty one if it cannot be read."""
        if path in self.open:
            return self.open[path]
        file = self.find_file(path)
        document = self.read(file) if file is not None else None
        return "" if document is None else document.text

    def _list_texts(self, texts: Mapping[Path, str]) -> dict[str, str | None]:
        return {path.relative_to(self._saved.root).as_posix(): text for path, text in texts.items()}

    def _is_related(self, file: File, other: File, connectors: frozenset[str] | None) -> bool:
        """Return whether the findings of a document may depend on another one, whose connectors these are."""
        kinds = {file.kind, other.kind}
        if "workspace" in kinds:
            return other.kind in ("workspace", "environment")
        if kinds == {"environment", "account"}:
            return True
        if len(kinds) == 1 and kinds <= {"environment", "account", "change"}:
            return False
        mine = self._find_connectors(file)
        return mine is None or connectors is None or not mine.isdisjoint(connectors)

    def _find_connectors(self, file: File) -> frozenset[str] | None:
        """Return the connectors that a document is about; None if that cannot be read from it."""
        if file.kind in ("connector", "unified"):
            return frozenset((file.name.partition("/")[0],))
        document = self.read(file)
        return None if document is None else frozenset(_list_connectors(file, document.data))


def _list_connectors(file: File, data: object) -> Iterator[str]:
    if isinstance(data, dict):
        named = data.get("connector" if file.kind == "account" else "connectors")
        if isinstance(named, str):
            yield named
        elif isinstance(named, dict):
            yield from map(str, named)
