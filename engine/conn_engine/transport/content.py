"""Decode the `Content-Encoding` of bodies, with a limit on the decompressed size. Formats are not handled here."""

import zlib
from collections.abc import Iterable, Iterator
from typing import Protocol

__all__ = ["ACCEPTED", "ContentFault", "Opening", "decompress"]

ACCEPTED = "gzip, deflate"
_LAYERS = 3
_MEMBERS = 1_000
_SLICE = 64 * 1024
_MOST_AT_ONCE = 1024 * 1024
_RATIO = 250
_HARMLESS = 64 * 1024 * 1024


class ContentFault(Exception):
    """A body cannot be used. The text gives the reason."""


class _Layer(Protocol):
    def feed(self, raw: bytes) -> Iterator[bytes]: ...
    def finish(self) -> None: ...


class Opening:
    """Decodes a body that arrives in pieces. The last encoding in the list is the outermost.

    Each decoded piece is at most 1 MiB. Raises ContentFault if the body is damaged, has an unknown encoding, is larger
    than `max_bytes`, or (above 64 MiB) expands to more than 250 times its size.
    """

    def __init__(self, encoding: str, max_bytes: int) -> None:
        names = [name.strip().lower() for name in encoding.split(",") if name.strip()]
        names = [name for name in names if name != "identity"]
        if len(names) > _LAYERS:
            raise ContentFault(f"the body is compressed {len(names)} times")
        self._layers: list[_Layer] = [_build_layer(name) for name in reversed(names)]
        self._max_bytes = max_bytes
        self._taken = self._given = 0

    def feed(self, raw: bytes) -> Iterator[bytes]:
        """Return what these bytes decompress to."""
        if not raw:
            return
        self._taken += len(raw)
        pieces: Iterable[bytes] = (raw,)
        for layer in self._layers:
            pieces = _feed_layer(layer, pieces)
        for piece in pieces:
            self._given += len(piece)
            if self._given > self._max_bytes:
                raise ContentFault(f"the body is larger than {self._max_bytes} bytes once decompressed")
            if self._given > _HARMLESS and self._given > _RATIO * self._taken:
                raise ContentFault(f"the body expands to more than {_RATIO} times its size, like an archive bomb")
            yield piece

    def finish(self) -> None:
        """Raise ContentFault if the body ended too early. An empty body is complete."""
        if self._taken:
            for layer in self._layers:
                layer.finish()


def decompress(raw: bytes, encoding: str, max_bytes: int) -> bytes:
    """Decompress a complete body. Raises ContentFault if it is damaged or truncated, and like `Opening`."""
    opening = Opening(encoding, max_bytes)
    parts = list(opening.feed(raw))
    opening.finish()
    return parts[0] if len(parts) == 1 else b"".join(parts)


def _feed_layer(layer: _Layer, pieces: Iterable[bytes]) -> Iterator[bytes]:
    for piece in pieces:
        yield from layer.feed(piece)


def _build_layer(name: str) -> _Layer:
    if name in ("gzip", "x-gzip"):
        return _Gzip()
    if name == "deflate":
        return _Deflate()
    raise ContentFault(f'the body has the content encoding "{name[:40]}", which was not requested')


class _Gzip:
    """Decodes gzip members, and the zeros that may follow the last one."""

    def __init__(self) -> None:
        self._machine: zlib._Decompress | None = None
        self._members = 0
        self._padded = False

    def feed(self, raw: bytes) -> Iterator[bytes]:
        offset = 0
        while offset < len(raw):
            if self._machine is None:
                if self._members and (raw[offset] == 0 or self._padded):
                    if raw[offset:].strip(b"\0"):
                        raise ContentFault("the compressed body is damaged")
                    self._padded = True
                    return
                self._members += 1
                if self._members > _MEMBERS:
                    raise ContentFault(f"the body is compressed in more than {_MEMBERS} pieces")
                self._machine = zlib.decompressobj(16 + zlib.MAX_WBITS)
            # In slices, because the rest after a member's end is copied.
            piece = memoryview(raw)[offset : offset + _SLICE]
            yield from _decompress(self._machine, piece)
            offset += len(piece) - len(self._machine.unconsumed_tail) - len(self._machine.unused_data)
            if self._machine.eof:
                self._machine = None

    def finish(self) -> None:
        if self._machine is not None:
            raise ContentFault("the compressed body ends too early")


class _Deflate:
    """Decodes a zlib stream, or a raw deflate stream, as some servers omit the wrapper."""

    def __init__(self) -> None:
        self._machine: zlib._Decompress | None = None
        self._head = b""

    def feed(self, raw: bytes) -> Iterator[bytes]:
        if self._machine is None:
            self._head += raw
            if len(self._head) < 2:
                return
            raw, self._head = self._head, b""
            wrapped = raw[0] & 15 == 8 and (raw[0] << 8 | raw[1]) % 31 == 0
            self._machine = zlib.decompressobj(zlib.MAX_WBITS if wrapped else -zlib.MAX_WBITS)
        while raw and not self._machine.eof:
            yield from _decompress(self._machine, raw)
            raw = self._machine.unconsumed_tail

    def finish(self) -> None:
        if self._machine is None or not self._machine.eof:
            raise ContentFault("the compressed body ends too early")


def _decompress(machine: "zlib._Decompress", raw: bytes | memoryview) -> Iterator[bytes]:
    try:
        text = machine.decompress(raw, _MOST_AT_ONCE)
        yield text
        while len(text) == _MOST_AT_ONCE and not machine.unconsumed_tail and not machine.eof:
            text = machine.decompress(b"", _MOST_AT_ONCE)  # all is taken, and not all is given yet
            yield text
    except zlib.error as error:
        raise ContentFault("the compressed body is damaged") from error
