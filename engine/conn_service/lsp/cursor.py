"""Find what is written at the cursor: the path of the mapping around it, and the key or the value that is being typed.

This reads lines, not YAML: while somebody types, the document is seldom valid. Indentation, block scalars, quotes,
lists and flow collections are understood; what else a document may contain (explicit keys, several documents) is not.
"""

import re
from dataclasses import dataclass, field
from typing import Literal

from conn_engine.documents import Path_
from conn_service.lsp.flow import TypingPlace, find_flow_end, locate_in_flow, locate_in_quotes, read_key

__all__ = ["locate_cursor"]

_KEY = re.compile(
    r"""(?P<key>"(?:[^"\\]|\\.)*"|'(?:[^']|'')*'
    |(?:[^\s"'{}\[\]\#|>&*!%@`,?:-]|[:-](?=[^\s\#]))[^\#\n:]*(?::(?=\S)[^\#\n:]*)*)
    [ \t]*:(?=[ \t\r]|$)""",
    re.MULTILINE | re.VERBOSE,
)
_PROPERTIES = re.compile(r"(?:[&!]\S*(?:[ \t]+|\r?$))*", re.MULTILINE)
_COMMENT = re.compile(r"(?:^|[ \t])#")
_BLOCK = re.compile(r"[|>][-+0-9]*[ \t]*(?:#.*)?\r?$")


@dataclass(slots=True)
class _Level:
    """A mapping key or a list item that is open at a line. `indent` is its column.

    `keys` are those of the mapping below it, `items` counts the items of the list below it, and `value` is the start of
    a plain value.
    """

    indent: int
    key: str | int | None
    keys: list[str] = field(default_factory=list)
    items: int = 0
    value: str = ""


def locate_cursor(text: str, offset: int) -> TypingPlace | None:
    """Return what is being typed at an offset; None in a comment."""
    start = len(text) - len(text.lstrip())
    if text[start : start + 1] in ("{", "["):
        return locate_in_flow(text, start, offset, ()) if offset > start else None
    return _LineReader(text, offset).locate()


class _LineReader:
    """Reads the lines up to the one with the cursor. `next` is where the next line starts."""

    def __init__(self, text: str, offset: int) -> None:
        self.text = text
        self.offset = offset
        self.next = 0
        self.levels = [_Level(-1, None)]

    def locate(self) -> TypingPlace | None:
        place = None
        while place is None and self.next <= self.offset:
            start = self.next
            end = self._find_line_end(start)
            self.next = end + 1
            place = self._read_line(start, end)
        return place

    def _read_line(self, start: int, end: int) -> TypingPlace | None:
        """Read a line and a value of several lines that starts in it; return what the cursor is in."""
        indent = self._measure_indent(start, end)
        content = self.text[start + indent : end].rstrip()
        is_last = self.offset <= end
        if not content or content.startswith("#"):
            return None if content or not is_last else self._locate_on_blank_line(self.offset - start)
        self._leave(indent, is_item=_is_item(content))
        at = start + indent
        while _is_item(self.text[at:end]):
            if is_last and self.offset <= at:
                return None
            at = self._enter_item(at - start, at, end)
        match = _KEY.match(self.text, at, end)
        if match is None:
            return self._read_bare(at, end, at - start)
        if is_last and self.offset <= match.end("key"):
            return self._build_key(at, match.end("key"), at - start) if self.offset >= at else None
        key = read_key(match["key"])
        self.levels[-1].keys.append(key)
        self.levels.append(_Level(at - start, key))
        return self._read_value(match.end(), end, at - start, "value")

    def _locate_on_blank_line(self, column: int) -> TypingPlace:
        self._leave(column, is_item=False)
        return self._build_key(self.offset, self.offset, column)

    def _leave(self, indent: int, *, is_item: bool) -> None:
        """Close the levels that end before a line with this indentation. A list may be as deep as its key."""
        while len(self.levels) > 1:
            top = self.levels[-1]
            if top.indent < indent or (top.indent == indent and is_item and isinstance(top.key, str)):
                return
            self.levels.pop()

    def _enter_item(self, column: int, at: int, end: int) -> int:
        above = self.levels[-1]
        self.levels.append(_Level(column, above.items))
        above.items += 1
        return at + 1 + self._measure_indent(at + 1, end)

    def _read_bare(self, at: int, end: int, column: int) -> TypingPlace | None:
        """Read text without a key: the start of one, a list item, or the continuation of a plain value."""
        top = self.levels[-1]
        if top.value and self.offset >= at:
            before = f"{top.value} {self.text[at : min(end, self.offset)]}"
            top.value = before
            return TypingPlace("value", self._path, before) if self.offset <= end else None
        if isinstance(top.key, int):
            return self._read_value(at, end, top.indent, "item")
        return self._build_key(at, end, column) if at <= self.offset <= end else None

    def _read_value(self, at: int, end: int, indent: int, kind: str) -> TypingPlace | None:
        """Read the value after a key or a dash."""
        start = at + len(self.text[at:end]) - len(self.text[at:end].lstrip(" \t"))
        properties = _PROPERTIES.match(self.text, start, end)
        start = properties.end() if properties else start
        value = self.text[start:end]
        if _BLOCK.match(value) and self.offset > end:
            return self._read_block(end + 1, indent)
        if value[:1] in ("{", "["):
            return self._read_flow(start, end, indent)
        if value[:1] in ("'", '"'):
            place, stop = locate_in_quotes(self.text, start, self.offset, self._path)
            self.next = max(self.next, self._find_line_end(stop) + 1)
            return place
        comment = _COMMENT.search(value)
        stop = start + comment.start() if comment else end
        if self.offset > end:
            self.levels[-1].value = self.text[start:stop].strip()
            return None
        if self.offset > stop:
            return None
        text = self.text[start : self.offset]
        if kind == "item":
            return TypingPlace("item", self._path, text, keys=tuple(self.levels[-1].keys), end=end)
        return TypingPlace("value", self._path, text)

    def _read_flow(self, start: int, end: int, indent: int) -> TypingPlace | None:
        stop = find_flow_end(self.text, start, self._find_limit(end + 1, indent))
        self.next = max(self.next, self._find_line_end(stop) + 1)
        is_closed = self.text[stop - 1] in "]}"
        if start < self.offset and (self.offset < stop or (self.offset == stop and not is_closed)):
            return locate_in_flow(self.text, start, self.offset, self._path)
        return None

    def _read_block(self, start: int, indent: int) -> TypingPlace | None:
        """Read a block scalar: the lines that are indented more than its key."""
        lines: list[tuple[int, int]] = []
        self.next = start
        while self.next <= len(self.text):
            end = self._find_line_end(self.next)
            depth = self._measure_indent(self.next, end)
            is_blank = not self.text[self.next : end].strip()
            if (not is_blank and depth <= indent) or (is_blank and self.next <= self.offset <= self.next + indent):
                return None
            if self.offset <= end:
                lines.append((self.next, self.offset))
                return TypingPlace("value", self._path, self._join_block(lines), "|")
            lines.append((self.next, end))
            self.next = end + 1
        return None

    def _join_block(self, lines: list[tuple[int, int]]) -> str:
        depth = min(
            (self._measure_indent(*line) for line in lines if self.text[slice(*line)].strip()), default=len(self.text)
        )
        return "\n".join(self.text[min(start + depth, end) : end] for start, end in lines)

    def _find_limit(self, start: int, indent: int) -> int:
        """Return where a collection whose bracket is missing ends: before a line that is not indented more."""
        while start <= len(self.text):
            end = self._find_line_end(start)
            text = self.text[start:end].strip()
            if text and self._measure_indent(start, end) <= indent and text[0] not in "]}":
                return start - 1
            start = end + 1
        return len(self.text)

    def _build_key(self, start: int, end: int, column: int) -> TypingPlace:
        top = self.levels[-1]
        keys = (*top.keys, *self._find_later_keys(end, column))
        text = self.text[start : self.offset].lstrip("\"'")
        end -= self.text[start : start + 1] in ("'", '"') and end > start + 1
        kind: Literal["item", "key"] = "item" if isinstance(top.key, int) and not top.keys else "key"
        return TypingPlace(kind, self._path, text, "", keys, end)

    def _find_later_keys(self, at: int, column: int) -> list[str]:
        """Return the keys of the same mapping in later lines."""
        keys = []
        start = self._find_line_end(at) + 1
        while start <= len(self.text):
            end = self._find_line_end(start)
            depth = self._measure_indent(start, end)
            match = _KEY.match(self.text, start + depth, end) if depth == column else None
            if self.text[start:end].strip() and depth < column:
                break
            keys += [read_key(match["key"])] if match else []
            start = end + 1
        return keys

    @property
    def _path(self) -> Path_:
        return tuple(level.key for level in self.levels if level.key is not None)

    def _find_line_end(self, start: int) -> int:
        end = self.text.find("\n", start)
        return len(self.text) if end < 0 else end

    def _measure_indent(self, start: int, end: int) -> int:
        line = self.text[start:end]
        return len(line) - len(line.lstrip(" "))


def _is_item(content: str) -> bool:
    return content.startswith("- ") or content.rstrip() == "-"
