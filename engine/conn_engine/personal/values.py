"""The personal values of a recording, which are all collected before the first is replaced, and those that are not
replaced."""

import re
from dataclasses import dataclass, field
from typing import Literal

from conn_engine.schema_keywords import PERSONAL_KINDS
from conn_engine.secrets import REDACTED

__all__ = ["PersonalKind", "PersonalValues", "Reason", "fold_case", "is_embedded", "rank_kind"]

PersonalKind = str
Reason = Literal["named", "id", "code"]

_RANKS = {kind: rank for rank, kind in enumerate(PERSONAL_KINDS)}
_COMMON_WORD_KINDS = frozenset({"location", "health", "demographic", "pay", "employment"})
_IDENTIFYING = frozenset({"email", "iban", "online_id"})
_SHORTEST_EMBEDDED = 3
_FEWEST_DIGITS = 5
_LONGEST = 500
_CODE = re.compile(r"[A-Za-z]{2,3}(?:[-_][A-Za-z0-9]{2,8}){0,3}|(?:[A-Z][A-Za-z]+/)+[A-Za-z_+\-0-9]+|UTC|GMT")
_PLACEHOLDERS = frozenset({"example", "com", "example.com", "redacted"})
_EMPTY_NAMES = frozenset({"n/a", "none", "null", "unknown", "undefined", "not available", "other"})


def fold_case(text: str) -> str:
    """Fold the case of a string, character by character."""
    lower = text.lower()
    if len(lower) == len(text):
        return lower
    return "".join(character.lower() if len(character.lower()) == 1 else character for character in text)


def is_embedded(kind: PersonalKind, text: str) -> bool:
    """Return whether a value is also replaced inside other strings. A value with two letters, or of a kind that may
    be a common word, is only replaced if it is the complete text."""
    return len(text) >= _SHORTEST_EMBEDDED and kind not in _COMMON_WORD_KINDS


@dataclass(slots=True)
class PersonalValues:
    """The personal values of a recording.

    `named` are strings that the connector itself contains. `found` has each value's kind and spelling, and `left` why a
    value is not replaced, both by the text in folded case. `ids` are strings that identify records.
    """

    named: frozenset[str] = frozenset()
    found: dict[str, tuple[PersonalKind, str]] = field(default_factory=dict)
    left: dict[str, tuple[Reason, str]] = field(default_factory=dict)
    ids: set[str] = field(default_factory=set)

    def add(self, kind: PersonalKind, text: str) -> None:
        """Add a value, unless it identifies no person (a letter, a short number) or must not be replaced."""
        text = text.strip()
        if kind == "free_text" or REDACTED in text or not 1 < len(text) <= _LONGEST:
            return
        if not any(character.isalpha() for character in text):
            digits = sum(character.isdecimal() for character in text)
            if digits < _FEWEST_DIGITS:
                return
        key = fold_case(text)
        if key in self.named:
            self.left[key] = ("named", text)
        elif kind == "location" and _CODE.fullmatch(text):
            self.left[key] = ("code", text)
        elif key not in _PLACEHOLDERS and (kind == "name" or key not in _EMPTY_NAMES):
            before = self.found.get(key)
            if before is None or rank_kind(kind) < rank_kind(before[0]):
                self.found[key] = (kind, text)

    def leave(self, reason: Reason, text: str) -> None:
        """Mark a value that is not to be replaced."""
        self.left[fold_case(text.strip())] = (reason, text)

    def settle(self) -> None:
        """Exclude what the connector itself contains, and what is also an ID, except values that always identify a
        person: email addresses, account numbers and user names."""
        for key in self.found.keys() & self.named:
            self.left[key] = ("named", self.found.pop(key)[1])
        for key in self.ids & self.found.keys():
            kind, text = self.found[key]
            if kind not in _IDENTIFYING:
                del self.found[key]
                self.left[key] = ("id", text)


def rank_kind(kind: PersonalKind) -> int:
    """Return the position of a kind in `PERSONAL_KINDS`; an unknown kind comes last."""
    return _RANKS.get(kind, len(_RANKS))
