"""What is written at the cursor inside quotes and flow collections (`{a: 1}`, `[1, 2]`), which are also JSON."""

import re
from dataclasses import dataclass, field
from typing import Literal

from conn_engine.documents import Path_

__all__ = ["TypingPlace", "find_flow_end", "locate_in_flow", "locate_in_quotes", "read_key"]

_DOUBLE = re.compile(r'"(?:[^"\\]|\\.)*"', re.DOTALL)
_SINGLE = re.compile(r"'(?:[^']|'')*'", re.DOTALL)
_ESCAPE = re.compile(r"\\(.)", re.DOTALL)


@dataclass(frozen=True, slots=True)
class TypingPlace:
    """What is being typed.

    A `key` is in the mapping at `path`, which has the other `keys`. A `value` is at `path`, and so is an `item` of a
    list, which may become a mapping. `text` is what is written before the cursor: without quotes, and without the
    indentation of a block scalar. `style` is the opening sign of a scalar. `end` is the end of a key,
    before its closing quote.
    """

    kind: Literal["key", "value", "item"]
    path: Path_
    text: str
    style: str = ""
    keys: tuple[str, ...] = ()
    end: int = 0


@dataclass(slots=True)
class _Collection:
    """An open collection. `key` is that of the current value, None where a key is typed; a list counts its items."""

    is_mapping: bool
    key: str | int | None
    start: int
    keys: list[str] = field(default_factory=list)


def read_key(text: str) -> str:
    """Return a key without its quotes."""
    return _unquote(text[1:-1], text[0]) if text[:1] in ("'", '"') else text.strip()


def locate_in_quotes(text: str, start: int, offset: int, path: Path_) -> tuple[TypingPlace | None, int]:
    """Return the value between quotes if the cursor is inside, and the end of the quotes."""
    end = _find_quote_end(text, start)
    is_closed = end > start + 1 and text[end - 1] == text[start]
    if not start < offset <= (end - 1 if is_closed else end):
        return None, end
    return TypingPlace("value", path, _unquote(text[start + 1 : offset], text[start]), text[start]), end


def find_flow_end(text: str, start: int, limit: int) -> int:
    """Return the end of the collection that starts at an offset; `limit` if it is not closed before."""
    depth, at = 0, start
    while at < limit:
        sign = text[at]
        if sign in "\"'" and text[at - 1] in " \t\n{[,:":
            at = _find_quote_end(text, at)
            continue
        depth += (sign in "{[") - (sign in "}]")
        at += 1
        if depth == 0:
            return at
    return limit


def locate_in_flow(text: str, start: int, offset: int, path: Path_) -> TypingPlace | None:
    """Return what is typed at an offset in the collection that starts at `start`; None in a comment or after it."""
    collections: list[_Collection] = []
    at = start
    while at < offset:
        sign = text[at]
        top = collections[-1] if collections else None
        if top is None and at > start:
            return None
        if top is not None and sign in "\"'" and not text[top.start : at].strip():
            end = _find_quote_end(text, at)
            is_closed = end > at + 1 and text[end - 1] == sign
            if offset < end or (offset == end and not is_closed):
                place_end = end - is_closed
                return _build_place(collections, path, _unquote(text[at + 1 : offset], sign), sign, place_end)
            at = end
            continue
        if sign == "#" and text[at - 1] in " \t\n":
            at = text.find("\n", at)
            if at < 0 or at >= offset:
                return None
        elif sign in "{[":
            collections.append(_Collection(sign == "{", None if sign == "{" else 0, at + 1))
        elif top is None:
            return None
        elif sign in "}]":
            collections.pop()
            if collections:
                collections[-1].start = at + 1
        elif sign == ",":
            top.key = None if top.is_mapping else int(top.key or 0) + 1
            top.start = at + 1
        elif sign == ":" and top.is_mapping and top.key is None and _ends_key(text, top.start, at):
            top.key = read_key(text[top.start : at].strip())
            top.keys.append(top.key)
            top.start = at + 1
        at += 1
    if not collections:
        return None
    return _build_place(collections, path, text[collections[-1].start : offset].lstrip(), "", offset)


def _ends_key(text: str, start: int, colon: int) -> bool:
    return text[colon + 1 : colon + 2] in ("", " ", "\t", "\r", "\n") or text[start:colon].strip()[:1] in ("'", '"')


def _build_place(collections: list[_Collection], path: Path_, text: str, style: str, end: int) -> TypingPlace:
    inner = collections[-1]
    path = (*path, *(level.key for level in collections if level.key is not None))
    if inner.is_mapping and inner.key is None:
        return TypingPlace("key", path, text, style, tuple(inner.keys), end)
    return TypingPlace("value" if inner.is_mapping or style else "item", path, text, style)


def _find_quote_end(text: str, start: int) -> int:
    """Return the end of a quoted scalar, which is that of the line if it is not closed."""
    match = (_DOUBLE if text[start] == '"' else _SINGLE).match(text, start)
    if match is not None:
        return match.end()
    end = text.find("\n", start)
    return len(text) if end < 0 else end


def _unquote(text: str, sign: str) -> str:
    return _ESCAPE.sub(r"\1", text) if sign == '"' else text.replace("''", "'")
