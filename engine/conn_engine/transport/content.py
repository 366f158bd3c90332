"""Bodies as they arrive: undoes `Content-Encoding`, within a bound on the size that comes out. No formats."""

import zlib

__all__ = ["ACCEPTED", "ContentFault", "plain"]

ACCEPTED = "gzip, deflate"
_LAYERS = 3
_MEMBERS = 1_000
_SLICE = 64 * 1024


class ContentFault(Exception):
    """A body that cannot be used; the text says why."""


def plain(raw: bytes, encoding: str, max_bytes: int) -> bytes:
    """The body without its encodings (the outermost is named last).

    Raises ContentFault when it is damaged, truncated, too large or of an unknown encoding.
    """
    layers = [name.strip().lower() for name in encoding.split(",") if name.strip()]
    layers = [name for name in layers if name != "identity"]
    if len(layers) > _LAYERS:
        raise ContentFault(f"the body is compressed {len(layers)} times over")
    for name in reversed(layers):
        if not raw:
            return raw
        if name in ("gzip", "x-gzip"):
            raw = _gzip(raw, max_bytes)
        elif name == "deflate":
            raw = _deflate(raw, max_bytes)
        else:
            raise ContentFault(f'the body has the content encoding "{name[:40]}", which was not asked for')
    return raw


def _gzip(raw: bytes, max_bytes: int) -> bytes:
    parts: list[bytes] = []
    at = members = 0
    while at < len(raw) and not (raw[at] == 0 and not raw[at:].strip(b"\0")):  # padding may follow the last member
        members += 1
        if members > _MEMBERS:
            raise ContentFault(f"the body is compressed in more than {_MEMBERS} pieces")
        at = _member(raw, at, max_bytes, parts)
    return parts[0] if len(parts) == 1 else b"".join(parts)


def _member(raw: bytes, at: int, max_bytes: int, parts: list[bytes]) -> int:
    """Decompress the member at `at` into one more part; where the next one begins.

    Handed over in slices, because what follows a member's end is copied.
    """
    machine = zlib.decompressobj(16 + zlib.MAX_WBITS)
    view = memoryview(raw)
    left = max_bytes - sum(map(len, parts))
    made: list[bytes] = []
    while not machine.eof and at < len(raw):
        piece = view[at : at + _SLICE]
        text = _decompressed(machine, piece, left + 1)
        made.append(text)
        left -= len(text)
        if left < 0:
            raise ContentFault(f"the body is larger than {max_bytes} bytes once decompressed")
        at += len(piece) - len(machine.unconsumed_tail) - len(machine.unused_data)
    if not machine.eof:
        raise ContentFault("the compressed body ends too early")
    parts.append(made[0] if len(made) == 1 else b"".join(made))
    return at


def _deflate(raw: bytes, max_bytes: int) -> bytes:
    try:
        return _run(zlib.decompressobj(), raw, max_bytes)
    except ContentFault as fault:
        if not isinstance(fault.__cause__, zlib.error):
            raise
    return _run(zlib.decompressobj(-zlib.MAX_WBITS), raw, max_bytes)  # some servers leave the zlib wrapper out


def _run(machine: "zlib._Decompress", raw: bytes, max_bytes: int) -> bytes:
    text = _decompressed(machine, raw, max_bytes + 1)
    if len(text) > max_bytes:
        raise ContentFault(f"the body is larger than {max_bytes} bytes once decompressed")
    if not machine.eof:
        raise ContentFault("the compressed body ends too early")
    return text


def _decompressed(machine: "zlib._Decompress", raw: bytes | memoryview, most: int) -> bytes:
    try:
        return machine.decompress(raw, most)
    except zlib.error as error:
        raise ContentFault("the compressed body is damaged") from error
