"""Read a delivery from the text of an HTTP request, as proxies, tunnels and inspectors write it."""

import re
import zlib
from collections.abc import Sequence

from conn_engine.errors import UsageError
from conn_engine.urls import split_plain_url
from conn_engine.webhooks.delivery import MAX_DELIVERY_BYTES, Delivery
from conn_engine.wire import Headers

__all__ = ["DeliveryTooLongError", "read_request", "unpack"]

_LINE = re.compile(r"([A-Za-z]{3,10})[ \t]+(\S+)(?:[ \t]+HTTP/\d(?:\.\d)?)?[ \t]*")
_HEADER = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z:-]+")
_HOW = "start with a line such as `POST /hooks HTTP/1.1`, followed by headers, an empty line and the body"


class DeliveryTooLongError(UsageError):
    """A body is longer than the limit after decompression."""


def read_request(raw: bytes, url: str | None = None) -> Delivery:
    """Return the delivery of a request's text. `url` is what the vendor called, if the text does not contain it.

    Lines may end with LF, and may start with `> ` as in curl's output. Raises UsageError for an invalid request.
    """
    head, body = _split_head(raw.lstrip(b"\r\n"))
    lines = [line.removeprefix("> ") if line.startswith("> ") else line for line in head]
    match = _LINE.fullmatch(lines[0]) if lines else None
    if match is None:
        raise UsageError("this is not an HTTP request", hint=_HOW)
    headers = Headers(_parse_headers(lines[1:]))
    body = unpack(_cut_body(body, headers), headers.get("content-encoding", ""))
    return Delivery(match[1].upper(), url or _build_url(match[2], headers), headers, body)


def _split_head(raw: bytes) -> tuple[list[str], bytes]:
    for ending in (b"\r\n\r\n", b"\n\n"):
        head, separator, body = raw.partition(ending)
        if separator and (ending == b"\r\n\r\n" or b"\r\n\r\n" not in raw):
            return head.decode("utf-8", "surrogateescape").splitlines(), body
    return raw.decode("utf-8", "surrogateescape").splitlines(), b""


def _parse_headers(lines: Sequence[str]) -> list[tuple[str, str]]:
    pairs: list[tuple[str, str]] = []
    for number, line in enumerate(lines, 2):
        name, colon, value = line.partition(":")
        if line[:1] in (" ", "\t") and pairs:  # a continued line (RFC 9112, 5.2)
            pairs[-1] = (pairs[-1][0], f"{pairs[-1][1]} {line.strip()}")
        elif colon and _HEADER.fullmatch(name.strip()):
            pairs.append((name.strip(), value.strip()))
        else:
            raise UsageError(f"line {number} of the request is not a header", hint=_HOW)
    return pairs


def _cut_body(body: bytes, headers: Headers) -> bytes:
    """Remove a line break that an editor or a shell added after the body."""
    length = headers.get("content-length", "")
    if not length.isdigit():
        return body
    if len(body) < int(length):
        raise UsageError(
            f"the body has {len(body)} bytes, but content-length is {length}",
            hint="save the request unchanged; it was cut, or an editor changed its line endings",
        )
    return body[: int(length)] if not body[int(length) :].strip() else body


def _build_url(target: str, headers: Headers) -> str:
    if "://" in target:
        return target
    host = headers.get("x-forwarded-host") or headers.get("host")
    if not host:
        raise UsageError("the request has no host", hint="pass the URL that the vendor calls: --url https://…")
    local = split_plain_url(f"//{host}").hostname in ("127.0.0.1", "localhost", "::1")
    scheme = headers.get("x-forwarded-proto") or ("http" if local else "https")
    return f"{scheme}://{host}{target}"


def unpack(body: bytes, encoding: str) -> bytes:
    """Decompress a body (`gzip`, `deflate`). Raises DeliveryTooLongError beyond the limit and UsageError for invalid
    data."""
    for name in reversed([part.strip().lower() for part in encoding.split(",") if part.strip()]):
        if name in ("", "identity"):
            continue
        if name not in ("gzip", "x-gzip", "deflate"):
            raise UsageError(
                f'the content encoding "{name[:20]}" is not supported',
                hint="save the request with its body decompressed, and without the Content-Encoding header",
            )
        if name != "deflate" and not body.startswith(b"\x1f\x8b"):
            continue  # the tool that wrote the text has decompressed it
        body = _decompress(body, name)
    if len(body) > MAX_DELIVERY_BYTES:
        raise DeliveryTooLongError(f"the body is longer than {MAX_DELIVERY_BYTES // 2**20} MiB")
    return body


def _decompress(body: bytes, name: str) -> bytes:
    decompressor = zlib.decompressobj(16 + zlib.MAX_WBITS if name != "deflate" else zlib.MAX_WBITS)
    try:
        content = decompressor.decompress(body, MAX_DELIVERY_BYTES + 1)
    except zlib.error:
        raise UsageError(
            f"the body is not valid {name} data", hint="save the request with its body decompressed, or unchanged"
        ) from None
    if len(content) > MAX_DELIVERY_BYTES:
        raise DeliveryTooLongError(f"the uncompressed body is longer than {MAX_DELIVERY_BYTES // 2**20} MiB")
    if not decompressor.eof or decompressor.unused_data:
        raise UsageError(
            f"the body is not valid {name} data", hint="save the request with its body decompressed, or unchanged"
        )
    return content
