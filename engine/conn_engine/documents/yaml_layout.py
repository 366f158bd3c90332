"""Lay out YAML: two spaces for each level, one space between signs, one style of quotes, at most one blank line.

Data, comments, anchors, tags and the lines of block scalars stay. The signs are those of YAML's scanner, so that
nothing inside of a scalar is read as one.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any, Literal

import yaml

__all__ = ["lay_out_yaml", "list_comments"]

_INDENT = 2
_LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_OTHER_BREAKS = re.compile("[\r\x85\u2028\u2029\ufeff]")
_PLAIN = re.compile(r"[A-Za-z_$/][\w $/().+<>=-]*(?<! )", re.ASCII)
_NOT_TEXT = re.compile(r"(?i)null|true|false|yes|no|on|off|y|n")
_OPENING = (yaml.FlowMappingStartToken, yaml.FlowSequenceStartToken)
_CLOSING = (yaml.FlowMappingEndToken, yaml.FlowSequenceEndToken)
_RARE = (yaml.DirectiveToken, yaml.DocumentEndToken)


@dataclass(slots=True)
class _Level:
    """A block collection: its column before and after. A `flat` list has the column of its mapping."""

    kind: Literal["mapping", "list", "flat"]
    before: int
    after: int


@dataclass(slots=True)
class _Layout:
    """What changes in a text: the indents of lines, the lines of scalars with their shifts, and edits of lines."""

    text: str
    lines: list[str]
    indents: dict[int, int] = field(default_factory=dict)
    contents: dict[int, str] = field(default_factory=dict)
    edits: dict[int, list[tuple[int, int, str]]] = field(default_factory=dict)

    @property
    def last_line(self) -> int:
        """The number of the last line."""
        return len(self.lines) - 1

    def shift_contents(self, token: Any, level: _Level | None) -> None:
        """Move the lines of a scalar below its first one with the level that it belongs to."""
        first, last = token.start_mark.line + 1, token.end_mark.line + (token.end_mark.column > 0)
        lines = self.lines[first:last]
        before, after = (level.before, level.after) if level is not None else (0, 0)
        shift, least, blank = after - before, after + 1, 0
        if token.style in ("|", ">"):
            header = self.lines[token.start_mark.line][token.start_mark.column :].partition("#")[0]
            least, digit = 0, re.search(r"\d", header)
            blank = next((len(line) - len(line.lstrip(" ")) for line in lines if line.strip(" ")), 0)
            blank, shift = (before + int(digit[0]), shift) if digit else (blank, after + _INDENT - blank)
            while lines and "+" not in header and not lines[-1].strip(" ") and len(lines[-1]) <= blank:
                lines.pop()
        for number, line in enumerate(lines, first):
            rest = line.lstrip(" ")
            lead = len(line) - len(rest)
            is_empty = not rest and (token.style not in ("|", ">") or lead <= blank)
            self.contents[number] = "" if is_empty else " " * max(lead + shift, least) + rest

    def edit(self, token: Any, column: int, end: int, text: str) -> None:
        """Replace a part of the line on which a token starts."""
        if self.lines[token.start_mark.line][column:end] != text:
            self.edits.setdefault(token.start_mark.line, []).append((column, end, text))


def lay_out_yaml(text: str) -> str:
    """Return the text in the usual layout. A text that is not valid YAML stays as it is, and so does one with rare
    parts of YAML: several documents, directives, keys with `?`, or tabs before a value."""
    newline = "\r\n" if "\r\n" in text else "\n"
    plain = text.replace("\r\n", "\n")
    if _OTHER_BREAKS.search(plain):
        return text
    try:
        layout = _read_layout(plain)
    except yaml.YAMLError:
        return text
    if layout is None:
        return text
    is_open = layout.last_line in layout.contents and not plain.endswith("\n")  # a line break would be a part of it
    return newline.join(_write_lines(layout)) + ("" if is_open else newline)


def list_comments(text: str) -> list[tuple[int, str]]:
    """Return the comments of a YAML text, each with the number of signs and values before it."""
    comments, end = [], 0
    tokens = [token for token in yaml.scan(text, Loader=_LOADER) if token.end_mark.index > token.start_mark.index]
    for number, token in enumerate([*tokens, None]):
        start = token.start_mark.index if token is not None else len(text)
        comments += [(number, found[0].rstrip()) for found in re.finditer(r"#[^\n\r]*", text[end:start])]
        end = token.end_mark.index if token is not None else end
        if token is not None and getattr(token, "style", None) in ("|", ">"):
            header = text[start:end].partition("\n")[0]
            comments += [(number, found[0].rstrip()) for found in re.finditer(r"#[^\r]*", header)]
    return comments


def _read_layout(text: str) -> _Layout | None:
    layout, levels, flows = _Layout(text, text.split("\n")), list[_Level](), 0
    visible = list[Any]()
    for token in yaml.scan(text, Loader=_LOADER):
        has_text = token.end_mark.index > token.start_mark.index
        is_second = isinstance(token, yaml.DocumentStartToken) and visible
        if isinstance(token, _RARE) or is_second or (isinstance(token, yaml.KeyToken) and has_text):
            return None
        if not flows:
            _follow_level(layout, levels, token)
        if has_text:
            if not _place_token(layout, levels[-1] if levels else None, token, is_in_flow=flows > 0):
                return None
            visible.append(token)
        flows += isinstance(token, _OPENING) - isinstance(token, _CLOSING)
    for before, after in pairwise(visible):
        is_block = getattr(before, "style", None) in ("|", ">")
        if before.end_mark.line == after.start_mark.line and not is_block:
            layout.edit(after, before.end_mark.column, after.start_mark.column, " " * _choose_gap(before, after))
    return layout


def _follow_level(layout: _Layout, levels: list[_Level], token: Any) -> None:
    """Open or close the levels that a token opens or closes, and indent the line that it starts."""
    column = token.start_mark.column
    after = levels[-1].after + _INDENT if levels else 0
    is_flat = bool(levels) and levels[-1].kind == "flat"
    if is_flat and isinstance(token, (yaml.BlockEndToken, yaml.KeyToken)):
        levels.pop()
    if isinstance(token, yaml.BlockEndToken):
        levels.pop()
    elif isinstance(token, yaml.BlockMappingStartToken):
        levels.append(_Level("mapping", column, after))
    elif isinstance(token, yaml.BlockSequenceStartToken):
        levels.append(_Level("list", column, after))
    elif isinstance(token, yaml.BlockEntryToken) and levels[-1].kind == "mapping":
        levels.append(_Level("flat", column, after))
    if isinstance(token, (yaml.KeyToken, yaml.BlockEntryToken)) and _starts_line(layout, token):
        layout.indents[token.start_mark.line] = levels[-1].after


def _place_token(layout: _Layout, level: _Level | None, token: Any, *, is_in_flow: bool) -> bool:
    """Indent the line that a value starts and the lines below it, and choose its quotes. Returns whether it can be."""
    line, column = token.start_mark.line, token.start_mark.column
    if _starts_line(layout, token) and line not in layout.indents:
        before, after = (level.before, level.after) if level is not None else (0, 0)
        shifted = max(column + after - before, 0)
        layout.indents[line] = shifted if is_in_flow or level is None else after + _INDENT
    elif line not in layout.indents and line not in layout.contents:  # a tab is before the first token
        return False
    if isinstance(token, yaml.ScalarToken):
        if token.end_mark.line > line:
            layout.shift_contents(token, level)
        elif token.style in ("'", '"'):
            source = layout.text[token.start_mark.index : token.end_mark.index]
            layout.edit(token, column, token.end_mark.column, _choose_quotes(source, token.value))
    return True


def _starts_line(layout: _Layout, token: Any) -> bool:
    return not layout.lines[token.start_mark.line][: token.start_mark.column].strip(" ")


def _choose_gap(before: Any, after: Any) -> int:
    """Return the number of spaces between two tokens of one line."""
    if isinstance(after, yaml.ValueToken):
        return int(isinstance(before, yaml.AliasToken))
    if isinstance(after, yaml.FlowEntryToken):
        return 0
    if isinstance(before, yaml.FlowMappingStartToken) or isinstance(after, yaml.FlowMappingEndToken):
        return int(not (isinstance(before, _OPENING) and isinstance(after, _CLOSING)))
    return int(not (isinstance(before, yaml.FlowSequenceStartToken) or isinstance(after, yaml.FlowSequenceEndToken)))


def _choose_quotes(source: str, value: str) -> str:
    """Return a quoted text without its quotes if it needs none, else in double quotes, or in single ones if it has
    double ones."""
    if _PLAIN.fullmatch(value) and not _NOT_TEXT.fullmatch(value):
        return value
    if not value.isprintable():
        return source
    if source[0] == "'" and '"' not in value and "\\" not in value:
        return f'"{value}"'
    if source[0] == '"' and '"' in value and "'" not in value and source[1:-1].replace('\\"', '"') == value:
        return f"'{value}'"
    return source


def _write_lines(layout: _Layout) -> Iterator[str]:
    """Yield the lines of the new text, without blank lines at its start and end and after a blank line."""
    comments = _indent_comments(layout)
    is_first, is_after_blank = True, False
    for number, line in enumerate(layout.lines):
        if number in layout.contents:
            yield layout.contents[number]
            continue
        text = _apply_edits(line, layout.edits.get(number, ())).strip(" \t")
        if text:
            if is_after_blank and not is_first:
                yield ""
            yield f"{' ' * layout.indents.get(number, comments.get(number, 0))}{text}"
            is_first = False
        is_after_blank = not text


def _apply_edits(line: str, edits: Any) -> str:
    for start, end, text in sorted(edits, reverse=True):
        line = f"{line[:start]}{text}{line[end:]}"
    return line


def _indent_comments(layout: _Layout) -> dict[int, int]:
    """Return the indents of lines with only a comment: that of the next line if they had the same one, else that of an
    earlier line of the level."""
    following: dict[int, int] = {}
    next_line = -1
    for number in range(len(layout.lines) - 1, -1, -1):
        if number in layout.indents:
            next_line = number
        following[number] = next_line
    indents: dict[int, int] = {}
    levels: list[tuple[int, int]] = []
    for number, line in enumerate(layout.lines):
        lead = len(line) - len(line.lstrip(" "))
        if number in layout.indents:
            while levels and levels[-1][0] >= lead:
                levels.pop()
            levels.append((lead, layout.indents[number]))
        elif number not in layout.contents and line.strip():
            indents[number] = _indent_comment(layout, lead, following[number], levels)
    return indents


def _indent_comment(layout: _Layout, lead: int, next_line: int, levels: list[tuple[int, int]]) -> int:
    """Return the indent of a comment, which must not become a part of a block scalar before it."""
    text = layout.lines[next_line] if next_line >= 0 else ""
    next_lead = len(text) - len(text.lstrip(" "))
    before, after = next(((old, new) for old, new in reversed(levels) if old <= lead), (0, 0))
    belongs_to_next = next_lead == lead or (before != lead and next_lead > before)
    return layout.indents[next_line] if next_line >= 0 and belongs_to_next else after
