"""Invent values of a schema for sample records: from its examples, choices and formats, else from the names of its
properties. People and companies are invented, and the same schema always gets the same values.
"""

import re
from copy import deepcopy
from dataclasses import dataclass
from math import isfinite
from typing import Any

from msgspec import UNSET

from conn_engine.analysis.drift.contract import Shape
from conn_import.words import squeeze, to_snake

__all__ = ["cut_to_limits", "invent_value", "is_identifier", "vary_record"]

_DEEPEST = 7
_MOST_NODES = 600
_MOST_PROPERTIES = 60
_LARGEST = 2**53
_PEOPLE = (("Nora", "Lindqvist"), ("Omar", "Haddad"), ("Mei", "Tanaka"), ("Paul", "Okafor"))
_COMPANIES = ("Birch Works", "Harbor Tools", "Cedar Foods", "Maple Rail")
_FIRST = frozenset({"firstname", "givenname", "forename", "fname", "first"})
_LAST = frozenset({"lastname", "familyname", "surname", "lname", "last"})
_TEXTS = {
    "address": "1 Example Street", "address1": "1 Example Street", "address2": "Floor 2", "city": "Exampleton",
    "country": "DE", "countrycode": "DE", "currency": "EUR", "currencycode": "EUR", "fax": "+15550199",
    "language": "en", "locale": "en", "mobile": "+15550123", "phone": "+15550100", "phonenumber": "+15550100",
    "postalcode": "10115", "postcode": "10115", "street": "1 Example Street", "telephone": "+15550100",
    "timezone": "Europe/Berlin", "zip": "10115", "zipcode": "10115",
}  # fmt: skip
_LINKS = ("url", "uri", "website", "link", "href")
_FOLLOWING = frozenset({"more", "next"})
"""Words in the names of booleans that announce another page."""
_MOMENTS = re.compile(r"(?:.*_)?(?:at|date|datetime|time|on|timestamp|created|updated|modified)")
_PATTERNED = re.compile(r"\^?\[([A-Z])-Z\]\{(\d)\}\$?")


def invent_value(shape: Shape, variant: int = 0, *, sparse: bool = False, sent: bool = False) -> Any:
    """Invent a value of a shape. Each `variant` has other identifiers. A `sparse` one has only what is required, and
    null where it may be. One that is `sent` has nothing that only a response has. Depth and size are limited."""
    return _Inventor(variant, sparse, sent).invent(shape, "", 0)


def cut_to_limits(value: Any, most: int = _MOST_NODES * 4) -> Any:
    """Return JSON data within the limits: deep or long parts are cut off, other values become text."""
    return _cut(value, 0, [most])


def is_identifier(name: str) -> bool:
    """Return whether a property has an identifier, judging by its name."""
    return to_snake(name).rpartition("_")[2] in ("id", "ids", "gid", "uuid", "guid") or squeeze(name) == "key"


def vary_record(record: Any, variant: int) -> Any:
    """Return a copy of an object with the identifiers of another one."""
    if not isinstance(record, dict) or not variant:
        return deepcopy(record)
    return {key: _vary(value, variant) if is_identifier(key) else deepcopy(value) for key, value in record.items()}


def _vary(value: Any, variant: int) -> Any:
    if isinstance(value, int) and not isinstance(value, bool):
        return value + variant
    if isinstance(value, str) and value:
        if value.isdecimal() and len(value) < 15:
            return str(int(value) + variant)
        last = value[-1]
        return f"{value[:-1]}{(int(last, 16) + variant) % 16:x}" if last in "0123456789abcdef" else f"{value}{variant}"
    return deepcopy(value)


@dataclass(slots=True)
class _Inventor:
    variant: int
    sparse: bool
    sent: bool
    left: int = _MOST_NODES
    number: int = 0

    def invent(self, shape: Shape, name: str, depth: int) -> Any:
        self.left -= 1
        known = self._find_known(shape, name, depth)
        if known is not UNSET:
            return known
        kind = shape.type
        if kind == "object":
            return self._invent_object(shape, depth)
        if kind == "array":
            items = shape.items()
            empty = items is None or depth >= _DEEPEST or self.left <= 0
            return [] if empty or items is None else [self.invent(items, name, depth + 1)]
        if kind in ("integer", "number"):
            return self._invent_number(shape, name)
        if kind == "boolean":
            return _FOLLOWING.isdisjoint(to_snake(name).split("_"))
        return self._invent_text(shape, name) if kind == "string" else None

    def _find_known(self, shape: Shape, name: str, depth: int) -> Any:
        """Return the value that the schema itself has, or UNSET."""
        for key in ("example", "const", "default"):
            value = shape.get(key)
            if value is not UNSET and (value is not None or key == "const") and _has_type(value, shape.type):
                known = _cut(value, depth, [self.left])
                return (
                    _vary(known, self.variant) if self.variant and is_identifier(name) and key == "example" else known
                )
        choices = shape.get("enum")
        choices = [one for one in choices if one is not None] if isinstance(choices, list) else []
        return _cut(choices[self.variant % len(choices)], depth, [self.left]) if choices else UNSET

    def _invent_object(self, shape: Shape, depth: int) -> dict[str, Any]:
        if depth >= _DEEPEST or self.left <= 0:
            return {}
        invented: dict[str, Any] = {}
        required = shape.required_names()
        for name, inner in list(shape.properties().items())[:_MOST_PROPERTIES]:
            if inner.get("readOnly" if self.sent else "writeOnly") is True:
                continue
            if self.sparse and _may_be_null(inner):
                invented[name] = None
            elif not self.sparse or name in required or is_identifier(name):
                invented[name] = self.invent(inner, name, depth + 1)
        return invented

    def _invent_number(self, shape: Shape, name: str) -> int:
        self.number += 1
        value = 1000 * (self.variant + 1) + self.number if is_identifier(name) else self.number + self.variant
        least, most = (_as_number(shape.get(key)) for key in ("minimum", "maximum"))
        value = value if least is None else max(value, int(least))
        return value if most is None else min(value, int(most))

    def _invent_text(self, shape: Shape, name: str) -> str:
        text = self._choose_text(shape, name)
        least, most = (_as_number(shape.get(key)) for key in ("minLength", "maxLength"))
        text = text if least is None else text.ljust(min(int(least), 200), "x")
        return text if most is None or most < 1 else text[: int(most)]

    def _choose_text(self, shape: Shape, name: str) -> str:
        day = self.variant + 1
        first, last = _PEOPLE[self.variant % len(_PEOPLE)]
        by_format = {
            "date-time": f"2026-01-{day:02}T09:00:00Z",
            "date": f"2026-01-{day:02}",
            "email": f"{first.lower()}@example.com",
            "uri": "https://example.com/",
            "url": "https://example.com/",
            "uuid": f"00000000-0000-4000-8000-{1000 + self.variant:012}",
        }
        written = str(shape.get("format"))
        if written in by_format:
            return by_format[written]
        pattern = _PATTERNED.fullmatch(str(shape.get("pattern")))
        if pattern is not None:
            return pattern[1] * int(pattern[2])
        key, words = squeeze(name), to_snake(name)
        if is_identifier(name):
            self.number += 1
            return str(1000 * (self.variant + 1) + self.number)
        if key in _FIRST or key in _LAST:
            return first if key in _FIRST else last
        if "email" in key:
            return by_format["email"]
        if any(word in words.split("_") for word in _LINKS):
            return f"https://example.com/{day}"
        if _MOMENTS.fullmatch(words):
            return by_format["date" if words.endswith("date") else "date-time"]
        if key in ("name", "fullname", "displayname"):
            return f"{first} {last}"
        if key in ("company", "companyname", "organization", "organisation", "organizationname"):
            return _COMPANIES[self.variant % len(_COMPANIES)]
        ending = next((text for known, text in _TEXTS.items() if key.endswith(known)), "")
        return ending or f"{words.replace('_', ' ') or 'text'} {day}"


def _may_be_null(shape: Shape) -> bool:
    kind = shape.get("type")
    return shape.get("nullable") is True or (isinstance(kind, list) and "null" in kind)


def _as_number(value: Any) -> float | None:
    """Return a limit of a schema, unless it is not a number or larger than any that a vendor can mean."""
    usable = isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < _LARGEST
    return value if usable else None


def _has_type(value: Any, kind: str) -> bool:
    expected: dict[str, type | tuple[type, ...]] = {
        "object": dict, "array": list, "string": str, "boolean": bool, "integer": int, "number": (int, float),
    }  # fmt: skip
    return isinstance(value, expected.get(kind, object)) and (
        kind not in ("integer", "number") or not isinstance(value, bool)
    )


def _cut(value: Any, depth: int, left: list[int]) -> Any:
    left[0] -= 1
    if isinstance(value, dict):
        if depth > _DEEPEST * 2 or left[0] <= 0:
            return {}
        return {str(key): _cut(item, depth + 1, left) for key, item in list(value.items())[:200]}
    if isinstance(value, list):
        if depth > _DEEPEST * 2 or left[0] <= 0:
            return []
        return [_cut(item, depth + 1, left) for item in value[:5]]
    if isinstance(value, float):
        return value if isfinite(value) else 0
    if isinstance(value, int) and not isinstance(value, bool):
        return value if abs(value) < _LARGEST else str(value)
    return value[:2_000] if isinstance(value, str) else value
