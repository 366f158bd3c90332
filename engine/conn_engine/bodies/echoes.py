"""Detect when decoding may reveal a credential that a response repeats: where its bytes contain an escape of their
format.

The bytes are already redacted in every spelling that `secrets` knows. Decoded data is searched again only where it may
contain more than its bytes.
"""

from collections.abc import Iterator
from typing import Any

from conn_engine.bodies.options import ResponseOptions
from conn_engine.wire import Response

__all__ = ["DecodedEchoes"]

_ESCAPES = {"jsonl": ("\\u", "\\/"), "sse": ("",)}  # an empty string occurs in every text


class DecodedEchoes:
    """Watches the bytes of one response, and redacts the data decoded from them."""

    def __init__(self, response: Response, format: str, options: ResponseOptions) -> None:  # noqa: A002
        self._response = response
        quote = '"' if options.quote is None else options.quote
        tables = tuple(filter(None, (2 * quote, options.escape)))
        self._escapes = [escape.encode() for escape in _ESCAPES.get(format, tables)]
        self._last = b""
        self._seen = False

    def watch(self, pieces: Iterator[bytes]) -> Iterator[bytes]:
        """Yield the pieces unchanged."""
        for piece in pieces:
            if not self._seen:
                text = self._last + piece
                self._seen = any(escape in text for escape in self._escapes)
                self._last = piece[-1:]
            yield piece

    def clean(self, data: Any) -> Any:
        """Return the data decoded so far without credentials; the same object if there are none."""
        return self._response.clean(data) if self._seen else data
