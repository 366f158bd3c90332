"""When decoding may bring to light a credential that an answer repeats: where its bytes have an escape of their format.

The bytes are clean already, of every spelling that `secrets` knows. Data is looked through again only where it may say
more than its bytes.
"""

from collections.abc import Iterator
from typing import Any

from conn_engine.bodies.options import ResponseOptions
from conn_engine.wire import Response

__all__ = ["DecodedEchoes"]

_ESCAPES = {"jsonl": ("\\u", "\\/"), "sse": ("",)}  # an empty one is in every text


class DecodedEchoes:
    """Watches the bytes of one answer, and cleans the data that is made of them."""

    def __init__(self, response: Response, format: str, options: ResponseOptions) -> None:  # noqa: A002
        self._response = response
        quote = '"' if options.quote is None else options.quote
        tables = tuple(filter(None, (2 * quote, options.escape)))
        self._escapes = [escape.encode() for escape in _ESCAPES.get(format, tables)]
        self._last = b""
        self._seen = False

    def watch(self, pieces: Iterator[bytes]) -> Iterator[bytes]:
        """The pieces as they are."""
        for piece in pieces:
            if not self._seen:
                text = self._last + piece
                self._seen = any(escape in text for escape in self._escapes)
                self._last = piece[-1:]
            yield piece

    def clean(self, data: Any) -> Any:
        """What was made of the pieces so far, without credentials; the same object if it has none."""
        return self._response.clean(data) if self._seen else data
