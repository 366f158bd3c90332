"""An editor without a protocol: it asks the session that the analysis process runs."""

from pathlib import Path

import pytest

from conn_engine.config import tree
from conn_service.lsp.messages import EditorAction, EditorQuery, EditorReply, Encoding, Method, Problem, Suggestion
from conn_service.lsp.session import EditorSession


class TextEditor:
    """Opens and changes documents of a workspace. Each step returns the findings that it publishes, by file."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.encoding: Encoding = "utf-16"
        self.recording = ""
        self.session = EditorSession()

    def open(self, name: str, text: str | None = None) -> dict[str, list[Problem]]:
        return self.type(name, (self.root / name).read_text(encoding="utf-8") if text is None else text)

    def type(self, name: str, text: str | None) -> dict[str, list[Problem]]:
        return self._ask(EditorQuery("lint", self.encoding, {str(self.root / name): text}))

    def reload(self) -> dict[str, list[Problem]]:
        return self._ask(EditorQuery("lint", self.encoding, reload=True))

    def complete(self, name: str, text: str) -> list[Suggestion]:
        """Return the suggestions at the sign ‸ of a text."""
        return self._ask_at("complete", name, text).complete

    def hover(self, name: str, text: str) -> str:
        """Return what is shown at the sign ‸."""
        shown = self._ask_at("hover", name, text).hover
        return "" if shown is None else shown.text

    def define(self, name: str, text: str) -> list[str]:
        """Return the places that the word at the sign ‸ leads to: file and line."""
        found = self._ask_at("define", name, text).define
        return [f"{Path(at.path).relative_to(self.root).as_posix()}:{at.range.line + 1}" for at in found]

    def act(self, name: str, line: int) -> list[EditorAction]:
        """Return the fixes for the findings in a line."""
        query = EditorQuery("act", "utf-16", path=str(self.root / name), line=line, end_line=line)
        return self.session.answer(query).act

    def _ask_at(self, method: Method, name: str, text: str) -> EditorReply:
        before = text[: text.index("‸")]
        path = str(self.root / name)
        line, column = before.count("\n"), len(before) - before.rfind("\n") - 1
        units = len(before[-column:].encode("utf-16-le")) // 2 if column else 0
        changes: dict[str, str | None] = {path: text.replace("‸", "")}
        query = EditorQuery(method, "utf-16", changes, path=path, line=line, character=units, recording=self.recording)
        return self.session.answer(query)

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
