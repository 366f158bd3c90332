"""From an answer's bytes to data: unpacked, in which character set, and how much of it at once.

The formats are in their own files.
"""

import io
import re
from collections.abc import Callable, Generator, Iterator
from dataclasses import dataclass
from itertools import chain, islice
from typing import Any, BinaryIO

from conn_engine.bodies.charsets import Pieces, charset_of, get_declared_charset, utf8
from conn_engine.bodies.contents import BodyContent
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
from conn_engine.bodies.strange import MAX_ERROR_TEXT, is_page, not_readable
from conn_engine.errors import ConfigurationError, VendorError
from conn_engine.wire import Response

__all__ = ["CHUNK", "MAX_BYTES", "READ", "ROWS", "Decoded", "Rows", "decode", "read", "text_of"]

MAX_BYTES = 64 * 1024 * 1024
MAX_UNPACKED = 8 * 1024**3
CHUNK = 1_000
MAX_TOGETHER = 1_000_000
ROWS = ("jsonl", "csv", "tsv", "sse")
READ = ("json", *ROWS, "xml", "text", "binary")
_PIECE = 64 * 1024
_HEAD = 200
_XML_SAYS = re.compile(rb"""\s*<\?xml[^>]{0,100}?encoding\s*=\s*["']([A-Za-z0-9._-]{1,40})["']""")
_PLAIN = ResponseOptions()
_DELIMITERS = {"csv": ",", "tsv": "\t"}


@dataclass(slots=True)
class Decoded:
    """What an answer holds. `data` is what expressions see as its body.

    Rows beyond the first 1,000 are in `more`, up to 1,000 at a time. `content` are the bytes of a text or binary
    answer. `close()` it.
    """

    data: Any = None
    more: "Rows | None" = None
    content: BodyContent | None = None
    response: Response | None = None

    def close(self) -> None:
        """Give back the answer's bytes."""
        if self.more is not None:
            self.more.close()
        if self.response is not None:
            self.response.close()


class Rows:
    """Rows of an answer, up to 1,000 at a time. `pending` says whether there are more, and so reads one row ahead.

    What is wrong with that row is raised when it is asked for: the rows before it are good.
    """

    def __init__(self, rows: Generator[Any, None, None], clean: Callable[[list[Any]], list[Any]]) -> None:
        self._rows = rows
        self._clean = clean
        self._ahead: list[Any] = []
        self.fault: VendorError | None = None
        self._look()

    @property
    def pending(self) -> bool:
        """Whether there are more."""
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
            self._look()
        return self._clean(chunk)

    def _look(self) -> None:
        try:
            self._ahead = list(islice(self._rows, 1))
        except VendorError as fault:
            self.fault = fault

    def rest(self) -> list[Any]:
        """All that follow. Raises VendorError for more than a million: they are not held in memory together."""
        found: list[Any] = []
        for chunk in self:
            found += chunk
            if len(found) > MAX_TOGETHER:
                raise VendorError(
                    f"the answer has more than {MAX_TOGETHER} rows, and all of them are needed at once here",
                    kind="bad_response",
                    hint="steps and `chunk` hold whole answers in memory; a listing does not",
                )
        return found

    def close(self) -> None:
        """No more are wanted."""
        self._rows.close()


def decode(response: Response, format: str = "json", options: ResponseOptions | None = None) -> Any:  # noqa: A002
    """All data of a response's body at once, as `read` gives it. Raises VendorError for more than a million rows."""
    decoded = read(response, format, options)
    return decoded.data if decoded.more is None else [*decoded.data, *decoded.more.rest()]


def read(response: Response, format: str = "json", options: ResponseOptions | None = None) -> Decoded:  # noqa: A002
    """Data of a response's body: JSON data for `json`, `jsonl` and `xml`, objects of texts by column for `csv` and
    `tsv`, `{event, data, id}` for `sse`, a string for `text`, `{content_type, filename, size, sha256, base64}` for
    `binary`. None for an empty body, 204 and 205 (no rows for the formats that have rows).

    Integers outside of ±2^53 become strings. Raises VendorError(bad_response) when the body is not what it should be,
    is larger than 64 MiB and not read row by row, or is nested deeper than 200 levels; the message has a short excerpt,
    which the caller redacts. So does reading `more` and `content`. An error answer (status 300 and above) that is no
    JSON is given as text, so that error rules can read it.
    """
    if format not in READ:
        raise ConfigurationError(f'"{format}" is no response format', hint="known: " + ", ".join(READ))
    options = options or _PLAIN
    empty = response.status in (204, 205) or (response.spool is None and not response.body.strip())
    if empty and (format != "binary" or response.status >= 204):
        return Decoded([] if format in ROWS and response.status < 300 else None, response=response)
    if response.status >= 300:
        return Decoded(_lenient(response, format, options), response=response)
    try:
        return _READERS.get(format, _rows)(response, format, options)
    except FAULTS as fault:
        raise not_readable(response, format, fault) from None


def text_of(response: Response, *, lenient: bool = False, charset: str | None = None) -> str:
    """The body as text: by its byte order mark, else `charset`, else the declared character set, else UTF-8.

    Raises VendorError(bad_response) for an unknown character set and for bytes that do not belong to it;
    `lenient` replaces them instead.
    """
    body = response.body
    name, mark = charset_of(body[:4], response.headers, charset)
    try:
        text = b"".join(utf8(iter((body[mark:],)), name)).decode("utf-8", "surrogatepass")
    except CharsetFault as fault:
        if not lenient:
            raise not_readable(response, "text", fault) from None
        text = body.decode("utf-8", "replace")
    return str(response.clean(text))


def _json(response: Response, _: str, options: ResponseOptions) -> Decoded:
    if response.spool is None and not detect_compression(response.body) and options.unpack in ("auto", "none"):
        if len(response.body) > MAX_BYTES:
            raise _too_large(response)
        body = response.body
        name, mark = charset_of(body[:4], response.headers, options.charset)
        if mark or name not in ("utf-8", "utf8", "us-ascii"):
            body = b"".join(_remove_secrets(utf8(iter((body[mark:],)), name), response))
        escaped = b"\\" in body and (b"\\u" in body or b"\\/" in body)
        data = decode_json(body)
        return Decoded(response.clean(data) if escaped else data, response=response)
    found = [decode_json(_join_pieces(source, response)) for source in _texts(response, "json", options)]
    data = (
        found[0] if len(found) == 1 else [item for one in found for item in (one if isinstance(one, list) else [one])]
    )
    return Decoded(response.clean(data), response=response)


def _xml(response: Response, format: str, options: ResponseOptions) -> Decoded:  # noqa: A002
    from conn_engine.bodies.xml_text import decode_xml

    strip = options.namespaces == "strip"
    found = [
        decode_xml(io.BytesIO(_join_pieces(source, response)), lists=options.lists, strip=strip)
        for source in _texts(response, format, options)
    ]
    return Decoded(response.clean(found[0] if len(found) == 1 else found), response=response)


def _text(response: Response, format: str, options: ResponseOptions) -> Decoded:  # noqa: A002
    whole = b"".join(_join_pieces(source, response) for source in _texts(response, format, options))
    return Decoded(
        whole.decode("utf-8", "surrogatepass"), content=_content(response, format, options), response=response
    )


def _binary(response: Response, format: str, options: ResponseOptions) -> Decoded:  # noqa: A002
    content = _content(response, format, options)
    return Decoded(content.record(), content=content, response=response)


def _rows(response: Response, format: str, options: ResponseOptions) -> Decoded:  # noqa: A002
    from conn_engine.bodies.rows import event_rows, json_rows, table_rows

    echoes = DecodedEchoes(response, format, options)

    def records() -> Iterator[Any]:
        for source in map(echoes.watch, _texts(response, format, options)):
            if format != "jsonl":
                head, source = _peek(source)  # noqa: PLW2901
                if is_page(head):
                    raise RowFault("it is an HTML page")
                if head[:1] in (b"{", b"[") and "json" in response.headers.get("content-type", "").lower():
                    raise RowFault(
                        "it is JSON", "an error, or not ready yet? `errors` can tell: rules see it as `text`"
                    )
            reader = io.BufferedReader(Pieces(source), _PIECE)
            if format == "jsonl":
                yield from json_rows(reader)
            elif format == "sse":
                yield from event_rows(reader)
            else:
                yield from table_rows(reader, options, _DELIMITERS[format])

    rows = Rows(_with_fault_context(response, format, records()), echoes.clean)
    first = next(rows, [])
    if rows.fault is not None and len(first) < CHUNK:  # nothing is delivered yet: rules may still decide
        raise rows.fault
    return Decoded(first, rows if rows.pending else None, response=response)


_READERS: dict[str, Callable[[Response, str, ResponseOptions], Decoded]] = {
    "json": _json,
    "xml": _xml,
    "text": _text,
    "binary": _binary,
}


def _with_fault_context(response: Response, format: str, items: Iterator[Any]) -> Generator[Any, None, None]:  # noqa: A002
    """The items; a fault among them as the caller's error."""
    try:
        yield from items
    except FAULTS as fault:
        raise not_readable(response, format, fault) from None


def _content(response: Response, format: str, options: ResponseOptions) -> BodyContent:  # noqa: A002
    def pieces() -> Iterator[bytes]:
        for source in _sources(response, format, options):
            yield from source

    return BodyContent(response.headers, lambda: _with_fault_context(response, format, pieces()))


def _sources(response: Response, format: str, options: ResponseOptions) -> Iterator[Iterator[bytes]]:  # noqa: A002
    """The bytes of each file in the answer, unpacked. Each is read before the next."""
    with response.open() as reader:
        head = reader.read(4)
        reader.seek(0)
        kind: str | None = None if options.unpack == "none" else options.unpack
        if kind == "auto":
            kind = None if format == "binary" else detect_compression(head)
        elif kind is not None and detect_compression(head) != kind:
            raise ArchiveFault(f"it is not packed as {kind}, as `response_options.unpack` says")
        if kind is None:
            yield _pieces(reader)
            return
        from conn_engine.bodies.archives import documents

        for document in documents(reader, kind, options.members, MAX_UNPACKED):
            yield _remove_secrets(document.pieces, response)


def _texts(response: Response, format: str, options: ResponseOptions) -> Iterator[Iterator[bytes]]:  # noqa: A002
    """The text of each file in the answer, as UTF-8."""
    for source in _sources(response, format, options):
        head, pieces = _peek(source)
        said = options.charset
        if format == "xml" and said is None and get_declared_charset(response.headers) is None:
            found = _XML_SAYS.match(head)
            said = found[1].decode() if found else None
        name, mark = charset_of(head, response.headers, said)
        text = utf8(_skip_bytes(pieces, mark), name)
        yield text if name in ("utf-8", "utf8", "us-ascii") else _remove_secrets(text, response)


def _pieces(reader: BinaryIO) -> Iterator[bytes]:
    while piece := reader.read(_PIECE):
        yield piece


def _peek(pieces: Iterator[bytes]) -> tuple[bytes, Iterator[bytes]]:
    """The first bytes, and all pieces."""
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
    """The pieces without credentials that could not be seen from outside: they were packed, or spelled otherwise."""
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
        f"the answer is larger than {MAX_BYTES // 2**20} MiB",
        kind="bad_response",
        response=response,
        hint="ask for less at once; or read it row by row (`response_format` jsonl or csv), or as a file "
        "(conn run … --output FILE)",
    )


def _lenient(response: Response, format: str, options: ResponseOptions) -> Any:  # noqa: A002
    """What rules may see of an error answer: data, else the beginning of its text."""
    text = text_of(response, lenient=True, charset=options.charset)
    try:
        if format == "xml" and text.lstrip()[:1] == "<":
            from conn_engine.bodies.xml_text import decode_xml

            strip = options.namespaces == "strip"
            return decode_xml(io.BytesIO(text.encode("utf-8", "replace")), lists=options.lists, strip=strip)
        return decode_json(text.encode("utf-8", "surrogatepass"))
    except (JsonProblem, XmlProblem):
        return text[:MAX_ERROR_TEXT]
