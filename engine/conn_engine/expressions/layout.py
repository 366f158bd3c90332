"""Lay out an expression: spaces between its tokens, and lines for brackets that are too long. Nothing else changes.

A bracket that does not fit on its line gets a line for each item. Where the author broke a bracket after its sign or
between its items, its items are indented by two. Other line breaks stay, and the lines after them keep their indent
relative to their item. Comments stay between their tokens.
"""

import re
from collections.abc import Container, Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import Final

from conn_engine.expressions.spacing import CLOSING, OPENING, find_spaces, match_brackets
from conn_engine.expressions.tokens import LexError, Token, lex

__all__ = ["lay_out"]

_WIDTH: Final = 110
_PARTS: Final = re.compile(r"/\*.*?\*/|\n", re.DOTALL)
_BLANKS: Final = re.compile(" *")
_STEP: Final = 2
_ROUNDS: Final = 5
_BEFORE_ITEMS: Final = frozenset({*OPENING, ",", ";"})
_BEFORE_LISTS: Final = frozenset(
    {*_BEFORE_ITEMS, "?", ":", ":=", "&", "=", "!=", "in", "and", "or", "??", "?:", ".", "~>"}
)


def lay_out(text: str, *, in_lines: bool) -> str:
    """Return an expression with usual spaces and, with `in_lines`, line breaks. The caller checks that it has the same
    syntax tree. A text that is not an expression is returned unchanged, and so is one with a transform (`|…|…|`)."""
    laid_out = text
    for _ in range(_ROUNDS):  # the spaces beside a comment, and what fits on a line, may depend on the round before
        try:
            tokens = lex(laid_out)
        except LexError:
            return text
        is_transform = any(token.text == "|" and token.kind == "operator" for token in tokens)
        if not tokens or is_transform or "\r" in text or ("\n" in text and not in_lines):
            return text
        before, laid_out = laid_out, _Layout(laid_out, tokens, in_lines=in_lines).run()
        if laid_out == before:
            return laid_out
    return text


@dataclass(frozen=True, slots=True)
class _Gap:
    """What the author wrote between two tokens: comments, and the number of line breaks before each and at the end."""

    comments: tuple[str, ...]
    breaks: tuple[int, ...]


@dataclass(slots=True)
class _Level:
    """An open bracket. `items` and `close` are the columns of its items and its closing sign, if they start a line.
    `written` and `line` are the indents that the current item's first line has in the source and in the result."""

    items: int = 0
    close: int = 0
    is_broken: bool = False
    is_split: bool = False
    written: int = 0
    line: int = 0


class _Layout:
    """Writes the tokens of one expression."""

    def __init__(self, text: str, tokens: Sequence[Token], *, in_lines: bool) -> None:
        self._tokens = tokens
        self._in_lines = in_lines
        self._spaces = find_spaces(text, tokens)
        self._closes = match_brackets(tokens)
        ends = [0, *(token.end for token in tokens)]
        starts = [*(token.start for token in tokens), len(text)]
        self._gaps = [_read_gap(text[end:start]) for end, start in zip(ends, starts, strict=True)]
        self._rest = text[tokens[-1].end :]
        self._widths = self._measure()
        self._breaks = list(accumulate(sum(gap.breaks) for gap in self._gaps))
        self._separated = self._find_separated()
        self._indents = _measure_indents(text, tokens)
        self._result: list[str] = []
        self._column = 0
        self._indent = 0
        self._levels = [_Level(written=self._indents[0])]

    def run(self) -> str:
        for index, token in enumerate(self._tokens):
            self._write_gap(index)
            is_choice = token.kind == "operator" and token.text in ("?", ":") and self._column == self._indent
            self._write(token.text)
            if is_choice:
                self._indent += _STEP  # what follows "? " is inside it
            if _is_sign(token, OPENING):
                is_split = self._is_long(index)
                is_broken = is_split or (self._in_lines and index in self._separated)
                level = _Level(self._indent + _STEP, self._indent, is_broken, is_split)
                self._levels.append(level)
            elif _is_sign(token, CLOSING) and len(self._levels) > 1:
                self._levels.pop()
        for comment in self._gaps[-1].comments:
            self._write(f" {comment}")
        return "".join(self._result) + "\n" * (len(self._rest) - len(self._rest.rstrip("\n")))

    def _measure(self) -> list[int]:
        """Return the column at which each token ends if all are on one line."""
        widths, width = [], 0
        for token, gap, space in zip(self._tokens, self._gaps, self._spaces, strict=False):
            width += space + sum(len(comment) + 1 for comment in gap.comments) + len(token.text)
            widths.append(width)
        return widths

    def _find_separated(self) -> set[int]:
        """Return the brackets that the author broke after their sign or after a separator."""
        found: set[int] = set()
        opened: list[int] = []
        for index, token in enumerate(self._tokens):
            if _is_sign(token, OPENING):
                opened.append(index)
            elif _is_sign(token, CLOSING):
                opened[-1:] = []
            if opened and _is_sign(token, _BEFORE_ITEMS) and any(self._gaps[index + 1].breaks):
                found.add(opened[-1])
        return found - {index for index, close in self._closes.items() if close == index + 1}

    def _is_long(self, index: int) -> bool:
        """Return whether a bracket on one line is too long for it. One that filters stays."""
        close = self._closes.get(index, index + 1)
        is_filter = (
            self._tokens[index].text == "[" and index > 0 and not _is_sign(self._tokens[index - 1], _BEFORE_LISTS)
        )
        if not self._in_lines or is_filter or self._breaks[close] > self._breaks[index]:
            return False
        return close > index + 1 and self._column + self._widths[close] - self._widths[index] > _WIDTH

    def _write_gap(self, index: int) -> None:
        """Write what is before a token."""
        level, gap = self._levels[-1], self._gaps[index]
        is_close = _is_sign(self._tokens[index], CLOSING)
        is_first = index > 0 and _is_sign(self._tokens[index - 1], OPENING)
        is_item = is_first or (index > 0 and _is_sign(self._tokens[index - 1], _BEFORE_ITEMS))
        column = level.close if is_close else level.items
        if not is_close and not is_item:
            column = level.line + max(self._indents[index] - level.written, 0)
        breaks = list(gap.breaks)
        if index == 0 and not gap.comments:
            breaks = [0]
        elif level.is_broken and (is_close or is_first or (is_item and level.is_split)):
            breaks[-1] = max(breaks[-1], 1)
        elif not level.is_broken and (is_close or is_item) and not gap.comments:
            breaks = [0]
        for comment, number in zip(gap.comments, breaks, strict=False):
            self._separate(number, column, space=index > 0 or self._column > 0)
            self._write(comment)
        self._separate(breaks[-1], column, space=self._spaces[index] or bool(gap.comments))
        if is_item or index == 0:
            level.written, level.line = self._indents[index], self._indent

    def _separate(self, breaks: int, column: int, *, space: bool) -> None:
        if breaks and self._in_lines:
            self._result.append("\n" * min(breaks, 2) + " " * column)
            self._column = self._indent = column
        elif space:
            self._write(" ")

    def _write(self, text: str) -> None:
        self._result.append(text)
        _, is_long, last = text.rpartition("\n")
        self._column = len(last) + (0 if is_long else self._column)


def _is_sign(token: Token, signs: Container[str]) -> bool:
    return token.kind == "operator" and token.text in signs


def _measure_indents(text: str, tokens: Sequence[Token]) -> list[int]:
    """Return the indent of each token's line in the text."""
    indents, line, indent = [], -1, 0
    for token in tokens:
        start = text.rfind("\n", max(line, 0), token.start) + 1
        if start > line:
            line, indent = start, len(_BLANKS.match(text, start)[0])  # type: ignore[index]
        indents.append(indent)
    return indents


def _read_gap(text: str) -> _Gap:
    comments: list[str] = []
    breaks = [0]
    for part in _PARTS.findall(text):
        if part == "\n":
            breaks[-1] += 1
        else:
            comments.append(part)
            breaks.append(0)
    return _Gap(tuple(comments), tuple(breaks))
