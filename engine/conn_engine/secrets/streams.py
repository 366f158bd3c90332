"""Remove secrets from bytes that arrive in pieces. `redaction` finds them."""

from collections.abc import Callable

__all__ = ["EchoCleaner", "Replacement"]

_BLOCK = 256 * 1024
_SPARE = 64

Replacement = tuple[int, int, bytes]
"""The start, the end, and the replacement."""


class EchoCleaner:
    """Searches overlapping windows, so that a secret across the end of a piece is found.

    A window's start depends on the content, not on the end of a piece, so the result is the same for any division into
    pieces. `replacements` returns the replacements of a window, in order (None: there are never any). A secret has at
    most `longest` bytes in any of its forms.
    """

    def __init__(self, replacements: Callable[[bytes], list[Replacement]] | None, longest: int) -> None:
        self._replacements = replacements
        self._overlap = longest + _SPARE
        self._window = _BLOCK + 2 * self._overlap
        self._buffer = bytearray()

    def feed(self, piece: bytes) -> bytes:
        """Add a piece, and return the bytes that are clean so far."""
        if self._replacements is None:
            return piece
        self._buffer += piece
        parts: list[bytes] = []
        offset = 0
        while len(self._buffer) - offset >= self._window:
            text, length = self._clean(bytes(self._buffer[offset : offset + self._window]), last=False)
            parts.append(text)
            offset += length
        if offset:
            del self._buffer[:offset]
        return b"".join(parts)

    def finish(self) -> bytes:
        """Return the rest, which is shorter than a window."""
        text, _ = self._clean(bytes(self._buffer), last=True)
        self._buffer.clear()
        return text

    def _clean(self, window: bytes, *, last: bool) -> tuple[bytes, int]:
        """Return the clean start of a window, and the number of original bytes that it replaces."""
        end = len(window) if last else len(window) - self._overlap
        parts: list[bytes] = []
        done = 0
        for start, stop, replacement in self._replacements(window) if self._replacements is not None else ():
            if start >= end:
                break
            parts += (window[done:start], replacement)
            done = stop
        parts.append(window[done:end])
        return b"".join(parts), max(end, done)
