"""Replace every collected value wherever it occurs."""

import hashlib
import re
from collections.abc import Iterable
from functools import cache
from typing import Any, NamedTuple

from conn_engine.personal.forms import change_data, change_text
from conn_engine.personal.pseudonyms import Pseudonyms
from conn_engine.personal.shapes import find_digits
from conn_engine.personal.values import PersonalKind, PersonalValues, fold_case, is_embedded

__all__ = ["TECHNICAL_HEADERS", "Replacements"]

TECHNICAL_HEADERS = frozenset({"content-type", "content-encoding", "transfer-encoding", "date"})
_PICTOGRAPHS = "\u2e80-\u9fff\uac00-\ud7af\uf900-\ufaff"  # scripts without spaces between words
_FEWEST_DIGITS = 7
_MOST_ATTEMPTS = 64
_DIGESTS = ("md5", "sha1", "sha256")


@cache
def _words() -> re.Pattern[str]:
    """Compile the pattern at its first use, because sets of characters of this size take 10 ms."""
    return re.compile(rf"[^\W_{_PICTOGRAPHS}]+|[{_PICTOGRAPHS}]")


def _is_pictograph(character: str) -> bool:
    return "\u2e80" <= character <= "\u9fff" or "\uac00" <= character <= "\ud7af" or "\uf900" <= character <= "\ufaff"


class _KnownValue(NamedTuple):
    """A known value and its replacement. `fixed` is the replacement of a value that is derived from another one."""

    kind: PersonalKind
    attempt: int = 0
    fixed: str | None = None


class Replacements:
    """The replacement of each collected value. The same text is replaced in the same way everywhere. Replacing again
    changes nothing, because no replacement contains one of the values."""

    def __init__(self, values: PersonalValues, pseudonyms: Pseudonyms, *, names: Iterable[str] = ()) -> None:
        """Choose a replacement for each value. `names` are the fields that the connector knows, in folded case; these
        are not replaced."""
        self._pseudonyms = pseudonyms
        self._names = frozenset(names)
        self._whole: dict[str, _KnownValue] = {}
        self._inside: dict[str, _KnownValue] = {}
        self._places: dict[str, set[tuple[int, int]]] = {}
        self._numbers: dict[str, str] = {}
        self._cache: dict[str, str] = {}
        for key, (kind, text) in values.found.items():
            self._learn(key, _KnownValue(kind), inside=is_embedded(kind, text))
        used: set[str] = set()
        for key, (kind, text) in sorted(values.found.items()):
            used.add(fold_case(self._settle(key, kind, text, used)))

    def replace_text(self, text: str) -> str:
        """Replace every value of a string, in any form."""
        replaced = self._cache.get(text)
        if replaced is None:
            replaced = self._cache[text] = change_text(text, self)
        return replaced

    def replace_data(self, value: Any) -> Any:
        """Replace every value of JSON-like data."""
        return change_data(value, self)

    def replace_header(self, name: str, value: str) -> str:
        """Replace every value of a header, unless it is a header of the protocol."""
        return value if name.lower() in TECHNICAL_HEADERS else self.replace_text(value)

    # --- the interface `forms.TextChange` ---

    def change_whole(self, text: str) -> str | None:
        """Return the replacement of the complete text, if it is a value."""
        bare = text.strip()
        value = self._whole.get(fold_case(bare))
        return None if value is None else text.replace(bare, self._make_replacement(value, bare), 1)

    def change_plain(self, text: str) -> str:
        """Replace each value in the text, the longest first."""
        lower = fold_case(text)
        parts: list[str] = []
        done = 0
        for match in _words().finditer(lower):
            for size, head in self._order_places(match[0]):
                start = match.start() - head
                end = start + size
                value = self._inside.get(lower[start:end]) if done <= start and end <= len(lower) else None
                if value is not None and _is_apart(lower, start, end):
                    parts += (text[done:start], self._make_replacement(value, text[start:end]))
                    done = end
                    break
        return "".join((*parts, text[done:])) if parts else text

    def change_key(self, text: str) -> str:
        """Replace the name of a field, unless the connector knows it."""
        return text if fold_case(text) in self._names else self.replace_text(text)

    def change_number(self, number: int) -> int:
        """Replace a number that is a value, such as a phone number without its +."""
        replaced = self._numbers.get(str(number))
        return number if replaced is None else int(replaced)

    # --- known values ---

    def _learn(self, key: str, value: _KnownValue, *, inside: bool) -> None:
        self._whole[key] = value
        match = _words().search(key)
        if inside and match is not None:
            self._inside[key] = value
            self._places.setdefault(match[0], set()).add((len(key), match.start()))

    def _order_places(self, word: str) -> list[tuple[int, int]]:
        places = self._places.get(word)
        return sorted(places, reverse=True) if places else []

    def _settle(self, key: str, kind: PersonalKind, text: str, used: set[str]) -> str:
        """Choose the first replacement of a value that is unused and contains no value. For a few digits, there may be
        none; the value then becomes words."""
        for attempt in range(_MOST_ATTEMPTS):
            kind = kind if attempt < _MOST_ATTEMPTS // 2 else "name"
            replacement = self._pseudonyms.replace(kind, text, attempt)
            if (
                fold_case(replacement) not in used
                and self.change_whole(replacement) is None
                and self.change_plain(replacement) == replacement
            ):
                break
        value = _KnownValue(kind, attempt)
        upper = fold_case(text.upper())  # may be longer: "ß" becomes "SS"
        for spelling in (key,) if upper in self._whole else (key, upper):
            self._learn(spelling, value, inside=key in self._inside)
        self._learn_related(kind, text, replacement)
        return replacement

    def _learn_related(self, kind: PersonalKind, text: str, replacement: str) -> None:
        """Add what vendors derive from a value: the digits of a phone number, the digests of an email address."""
        if kind == "phone":
            old, new = find_digits(text), find_digits(replacement)
            if len(old) >= _FEWEST_DIGITS and len(old) == len(new):
                self._learn_fixed({old: new})
        if kind == "birth_date" and text.isdecimal():
            self._numbers.setdefault(text, replacement)
        if kind == "email":
            both = (
                fold_case(text).encode("utf-8", "surrogatepass"),
                fold_case(replacement).encode("utf-8", "surrogatepass"),
            )
            for name in _DIGESTS:
                old, new = (hashlib.new(name, address, usedforsecurity=False).hexdigest() for address in both)
                self._learn_fixed({old: new})

    def _learn_fixed(self, pairs: dict[str, str]) -> None:
        for old, new in pairs.items():
            if old not in self._whole:
                self._learn(old, _KnownValue("", fixed=new), inside=True)
            if old.isdecimal() and old[0] != "0":
                self._numbers.setdefault(old, new)

    def _make_replacement(self, value: _KnownValue, text: str) -> str:
        if value.fixed is not None:
            return value.fixed.upper() if text.isupper() else value.fixed
        return self._pseudonyms.replace(value.kind, text, value.attempt)


def _is_apart(text: str, start: int, end: int) -> bool:
    """Return whether the text at a position is not part of a longer word or number."""
    before, after = text[start - 1 : start], text[end : end + 1]
    first, last = text[start], text[end - 1]
    if before.isalnum() and first.isalnum() and not _is_pictograph(first):
        return False
    if not after.isalnum() or not last.isalnum() or _is_pictograph(last) or _is_pictograph(after):
        return True
    numeric = not any(character.isalpha() for character in text[start:end])
    return numeric and not after.isdecimal()
