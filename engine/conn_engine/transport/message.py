"""Build the bytes of one hop: its headers, and an upload in pieces. `live` sends them."""

from collections.abc import AsyncIterator, Iterator
from typing import Any

from conn_engine.errors import ConfigurationError
from conn_engine.transport import content
from conn_engine.transport.redirects import Hop
from conn_engine.wire import Blob, Headers, Request

__all__ = ["apieces", "format_head", "get_name", "iterate_pieces", "to_headers"]

_OURS = frozenset({"content-length", "connection", "accept-encoding"})
_FORBIDDEN = frozenset({"host", "transfer-encoding", "proxy-authorization", "upgrade", "te", "trailer"})
_METHODS_WITH_BODY = frozenset({"POST", "PUT", "PATCH"})
_PIECE = 64 * 1024


def format_head(hop: Hop, request: Request) -> list[tuple[bytes, bytes]]:
    """Return the headers of a hop as bytes. Raises ConfigurationError for an invalid one."""
    pairs = [(b"Host", hop.target.authority.encode())]
    names = set()
    for name, raw_value in hop.headers:
        lower = name.lower()
        value = raw_value.strip(" \t")  # no part of the value in HTTP
        if lower in _OURS:
            continue
        if lower in _FORBIDDEN or not name.isascii() or any(mark in value for mark in "\r\n\0"):
            raise ConfigurationError(
                f"{get_name(request)}: the header {name[:60]!r} cannot be set"
                + ("" if lower in _FORBIDDEN else ": its name or value contains invalid characters"),
                hint="remove the header from `headers`, or correct its value",
            )
        names.add(lower)
        pairs.append((name.encode(), value.encode("latin-1" if _is_latin(value) else "utf-8")))
    if "user-agent" not in names:
        pairs.append((b"User-Agent", b"conn"))
    if "accept" not in names:
        pairs.append((b"Accept", b"*/*"))
    pairs.append((b"Accept-Encoding", content.ACCEPTED.encode()))
    size = len(hop.body or b"") if hop.payload is None else hop.payload.size
    if size or hop.method in _METHODS_WITH_BODY:
        pairs.append((b"Content-Length", str(size).encode()))
    return pairs


def iterate_pieces(payload: Blob) -> Iterator[bytes]:
    """Yield an upload in pieces. Raises ConfigurationError if its file changes in the meantime."""
    bytes_left = payload.size
    with payload.open() as reader:
        while bytes_left:
            piece = reader.read(min(bytes_left, _PIECE))
            bytes_left -= len(piece)
            if not piece or (not bytes_left and reader.read(1)):
                raise ConfigurationError(
                    "a file changed while it was sent, so the content that arrived is unknown",
                    hint="check at the vendor what arrived, then send the file again",
                )
            yield piece


async def apieces(payload: Blob) -> AsyncIterator[bytes]:
    """Yield an upload in pieces, like `iterate_pieces`, for an event loop."""
    for piece in iterate_pieces(payload):
        yield piece


def _is_latin(value: str) -> bool:
    return value.isascii() or all(ord(character) < 256 for character in value)


def to_headers(pairs: Any) -> Headers:
    """Convert the headers of a response."""
    return Headers([(name.decode("ascii", "replace"), value.decode("latin-1")) for name, value in pairs])


def get_name(request: Request) -> str:
    """Return the request's name for messages."""
    return request.label or request.method
