"""`Document`: the data of a file, its text, and the place of each path of the data in the text. `parse` creates it."""

import re
from array import array
from bisect import bisect_right
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from conn_engine.diagnostics import Span, diagnostic
from conn_engine.documents.paths import Path_
from conn_engine.documents.scalars import find_offsets
from conn_engine.errors import ConfigurationError

__all__ = ["Document", "FencedBlock", "Lines", "Place", "Suppression"]

_BREAK = re.compile(r"\r\n|\r|\n")
_SUPPRESSION = re.compile(r"(?:^|(?<=[\s]))#[ \t]*conn:[ \t]*ignore\b[ \t]*([^\r\n]*)", re.MULTILINE)
_REASON = re.compile(r"[ \t]*(?:--|—|–)[ \t]*")


@dataclass(frozen=True, slots=True)
class FencedBlock:
    """A fenced block of Markdown. `line` is its first line in the file, counted from 1.

    `indent` is the number of columns that were removed from each line.
    """

    language: str
    line: int
    text: str
    indent: int = 0


@dataclass(frozen=True, slots=True)
class Suppression:
    """A comment `# conn: ignore CODE -- reason`. `line` is the line that it silences, `at` its own line.

    A comment after content silences its line. A comment on a line of its own silences the next line with content.
    `code` and `reason` are empty if the comment has none; such a comment should itself be reported.
    """

    line: int
    code: str
    reason: str
    at: int = 0


class Place:
    """The place of one node: the character offsets `start` and `end` (exclusive) in the text of the document.

    `style` is the opening sign of a scalar (`'`, `"`, `|`, `>`), "json" for a JSON string, and "" for anything else.
    `keys` are the places of a mapping's keys. `children` are the places of its values by key, or of a list's items by
    index.
    """

    __slots__ = ("children", "end", "keys", "start", "style")

    def __init__(self, start: int, end: int, style: str = "") -> None:
        self.start = start
        self.end = end
        self.style = style
        self.keys: dict[str, Place] | None = None
        self.children: dict[Any, Place] | None = None


class Lines:
    """Convert character offsets to lines and columns, which count from 1."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._starts = array("Q", [0])  # a list would need five times the memory for two million lines
        self._starts.extend(match.end() for match in _BREAK.finditer(text))

    def to_line_and_column(self, offset: int) -> tuple[int, int]:
        """Return line and column of an offset; beyond the text, those of its end."""
        offset = max(0, min(offset, len(self._text)))
        line = bisect_right(self._starts, offset)
        return line, offset - self._starts[line - 1] + 1

    def to_offset(self, line: int, column: int = 1) -> int:
        """Return the offset of a line and column; beyond the text, that of its end."""
        if not 1 <= line <= len(self._starts):
            return len(self._text)
        return min(self._starts[line - 1] + column - 1, len(self._text))

    def text(self, line: int) -> str:
        """Return a line without its line break, or an empty string if there is no such line."""
        if not 1 <= line <= len(self._starts):
            return ""
        end = self._starts[line] if line < len(self._starts) else len(self._text)
        return self._text[self._starts[line - 1] : end].rstrip("\r\n")


@dataclass(frozen=True, eq=False, repr=False)
class Document:
    """A document that was read.

    `file` is the name for messages, relative to the workspace if there is one. `first_line` and `indent` shift all
    places if the text is a block of a larger file. `is_yaml` is False for JSON, which has no comments. Paths are tuples
    of keys and indexes.
    """

    file: str
    text: str
    data: Any
    _plant: Callable[[], Place] = field(default=lambda: Place(0, 0))
    first_line: int = 1
    indent: int = 0
    is_yaml: bool = True

    def __repr__(self) -> str:
        return f"Document({self.file!r})"  # the data may contain secrets

    @cached_property
    def root(self) -> Place:
        """The place of the complete data."""
        return self._plant()

    @cached_property
    def _table(self) -> dict[int, Sequence[int]]:
        """The offsets of the scalar whose position was last requested, by the start of the scalar."""
        return {}

    @cached_property
    def _lines(self) -> Lines:
        return Lines(self.text)

    def require_mapping(self) -> dict[str, Any]:
        """Return the data. Raises ConfigurationError (DOC007) if it is not a mapping."""
        if isinstance(self.data, dict):
            return self.data
        kinds = {list: "a list", type(None): "nothing", bool: "a boolean", str: "text"}
        kind = kinds.get(type(self.data), "a number")
        message = f"expected a mapping (name: value) at the top of the document, found {kind}"
        raise ConfigurationError(f"{self.file}: {message}", findings=[diagnostic("DOC007", message, self.span(()))])

    def has_path(self, path: Sequence[str | int]) -> bool:
        """Return whether the path exists."""
        return len(self._descend(path)[1]) == len(path)

    def span(self, path: Sequence[str | int]) -> Span:
        """Return the place of the value at a path, or of its nearest existing parent.

        If an alias repeats the value, its place is at the anchor.
        """
        return self._span(self._descend(path)[0])

    def read_source(self, path: Sequence[str | int]) -> str:
        """Return the value at a path as it is written, such as `1.10` for the number 1.1."""
        place = self._descend(path)[0]
        return self.text[place.start : place.end]

    def key_span(self, path: Sequence[str | int]) -> Span:
        """Return the place of the key at a path, of the item for a list item, or of the nearest existing parent."""
        place = self._descend(path)[1]
        while place:
            parent = self._descend(place[:-1])[0]
            key = (parent.keys or {}).get(str(place[-1]))
            if key is not None:
                return self._span(key)
            if parent.keys is None:
                return self.span(place)
            place = place[:-1]
        return self.span(())

    def position(self, path: Sequence[str | int], offset: int) -> tuple[int, int]:
        """Return line and column in the file of character `offset` of a scalar, whatever its style.

        Escapes, doubled quotes, folded lines and block indentation are taken into account. An offset beyond the value
        returns its end. If the path is missing or is not a scalar, the result is the start of `span(path)`.
        """
        return self._shift(self._lines.to_line_and_column(self._offset(path, offset)))

    def to_span(self, path: Sequence[str | int], start: int, end: int) -> Span:
        """Return the place of characters `start` to `end` (exclusive) of a scalar."""
        line, column = self.position(path, start)
        end_line, end_column = self.position(path, max(start, end - 1))
        return Span(self.file, line, column, end_line, end_column + (1 if end > start else 0))

    def line(self, number: int) -> str:
        """Return the text of a line of the file without its line break, or an empty string if there is no such line."""
        text = self._lines.text(number - self.first_line + 1)
        return " " * self.indent + text if text else ""

    @cached_property
    def suppressions(self) -> list[Suppression]:
        """The comments that silence findings, in order."""
        if not self.is_yaml or "conn:" not in self.text:
            return []
        suppressions: list[Suppression] = []
        for match in _SUPPRESSION.finditer(self.text):
            if not _is_within_scalar(self.root, match.start()):
                suppressions.extend(self._suppress(match))
        return suppressions

    def _suppress(self, match: re.Match[str]) -> Iterator[Suppression]:
        line, column = self._lines.to_line_and_column(match.start())
        codes, *reason = _REASON.split(match[1], maxsplit=1)
        target = line
        if not self._lines.text(line)[: column - 1].strip():
            last = self._lines.to_line_and_column(len(self.text))[0]
            target = line + 1
            while target <= last and self._lines.text(target).lstrip()[:1] in ("", "#"):
                target += 1
        shift = self.first_line - 1
        for code in codes.replace(",", " ").upper().split() or [""]:
            yield Suppression(target + shift, code, reason[0].strip() if reason else "", line + shift)

    def _descend(self, path: Sequence[str | int]) -> tuple[Place, Path_]:
        place = self.root
        found: list[str | int] = []
        for part in path:
            children = place.children
            if not children:
                break
            step: Any = part
            if place.keys is None and isinstance(part, str) and part.isdecimal():
                step = int(part)
            elif place.keys is not None and isinstance(part, int):
                step = str(part)
            below = children.get(step)
            if below is None:
                break
            place = below
            found.append(step)
        return place, tuple(found)

    def _offset(self, path: Sequence[str | int], offset: int) -> int:
        place, found = self._descend(path)
        if place.children is not None or len(found) < len(path):
            return place.start
        value = self.data
        for part in found:
            value = value[part]
        offset = max(0, offset)
        if not isinstance(value, str):
            return min(place.start + offset, place.end)
        table = self._table.get(place.start)
        if table is None:  # many places of one long scalar may be requested in a row
            table = find_offsets(self.text, place.start, place.end, place.style, value)
            self._table.clear()
            self._table[place.start] = table
        return table[min(offset, len(value))]

    def _shift(self, offsets: tuple[int, int]) -> tuple[int, int]:
        return offsets[0] + self.first_line - 1, offsets[1] + self.indent

    def _span(self, place: Place) -> Span:
        start = self._shift(self._lines.to_line_and_column(place.start))
        return Span(self.file, *start, *self._shift(self._lines.to_line_and_column(place.end)))


def _is_within_scalar(place: Place, offset: int) -> bool:
    if not place.start <= offset < place.end:
        return False
    if place.children is None:
        return True
    inner = [*(place.keys or {}).values(), *place.children.values()]
    return any(_is_within_scalar(child, offset) for child in inner)
