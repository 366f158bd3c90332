"""Comments that silence findings, `# conn: ignore CODE -- reason`: their lines, and comments without effect."""

from collections.abc import Iterable, Iterator

from conn_engine.diagnostics import Diagnostic, Span, diagnostic, did_you_mean
from conn_engine.diagnostics.codes import CODES
from conn_engine.documents import Document

__all__ = ["SuppressedPlaces", "find_faulty_suppressions"]

_NOT_SILENCEABLE = frozenset({"SEC110", "SEC111", "SEC113", "SEC114", "SEC115", "SEC116"})
"""Findings about overrides, whose author could also write the comment. Only conn.yaml can allow them."""


class SuppressedPlaces:
    """The places where comments silence a code. A comment before a block scalar (`|`, `>`) applies to all its lines."""

    def __init__(self, documents: Iterable[Document]) -> None:
        self._places: set[tuple[str, int, str]] = set()
        for document in documents:
            for suppression in document.suppressions:
                if suppression.reason and suppression.code in CODES and suppression.code not in _NOT_SILENCEABLE:
                    for line in _iterate_lines(document, suppression.line):
                        self._places.add((document.file, line, suppression.code))

    def covers(self, finding: Diagnostic) -> bool:
        """Return whether a comment with a reason silences the finding."""
        return finding.span is not None and (finding.span.file, finding.span.line, finding.code) in self._places


def find_faulty_suppressions(document: Document) -> Iterator[Diagnostic]:
    """DOC011: a comment has no code, an unknown code, no reason, or a code that a comment cannot silence."""
    for suppression in document.suppressions:
        span = Span(document.file, suppression.at, 1)
        text = document.line(suppression.at)
        column = text.find("#", max(0, text.find("conn:") - 12)) + 1
        if column > 0:
            span = Span(document.file, suppression.at, column, suppression.at, len(text.rstrip()) + 1)
        if not suppression.code:
            message = "the comment names no code, so it has no effect"
            hint = "write: # conn: ignore CODE -- reason"
        elif suppression.code not in CODES:
            message = f"unknown code {suppression.code}, so the comment has no effect"
            hint = did_you_mean(suppression.code, CODES) or "list the codes: conn explain codes"
        elif suppression.code in _NOT_SILENCEABLE:
            message = f"a comment cannot silence {suppression.code}: only conn.yaml can allow it"
            hint = f"correct the override; to see what conn.yaml can allow: conn explain {suppression.code}"
        elif not suppression.reason:
            message = f"the comment gives no reason to ignore {suppression.code}, so it has no effect"
            hint = f"write: # conn: ignore {suppression.code} -- reason"
        else:
            continue
        yield diagnostic("DOC011", message, span, hint=hint)


def _iterate_lines(document: Document, line: int) -> Iterator[int]:
    """Yield the line and, if a block scalar starts there, the lines of the scalar, which cannot contain comments."""
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
