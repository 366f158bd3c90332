"""The fixes of findings as edits of an open document."""

from collections.abc import Iterator
from itertools import takewhile
from operator import eq

from conn_engine.diagnostics import Diagnostic
from conn_engine.documents.edits import apply_edits
from conn_engine.errors import ConnError
from conn_service.lsp.edited_document import EditedDocument
from conn_service.lsp.messages import EditorAction

__all__ = ["find_actions"]


def find_actions(document: EditedDocument, first_line: int, last_line: int) -> list[EditorAction]:
    """Return the fixes of the findings in these lines, which count from 0."""
    findings = document.drafts.get_findings(document.file.path)
    chosen = [
        finding
        for finding in findings
        if finding.span
        and finding.span.line - 1 <= last_line
        and (finding.span.end_line or finding.span.line) > first_line
    ]
    return [action for finding in chosen for action in _build_action(document, finding)]


def _build_action(document: EditedDocument, finding: Diagnostic) -> Iterator[EditorAction]:
    fix = finding.fix
    if fix is None or fix.file != document.drafts.current.format_path(document.file.path):
        return
    old = document.text
    try:
        new = apply_edits(old, fix.file, fix.edits)
    except ConnError:  # the syntax around the place is not one that edits know
        return
    if new == old:
        return
    start = _count_equal(old, new)
    tail = _count_equal(old[start:][::-1], new[start:][::-1])
    range_ = document.positions.to_range_of(start, len(old) - tail)
    title = f"Fix {finding.code}: {finding.hint or finding.message}"
    yield EditorAction(title, finding.code, range_, new[start : len(new) - tail], fix.is_certain)


def _count_equal(one: str, other: str) -> int:
    """Return the number of characters that two texts start with alike."""
    return sum(1 for _ in takewhile(bool, map(eq, one, other)))
