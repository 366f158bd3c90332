"""Comments that silence findings, `# conn: ignore CODE -- reason`: what each reaches, and those that reach nothing."""

from collections.abc import Iterable, Iterator

from conn_engine.diagnostics import Diagnostic, Span, diagnostic, did_you_mean
from conn_engine.diagnostics.codes import CODES
from conn_engine.documents import Document

__all__ = ["SuppressedPlaces", "find_faulty_suppressions"]

_NOT_SILENCEABLE = frozenset({"SEC110", "SEC111", "SEC113", "SEC114", "SEC115", "SEC116"})
"""What an override may not do. Its author could write the comment as well, so only conn.yaml makes exceptions."""


class SuppressedPlaces:
    """Which (file, line, code) are silenced. A comment before a block scalar (`|`, `>`) reaches all of its lines."""

    def __init__(self, documents: Iterable[Document]) -> None:
        self._places: set[tuple[str, int, str]] = set()
        for document in documents:
            for suppression in document.suppressions:
                if suppression.reason and suppression.code in CODES and suppression.code not in _NOT_SILENCEABLE:
                    for line in _iterate_lines(document, suppression.line):
                        self._places.add((document.file, line, suppression.code))

    def covers(self, finding: Diagnostic) -> bool:
        """Whether a comment with a reason silences the finding."""
        return finding.span is not None and (finding.span.file, finding.span.line, finding.code) in self._places


def find_faulty_suppressions(document: Document) -> Iterator[Diagnostic]:
    """DOC011 for each comment that silences nothing: without a code or reason, or with one that it cannot silence."""
    for suppression in document.suppressions:
        span = Span(document.file, suppression.at, 1)
        text = document.line(suppression.at)
        column = text.find("#", max(0, text.find("conn:") - 12)) + 1
        if column > 0:
            span = Span(document.file, suppression.at, column, suppression.at, len(text.rstrip()) + 1)
        if not suppression.code:
            message = "the comment names no code, so it silences nothing"
            hint = "write: # conn: ignore CODE -- reason"
        elif suppression.code not in CODES:
            message = f"there is no code {suppression.code}, so the comment silences nothing"
            hint = did_you_mean(suppression.code, CODES) or "conn explain lists them"
        elif suppression.code in _NOT_SILENCEABLE:
            message = f"a comment cannot silence {suppression.code}: only conn.yaml can allow it"
            hint = f"correct the override; conn explain {suppression.code} shows what conn.yaml can allow"
        elif not suppression.reason:
            message = f"the comment gives no reason to ignore {suppression.code}, so it silences nothing"
            hint = f"write: # conn: ignore {suppression.code} -- reason"
        else:
            continue
        yield diagnostic("DOC011", message, span, hint=hint)


def _iterate_lines(document: Document, line: int) -> Iterator[int]:
    """The line itself and, when a block scalar begins on it, the scalar's lines: no comment can stand inside one."""
    yield line
    text = document.line(line)
    head = text.split(" #", 1)[0].rstrip()
    if head.rstrip("+-0123456789")[-1:] not in ("|", ">"):
        return
    indent = len(text) - len(text.lstrip())
    last = document.first_line + document.text.count("\n")
    for number in range(line + 1, last + 1):
        below = document.line(number)
        if below.strip() and len(below) - len(below.lstrip()) <= indent:
            return
        yield number
