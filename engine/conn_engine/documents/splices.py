"""Replace, add and remove one value in the text of a document, whatever its style: block or flow YAML, or JSON."""

import re
from typing import Any

from conn_engine.documents.child_places import ChildFinder, ChildPlace, UnknownSyntaxError
from conn_engine.documents.document import Document, Place
from conn_engine.documents.paths import Path_
from conn_engine.documents.value_text import format_block, format_flow, format_json, format_key, format_scalar

__all__ = ["Splicer"]

_PROPERTY = re.compile(r"[ \t]*[&!][^\s,\[\]{}]*")
_COMMENT = re.compile(r"(?P<gap>[ \t]+)(?P<comment>#[^\r\n]*)")
_BLOCK_HEADER = re.compile(r"[|>][-+0-9]*")
_INDENTED_LIST = re.compile(r"^( *)[^\s#-][^\n]*:[ \t]*\r?\n( *)- ", re.MULTILINE)


class Splicer(ChildFinder):
    """Changes the text of one document at one place.

    Its methods return the new text, and raise UnknownSyntaxError for a syntax that they do not know.
    """

    def __init__(self, document: Document) -> None:
        super().__init__(document.text)
        self.root = document.root
        self.newline = "\r\n" if "\r\n" in self.text else "\n"
        self.is_json = not document.is_yaml

    def splice(self, start: int, end: int, new: str) -> str:
        """Return the text with a part replaced."""
        return self.text[:start] + new.replace("\n", self.newline) + self.text[end:]

    # --- put ---

    def put(self, path: Path_, value: Any) -> str:
        """Return the text with a value set."""
        place, depth = self.root, 0
        for part in path:
            step = self._step(place, part)
            if step is None:
                break
            below = (place.children or {})[step]
            if depth + 1 == len(path):
                return self.replace(place, step, value)
            if not below.children:
                return self.replace(place, step, _nest(path[depth + 1 :], value))
            place, depth = below, depth + 1
        rest = path[depth:]
        if not rest or not place.children:  # only the root can be here
            return self._replace_root(_nest(rest, value))
        return self._add(place, rest[0], _nest(rest[1:], value))

    def _step(self, place: Place, part: str | int) -> str | int | None:
        step = str(part) if place.keys is not None else part
        return step if step in (place.children or {}) else None

    def _replace_root(self, value: Any) -> str:
        start, end = self.root.start, self.root.end
        if self.is_json:
            return self.splice(start, end, format_json(value))
        text = format_block(value) if isinstance(value, dict | list) and value else format_flow(value)
        if start == end:
            gap = "" if not self.text or self.text.endswith("\n") else "\n"
            return self.splice(len(self.text), len(self.text), f"{gap}{text}\n")
        end = self.get_end(self.root)
        comment = _COMMENT.match(self.text, end)  # it belongs to a value that goes
        return self.splice(start, comment.end() if comment else end, text)

    def replace(self, parent: Place, step: str | int, value: Any) -> str:
        child = self.find_child(parent, step)
        if self.is_json:
            return self.splice(child.value, child.end, self._indent_json(value, child.start))
        if self.is_flow(parent):
            blank = " " if parent.keys is not None and child.value == child.end == child.after else ""
            style = "" if child.alias else (parent.children or {})[step].style
            return self.splice(child.value, child.end, blank + format_flow(value, style))
        anchor = self._find_anchor(child)
        comment, gap, end = self._find_comment(child)
        style = "" if child.alias else (parent.children or {})[step].style
        column = child.start - self.get_line_start(child.start)
        new = self._format_value(value, column, in_list=parent.keys is None, style=style, comment=gap + comment)
        return self.splice(child.after, end, (f" {anchor}" if anchor else "") + new)

    def _add(self, parent: Place, part: str | int, value: Any) -> str:
        """Return the text with one more child, after the last one."""
        first = next(iter(parent.children or {}))
        last = self.find_child(parent, next(reversed(parent.children or {})))
        if self.is_flow(parent):
            return self._add_to_flow(parent, last, part, value)
        start = self.find_child(parent, first).start
        column = start - self.get_line_start(start)
        head = "-" if parent.keys is None else f"{format_key(str(part))}:"
        new = self._format_value(value, column, in_list=parent.keys is None)
        at = self.get_line_end(last.end)
        return self.splice(at, at, f"\n{' ' * column}{head}{new}")

    def _add_to_flow(self, parent: Place, last: ChildPlace, part: str | int, value: Any) -> str:
        formatted = self._indent_json(value, last.start) if self.is_json else format_flow(value)
        key = "" if parent.keys is None else f"{format_json(str(part)) if self.is_json else format_flow(str(part))}: "
        line_start = self.get_line_start(last.start)
        is_alone = not self.text[line_start : last.start].strip()
        gap = "\n" + self.text[line_start : last.start] if is_alone else " "
        return self.splice(last.end, last.end, f",{gap}{key}{formatted}")

    def _indent_json(self, value: Any, at: int) -> str:
        line = self.text[self.get_line_start(at) :]
        indent = line[: len(line) - len(line.lstrip(" \t"))]
        return format_json(value, indented="\n" in self.text.strip()).replace("\n", "\n" + indent)

    def _format_value(self, value: Any, column: int, *, in_list: bool, style: str = "", comment: str = "") -> str:
        """Return what follows the colon or dash of a block value, from its blank to the end of the last line."""
        if isinstance(value, dict | list) and value:
            inner = column + (2 if in_list or isinstance(value, dict) or self._indents_lists() else 0)
            block = format_block(value, indents_lists=self._indents_lists()).replace("\n", "\n" + " " * inner)
            if in_list and not comment:
                return " " + block
            return f"{comment}\n{' ' * inner}{block}"
        head, *lines = format_scalar(value, style).split("\n")
        indented = "".join(f"\n{' ' * (column + 2)}{line}" if line else "\n" for line in lines)
        return f" {head}{comment}{indented}"

    def _indents_lists(self) -> bool:
        """Return whether the lists of this document are indented below their keys."""
        found = _INDENTED_LIST.search(self.text)
        return found is None or len(found[2]) > len(found[1])

    def _find_anchor(self, child: ChildPlace) -> str:
        found = re.search(r"&[^\s,\[\]{}]+", self.text[child.after : self._skip_properties(child)])
        return found[0] if found else ""

    def _skip_properties(self, child: ChildPlace) -> int:
        at = child.after
        while at < child.value and (found := _PROPERTY.match(self.text, at, child.value)):
            at = found.end()
        return at

    def _find_comment(self, child: ChildPlace) -> tuple[str, str, int]:
        """Return the comment on the lines of a value that stays, the blanks before it, and where the value's part
        ends."""
        end = self.get_line_end(child.end)
        rest = self.text[child.end : end]
        if rest.strip() and not _COMMENT.fullmatch(rest):
            raise UnknownSyntaxError
        header = _BLOCK_HEADER.match(self.text, child.value)
        for at in (child.end, header.end() if header else self._skip_properties(child)):
            found = _COMMENT.match(self.text, at)
            if found is not None:
                return found["comment"], found["gap"], end
        return "", "", end

    # --- drop ---

    def drop(self, path: Path_) -> str:
        """Return the text without a value."""
        parent = self.find_parent(path)
        step = self._step(parent, path[-1])
        if step is None:
            raise UnknownSyntaxError
        steps = list(parent.children or {})
        if len(steps) == 1:
            return self.splice(parent.start, self.get_end(parent), "{}" if parent.keys is not None else "[]")
        index = steps.index(step)
        child = self.find_child(parent, step)
        if self.is_flow(parent):
            if index == 0:
                return self.splice(child.start, self.find_child(parent, steps[1]).start, "")
            return self.splice(self.find_child(parent, steps[index - 1]).end, child.end, "")
        start = self.get_line_start(child.start)
        if self.text[start : child.start].strip():  # the first one, after the dash of a list
            return self.splice(child.start, self.find_child(parent, steps[1]).start, "")
        end = self.get_line_end(child.end)
        end += len(self.newline) if end < len(self.text) else 0
        if index > 0 or parent is not self.root:
            start = self._include_comments(start, self.text[start : child.start])
        if end == len(self.text) and not self.text.endswith("\n"):
            start = max(0, start - len(self.newline))
        return self.splice(start, end, "")

    def _include_comments(self, start: int, indent: str) -> int:
        """Return the start of the comment lines directly above a line that have its indentation."""
        while start > 0:
            above = self.get_line_start(start - 1)
            if not self.text[above:start].startswith(f"{indent}#"):
                break
            start = above
        return start

    # --- lift and rename ---

    def lift(self, path: Path_) -> str:
        """Return the text with the entries of a mapping in place of the mapping itself, one level up."""
        parent = self.find_parent(path)
        inner = (parent.children or {})[str(path[-1])]
        child = self.find_child(parent, str(path[-1]))
        if child.alias or not inner.keys or parent.keys is None:
            raise UnknownSyntaxError
        if self.is_flow(inner):
            return self._lift_flow(parent, inner, child)
        start = self.get_line_start(child.start)
        first = next(iter(inner.keys.values())).start
        shift = first - self.get_line_start(first) - (child.start - start)
        if self.text[start : child.start].strip() or shift <= 0 or self.get_line_start(first) == start:
            raise UnknownSyntaxError
        head, *lines = self.text[start : self.get_line_end(child.end)].split("\n")
        comment = _COMMENT.search(head, child.after - start)
        kept = [head[: child.start - start] + comment["comment"]] if comment else []
        lifted = [line[shift:] if line[:shift].isspace() else line for line in lines]
        return self.text[:start] + "\n".join([*kept, *lifted]) + self.text[self.get_line_end(child.end) :]

    def _lift_flow(self, parent: Place, inner: Place, child: ChildPlace) -> str:
        body = self.text[inner.start + 1 : inner.end - 1].strip().removesuffix(",").rstrip()
        if self.is_flow(parent):
            return self.splice(child.start, child.end, body)
        if "\n" in body:
            raise UnknownSyntaxError
        indent = " " * (child.start - self.get_line_start(child.start))
        entries = [
            self.text[entry.start : entry.end] for entry in (self.find_child(inner, key) for key in inner.keys or {})
        ]
        return self.splice(child.start, child.end, f"\n{indent}".join(entries))

    def rename(self, path: Path_, name: str) -> str:
        """Return the text with another name of a key."""
        key = (self.find_parent(path).keys or {}).get(str(path[-1]))
        if key is None:
            raise UnknownSyntaxError
        return self.splice(key.start, key.end, format_json(name) if key.style == "json" else format_key(name))

    def find_parent(self, path: Path_) -> Place:
        """Return the place of the parent of a value. Raises UnknownSyntaxError if it does not exist."""
        place = self.root
        for part in path[:-1]:
            step = self._step(place, part)
            if step is None:
                raise UnknownSyntaxError
            place = (place.children or {})[step]
        return place


def _nest(path: Path_, value: Any) -> Any:
    for part in reversed(path):
        value = [value] if part == 0 and isinstance(part, int) else {str(part): value}
    return value
