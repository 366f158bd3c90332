"""Error messages for responses that do not have the expected format."""

import re

from conn_engine.bodies.charsets import find_charset, to_utf8
from conn_engine.bodies.faults import ArchiveFault, CharsetFault, RowFault
from conn_engine.errors import VendorError
from conn_engine.wire import Response

__all__ = ["MAX_ERROR_TEXT", "build_unreadable_error", "is_html_page"]

MAX_ERROR_TEXT = 10_000
_EXCERPT = 120
_PAGE = re.compile(rb"\s*(<!doctype\s+html|<html|<head|<body)", re.IGNORECASE)
_TITLE = re.compile(r"<title[^>]{0,200}>([^<]{1,300})", re.IGNORECASE)
_NAMES = {
    "json": "JSON",
    "jsonl": "JSON lines",
    "csv": "CSV",
    "tsv": "TSV",
    "sse": "a stream of events",
    "xml": "XML",
    "text": "text",
    "binary": "a file",
}


def is_html_page(head: bytes) -> bool:
    """Return whether a response starts like an HTML page."""
    return _PAGE.match(head[:1000]) is not None


def build_unreadable_error(response: Response, format: str, fault: ValueError) -> VendorError:  # noqa: A002
    """Return the error for a response that is not in `format`, because of `fault`."""
    with response.open() as reader:
        head = reader.read(4000)
    name = _NAMES[format]
    if isinstance(fault, CharsetFault):
        return _error(
            response,
            f"the response cannot be read: {fault}",
            "set `response_options.charset` to the character set of the response",
        )
    if is_html_page(head):
        title = _TITLE.search(_text(response, head))
        title_text = f" titled “{_printable(title[1])}”" if title else ""
        return _error(
            response,
            f"the vendor responded with an HTML page{title_text} instead of {name}",
            "check `base_url` and the path: a login or error page usually means a wrong URL",
        )
    if isinstance(fault, ArchiveFault):
        return _error(
            response,
            f"the response cannot be unpacked: {fault}",
            "check `response_options.unpack` and `response_options.members`",
        )
    if isinstance(fault, RowFault):
        return _error(response, f"the response cannot be read as {name}: {fault}", fault.hint)
    declared = response.headers.get("content-type", "").split(";")[0].strip()[:60]
    note = f"declared as {declared}, " if declared and format not in declared else ""
    return _error(
        response,
        f"the response is not {name} ({note}{fault}): {_printable(_text(response, head))}",
        f"set `response_format` if the operation does not return {name}",
    )


def _error(response: Response, message: str, hint: str) -> VendorError:
    return VendorError(str(response.clean(message)), kind="bad_response", response=response, hint=hint)


def _text(response: Response, head: bytes) -> str:
    name, mark = find_charset(head[:4], response.headers, None)
    try:
        text = b"".join(to_utf8(iter((head[mark:],)), name)).decode("utf-8", "replace")
    except CharsetFault:
        text = head.decode("utf-8", "replace")
    return str(response.clean(text))


def _printable(text: str) -> str:
    line = " ".join("".join(c if c.isprintable() else " " for c in text[: _EXCERPT * 4]).split())
    return line if len(line) <= _EXCERPT else line[:_EXCERPT] + "…"
