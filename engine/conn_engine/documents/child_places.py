"""Find where a child of a mapping or list is written: its key or dash, and its value without anchor or alias."""

import re
from dataclasses import dataclass

from conn_engine.documents.document import Place

__all__ = ["ChildFinder", "ChildPlace", "UnknownSyntaxError"]

_COLON = re.compile(r"\s*:")
_DASH = re.compile(r"(?:[ \t\r\n]|#[^\n]*\n)*-")
_COMMA = re.compile(r"(?:[ \t\r\n,]|#[^\n]*\n)*")
_ALIAS = re.compile(r"(?:[ \t\r\n]|#[^\n]*\n)*(?P<alias>\*[^\s,\[\]{}]+)")


class UnknownSyntaxError(Exception):
    """The syntax around a value is not one that edits know, such as explicit keys."""


@dataclass(frozen=True, slots=True)
class ChildPlace:
    """Where one child of a mapping or list is in the text.

    `start` is the start of its key, or of the dash of a block list, or of a flow list's item. `after` is where the
    value's part begins: after the colon or dash. `value` and `end` are the value itself, without anchor and tag.
    """

    start: int
    after: int
    value: int
    end: int
    alias: bool


class ChildFinder:
    """Finds children in the text of one document."""

    def __init__(self, text: str) -> None:
        self.text = text

    def find_child(self, parent: Place, step: str | int) -> ChildPlace:
        """Return where a child is. Raises UnknownSyntaxError for a syntax such as explicit keys."""
        children = parent.children or {}
        child = children[step]
        if parent.keys is not None:
            key = parent.keys[str(step)]
            colon = _COLON.match(self.text, key.end)
            if colon is None:
                raise UnknownSyntaxError
            return self._complete(key.start, colon.end(), child)
        return self._find_item(parent, int(step))

    def _find_item(self, parent: Place, index: int) -> ChildPlace:
        children = parent.children or {}
        first = index  # the items before it whose places are elsewhere, because they are aliases
        while first > 0 and not parent.start <= children[first - 1].start < children[first - 1].end:
            first -= 1
        at = self.get_end(children[first - 1]) if first > 0 else parent.start + self.is_flow(parent)
        for step in range(first, index + 1):
            found = (_COMMA if self.is_flow(parent) else _DASH).match(self.text, at)
            if found is None:
                raise UnknownSyntaxError
            start = found.end() if self.is_flow(parent) else found.end() - 1
            child = self._complete(start, found.end(), children[step])
            at = child.end
        return child

    def _complete(self, start: int, after: int, child: Place) -> ChildPlace:
        alias = _ALIAS.match(self.text, after)
        if alias is not None:
            return ChildPlace(start, after, alias.start("alias"), alias.end("alias"), alias=True)
        if child.start < after:
            raise UnknownSyntaxError
        return ChildPlace(start, after, child.start, self.get_end(child), alias=False)

    def get_end(self, place: Place) -> int:
        """Return the end of a value. The place of a block ends with its last child, which an alias can falsify."""
        if place.children and not self.is_flow(place):
            return self.find_child(place, next(reversed(place.children))).end
        return place.end

    def is_flow(self, place: Place) -> bool:
        """Return whether a mapping or list is in brackets."""
        return self.text[place.start : place.start + 1] in ("{", "[")

    def get_line_start(self, at: int) -> int:
        """Return the start of the line of an offset."""
        return self.text.rfind("\n", 0, at) + 1

    def get_line_end(self, at: int) -> int:
        """Return the end of the line of an offset, before its line break."""
        end = self.text.find("\n", at)
        end = len(self.text) if end < 0 else end
        return end - 1 if self.text[at:end].endswith("\r") else end
