"""Decide where an expression has spaces between its tokens."""

from collections.abc import Sequence
from typing import Final

from conn_engine.expressions.tokens import Token

__all__ = ["CLOSING", "OPENING", "find_spaces", "match_brackets"]

OPENING: Final = {"(": ")", "[": "]", "{": "}"}
CLOSING: Final = frozenset(OPENING.values())
_TIGHT: Final = frozenset({".", "..", "@", "#", "^"})
"""Operators without spaces around them."""
_FUNCTIONS: Final = frozenset({"function", "λ"})
_LONGEST_SIGNATURE: Final = 60


def match_brackets(tokens: Sequence[Token]) -> dict[int, int]:
    """Return the index of the token that closes each bracket, by the index of the one that opens it."""
    pairs: dict[int, int] = {}
    open_indexes: list[int] = []
    for index, token in enumerate(tokens):
        if token.kind == "operator" and token.text in OPENING:
            open_indexes.append(index)
        elif token.kind == "operator" and token.text in CLOSING and open_indexes:
            pairs[open_indexes.pop()] = index
    return pairs


def find_spaces(text: str, tokens: Sequence[Token]) -> list[bool]:
    """Return whether each token has a space before it, if it is on the line of the one before."""
    walk = _Walk(text, tokens)
    return [False, *(walk.needs_space(index) for index in range(len(tokens) - 1))]


class _Walk:
    """Goes through the tokens once. `is_operand` is true if an operand must follow the current token. The open brackets
    count the `?` that still need a `:`, and know whether their braces have spaces inside."""

    def __init__(self, text: str, tokens: Sequence[Token]) -> None:
        self._text = text
        self._tokens = tokens
        self._is_operand = True
        self._ternaries = [0]
        self._pads = [False]
        self._literal_until = -1

    def needs_space(self, index: int) -> bool:
        """Return whether a space follows the token at `index`."""
        token, after = self._tokens[index], self._tokens[index + 1]
        was_operand, closed_pad = self._is_operand, self._pads[-1]
        self._is_operand = self._step(index)
        if index >= self._literal_until and after.text == "<" and self._starts_signature(index + 1):
            self._literal_until = self._find_signature_end(index + 1)
            return False
        if index < self._literal_until:
            return self._text[token.end : token.end + 1].isspace()
        first = token.text if token.kind == "operator" else ""
        second = after.text if after.kind == "operator" else ""
        if first == "{" or second == "}":
            return (self._pads[-1] if first == "{" or second == "}" else closed_pad) and (first, second) != ("{", "}")
        if first in OPENING or second in CLOSING or second in (",", ";") or first in _TIGHT or second in _TIGHT:
            return False
        if first in (",", ";"):
            return True
        if second == ":":
            return self._ternaries[-1] > 0
        if second in OPENING and not self._is_operand:
            return second == "{" and first == ")" and self._text[token.end : token.end + 1].isspace()
        if second == "(" and token.kind == "name" and token.text in _FUNCTIONS:
            return False
        return not (was_operand and first in ("-", "<", ">"))

    def _step(self, index: int) -> bool:
        """Update the brackets by a token, and return whether an operand must follow it."""
        token = self._tokens[index]
        if token.kind != "operator":
            return token.text in _FUNCTIONS and self._is_operator(index + 1, "(")
        if token.text in OPENING:
            self._ternaries.append(0)
            self._pads.append(token.text == "{" and self._text[token.end : token.end + 1].isspace())
            return True
        if token.text in CLOSING:
            if len(self._pads) > 1:
                self._ternaries.pop()
                self._pads.pop()
            return False
        if token.text in (",", ";"):
            self._ternaries[-1] = 0  # of a choice without a second value
        if token.text == "?":
            self._ternaries[-1] += not self._is_operand
            return not self._is_operand  # else it is the place of an argument
        if token.text == ":" and self._ternaries[-1]:
            self._ternaries[-1] -= 1
        return not (self._is_operand and token.text in ("*", "**", "%"))

    def _is_operator(self, index: int, text: str) -> bool:
        return index < len(self._tokens) and self._tokens[index].text == text

    def _starts_signature(self, index: int) -> bool:
        """Return whether `<` begins the types of a function, between its parameters and its body."""
        end = self._find_signature_end(index)
        if end < 0 or not self._is_operator(index - 1, ")") or not self._is_operator(end + 1, "{"):
            return False
        start = index - 1
        while start > 0 and self._tokens[start].text != "(":
            start -= 1
        return self._tokens[start - 1].text in _FUNCTIONS

    def _find_signature_end(self, index: int) -> int:
        depth = 0
        for position in range(index, min(index + _LONGEST_SIGNATURE, len(self._tokens))):
            depth += (self._tokens[position].text == "<") - (self._tokens[position].text == ">")
            if depth == 0:
                return position
        return -1
