"""Looks for values in what was written, in another way than they were replaced: byte by byte, in usual spellings."""

from collections.abc import Iterator

from conn_engine.personal.values import PersonalKind, PersonalValues
from conn_engine.secret_forms import spellings

__all__ = ["find_values"]

_UNMISTAKABLE = frozenset({"email", "iban", "phone", "bank", "government_id"})
_FEWEST_DIGITS = 7
_MOST_WORK = 2_000_000_000  # bytes that are compared: a second


def find_values(text: str, values: PersonalValues) -> list[PersonalKind]:
    """The kinds of the values that a text still has. A name may be an ordinary word, and is looked for elsewhere."""
    content = text.encode("utf-8", "surrogatepass")
    left = _MOST_WORK
    found: dict[PersonalKind, None] = {}
    for kind, value in values.found.values():
        if kind not in _UNMISTAKABLE or (kind != "email" and sum(map(str.isdecimal, value)) < _FEWEST_DIGITS):
            continue
        left -= len(content) * len(spellings(value))
        if left < 0:
            break
        if any(True for _ in _places(content, value)):
            found[kind] = None
    return list(found)


def _places(content: bytes, value: str) -> Iterator[int]:
    """Where a value stands: as a part of a longer number it is none."""
    plain = value.encode("utf-8", "surrogatepass")
    for form in (*spellings(value), plain.hex().encode()):
        at = content.find(form)
        while at >= 0:
            around = content[max(at - 1, 0) : at], content[at + len(form) : at + len(form) + 1]
            if form != plain or not any(one.isalnum() for one in around):
                yield at
            at = content.find(form, at + 1)
