"""What is written is read; and how the bytes came in makes no difference."""

import csv
import gzip
import io
import json
import zipfile
import zlib
from collections.abc import Iterator
from itertools import pairwise
from typing import Any
from unittest.mock import patch

from hypothesis import given, settings
from hypothesis import strategies as st

from conn_engine.bodies import ResponseOptions, decode, decoding, encode
from conn_engine.secrets import Redactor
from conn_engine.transport.content import Opening, decompress
from conn_engine.transport.receiving import Receiving
from conn_engine.transport.spool import Spool
from conn_engine.wire import Headers, Request, Response

TEXT = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=12)
NAMES = st.lists(st.text("abcdefghXYZ_", min_size=1, max_size=8), min_size=1, max_size=5, unique=True)
XML_TEXT = st.text(st.characters(codec="utf-8", min_codepoint=33, exclude_characters="\x7f\ufffe\uffff"), max_size=8)
XML_NAME = st.from_regex(r"[A-Za-z_][A-Za-z0-9_.-]{0,6}", fullmatch=True)


def cuts(draw: Any, body: bytes) -> list[bytes]:
    places = sorted({0, len(body), *draw(st.lists(st.integers(0, len(body)), max_size=8))})
    return [body[start:end] for start, end in pairwise(places)] or [b""]


def both_ways(body: bytes, format: str, kind: str, size: int, options: ResponseOptions | None) -> Any:  # noqa: A002
    """The data of a body, which does not depend on how much of it is read at a time, nor on where it is kept."""
    headers = Headers({"content-type": kind})
    whole = decode(Response(200, headers, body), format, options)
    if not body:
        return whole
    spool = Spool()
    spool.write(body)
    with patch.object(decoding, "_PIECE", size):
        assert decode(Response(200, headers, b"", spool=spool), format, options) == whole
    spool.close()
    return whole


SIZES = st.integers(1, 9)


@given(st.data(), NAMES, SIZES, st.sampled_from([",", ";", "\t", "|"]), st.sampled_from(["\n", "\r\n"]))
def test_tables(data: st.DataObject, names: list[str], size: int, delimiter: str, end: str) -> None:
    rows = data.draw(st.lists(st.lists(TEXT, min_size=len(names), max_size=len(names)), max_size=6))
    made = io.StringIO()
    writer = csv.writer(made, delimiter=delimiter, lineterminator=end, quoting=csv.QUOTE_ALL)
    writer.writerows([names, *rows])
    body = made.getvalue().encode()
    got = both_ways(body, "csv", "text/csv", size, ResponseOptions(delimiter=delimiter))
    assert got == [dict(zip(names, row, strict=True)) for row in rows]


@given(
    st.lists(
        st.dictionaries(TEXT, st.none() | st.booleans() | st.integers(-(2**53), 2**53) | TEXT, max_size=4), max_size=8
    ),
    SIZES,
    st.sampled_from(["\n", "\r\n", "\n\n"]),
    st.sampled_from(["utf-8", "utf-16", "utf-16-be", "utf-32-le", "gb18030"]),
)
def test_lines(records: list[Any], size: int, end: str, charset: str) -> None:
    body = "".join(json.dumps(record, ensure_ascii=False) + end for record in records).encode(charset)
    assert both_ways(body, "jsonl", f"x; charset={charset}", size, None) == records


@st.composite
def element(draw: Any, depth: int = 0) -> Any:
    if depth > 2 or draw(st.booleans()):
        return draw(st.none() | XML_TEXT.map(lambda text: text.strip() or None))
    value = {f"@{name}": text for name, text in draw(st.dictionaries(XML_NAME, XML_TEXT, max_size=2)).items()}
    for name in draw(st.lists(XML_NAME, max_size=3, unique=True)):
        items = draw(st.lists(element(depth + 1), min_size=1, max_size=3))
        value[name] = items[0] if len(items) == 1 else items
    return value or None


@given(XML_NAME, element(), SIZES)
def test_xml(name: str, value: Any, size: int) -> None:
    body, _ = encode("xml", {name: value})
    assert both_ways(body, "xml", "application/xml", size, None) == {name: value}


@given(st.binary(max_size=2_000), st.binary(max_size=100), SIZES)
def test_archives(one: bytes, two: bytes, size: int) -> None:
    text, more = one.hex(), two.hex()
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("1", text)
        archive.writestr("2", more)
    every = ResponseOptions(members="all")
    assert (both_ways(made.getvalue(), "text", "x", size, every) or "") == text + more
    assert (both_ways(gzip.compress(text.encode()), "text", "x", size, None) or "") == text


@given(st.binary(max_size=300), st.sampled_from(["csv", "tsv", "jsonl", "xml", "text", "json"]))
def test_no_bytes_bring_about_anything_but_data_or_a_vendors_error(body: bytes, format: str) -> None:  # noqa: A002
    from conn_engine.errors import VendorError

    for head in (b"", b"\x1f\x8b\x08", b"PK\x03\x04", b"PK\x05\x06", b"<a>", b'"', b"\xff\xfe"):
        try:
            decode(Response(200, Headers({}), head + body), format)
        except VendorError as error:
            assert error.kind == "bad_response"


@given(
    st.data(), st.binary(max_size=5_000), st.sampled_from(["", "gzip", "deflate", "raw", "gzip, gzip", "deflate, gzip"])
)
def test_content_encodings(data: st.DataObject, body: bytes, encoding: str) -> None:
    packed = body
    if encoding == "raw":
        machine = zlib.compressobj(wbits=-15)
        packed, encoding = machine.compress(body) + machine.flush(), "deflate"
    else:
        for name in filter(None, encoding.split(", ")):
            packed = gzip.compress(packed) if name == "gzip" else zlib.compress(packed)
    opening = Opening(encoding, 10_000)
    got = b"".join(piece for cut in cuts(data.draw, packed) for piece in opening.feed(cut))
    opening.finish()
    assert got == decompress(packed, encoding, 10_000) == body


SECRET = "s3cr3t-tökén/with+odd=chars"


def spelled() -> Iterator[bytes]:
    import base64
    from urllib.parse import quote

    yield SECRET.encode()
    yield quote(SECRET, safe="").encode()
    yield json.dumps(SECRET)[1:-1].encode()
    yield base64.b64encode(f"user:{SECRET}".encode())


@settings(max_examples=60)
@given(
    st.data(),
    st.lists(st.sampled_from([*spelled(), b"x", b"\xff", "ü".encode(), b"[redacted]", b"s3cr3t"]), max_size=12),
)
def test_secrets_in_pieces(data: st.DataObject, words: list[bytes]) -> None:
    """Nothing of a secret stays, nothing else goes, and where the pieces begin makes no difference."""
    redactor = Redactor([SECRET])
    # More than a window's worth of something harmless between the words, so that they come to stand on seams.
    gap = data.draw(st.integers(262_000, 262_400)) if words else 0
    body = (b"." * gap).join(words) + b"." * 1_000
    got = []
    for pieces in ([body], cuts(data.draw, body)):
        cleaner = redactor.echo_cleaner()
        got.append(b"".join([*map(cleaner.feed, pieces), cleaner.finish()]))
    assert got[0] == got[1]
    assert not any(form in got[0] for form in spelled())
    assert got[0].replace(b"[redacted]", b"").count(b".") == body.count(b".")
    assert got[0].count(b"\xff") == body.count(b"\xff")


@settings(max_examples=20, deadline=None)
@given(st.data(), st.integers(0, 3_000_000), st.booleans())
def test_a_body_on_its_way_in(data: st.DataObject, size: int, packed: bool) -> None:
    body = (b"0123456789abcdef" * (size // 16 + 1))[:size]
    sent = gzip.compress(body, 1) if packed else body
    receiving = Receiving(
        Request("GET", "https://a.b"), "gzip" if packed else "", 10**7, Redactor([SECRET]).echo_cleaner()
    )
    for cut in cuts(data.draw, sent):
        receiving.take(cut)
    small, spool = receiving.end()
    assert (spool is None) == (size <= 2**20)
    if spool is not None:
        assert spool.size == size
        with spool.open() as one, spool.open() as other:
            assert one.read(10) == body[:10]
            assert other.read() == body
            assert one.read() == body[10:]
        spool.close()
    else:
        assert small == body
