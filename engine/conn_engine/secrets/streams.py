"""Secrets removed from bytes that come in pieces. `redaction` finds them."""

from collections.abc import Callable

__all__ = ["EchoCleaner", "Replacement"]

_BLOCK = 256 * 1024
_SPARE = 64

Replacement = tuple[int, int, bytes]
"""From where to where, and by what."""


class EchoCleaner:
    """Looks at windows that overlap, so that no secret stands across a seam unseen.

    The windows begin where their content says, never where a piece happens to end: what comes out is the same however
    the bytes came in. `replacements` are those of a window, in order (None: there are none in any); a secret is spelled
    in `longest` bytes at most.
    """

    def __init__(self, replacements: Callable[[bytes], list[Replacement]] | None, longest: int) -> None:
        self._replacements = replacements
        self._overlap = longest + _SPARE
        self._window = _BLOCK + 2 * self._overlap
        self._buffer = bytearray()

    def feed(self, piece: bytes) -> bytes:
        """What is clean of what came so far."""
        if self._replacements is None:
            return piece
        self._buffer += piece
        parts: list[bytes] = []
        at = 0
        while len(self._buffer) - at >= self._window:
            text, length = self._clean(bytes(self._buffer[at : at + self._window]), last=False)
            parts.append(text)
            at += length
        if at:
            del self._buffer[:at]
        return b"".join(parts)

    def finish(self) -> bytes:
        """The rest. It is shorter than a window."""
        text, _ = self._clean(bytes(self._buffer), last=True)
        self._buffer.clear()
        return text

    def _clean(self, window: bytes, *, last: bool) -> tuple[bytes, int]:
        """The clean beginning of a window, and how many bytes of the window it stands for."""
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
