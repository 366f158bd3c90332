"""Search a written file for values, independently of their replacement: byte by byte, in the usual encodings."""

import base64
import json
from html import escape
from urllib.parse import quote

from conn_engine.personal.values import PersonalKind, PersonalValues

__all__ = ["find_values"]

_UNMISTAKABLE = frozenset({"email", "iban", "phone", "bank", "government_id"})
_FEWEST_DIGITS = 7
_ENCODINGS = 11
_MOST_WORK = 2_000_000_000  # compared bytes: about a second


def find_values(text: str, values: PersonalValues) -> list[PersonalKind]:
    """Return the kinds of the values that a text still contains. Names are not searched for, because
    they may be ordinary words."""
    content = text.encode("utf-8", "surrogatepass")
    left = _MOST_WORK
    found: dict[PersonalKind, None] = {}
    for kind, value in values.found.values():
        if kind not in _UNMISTAKABLE or (kind != "email" and sum(map(str.isdecimal, value)) < _FEWEST_DIGITS):
            continue
        left -= len(content) * _ENCODINGS
        if left < 0:
            break
        if _contains(content, value):
            found[kind] = None
    return list(found)


def _contains(content: bytes, value: str) -> bool:
    """Return whether the content has the value in any encoding. As plain text, it must not be part of a longer one."""
    plain = value.encode("utf-8", "surrogatepass")
    for form in _list_encodings(value):
        at = content.find(form)
        while at >= 0:
            around = content[max(at - 1, 0) : at], content[at + len(form) : at + len(form) + 1]
            if form != plain or not any(one.isalnum() for one in around):
                return True
            at = content.find(form, at + 1)
    return False


def _list_encodings(value: str) -> set[bytes]:
    """Return the usual encodings of a value: plain, escaped as in URLs, JSON and HTML, in hexadecimal, and in base64 at
    each alignment."""
    raw = value.encode("utf-8", "surrogatepass")
    found = {raw, quote(raw, safe="").encode(), json.dumps(value)[1:-1].encode(), raw.hex().encode()}
    found.add(escape(value).encode("utf-8", "surrogatepass"))
    for offset in range(3):
        packed = base64.b64encode(b"\0" * offset + raw)
        inner = packed[-(-offset * 8 // 6) : (offset + len(raw)) * 8 // 6]
        found |= {inner, inner.translate(bytes.maketrans(b"+/", b"-_"))}
    return found
