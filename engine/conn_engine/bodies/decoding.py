"""From a response's bytes to data: size, character set, and which format it is. The formats are in their own
files."""

import codecs
import re
from typing import Any

from conn_engine.bodies.json_text import JsonProblem, decode_json
from conn_engine.errors import ConfigurationError, VendorError
from conn_engine.wire import Response

__all__ = ["MAX_BYTES", "decode", "text_of"]

MAX_BYTES = 64 * 1024 * 1024
_MAX_ERROR_TEXT = 10_000
_EXCERPT = 120
_BOMS = ((b"\xef\xbb\xbf", "utf-8"), (b"\xff\xfe\x00\x00", "utf-32-le"), (b"\x00\x00\xfe\xff", "utf-32-be"),
         (b"\xff\xfe", "utf-16-le"), (b"\xfe\xff", "utf-16-be"))  # fmt: skip
# Only text encodings: Python also registers transformations under names that a header could give.
_CHARSET = re.compile(
    r"utf-?8|utf-?16(-?[lb]e)?|utf-?32(-?[lb]e)?|us-ascii|ascii|iso-?8859-\d{1,2}|latin-?1"
    r"|windows-125\d|cp125\d|koi8-[ru]|shift[_-]jis|euc-(jp|kr)|gbk|gb2312|gb18030|big5"
)
_PAGE = re.compile(rb"\s*(<!doctype\s+html|<html|<head|<body)", re.IGNORECASE)
_TITLE = re.compile(r"<title[^>]{0,200}>([^<]{1,300})", re.IGNORECASE)


def decode(response: Response, format: str = "json") -> Any:  # noqa: A002
    """Data of a response's body: JSON data for `json`, a string for `text`. None for an empty body, 204 and
    205.

    Integers outside of ±2^53 become strings. Raises VendorError(bad_response) when the body is larger than
    64 MiB, is not the format it should be, or is nested deeper than 200 levels; the message has a short
    excerpt, which the caller redacts. An error answer (status 300 and above) that is no JSON is returned as
    text, so that error rules can read it.
    """
    if format not in ("json", "text"):
        raise ConfigurationError(f'"{format}" is no response format', hint="json and text are")
    if len(response.body) > MAX_BYTES:
        raise VendorError(f"the answer is larger than {MAX_BYTES // 2**20} MiB", kind="bad_response", response=response)
    if response.status in (204, 205) or not response.body.strip():
        return None
    lenient = response.status >= 300
    if format == "text":
        return text_of(response, lenient=lenient)
    try:
        body = response.body
        if not _plain_utf8(response):
            body = text_of(response, lenient=lenient).encode("utf-8", "surrogatepass")
        return decode_json(body)
    except JsonProblem as problem:
        if lenient:
            return text_of(response, lenient=True)[:_MAX_ERROR_TEXT]
        raise _not_json(response, str(problem)) from None


def text_of(response: Response, *, lenient: bool = False) -> str:
    """The body as text: by its byte order mark, else the declared character set, else UTF-8.

    Raises VendorError(bad_response) for an unknown character set and for bytes that do not belong to it;
    `lenient` replaces them instead.
    """
    body = response.body
    declared = (_charset(response), b"")
    name, mark = next(((name, mark) for mark, name in _BOMS if body.startswith(mark)), declared)
    try:
        if not _CHARSET.fullmatch(name):
            raise LookupError(name)
        return str(codecs.decode(body[len(mark) :], name, "strict"))
    except (LookupError, UnicodeError) as error:
        if lenient:
            return body.decode("utf-8", "replace")
        shown = re.sub(r"[^a-z0-9_.-]", "?", name)[:40]
        said = "is unknown" if isinstance(error, LookupError) else "does not fit its bytes"
        raise VendorError(
            f'the answer cannot be read: its character set "{shown}" {said}',
            kind="bad_response",
            response=response,
        ) from None


def _charset(response: Response) -> str:
    declared = response.headers.get("content-type", "")
    found = re.search(r'charset\s*=\s*"?([^\s";,]{1,40})', declared, re.IGNORECASE)
    return found[1].lower() if found else "utf-8"


def _plain_utf8(response: Response) -> bool:
    return _charset(response) in ("utf-8", "utf8", "us-ascii") and response.body[:1] not in b"\xef\xff\xfe\x00"


def _not_json(response: Response, problem: str) -> VendorError:
    declared = response.headers.get("content-type", "").split(";")[0].strip()[:60]
    text = text_of(response, lenient=True)[:4000]
    if _PAGE.match(response.body[:1000]):
        title = _TITLE.search(text)
        named = f" titled “{_printable(title[1])}”" if title else ""
        return VendorError(
            f"the vendor answered with an HTML page{named} instead of JSON",
            kind="bad_response",
            response=response,
            hint="check `base_url` and the path: a log-in or error page usually means a wrong address",
        )
    said = f"declared as {declared}, " if declared and "json" not in declared else ""
    return VendorError(
        f"the answer is not JSON ({said}{problem}): {_printable(text)}",
        kind="bad_response",
        response=response,
        hint="say `response_format` when the operation does not answer with JSON",
    )


def _printable(text: str) -> str:
    line = " ".join("".join(c if c.isprintable() else " " for c in text[: _EXCERPT * 4]).split())
    return line if len(line) <= _EXCERPT else line[:_EXCERPT] + "…"
