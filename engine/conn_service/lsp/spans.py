"""Ranges of findings and origins, in any document of a workspace."""

from pathlib import Path

from conn_engine.diagnostics import Span
from conn_service.lsp.drafts import DraftWorkspace
from conn_service.lsp.messages import Encoding, TargetPlace, TextRange
from conn_service.lsp.positions import TextPositions

__all__ = ["SpanConverter"]


class SpanConverter:
    """Converts spans to ranges. The text of a document that is not open is read when a span refers to it."""

    def __init__(self, drafts: DraftWorkspace, encoding: Encoding) -> None:
        self._drafts = drafts
        self._encoding = encoding
        self._positions: dict[Path, TextPositions] = {}

    def to_range(self, span: Span) -> TextRange:
        """Return the range of a span."""
        path = self._drafts.current.root / span.file
        if path not in self._positions:
            self._positions[path] = TextPositions(self._drafts.get_text(path), self._encoding)
        return self._positions[path].to_range(span)

    def to_target(self, span: Span) -> TargetPlace:
        """Return the place of a span, with its file."""
        return TargetPlace(str(self._drafts.current.root / span.file), self.to_range(span))
