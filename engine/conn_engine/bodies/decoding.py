"""Decode the bytes of a response: unpack them, convert their character set, and limit how much is read at once.

Each format has its own module.
"""

import io
import re
from collections.abc import Callable, Generator, Iterator
from dataclasses import dataclass
from itertools import chain, islice
from typing import Any, BinaryIO

from conn_engine.bodies.charsets import Pieces, find_charset, get_declared_charset, to_utf8
from conn_engine.bodies.contents import BodyContent
from conn_engine.bodies.decode_errors import MAX_ERROR_TEXT, build_unreadable_error, is_html_page
from conn_engine.bodies.echoes import DecodedEchoes
from conn_engine.bodies.faults import (
    FAULTS,
    ArchiveFault,
    CharsetFault,
    JsonProblem,
    RowFault,
    XmlProblem,
    detect_compression,
)
from conn_engine.bodies.json_text import decode_json
from conn_engine.bodies.options import ResponseOptions
from conn_engine.errors import ConfigurationError, VendorError
from conn_engine.wire import Response

__all__ = ["CHUNK", "MAX_BYTES", "READ", "ROWS", "Decoded", "Rows", "decode", "read_body", "read_text"]

MAX_BYTES = 64 * 1024 * 1024
MAX_UNPACKED = 8 * 1024**3
CHUNK = 1_000
MAX_TOGETHER = 1_000_000
ROWS = ("jsonl", "csv", "tsv", "sse")
READ = ("json", *ROWS, "xml", "text", "binary")
_PIECE = 64 * 1024
_HEAD = 200
_XML_ENCODING = re.compile(rb"""\s*<\?xml[^>]{0,100}?encoding\s*=\s*["']([A-Za-z0-9._-]{1,40})["']""")
_PLAIN = ResponseOptions()
_DELIMITERS = {"csv": ",", "tsv": "\t"}


@dataclass(slots=True)
class Decoded:
    """A decoded response. `data` is what expressions see as its body.

    Rows beyond the first 1,000 are in `more`, up to 1,000 at a time. `content` has the bytes of a string or binary
    response. Call `close()` when done.
    """

    data: Any = None
    more: "Rows | None" = None
    content: BodyContent | None = None
    response: Response | None = None

    def close(self) -> None:
        """Release the response's bytes."""
        if self.more is not None:
            self.more.close()
        if self.response is not None:
            self.response.close()


class Rows:
    """Rows of a response, up to 1,000 at a time. `pending` reads one row ahead to find out whether there are more.

    A faulty row raises its error when it is requested, after the valid rows before it.
    """

    def __init__(self, rows: Generator[Any, None, None], clean: Callable[[list[Any]], list[Any]]) -> None:
        self._rows = rows
        self._clean = clean
        self._ahead: list[Any] = []
        self.fault: VendorError | None = None
        self._read_ahead()

    @property
    def pending(self) -> bool:
        """Whether there are more rows."""
        return bool(self._ahead) or self.fault is not None

    def __iter__(self) -> "Rows":
        return self

    def __next__(self) -> list[Any]:
        if self.fault is not None:
            raise self.fault
        if not self._ahead:
            raise StopIteration
        chunk = self._ahead
        self._ahead = []
        try:
            chunk += islice(self._rows, CHUNK - 1)
        except VendorError as fault:
            self.fault = fault
        else:
            self._read_ahead()
        return self._clean(chunk)

    def _read_ahead(self) -> None:
        try:
            self._ahead = list(islice(self._rows, 1))
        except VendorError as fault:
            self.fault = fault

    def rest(self) -> list[Any]:
        """Return all remaining rows. Raises VendorError for more than a million, too many to hold in memory."""
        rows: list[Any] = []
        for chunk in self:
            rows += chunk
            if len(rows) > MAX_TOGETHER:
                raise VendorError(
                    f"the response has more than {MAX_TOGETHER} rows, and this operation needs all of them in memory",
                    kind="bad_response",
                    hint="request fewer rows, or use a listing, which reads them in chunks: `chunk` and steps "
                    "load complete responses",
                )
        return rows

    def close(self) -> None:
        """Stop reading."""
        self._rows.close()


def decode(response: Response, format: str = "json", options: ResponseOptions | None = None) -> Any:  # noqa: A002
    """Return all data of a response's body at once, as `read_body` decodes it. Raises VendorError for more than a
    million rows."""
    decoded = read_body(response, format, options)
    return decoded.data if decoded.more is None else [*decoded.data, *decoded.more.rest()]


def read_body(response: Response, format: str = "json", options: ResponseOptions | None = None) -> Decoded:  # noqa: A002
    """Decode a response's body: JSON data for `json`, `jsonl` and `xml`, objects of strings by column for `csv` and
    `tsv`, `{event, data, id}` for `sse`, a string for `text`, `{content_type, filename, size, sha256, base64}` for
    `binary`.

    The data of an empty body, and of status 204 and 205, is None (no rows for formats with rows). Integers outside
    ±2^53 become strings.

    Raises VendorError(bad_response) when the body does not have the format, is larger than 64 MiB and not read row by
    row, or is nested deeper than 200 levels. The message has a short excerpt, which the caller redacts. Reading `more`
    and `content` raises the same. An error response (status 300 and above) that is not JSON is returned as text, so
    that error rules can read it.
    """
    if format not in READ:
        raise ConfigurationError(f'"{format}" is not a response format', hint="use one of: " + ", ".join(READ))
    options = options or _PLAIN
    is_empty = response.status in (204, 205) or (response.spool is None and not response.body.strip())
    if is_empty and (format != "binary" or response.status >= 204):
        return Decoded([] if format in ROWS and response.status < 300 else None, response=response)
    if response.status >= 300:
        return Decoded(_decode_error_body(response, format, options), response=response)
    try:
        return _READERS.get(format, _rows)(response, format, options)
    except FAULTS as fault:
        raise build_unreadable_error(response, format, fault) from None


def read_text(response: Response, *, lenient: bool = False, charset: str | None = None) -> str:
    """Return the body as text. The byte order mark decides, then `charset`, then the declared character set, then
    UTF-8.

    Raises VendorError(bad_response) for an unknown character set and for bytes that are invalid in it; `lenient`
    replaces them instead.
    """
    body = response.body
    name, mark = find_charset(body[:4], response.headers, charset)
    try:
        text = b"".join(to_utf8(iter((body[mark:],)), name)).decode("utf-8", "surrogatepass")
    except CharsetFault as fault:
        if not lenient:
            raise build_unreadable_error(response, "text", fault) from None
        text = body.decode("utf-8", "replace")
    return str(response.clean(text))


def _json(response: Response, _: str, options: ResponseOptions) -> Decoded:
    if response.spool is None and not detect_compression(response.body) and options.unpack in ("auto", "none"):
        if len(response.body) > MAX_BYTES:
            raise _too_large(response)
        body = response.body
        name, mark = find_charset(body[:4], response.headers, options.charset)
        if mark or name not in ("utf-8", "utf8", "us-ascii"):
            body = b"".join(_remove_secrets(to_utf8(iter((body[mark:],)), name), response))
        escaped = b"\\" in body and (b"\\u" in body or b"\\/" in body)
        data = decode_json(body)
        return Decoded(response.clean(data) if escaped else data, response=response)
    documents = [decode_json(_join_pieces(source, response)) for source in _open_texts(response, "json", options)]
    data = (
        documents[0]
        if len(documents) == 1
        else [item for document in documents for item in (document if isinstance(document, list) else [document])]
    )
    return Decoded(response.clean(data), response=response)


def _xml(response: Response, format: str, options: ResponseOptions) -> Decoded:  # noqa: A002
    from conn_engine.bodies.xml_text import decode_xml

    strip = options.namespaces == "strip"
    documents = [
        decode_xml(io.BytesIO(_join_pieces(source, response)), lists=options.lists, strip=strip)
        for source in _open_texts(response, format, options)
    ]
    return Decoded(response.clean(documents[0] if len(documents) == 1 else documents), response=response)


def _text(response: Response, format: str, options: ResponseOptions) -> Decoded:  # noqa: A002
    text = b"".join(_join_pieces(source, response) for source in _open_texts(response, format, options))
    return Decoded(
        text.decode("utf-8", "surrogatepass"), content=_build_content(response, format, options), response=response
    )


def _binary(response: Response, format: str, options: ResponseOptions) -> Decoded:  # noqa: A002
    content = _build_content(response, format, options)
    return Decoded(content.record(), content=content, response=response)


def _rows(response: Response, format: str, options: ResponseOptions) -> Decoded:  # noqa: A002
    from conn_engine.bodies.rows import read_events, read_json_lines, read_table

    echoes = DecodedEchoes(response, format, options)

    def records() -> Iterator[Any]:
        for source in map(echoes.watch, _open_texts(response, format, options)):
            if format != "jsonl":
                head, source = _peek(source)  # noqa: PLW2901
                if is_html_page(head):
                    raise RowFault("it is an HTML page")
                if head[:1] in (b"{", b"[") and "json" in response.headers.get("content-type", "").lower():
                    raise RowFault(
                        "it is JSON",
                        "if it is an error or the data is not ready yet, add a rule to `errors`: rules see the "
                        "body as `text`",
                    )
            reader = io.BufferedReader(Pieces(source), _PIECE)
            if format == "jsonl":
                yield from read_json_lines(reader)
            elif format == "sse":
                yield from read_events(reader)
            else:
                yield from read_table(reader, options, _DELIMITERS[format])

    rows = Rows(_with_fault_context(response, format, records()), echoes.clean)
    first = next(rows, [])
    if rows.fault is not None and len(first) < CHUNK:  # nothing was delivered yet, so error rules can still decide
        raise rows.fault
    return Decoded(first, rows if rows.pending else None, response=response)


_READERS: dict[str, Callable[[Response, str, ResponseOptions], Decoded]] = {
    "json": _json,
    "xml": _xml,
    "text": _text,
    "binary": _binary,
}


def _with_fault_context(response: Response, format: str, items: Iterator[Any]) -> Generator[Any, None, None]:  # noqa: A002
    """Yield the items; a fault among them is raised as the caller's error."""
    try:
        yield from items
    except FAULTS as fault:
        raise build_unreadable_error(response, format, fault) from None


def _build_content(response: Response, format: str, options: ResponseOptions) -> BodyContent:  # noqa: A002
    def pieces() -> Iterator[bytes]:
        for source in _open_sources(response, format, options):
            yield from source

    return BodyContent(response.headers, lambda: _with_fault_context(response, format, pieces()))


def _open_sources(response: Response, format: str, options: ResponseOptions) -> Iterator[Iterator[bytes]]:  # noqa: A002
    """Yield the unpacked bytes of each file in the response. Read each before requesting the next."""
    with response.open() as reader:
        head = reader.read(4)
        reader.seek(0)
        kind: str | None = None if options.unpack == "none" else options.unpack
        if kind == "auto":
            kind = None if format == "binary" else detect_compression(head)
        elif kind is not None and detect_compression(head) != kind:
            raise ArchiveFault(f"it is not a {kind} archive, which `response_options.unpack` expects")
        if kind is None:
            yield _read_pieces(reader)
            return
        from conn_engine.bodies.archives import open_files

        for file in open_files(reader, kind, options.members, MAX_UNPACKED):
            yield _remove_secrets(file.pieces, response)


def _open_texts(response: Response, format: str, options: ResponseOptions) -> Iterator[Iterator[bytes]]:  # noqa: A002
    """Yield the text of each file in the response, as UTF-8."""
    for source in _open_sources(response, format, options):
        head, pieces = _peek(source)
        charset = options.charset
        if format == "xml" and charset is None and get_declared_charset(response.headers) is None:
            declared = _XML_ENCODING.match(head)
            charset = declared[1].decode() if declared else None
        name, mark = find_charset(head, response.headers, charset)
        text = to_utf8(_skip_bytes(pieces, mark), name)
        yield text if name in ("utf-8", "utf8", "us-ascii") else _remove_secrets(text, response)


def _read_pieces(reader: BinaryIO) -> Iterator[bytes]:
    while piece := reader.read(_PIECE):
        yield piece


def _peek(pieces: Iterator[bytes]) -> tuple[bytes, Iterator[bytes]]:
    """Return the first bytes, and all pieces."""
    head = b""
    for piece in pieces:
        head += piece
        if len(head) >= _HEAD:
            break
    return head[:_HEAD], chain((head,), pieces)


def _skip_bytes(pieces: Iterator[bytes], count: int) -> Iterator[bytes]:
    yield next(pieces, b"")[count:]
    yield from pieces


def _remove_secrets(pieces: Iterator[bytes], response: Response) -> Iterator[bytes]:
    """Yield the pieces without credentials that were not visible before decoding: they were compressed or encoded
    differently."""
    if response.echoes is None:
        yield from pieces
        return
    cleaner = response.echoes.echo_cleaner()
    for piece in pieces:
        yield cleaner.feed(piece)
    yield cleaner.finish()


def _join_pieces(pieces: Iterator[bytes], response: Response) -> bytes:
    parts: list[bytes] = []
    size = 0
    for piece in pieces:
        size += len(piece)
        if size > MAX_BYTES:
            raise _too_large(response)
        parts.append(piece)
    return b"".join(parts)


def _too_large(response: Response) -> VendorError:
    return VendorError(
        f"the response is larger than {MAX_BYTES // 2**20} MiB",
        kind="bad_response",
        response=response,
        hint="request less at once, read it row by row (`response_format` jsonl or csv), or save it "
        "as a file (conn run … --output FILE)",
    )


def _decode_error_body(response: Response, format: str, options: ResponseOptions) -> Any:  # noqa: A002
    """Return what rules may see of an error response: its data, else the beginning of its text."""
    text = read_text(response, lenient=True, charset=options.charset)
    try:
        if format == "xml" and text.lstrip()[:1] == "<":
            from conn_engine.bodies.xml_text import decode_xml

            strip = options.namespaces == "strip"
            return decode_xml(io.BytesIO(text.encode("utf-8", "replace")), lists=options.lists, strip=strip)
        return decode_json(text.encode("utf-8", "surrogatepass"))
    except (JsonProblem, XmlProblem):
        return text[:MAX_ERROR_TEXT]
