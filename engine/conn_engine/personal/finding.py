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
    """Return the kinds of the values that a string still contains. Names are not searched for, because
    they may be ordinary words."""
    content = text.encode("utf-8", "surrogatepass")
    work_left = _MOST_WORK
    kinds: dict[PersonalKind, None] = {}
    for kind, value in values.found.values():
        if kind not in _UNMISTAKABLE or (kind != "email" and sum(map(str.isdecimal, value)) < _FEWEST_DIGITS):
            continue
        work_left -= len(content) * _ENCODINGS
        if work_left < 0:
            break
        if _contains(content, value):
            kinds[kind] = None
    return list(kinds)


def _contains(content: bytes, value: str) -> bool:
    """Return whether the content has the value in any encoding. As plain text, it must not be part of a longer one."""
    plain = value.encode("utf-8", "surrogatepass")
    for form in _list_encodings(value):
        position = content.find(form)
        while position >= 0:
            around = content[max(position - 1, 0) : position], content[position + len(form) : position + len(form) + 1]
            if form != plain or not any(neighbor.isalnum() for neighbor in around):
                return True
            position = content.find(form, position + 1)
    return False


def _list_encodings(value: str) -> set[bytes]:
    """Return the usual encodings of a value: plain, escaped as in URLs, JSON and HTML, in hexadecimal, and in base64 at
    each alignment."""
    raw = value.encode("utf-8", "surrogatepass")
    encodings = {raw, quote(raw, safe="").encode(), json.dumps(value)[1:-1].encode(), raw.hex().encode()}
    encodings.add(escape(value).encode("utf-8", "surrogatepass"))
    for offset in range(3):
        packed = base64.b64encode(b"\0" * offset + raw)
        inner = packed[-(-offset * 8 // 6) : (offset + len(raw)) * 8 // 6]
        encodings |= {inner, inner.translate(bytes.maketrans(b"+/", b"-_"))}
    return encodings
