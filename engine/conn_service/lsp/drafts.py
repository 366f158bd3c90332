"""The open documents of one workspace as drafts, and which of them a change reaches."""

from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from conn_engine.config import Effective, File, Workspace
from conn_engine.diagnostics import Diagnostic
from conn_engine.documents import Document
from conn_engine.errors import ConnError
from conn_service.lsp.samples import RecordedSamples

__all__ = ["DraftWorkspace"]


class DraftWorkspace:
    """A workspace with the open documents as they are in the editor.

    `current` is that workspace. Documents that did not change are parsed once, whatever is typed elsewhere.
    """

    def __init__(self, root: Path) -> None:
        self._saved = Workspace(root)
        self.current = self._saved
        self.open: dict[Path, str] = {}
        self.samples = RecordedSamples()
        self._changed: set[Path] = set()
        self._files: dict[Path, File] = {}
        self._findings: dict[Path, tuple[str, list[Diagnostic]]] = {}
        self._data: dict[Path, Any] = {}
        self._effective: dict[tuple[str, str | None, str | None], Effective] = {}
        self._latest: dict[tuple[str, str | None, str | None], Effective | None] = {}

    def change(self, path: Path, text: str | None) -> None:
        """Open a document, change its text, or close it (None)."""
        if text is None:
            self.open.pop(path, None)
            self.current = self._saved.with_texts(self._list_texts(self.open))
        elif self.open.get(path) != text:
            self.open[path] = text
            self.current = self.current.with_texts(self._list_texts({path: text}))
        self._changed.add(path)
        self._latest.clear()
        if text is None or path not in self._files:
            self._files.clear()

    def reload(self) -> None:
        """Read the files that are not open again: something else has changed some."""
        self._saved = Workspace(self._saved.root)
        self.current = self._saved.with_texts(self._list_texts(self.open))
        self._changed.update(self.open)
        self._latest.clear()
        self._files.clear()

    def take_affected(self) -> list[Path]:
        """Return the open documents whose findings the changes since the last call may affect."""
        files = self._list_files()
        changed, self._changed = self._changed, set()
        sources = [(files[path], self._find_connectors(files[path])) for path in changed if path in files]
        return [
            path
            for path in self.open
            if path in files and (path in changed or any(self._is_related(files[path], *source) for source in sources))
        ]

    def remember_findings(self, path: Path, findings: list[Diagnostic]) -> None:
        """Store the findings of an open document, for its present text."""
        self._findings[path] = (self.open[path], findings)

    def get_findings(self, path: Path) -> list[Diagnostic]:
        """Return the findings of the last lint; none if the text has changed since."""
        text, findings = self._findings.get(path, ("", []))
        return findings if self.open.get(path) == text else []

    def find_file(self, path: Path) -> File | None:
        """Return the document of the workspace at a path, or None for any other file."""
        return self._list_files().get(path)

    def _list_files(self) -> dict[Path, File]:
        if not self._files:
            self._files = {file.path: file for file in self.current.files()}
        return self._files

    def read(self, file: File) -> Document | None:
        """Return a document; None if it cannot be read."""
        try:
            return self.current.read(file)
        except ConnError:
            return None

    def read_data(self, file: File) -> Any:
        """Return a document's data; those that were read last, if it cannot be read now."""
        document = self.read(file)
        if document is None and file.path not in self._data:
            with suppress(ConnError):
                document = self._saved.read(file)
        if document is not None:
            self._data[file.path] = document.data
        return self._data.get(file.path)

    def find_effective(self, connector: str, account: str | None, environment: str | None) -> Effective | None:
        """Return a configuration; the last one that was valid, if it is not now. None if there was none."""
        key = (connector, account, environment)
        if key not in self._latest:
            self._latest[key] = self._build_effective(*key)
        return self._latest[key]

    def _build_effective(self, connector: str, account: str | None, environment: str | None) -> Effective | None:
        key = (connector, account, environment)
        workspaces = (self.current,) if key in self._effective else (self.current, self._saved)
        for workspace in workspaces:
            with suppress(ConnError):
                if account is not None:
                    self._effective[key] = workspace.effective(account=account)
                else:
                    known = environment if environment in workspace.environments() else None
                    self._effective[key] = workspace.effective(account=None, connector=connector, environment=known)
                break
        return self._effective.get(key)

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
            return other.kind in ("workspace", "environment", "connector")  # `proxy` names paths of connectors
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
        document = self.read(file) if file.kind in ("account", "environment") else None
        return None if document is None else frozenset(_list_connectors(file, document.data))


def _list_connectors(file: File, data: object) -> Iterator[str]:
    if isinstance(data, dict):
        named = data.get("connector" if file.kind == "account" else "connectors")
        if isinstance(named, str):
            yield named
        elif isinstance(named, dict):
            yield from map(str, named)
