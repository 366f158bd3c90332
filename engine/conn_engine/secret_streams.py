"""Secrets removed from bytes that come in pieces. Which forms a secret has is `secret_forms`', what stands for it is
`secrets`'."""

from collections.abc import Callable, Sequence

__all__ = ["EchoCleaner"]

_BLOCK = 256 * 1024
_SPARE = 64


class EchoCleaner:
    """Looks at windows that overlap, so that no secret stands across a seam unseen.

    The windows begin where their content says, never where a piece happens to end: what comes out is the same however
    the bytes came in. `forms` are the spellings to look for; `spans` gives the places to replace in a window that has
    one of them, in bytes and in order.
    """

    def __init__(
        self, forms: Sequence[bytes], spans: Callable[[bytes], list[tuple[int, int]]], replacement: bytes
    ) -> None:
        self._forms = forms
        self._spans = spans
        self._replacement = replacement
        self._overlap = 2 * max(map(len, forms)) + _SPARE if forms else 0
        self._window = _BLOCK + 2 * self._overlap
        self._held = bytearray()

    def feed(self, piece: bytes) -> bytes:
        """What is clean of what came so far."""
        if not self._forms:
            return piece
        self._held += piece
        made: list[bytes] = []
        at = 0
        while len(self._held) - at >= self._window:
            text, length = self._cleaned(bytes(self._held[at : at + self._window]), last=False)
            made.append(text)
            at += length
        if at:
            del self._held[:at]
        return b"".join(made)

    def finish(self) -> bytes:
        """The rest. It is shorter than a window."""
        text, _ = self._cleaned(bytes(self._held), last=True)
        self._held.clear()
        return text

    def _cleaned(self, window: bytes, *, last: bool) -> tuple[bytes, int]:
        """The clean beginning of a window, and how many bytes of the window it stands for."""
        end = len(window) if last else len(window) - self._overlap
        if not any(form in window for form in self._forms):
            return window[:end], end
        made: list[bytes] = []
        done = 0
        for start, stop in self._spans(window):
            if start >= end:
                break
            made += (window[done:start], self._replacement)
            done = stop
        made.append(window[done:end])
        return b"".join(made), max(end, done)
