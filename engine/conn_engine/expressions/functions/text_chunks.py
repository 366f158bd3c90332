"""A long string in chunks that overlap, for `text`: cut at paragraphs where that gives pieces that are short enough,
else at lines, words, and at last between characters."""

from collections import deque
from collections.abc import Iterator
from typing import Any

from conn_engine.expressions.functions.rows import FunctionFault, check_length

__all__ = ["split_text"]

_SEPARATORS = ("\n\n", "\n", " ", "")
_SIZE, _OVERLAP = 200, 60
_MOST_TEXT = 20_000_000
_MOST_SEPARATORS = 20


def split_text(text: str | None, options: dict[str, Any] | None = None) -> list[str] | None:
    """Return the chunks, none longer than `chunkSize` unless no separator divides it."""
    if text is None:
        return None
    settings = options or {}
    size, overlap = _count(settings, "chunkSize", _SIZE), _count(settings, "chunkOverlap", _OVERLAP)
    if size < 1 or overlap >= size:
        raise FunctionFault("Cannot have chunkOverlap >= chunkSize: chunkSize is at least 1, chunkOverlap less than it")
    separators = settings.get("separators", list(_SEPARATORS))
    if not isinstance(separators, list) or not all(isinstance(separator, str) for separator in separators):
        raise FunctionFault("the separators of $recursiveCharacterTextSplitter must be a list of text values")
    splitter = _Splitter(size, overlap)
    return list(splitter.chunks(check_length(text, "the text"), tuple(separators[:_MOST_SEPARATORS])))


def _count(options: dict[str, Any], name: str, default: int) -> int:
    value = options.get(name, default)
    if isinstance(value, bool) or not isinstance(value, int | float) or value != int(value) or value < 0:
        raise FunctionFault(f"{name} of $recursiveCharacterTextSplitter must be a number of characters")
    return int(value)


class _Splitter:
    """Chunks within a size; what overlaps makes them longer together than the text, within a bound."""

    def __init__(self, size: int, overlap: int) -> None:
        self._size = size
        self._overlap = overlap
        self._left = _MOST_TEXT

    def chunks(self, text: str, separators: tuple[str, ...]) -> Iterator[str]:
        """Split text at the first of these separators that it contains."""
        index = next(
            (index for index, separator in enumerate(separators) if not separator or separator in text),
            len(separators) - 1,
        )
        finer = separators[index + 1 :]
        short: list[str] = []
        for piece in _pieces(text, separators[index] if separators else ""):
            if len(piece) < self._size:
                short.append(piece)
                continue
            yield from self._join(short)
            short = []
            yield from self.chunks(piece, finer) if finer else self._emit(piece)
        yield from self._join(short)

    def _join(self, pieces: list[str]) -> Iterator[str]:
        """Chunks of as many pieces as fit, each with the last ones of the chunk before it."""
        waiting: deque[str] = deque()
        total = 0
        for piece in pieces:
            if total + len(piece) > self._size and waiting:
                yield from self._emit("".join(waiting))
                while total > self._overlap or (total + len(piece) > self._size and total > 0):
                    total -= len(waiting.popleft())
            waiting.append(piece)
            total += len(piece)
        yield from self._emit("".join(waiting))

    def _emit(self, chunk: str) -> Iterator[str]:
        self._left -= len(chunk)
        if self._left < 0:
            raise FunctionFault("the chunks would be too long in total: decrease chunkOverlap", "U1001")
        if chunk.strip():
            yield chunk.strip()


def _pieces(text: str, separator: str) -> Iterator[str]:
    """Cut the text before each separator, so that each piece starts with one."""
    if not separator:
        yield from text
        return
    first, *others = text.split(separator)
    if first:
        yield first
    yield from (separator + other for other in others)
