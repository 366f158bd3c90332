"""The expression of `conn test -k`: words with `and`, `or`, `not` and parentheses, as in pytest."""

import re
from collections.abc import Iterable
from typing import Final

from conn_engine.diagnostics import did_you_mean
from conn_engine.errors import UsageError

__all__ = ["KeywordExpression"]

_TOKEN = re.compile(r"[()]|[^\s()]+")
_RANKS: Final = {"or": 1, "and": 2, "not": 3}


class KeywordExpression:
    """Matches texts by the words that they contain. Upper and lower case are equal."""

    def __init__(self, text: str) -> None:
        """Raise UsageError for an expression that is empty or incomplete."""
        self.text = text
        self.words: list[str] = []
        self._postfix: list[str | int] = []  # operators, and indexes of `words`
        self._parse(_TOKEN.findall(text))

    def is_match(self, text: str) -> bool:
        """Return whether a text contains the words that the expression requires."""
        lower = text.lower()
        values: list[bool] = []
        for item in self._postfix:
            if isinstance(item, int):
                values.append(self.words[item] in lower)
            elif item == "not":
                values.append(not values.pop())
            else:
                right, left = values.pop(), values.pop()
                values.append((left and right) if item == "and" else (left or right))
        return values[0]

    def suggest(self, texts: Iterable[str]) -> str:
        """Return a suggestion for an expression that matches none of these texts."""
        lower = [text.lower() for text in texts]
        known = dict.fromkeys(word for text in lower for part in text.split() for word in (part, *part.split(".")))
        for word in self.words:
            if not any(word in text for text in lower):
                listed = (
                    f"{word} is in none of the {len(lower):,} selected names; run conn test without -k to list them"
                )
                return did_you_mean(word, known) or listed
        return "each word matches something, but nothing matches the complete expression: check and, or and not"

    def _parse(self, tokens: Iterable[str]) -> None:
        """Convert the tokens to postfix notation, which needs no recursion."""
        operators: list[str] = []
        expects_word = True
        last = ""
        for token in tokens:
            kind = token.lower()
            if (kind in ("and", "or", ")")) == expects_word:
                self._refuse(
                    f'"{token}" is not possible after "{last}"' if last else f'"{token}" is not possible first'
                )
            if kind == ")":
                self._close(operators)
            elif kind in ("and", "or"):
                while operators and _RANKS.get(operators[-1], 0) >= _RANKS[kind]:
                    self._postfix.append(operators.pop())
                operators.append(kind)
                expects_word = True
            elif kind in ("not", "("):
                operators.append(kind)
            else:
                self._postfix.append(len(self.words))
                self.words.append(kind)
                expects_word = False
            last = token
        if expects_word:
            self._refuse(f'a word is missing after "{last}"' if last else "it has no word")
        if "(" in operators:
            self._refuse("a closing parenthesis is missing")
        self._postfix += reversed(operators)

    def _close(self, operators: list[str]) -> None:
        while operators and operators[-1] != "(":
            self._postfix.append(operators.pop())
        if not operators:
            self._refuse('")" has no opening parenthesis')
        operators.pop()

    def _refuse(self, reason: str) -> None:
        raise UsageError(
            f'-k "{self.text}" is not an expression: {reason}',
            hint='combine words with and, or, not and parentheses: -k "contacts and not acme"',
        )
