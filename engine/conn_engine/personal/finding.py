"""Searches a written file for values, independently of their replacement: byte by byte, in the usual encodings."""

import base64
import json
from collections.abc import Iterator
from html import escape
from urllib.parse import quote

from conn_engine.personal.values import PersonalKind, PersonalValues

__all__ = ["find_values"]

_UNMISTAKABLE = frozenset({"email", "iban", "phone", "bank", "government_id"})
_FEWEST_DIGITS = 7
_SPELLINGS = 11
_MOST_WORK = 2_000_000_000  # bytes that are compared: a second


def find_values(text: str, values: PersonalValues) -> list[PersonalKind]:
    """Return the kinds of the values that a text still contains. Names may be ordinary words, and are checked
    elsewhere."""
    content = text.encode("utf-8", "surrogatepass")
    left = _MOST_WORK
    found: dict[PersonalKind, None] = {}
    for kind, value in values.found.values():
        if kind not in _UNMISTAKABLE or (kind != "email" and sum(map(str.isdecimal, value)) < _FEWEST_DIGITS):
            continue
        left -= len(content) * _SPELLINGS
        if left < 0:
            break
        if any(True for _ in _places(content, value)):
            found[kind] = None
    return list(found)


def _places(content: bytes, value: str) -> Iterator[int]:
    """Find a value that is not part of a longer number."""
    plain = value.encode("utf-8", "surrogatepass")
    for form in _spellings(value):
        at = content.find(form)
        while at >= 0:
            around = content[max(at - 1, 0) : at], content[at + len(form) : at + len(form) + 1]
            if form != plain or not any(one.isalnum() for one in around):
                yield at
            at = content.find(form, at + 1)


def _spellings(value: str) -> set[bytes]:
    """How a value is usually written: plain, escaped as in URLs, JSON and HTML, in hexadecimal, and what base64 makes
    of it, whatever stands before it."""
    raw = value.encode("utf-8", "surrogatepass")
    found = {raw, quote(raw, safe="").encode(), json.dumps(value)[1:-1].encode(), raw.hex().encode()}
    found.add(escape(value).encode("utf-8", "surrogatepass"))
    for offset in range(3):
        packed = base64.b64encode(b"\0" * offset + raw)
        inner = packed[-(-offset * 8 // 6) : (offset + len(raw)) * 8 // 6]
        found |= {inner, inner.translate(bytes.maketrans(b"+/", b"-_"))}
    return found
