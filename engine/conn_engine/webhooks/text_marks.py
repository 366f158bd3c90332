"""Texts in a delivery that are put in another's place: found in any of the ways in which a request writes a text."""

import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal
from urllib.parse import quote, quote_plus

__all__ = ["MARK", "Marks", "Place", "find_place", "swap_texts"]

MARK = re.compile(r"connmark(\d+)v(\d)z")
"""What stands for a text until its successor is known. Letters and digits alone: it looks the same however written."""


def _quote_lower(text: str) -> str:
    return re.sub("%[0-9A-F]{2}", lambda found: found[0].lower(), quote(text, safe=""))


_SPELLINGS: Sequence[Callable[[str], str]] = (
    lambda text: text,
    lambda text: quote(text, safe=""),
    quote_plus,
    _quote_lower,
    lambda text: json.dumps(text)[1:-1],
    lambda text: json.dumps(text)[1:-1].replace("/", "\\/"),
    lambda text: quote(json.dumps(text)[1:-1], safe=""),
    lambda text: json.dumps(text, ensure_ascii=False)[1:-1],
    lambda text: json.dumps(text, ensure_ascii=False)[1:-1].replace("/", "\\/"),
)

Place = Literal["plain", "url", "json", "form"]
_PLACES: Mapping[Place, Callable[[str], str]] = {
    "plain": lambda text: text,
    "url": lambda text: quote(text, safe=""),
    "json": lambda text: json.dumps(text, ensure_ascii=False)[1:-1],
    "form": quote_plus,
}


@dataclass(slots=True)
class Marks:
    """Texts by number, and which of them were found. `name` tells the marks of two apart; it is of small letters.
    `only` these are looked for (None: all)."""

    texts: list[str] = field(default_factory=list)
    name: str = "mark"
    found_numbers: set[int] = field(default_factory=set)
    only: frozenset[int] | None = None

    def get_number(self, text: str) -> int:
        """The number of a text."""
        if text not in self.texts:
            self.texts.append(text)
        return self.texts.index(text)

    def mark(self, text: str) -> str:
        """`text` with a mark in the place of each known text, the longest first, and of its spellings the longest: JSON
        writes `a\\` as `a\\\\`, and half of that is not the text."""
        for number, old in sorted(enumerate(self.texts), key=lambda pair: -len(pair[1])):
            for way, spelled in _list_spellings(old) if self.only is None or number in self.only else ():
                if spelled in text:
                    self.found_numbers.add(number)
                    text = text.replace(spelled, f"conn{self.name}{number}v{way}z")
        return text

    def fill(self, text: str, successors: Mapping[int, str], place: Place = "plain") -> str:
        """`text` with the successors in the place of the marks, written as the place wants it; a mark without one
        stays."""

        def successor(found: re.Match[str]) -> str:
            new, way = successors.get(int(found[1])), int(found[2])
            if new is None:
                return found[0]
            return _PLACES[place](new) if way == 0 else _SPELLINGS[way](new)

        return re.sub(rf"conn{self.name}(\d+)v(\d)z", successor, text)


def swap_texts(text: str, pairs: Sequence[tuple[str, str]], place: Place = "plain") -> str:
    """`text` with each pair's second in the place of its first, however written; the longest first."""
    marks = Marks([old for old, _ in pairs], "swap")
    return marks.fill(marks.mark(text), dict(enumerate(new for _, new in pairs)), place)


def find_place(body: str, content_type: str) -> Place:
    """How a body writes the texts in it."""
    if content_type.partition(";")[0].strip().lower() == "application/x-www-form-urlencoded":
        return "form"
    return "json" if body.lstrip()[:1] in ("{", "[") else "plain"


def _list_spellings(text: str) -> list[tuple[int, str]]:
    """Each way to write a text, by its number; the longest first."""
    found: dict[str, int] = {}
    for way, spell in enumerate(_SPELLINGS):
        found.setdefault(spell(text), way)
    return [(way, spelled) for spelled, way in sorted(found.items(), key=lambda pair: -len(pair[0]))]
