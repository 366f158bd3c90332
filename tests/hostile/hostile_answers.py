"""Answers of a vendor that mean harm, as the bytes of a whole HTTP response (or an endless iterator of them), and what
the operation does with them."""
# ruff: noqa: E501

import gzip
import itertools
import zlib
from collections.abc import Callable, Iterable, Iterator
from typing import Any

__all__ = ["ANSWERS"]

MIB = 2**20
Bytes = Iterable[bytes]


def http(body: bytes = b"", *headers: str, status: str = "200 OK", length: int | None = None) -> Bytes:
    """A response with its length."""
    head = [f"HTTP/1.1 {status}", f"content-length: {len(body) if length is None else length}", *headers]
    if not any(header.lower().startswith("content-type") for header in headers):
        head.append("content-type: application/json")
    return ["\r\n".join([*head, "", ""]).encode("latin-1"), body]


def chunked(parts: Iterable[bytes], *headers: str) -> Iterator[bytes]:
    """A response without an end of its own."""
    kind = (
        []
        if any(header.lower().startswith("content-type") for header in headers)
        else ["content-type: application/json"]
    )
    yield "\r\n".join(["HTTP/1.1 200 OK", "transfer-encoding: chunked", *kind, *headers, "", ""]).encode()
    for part in parts:
        if part:
            yield b"%x\r\n%s\r\n" % (len(part), part)


def endless(part: bytes) -> Iterator[bytes]:
    return itertools.repeat(part)


def endless_gzip() -> Iterator[bytes]:
    packer = zlib.compressobj(9, wbits=31)
    while True:
        yield packer.compress(b"[" * MIB) + packer.flush(zlib.Z_SYNC_FLUSH)


def packed(times: int, filling: bytes = b"\0") -> bytes:
    body = filling * (100 * MIB // len(filling))
    for _ in range(times):
        body = gzip.compress(body, 9)
    return body


def raw(*parts: bytes) -> Bytes:
    return parts


LAUGHS = (
    b'<!DOCTYPE a [<!ENTITY b "'
    + b"x" * 1000
    + b'"><!ENTITY c "'
    + b"&b;" * 1000
    + b'">]><a>'
    + b"&c;" * 1000
    + b"</a>"
)
EXTERNAL = b'<!DOCTYPE a [<!ENTITY b SYSTEM "file:///etc/passwd">]><a>&b;</a>'
FORMATS: dict[str, dict[str, Any]] = {
    name: {"response_format": name} for name in ("xml", "csv", "jsonl", "text", "sse")
}
RESULTS = b'{"results": [%s]}'

ANSWERS: dict[str, tuple[Callable[[], Bytes], dict[str, Any]]] = {
    # JSON
    "deep-lists": (lambda: http(RESULTS % (b"[" * 500_000)), {}),
    "deep-lists-closed": (lambda: http(RESULTS % (b"[" * 500_000 + b"]" * 500_000)), {}),
    "deep-objects": (lambda: http(RESULTS % (b'{"a":' * 100_000 + b"1" + b"}" * 100_000)), {}),
    "deep-within-limits": (lambda: http(RESULTS % (b'{"id":"1","a":' + b"[" * 900 + b"]" * 900 + b"}")), {}),
    "many-records": (lambda: http(RESULTS % b",".join([b"{}"] * 300_000)), {}),
    "many-fields": (lambda: http(RESULTS % (b"{" + b",".join(b'"k%d":1' % n for n in range(200_000)) + b"}")), {}),
    "same-fields": (lambda: http(RESULTS % (b"{" + b",".join([b'"id":1'] * 200_000) + b"}")), {}),
    "one-long-text": (lambda: http(RESULTS % (b'{"id":"' + b"x" * 20 * MIB + b'"}')), {}),
    "long-number": (lambda: http(RESULTS % (b'{"id":' + b"9" * 1_000_000 + b"}")), {}),
    "infinite-number": (lambda: http(RESULTS % b'{"id":1e999,"a":NaN}'), {}),
    "half-a-letter": (lambda: http(RESULTS % b'{"id":"\\ud800","\\udfff":"\\udc00"}'), {}),
    "no-text": (lambda: http(RESULTS % b'{"id":"\xff\xfe\xed\xa0\x80"}'), {}),
    "nul": (lambda: http(RESULTS % b'{"id":"\\u0000","\\u0000":"\\u001b[31m\\r::error::x"}'), {}),
    "prototype": (lambda: http(RESULTS % b'{"__proto__":{"id":1},"__class__":"x"}'), {}),
    "not-json": (lambda: http(b"<html>" * 1000), {}),
    "empty": (lambda: http(b""), {}),
    "a-number": (lambda: http(b"1"), {}),
    "null": (lambda: http(b"null"), {}),
    "results-of-nulls": (lambda: http(RESULTS % b"null,1,[],\"x\""), {}),
    "utf-16": (lambda: http((RESULTS % b'{"id":"1"}').decode().encode("utf-16")), {}),
    "marks": (lambda: http(b"\xef\xbb\xbf" * 1000 + RESULTS % b""), {}),
    # XML and the other formats
    "xml-entities": (lambda: http(LAUGHS, "content-type: text/xml"), FORMATS["xml"]),
    "xml-external": (lambda: http(EXTERNAL, "content-type: text/xml"), FORMATS["xml"]),
    "xml-deep": (lambda: http(b"<a>" * 500_000, "content-type: text/xml"), FORMATS["xml"]),
    "xml-attributes": (lambda: http(b"<a " + b" ".join(b'a%d="x"' % n for n in range(100_000)) + b"/>", "content-type: text/xml"), FORMATS["xml"]),
    "xml-charset": (lambda: http(b'<?xml version="1.0" encoding="utf-7"?><a>+ADw-</a>', "content-type: text/xml"), FORMATS["xml"]),
    "csv-quote": (lambda: http(b'a,b\n"' + b"x\n" * 5 * MIB, "content-type: text/csv"), FORMATS["csv"]),
    "csv-columns": (lambda: http(b"," * 3 * MIB + b"\n1\n", "content-type: text/csv"), FORMATS["csv"]),
    "csv-line": (lambda: http(b"a\n" + b"x" * 30 * MIB, "content-type: text/csv"), FORMATS["csv"]),
    "lines-deep": (lambda: http(b"[" * 300_000 + b"\n" + b'{"a":' * 300_000 + b"\n", "content-type: application/x-ndjson"), FORMATS["jsonl"]),
    "line-long": (lambda: http(b"x" * 30 * MIB, "content-type: application/x-ndjson"), FORMATS["jsonl"]),
    "events-endless": (lambda: chunked(endless(b"data: {}\n\n" * 10_000), "content-type: text/event-stream"), FORMATS["sse"]),
    "charset-codec": (lambda: http(b"x", "content-type: text/plain; charset=zlib_codec"), FORMATS["text"]),
    "charset-long": (lambda: http(b"x", f"content-type: text/plain; charset={'x' * 50_000}"), FORMATS["text"]),
    # archives
    "gzip-bomb": (lambda: http(packed(1), "content-encoding: gzip"), {}),
    "gzip-bomb-of-json": (lambda: http(packed(1, b"[[[["), "content-encoding: gzip"), {}),
    "gzip-in-gzip": (lambda: http(packed(3), "content-encoding: gzip, gzip, gzip"), {}),
    "gzip-many-times": (lambda: http(packed(1), "content-encoding: " + ", ".join(["gzip"] * 1000)), {}),
    "gzip-endless": (lambda: chunked(endless_gzip(), "content-encoding: gzip"), {}),
    "gzip-broken": (lambda: http(packed(1)[:1000] + b"x" * 1000, "content-encoding: gzip"), {}),
    "gzip-empty-members": (lambda: http(gzip.compress(b"") * 300_000, "content-encoding: gzip"), {}),
    "deflate-bomb": (lambda: http(zlib.compress(b"\0" * 100 * MIB, 9), "content-encoding: deflate"), {}),
    "zip-nonsense": (lambda: http(b"PK\x03\x04" + b"\0" * MIB + b"PK\x05\x06" + b"\xff" * 18, "content-type: application/zip"), FORMATS["csv"]),
    "zip-of-a-bomb": (lambda: http(packed(1), "content-type: application/gzip"), FORMATS["csv"]),
    "encoding-unknown": (lambda: http(b"x", "content-encoding: br, zstd, rot13"), {}),
    # HTTP
    "endless-body": (lambda: chunked(endless(b" " * MIB)), {}),
    "endless-chunks": (lambda: chunked(endless(b"1")), {}),
    "endless-header": (lambda: itertools.chain([b"HTTP/1.1 200 OK\r\nx-a: "], endless(b"a" * MIB)), {}),
    "endless-headers": (lambda: itertools.chain([b"HTTP/1.1 200 OK\r\n"], endless(b"x-a: b\r\n" * 10_000)), {}),
    "endless-interim": (lambda: endless(b"HTTP/1.1 103 Early Hints\r\nlink: </x>\r\n\r\n" * 1000), {}),
    "headers-many": (lambda: http(b"{}", *[f"x-{n}: v" for n in range(20_000)]), {}),
    "header-long": (lambda: http(b"{}", "x-a: " + "v" * 200_000), {}),
    "headers-of-bytes": (lambda: http(b"{}", "x-a: \xff\x80\x1b[31m", "link: <\xff>; rel=next"), {}),
    "header-folded": (lambda: http(b"{}", "x-a: 1\r\n\tx: 2"), {}),
    "length-too-long": (lambda: http(b"{}", length=10**15), {}),
    "length-negative": (lambda: http(b"{}", length=-1), {}),
    "lengths-two": (lambda: http(b"{}", "content-length: 1"), {}),
    "status-odd": (lambda: raw(b"HTTP/9.9 9999999 \xff\r\n\r\n"), {}),
    "no-http": (lambda: raw(b"\x16\x03\x01" * 1000), {}),
    "nothing": (raw, {}),
    "redirect-to-itself": (lambda: http(b"", "location: /v1/things", status="302 Found"), {}),
    "redirect-nonsense": (lambda: http(b"", "location: http://[x", status="302 Found"), {}),
    "redirect-bytes": (lambda: http(b"", "location: /\xff\x00\x1b", status="302 Found"), {}),
    "redirect-long": (lambda: http(b"", "location: /" + "a" * 60_000, status="302 Found"), {}),
    "wait-for-ever": (lambda: http(b"{}", "retry-after: " + "9" * 5000, status="429 Too Many Requests"), {}),
    "date-odd": (lambda: http(b"{}", "retry-after: Thu, 99 Foo 99999 99:99:99 GMT", status="503 X"), {}),
    "error-long": (lambda: http(b'{"message": "' + b"x" * 5 * MIB + b'"}', status="400 Bad"), {}),
    "error-deep": (lambda: http(b'{"message": ' + b"[" * 300_000, status="400 Bad"), {}),
    "cursor-nonsense": (
        lambda: http(b'{"results": [{"id": 1}], "next": "http://[x"}'),
        {"pagination": {"format": "next_url", "config": {"next_url_field": "next"}}},
    ),
    "cursor-half-a-letter": (
        lambda: http(b'{"results": [{"id": 1}], "next": "\\ud800"}'),
        {"pagination": {"format": "cursor", "config": {"cursor_field": "next", "cursor_param": "after"}}},
    ),
    "cursor-deep": (
        lambda: http(b'{"results": [{"id": 1}], "next": ' + b"[" * 800 + b"]" * 800 + b"}"),
        {"pagination": {"format": "cursor", "config": {"cursor_field": "next", "cursor_param": "after"}}},
    ),
    "cursor-the-same": (
        lambda: http(b'{"results": [{"id": 1}], "next": "1"}'),
        {"pagination": {"format": "cursor", "config": {"cursor_field": "next", "cursor_param": "after"}}},
    ),
    "links-many": (
        lambda: http(b'{"results": [{"id": 1}]}', "link: " + ", ".join(["</x>; rel=prev"] * 3000)),
        {"pagination": {"format": "link_header"}},
    ),
}  # fmt: skip
"""Name to what makes the response, and what the operation is set to."""
