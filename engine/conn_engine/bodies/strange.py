"""What is said of an answer that is not what it should be."""

import re

from conn_engine.bodies.charsets import charset_of, utf8
from conn_engine.bodies.faults import ArchiveFault, CharsetFault, RowFault
from conn_engine.errors import VendorError
from conn_engine.wire import Response

__all__ = ["MAX_ERROR_TEXT", "is_page", "not_readable"]

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


def is_page(head: bytes) -> bool:
    """Whether an answer begins like an HTML page."""
    return _PAGE.match(head[:1000]) is not None


def not_readable(response: Response, format: str, fault: ValueError) -> VendorError:  # noqa: A002
    """The error for an answer that is no `format`, because of `fault`."""
    with response.open() as reader:
        head = reader.read(4000)
    name = _NAMES[format]
    if isinstance(fault, CharsetFault):
        return _error(response, f"the answer cannot be read: {fault}", "`response_options.charset` says another")
    if is_page(head):
        title = _TITLE.search(_text(response, head))
        named = f" titled “{_printable(title[1])}”" if title else ""
        return _error(
            response,
            f"the vendor answered with an HTML page{named} instead of {name}",
            "check `base_url` and the path: a log-in or error page usually means a wrong address",
        )
    if isinstance(fault, ArchiveFault):
        return _error(
            response, f"the answer cannot be unpacked: {fault}", "see `response_options.unpack` and `members`"
        )
    if isinstance(fault, RowFault):
        return _error(response, f"the answer cannot be read as {name}: {fault}", fault.hint)
    declared = response.headers.get("content-type", "").split(";")[0].strip()[:60]
    said = f"declared as {declared}, " if declared and format not in declared else ""
    return _error(
        response,
        f"the answer is not {name} ({said}{fault}): {_printable(_text(response, head))}",
        f"say `response_format` when the operation does not answer with {name}",
    )


def _error(response: Response, message: str, hint: str) -> VendorError:
    return VendorError(str(response.clean(message)), kind="bad_response", response=response, hint=hint)


def _text(response: Response, head: bytes) -> str:
    name, mark = charset_of(head[:4], response.headers, None)
    try:
        text = b"".join(utf8(iter((head[mark:],)), name)).decode("utf-8", "replace")
    except CharsetFault:
        text = head.decode("utf-8", "replace")
    return str(response.clean(text))


def _printable(text: str) -> str:
    line = " ".join("".join(c if c.isprintable() else " " for c in text[: _EXCERPT * 4]).split())
    return line if len(line) <= _EXCERPT else line[:_EXCERPT] + "…"
