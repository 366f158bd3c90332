"""The open documents of an editor as drafts of their workspaces, and the answers to its queries."""

from collections.abc import Iterator
from pathlib import Path

import msgspec

from conn_engine.diagnostics.codes import find_code
from conn_engine.documents.locate import find_workspace
from conn_service.lsp.actions import find_actions
from conn_service.lsp.completions import find_completions
from conn_service.lsp.definitions import find_definitions
from conn_service.lsp.drafts import DraftWorkspace
from conn_service.lsp.edited_document import EditedDocument
from conn_service.lsp.hover import find_hover
from conn_service.lsp.messages import EditorQuery, EditorReply, FileProblems
from conn_service.lsp.positions import TextPositions
from conn_service.lsp.problems import find_problems

__all__ = ["EditorSession"]


def explain_code(word: str) -> str:
    """Return the explanation of a finding's code as Markdown; an empty string for an unknown code."""
    code = find_code(word)
    return "" if code is None else f"**{code.id}** {code.title}\n\n{code.explanation.strip()}"


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
        if query.method == "lint":
            return EditorReply(lint=list(self._lint(query)))
        if query.method == "explain":
            return EditorReply(explain=explain_code(query.word))
        document, offset = self._find_document(query)
        if document is None:
            return EditorReply()
        if query.method == "hover":
            return EditorReply(hover=find_hover(document, offset))
        if query.method == "define":
            return EditorReply(define=find_definitions(document, offset, query.encoding))
        if query.method == "act":
            return EditorReply(act=find_actions(document, query.line, query.end_line))
        return EditorReply(complete=find_completions(document, offset))

    def _find_document(self, query: EditorQuery) -> tuple[EditedDocument | None, int]:
        """Return the document that a query is about, and the offset of its position."""
        located = self._locate(query.path)
        if located is None:
            return None, 0
        drafts, path = located
        file = drafts.find_file(path)
        if file is None or path not in drafts.open:
            return None, 0
        drafts.samples.chosen = drafts.current.format_path(Path(query.recording)) if query.recording else ""
        positions = TextPositions(drafts.open[path], query.encoding)
        return EditedDocument(drafts, file, positions), positions.to_offset(query.line, query.character)

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
