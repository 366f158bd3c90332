"""The open documents of an editor as drafts of their workspaces, and the answers to its queries."""

from collections.abc import Iterator
from pathlib import Path

import msgspec

from conn_engine.documents.locate import find_workspace
from conn_service.lsp.drafts import DraftWorkspace
from conn_service.lsp.messages import EditorQuery, EditorReply, FileProblems
from conn_service.lsp.problems import find_problems

__all__ = ["EditorSession"]


class EditorSession:
    """Everything that an editor has open, in any number of workspaces. Files outside of a workspace are ignored."""

    def __init__(self) -> None:
        self._workspaces: dict[Path, DraftWorkspace] = {}
        self._names: dict[Path, str] = {}

    def answer(self, query: EditorQuery) -> EditorReply:
        """Return the answer to a query."""
        for name, text in query.changes.items():
            place = self._locate(name)
            if place is not None:
                place[0].change(place[1], text)
        if query.reload:
            for drafts in self._workspaces.values():
                drafts.reload()
        return EditorReply(lint=list(self._lint(query)))

    def _locate(self, name: str) -> tuple[DraftWorkspace, Path] | None:
        """Return the workspace of a file and its path there; None for a file outside of every workspace."""
        folder = Path(name).parent.resolve()
        root = find_workspace(folder)
        if root is None:
            return None
        path = folder / Path(name).name
        self._names[path] = name
        if root not in self._workspaces:
            self._workspaces[root] = DraftWorkspace(root)
        return self._workspaces[root], path

    def _lint(self, query: EditorQuery) -> Iterator[FileProblems]:
        for drafts in self._workspaces.values():
            affected = drafts.take_affected()
            if affected:
                for found in find_problems(drafts, affected, query.encoding):
                    yield msgspec.structs.replace(found, path=self._names.get(Path(found.path), found.path))
