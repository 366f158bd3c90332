"""Replace strings in a delivery, in each of the forms in which a request may encode them."""

import base64
import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal
from urllib.parse import quote, quote_plus

__all__ = ["MARK", "Marks", "Place", "find_place", "list_spellings", "swap_texts"]

MARK = re.compile(r"connmark(\d+)v(\d)z")
"""A placeholder for a string. It consists of letters and digits, so that every encoding leaves it unchanged."""


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
    lambda text: base64.b64encode(text.encode("utf-8", "surrogatepass")).decode(),
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
    """Strings by number, and which of them were found. `name`, in lower case, distinguishes the marks of two
    objects. If `only` is set, only these are searched for."""

    texts: list[str] = field(default_factory=list)
    name: str = "mark"
    found_numbers: set[int] = field(default_factory=set)
    only: frozenset[int] | None = None

    def get_number(self, text: str) -> int:
        """Return the number of a string, and add it if it is new."""
        if text not in self.texts:
            self.texts.append(text)
        return self.texts.index(text)

    def mark(self, text: str) -> str:
        """Replace each known text by a mark, longest strings and spellings first: JSON writes `a\\` as `a\\\\`, and
        half of that is not the text."""
        for number, old in sorted(enumerate(self.texts), key=lambda pair: -len(pair[1])):
            for way, spelled in list_spellings(old) if self.only is None or number in self.only else ():
                if spelled in text:
                    self.found_numbers.add(number)
                    text = text.replace(spelled, f"conn{self.name}{number}v{way}z")
        return text

    def fill(self, text: str, successors: Mapping[int, str], place: Place = "plain") -> str:
        """Replace marks by their successors, encoded for the place. A mark without a successor stays."""

        def successor(match: re.Match[str]) -> str:
            new, way = successors.get(int(match[1])), int(match[2])
            if new is None:
                return match[0]
            return _PLACES[place](new) if way == 0 else _SPELLINGS[way](new)

        return re.sub(rf"conn{self.name}(\d+)v(\d)z", successor, text)


def swap_texts(text: str, pairs: Sequence[tuple[str, str]], place: Place = "plain") -> str:
    """Replace the first text of each pair by the second in every spelling, longest first."""
    marks = Marks([old for old, _ in pairs], "swap")
    return marks.fill(marks.mark(text), dict(enumerate(new for _, new in pairs)), place)


def find_place(body: str, content_type: str) -> Place:
    """Return how a body encodes strings."""
    if content_type.partition(";")[0].strip().lower() == "application/x-www-form-urlencoded":
        return "form"
    return "json" if body.lstrip()[:1] in ("{", "[") else "plain"


def list_spellings(text: str) -> list[tuple[int, str]]:
    """Return each spelling of a string with its number, longest first."""
    spellings: dict[str, int] = {}
    for way, spell in enumerate(_SPELLINGS):
        spellings.setdefault(spell(text), way)
    return [(way, spelled) for spelled, way in sorted(spellings.items(), key=lambda pair: -len(pair[0]))]
