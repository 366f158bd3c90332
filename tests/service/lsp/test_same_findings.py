"""An editor that types every mistake that lint knows, one after the other, and corrects it again: it shows what lint
finds in a fresh workspace, and nothing afterwards."""

from pathlib import Path

import pytest
from bad_workspaces import GOOD, LINTED, Bad, make
from editing import TextEditor

from conn_service.lsp.messages import Problem

Shown = dict[str, list[Problem]]


def list_files(bad: Bad) -> dict[str, str | bytes | None]:
    """Return the files that a mistake changes."""
    files = dict(bad.files)
    if bad.swap:
        file, old, new = bad.swap
        files[file] = str(files.get(file, GOOD.get(file))).replace(old, new, 1)
    return files


class MistakeTypist:
    """Keeps what the editor shows, and which files are open."""

    def __init__(self, root: Path) -> None:
        self.editor = TextEditor(make(root))
        self.editor.encoding = "utf-32"
        self.shown: Shown = {}
        for name in GOOD:
            if name.endswith(".yaml"):
                self.shown |= self.editor.open(name)

    def change(self, name: str, text: str | bytes | None) -> None:
        path = self.editor.root / name
        if name.endswith((".yaml", ".yml")) and isinstance(text, str):
            self.shown |= self.editor.type(name, text)
            return
        if name in self.shown:
            self.editor.type(name, None)
            del self.shown[name]
        path.parent.mkdir(parents=True, exist_ok=True)
        if text is None:
            path.unlink(missing_ok=True)
        else:
            path.write_bytes(text if isinstance(text, bytes) else text.encode())
        self.shown |= self.editor.reload()

    def correct(self, name: str) -> None:
        good = GOOD.get(name)
        if good is None:
            self.change(name, None)
            return
        path = self.editor.root / name
        if not path.is_file() or path.read_text(encoding="utf-8", errors="replace") != good:
            path.write_text(good, encoding="utf-8")
            self.shown |= self.editor.reload()
        if name.endswith(".yaml"):
            self.change(name, good)

    @property
    def places(self) -> set[tuple[str, str, int, int]]:
        return {
            (problem.code, name, problem.range.line + 1, problem.range.character + 1)
            for name, problems in self.shown.items()
            for problem in problems
        }


@pytest.mark.slow
def test_the_editor_shows_what_lint_finds_and_nothing_when_it_is_corrected(tmp_path: Path) -> None:
    typist = MistakeTypist(tmp_path.resolve())
    assert typist.places == set()
    wrong = {}
    for bad in LINTED:
        files = list_files(bad)
        for name, text in files.items():
            typist.change(name, text)
        expected = {place for place in bad.found if place[1] in typist.shown}
        if typist.places != expected:
            wrong[bad.name] = (typist.places, expected)
        for name in files:
            typist.correct(name)
        if typist.places:
            wrong[f"{bad.name}, corrected"] = (typist.places, set())
    assert wrong == {}
    assert len(LINTED) > 100
