"""Build a field of a model from several fields of the vendor: numbers and addresses that a record has one by one."""

import re
from collections.abc import Iterator, Sequence

from conn_import.proposals.matching import ModelField
from conn_import.proposals.vendor_fields import VendorField
from conn_import.proposals.vocabulary import SYNONYMS
from conn_import.words import squeeze, to_singular, to_snake, to_step

__all__ = ["PlacedText", "find_flat_addresses", "find_phone_numbers", "format_list", "get_address_kind"]

PlacedText = dict[str, str]
"""An object of a list: an expression for each of its fields."""

_PHONES = frozenset({"fax", "phone", "tel", "telephone"})
_KINDS = {
    "billing": "billing", "business": "work", "cell": "mobile", "delivery": "shipping", "fax": "fax", "home": "home",
    "invoice": "billing", "mailing": "mailing", "mobile": "mobile", "office": "work", "private": "home",
    "shipping": "shipping", "work": "work",
}  # fmt: skip
"""Words that say what kind a number or an address is, with the model's word."""
_FURTHER = frozenset({"additional", "alternate", "alternative", "extra", "other", "secondary"})
_PLAIN = _FURTHER | {"default", "direct", "main", "nr", "number", "personal", "primary"}
_ADDRESS_WORDS = frozenset({"addr", "address"})
_LINES = {"": "street_1", "1": "street_1", "2": "street_2", "line": "street_1"}
"""Fields of an address by what is left of their names without the word for an address."""
_PLACES = ("street_1", "city", "postal_code")
"""The fields of which an address has at least one. A state or a country alone is not an address."""
_JOINED = re.compile(r"(.+)(phone)")


def find_phone_numbers(target: ModelField, fields: Sequence[VendorField], nouns: frozenset[str]) -> list[PlacedText]:
    """Return the numbers that a record has in fields of their own, those without a kind first, then those with
    one, further ones, and faxes."""
    inner = {one.name for one in target.inner}
    if "number" not in inner:
        return []
    found: list[tuple[int, PlacedText]] = []
    for one in _list_texts(fields):
        words = [part for word in _split(one, nouns) for part in _divide(word)]
        kind = next((_KINDS[word] for word in words if word in _KINDS), "")
        rest = [word for word in words if word not in _PLAIN and word not in _KINDS and word not in _PHONES]
        if rest or not (_PHONES & set(words) or kind == "mobile"):
            continue
        row = {"number": _to_place(one), **({"type": f"'{kind}'"} if kind and "type" in inner else {})}
        order = 3 if kind == "fax" else 2 if _FURTHER & set(words) else 1 if kind else 0
        found.append((order, row))
    return [row for _, row in sorted(found, key=lambda pair: pair[0])]


def find_flat_addresses(target: ModelField, fields: Sequence[VendorField], nouns: frozenset[str]) -> list[PlacedText]:
    """Return the addresses whose parts a record has in fields of their own, by their kinds."""
    inner = {one.name for one in target.inner}
    groups: dict[str, PlacedText] = {}
    lines: dict[str, PlacedText] = {}
    for one in _list_texts(fields):
        words = _split(one, nouns, digits=True)
        kind = _KINDS.get(words[0], "") if words else ""
        words = words[1:] if words and (kind or words[0] in _PLAIN) else words
        rest = "".join(word for word in words if word not in _ADDRESS_WORDS)
        name = _find_address_part(rest)
        if name in inner:
            groups.setdefault(kind, {}).setdefault(name, _to_place(one))
        elif _ADDRESS_WORDS & set(words) and rest in _LINES:
            lines.setdefault(kind, {})[rest] = _to_place(one)
    for kind, spelled in lines.items():
        for rest in ("line", "1", "", "2"):
            if rest in spelled and kind in groups:
                groups[kind].setdefault(_LINES[rest], spelled[rest])
    return [
        {**({"type": f"'{kind}'"} if kind and "type" in inner else {}), **row}
        for kind, row in groups.items()
        if any(name in row for name in _PLACES)
    ]


def get_address_kind(one: VendorField, nouns: frozenset[str]) -> str | None:
    """Return the kind of an object that is named as an address, "" for a plain one, or None for another object."""
    words = _split(one, nouns)
    if not words or words[-1] not in _ADDRESS_WORDS:
        return None
    kinds = [_KINDS.get(word, "") for word in words[:-1] if word in _KINDS or word in _PLAIN]
    return None if len(kinds) < len(words) - 1 else next(filter(None, kinds), "")


def format_list(rows: Sequence[PlacedText], needed: Sequence[str]) -> str:
    """Format the expression of a list of objects. One without any of the needed fields is left out."""
    return f"[{', '.join(_format_row(row, needed) for row in rows)}]"


def _format_row(row: PlacedText, needed: Sequence[str]) -> str:
    pairs = ", ".join(f"'{name}': {value}" for name, value in row.items())
    return f"{' or '.join(row[name] for name in needed if name in row)} ? {{{pairs}}}"


def _list_texts(fields: Sequence[VendorField]) -> Iterator[VendorField]:
    return (one for one in fields if len(one.path) == 1 and one.kind == "string" and not one.closed)


def _split(one: VendorField, nouns: frozenset[str], *, digits: bool = False) -> list[str]:
    """Return the words of a field's name without the words for the record."""
    words = to_snake(one.path[-1]).split("_")
    words = words if digits else [word.rstrip("0123456789") for word in words]
    return [word for word in words if word and to_singular(word) not in nouns]


def _divide(word: str) -> tuple[str, ...]:
    match = _JOINED.fullmatch(word) if word not in _PHONES else None
    return match.groups() if match is not None and match[1] in _KINDS else (word,)


def _find_address_part(text: str) -> str:
    for name in (*_PLACES, "street_2", "state", "country"):
        sure, _ = SYNONYMS[name]
        if text and (text == squeeze(name) or text in sure):
            return name
    return ""


def _to_place(one: VendorField) -> str:
    return f"response.{to_step(one.path[0])}"
