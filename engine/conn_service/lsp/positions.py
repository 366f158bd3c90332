"""Convert between the protocol's positions and the characters of a text.

An editor counts lines and columns from 0, and columns in UTF-16 units unless it negotiates another encoding. Findings
count characters from 1. Lines end at `\\n`, `\\r\\n` and `\\r`, as in the protocol.
"""

from conn_engine.diagnostics import Span
from conn_engine.documents.document import Lines
from conn_service.lsp.messages import Encoding, TextRange

__all__ = ["TextPositions"]


class TextPositions:
    """The positions of one text, in the encoding of an editor."""

    def __init__(self, text: str, encoding: Encoding) -> None:
        self.text = text
        self._lines = Lines(text)
        self._encoding = encoding

    def to_range(self, span: Span) -> TextRange:
        """Return the range of a span. One without an end covers a single character."""
        end_line, end_column = span.end_line or span.line, span.end_column
        if end_line < span.line or (end_line == span.line and end_column <= span.column):
            end_line, end_column = span.line, span.column + 1
        start = self._count_units(span.line, span.column)
        return TextRange(span.line - 1, start, end_line - 1, self._count_units(end_line, end_column))

    def to_range_of(self, start: int, end: int) -> TextRange:
        """Return the range between two offsets of the text."""
        line, column = self._lines.to_line_and_column(start)
        end_line, end_column = self._lines.to_line_and_column(end)
        return TextRange(
            line - 1, self._count_units(line, column), end_line - 1, self._count_units(end_line, end_column)
        )

    def to_offset(self, line: int, character: int) -> int:
        """Return the offset of a position. One beyond a line or the text is at its end."""
        text = self._lines.text(line + 1)
        start = self._lines.to_offset(line + 1)
        for index, sign in enumerate(text):
            if character <= 0:
                return start + index
            character -= self._measure(sign)
        return start + len(text)

    def _count_units(self, line: int, column: int) -> int:
        text = self._lines.text(line)[: column - 1]
        return len(text) if text.isascii() else sum(map(self._measure, text))

    def _measure(self, sign: str) -> int:
        if self._encoding == "utf-32":
            return 1
        if self._encoding == "utf-16":
            return 2 if ord(sign) > 0xFFFF else 1
        return len(sign.encode("utf-8", "surrogatepass"))
