"""An editor without a protocol: it asks the session that the analysis process runs."""

from pathlib import Path

import pytest

from conn_engine.config import tree
from conn_service.lsp.messages import EditorQuery, Encoding, Problem
from conn_service.lsp.session import EditorSession


class TextEditor:
    """Opens and changes documents of a workspace. Each step returns the findings that it publishes, by file."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.encoding: Encoding = "utf-16"
        self.session = EditorSession()

    def open(self, name: str, text: str | None = None) -> dict[str, list[Problem]]:
        return self.type(name, (self.root / name).read_text(encoding="utf-8") if text is None else text)

    def type(self, name: str, text: str | None) -> dict[str, list[Problem]]:
        return self._ask(EditorQuery("lint", self.encoding, {str(self.root / name): text}))

    def reload(self) -> dict[str, list[Problem]]:
        return self._ask(EditorQuery("lint", self.encoding, reload=True))

    def _ask(self, query: EditorQuery) -> dict[str, list[Problem]]:
        reply = self.session.answer(query)
        return {Path(found.path).relative_to(self.root).as_posix(): found.problems for found in reply.lint}

    def count_parsed(self, monkeypatch: pytest.MonkeyPatch) -> list[str]:
        """Return the list to which every file that is parsed from now on is added."""
        parsed: list[str] = []
        read, parse = tree.read_document, tree.parse
        monkeypatch.setattr(tree, "read_document", lambda path, shown: parsed.append(shown) or read(path, shown))
        monkeypatch.setattr(tree, "parse", lambda text, shown: parsed.append(shown) or parse(text, shown))
        return parsed
