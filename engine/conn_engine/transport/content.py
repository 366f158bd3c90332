"""Bodies as they arrive: undoes `Content-Encoding`, within a bound on the size that comes out. No formats."""

import zlib

__all__ = ["ACCEPTED", "ContentFault", "plain"]

ACCEPTED = "gzip, deflate"
_LAYERS = 3


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
    size = 0
    rest = raw
    while rest.strip(b"\0"):  # several members may follow one another, and padding the last
        machine = zlib.decompressobj(16 + zlib.MAX_WBITS)
        part = _run(machine, rest, max_bytes - size)
        parts.append(part)
        size += len(part)
        rest = machine.unused_data
    return parts[0] if len(parts) == 1 else b"".join(parts)


def _deflate(raw: bytes, max_bytes: int) -> bytes:
    try:
        return _run(zlib.decompressobj(), raw, max_bytes)
    except ContentFault as fault:
        if not isinstance(fault.__cause__, zlib.error):
            raise
    return _run(zlib.decompressobj(-zlib.MAX_WBITS), raw, max_bytes)  # some servers leave the zlib wrapper out


def _run(machine: "zlib._Decompress", raw: bytes, max_bytes: int) -> bytes:
    try:
        text = machine.decompress(raw, max_bytes + 1)
    except zlib.error as error:
        raise ContentFault("the compressed body is damaged") from error
    if len(text) > max_bytes:
        raise ContentFault(f"the body is larger than {max_bytes} bytes once decompressed")
    if not machine.eof:
        raise ContentFault("the compressed body ends too early")
    return text
