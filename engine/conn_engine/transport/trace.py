"""Trace a transport's exchanges: method, URL, status, time, sizes and names, but no contents."""

from collections.abc import Callable
from typing import Protocol

from conn_engine.errors import TransportError
from conn_engine.secrets import Redactor
from conn_engine.transport import gateway
from conn_engine.wire import Request, Response

__all__ = ["TracedTransport"]


class _TracedSender(Protocol):
    def send(self, request: Request) -> Response: ...


class TracedTransport:
    """Wraps a transport, and passes one redacted line for each exchange to `tell`."""

    def __init__(self, inner: _TracedSender, tell: Callable[[str], None], redactor: Redactor) -> None:
        self._inner = inner
        self._tell = tell
        self._redactor = redactor

    def send(self, request: Request) -> Response:
        """Send through the inner transport and trace it."""
        bytes_sent = len(request.body or b"") if request.payload is None else request.payload.size
        size = f", {bytes_sent} bytes" if bytes_sent else ""
        names = _clean_text(", ".join(sorted({name.lower() for name, _ in request.headers.pairs})))
        url = _clean_text(gateway.encode_url(self._redactor.url(request.visible.url)))  # one line, whatever is in it
        self._tell(self._redactor.text(f"> {request.method} {url}{size}   [{request.purpose}; {names}]"))
        try:
            response = self._inner.send(request)
        except TransportError as error:
            self._tell(self._redactor.text(f"< no response: {error.message}"))
            raise
        kind = _clean_text(self._redactor.text(response.headers.get("content-type", "")[:100]))
        self._tell(f"< {response.status}   {response.size} bytes {kind} in {response.elapsed_seconds * 1000:.0f} ms")
        return response

    def close(self) -> None:
        """Close the inner transport."""
        close = getattr(self._inner, "close", None)
        if close is not None:
            close()


def _clean_text(text: str) -> str:
    """Remove characters that a terminal would interpret, because the text comes from a vendor or a document."""
    return "".join(character if character.isprintable() else "?" for character in text)
