"""Parse the text of a .bru file: blocks of rows (`headers { … }`), of text (`body:json { … }`) and of names (`[ … ]`).

A block ends with its bracket at the start of a line, so brackets in its text need no escape. The blocks of an `example`
are nested and indented.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from textwrap import dedent

from conn_engine.diagnostics import Span, diagnostic
from conn_engine.errors import ConfigurationError

__all__ = ["BruBlock", "BruRow", "parse_blocks"]

_HEAD = re.compile(r"([A-Za-z][\w:.-]*)[ \t]*([{\[])[ \t]*(?:(.*)[ \t]*([}\]]))?[ \t]*")
_NESTED_HEAD = re.compile(r"([A-Za-z][\w:.-]*?)[ \t]*:[ \t]*(\{)[ \t]*()()")
_ANNOTATION = re.compile(r"@[A-Za-z][\w-]*[ \t]*(?:\((.*))?$", re.DOTALL)
_QUOTED_NAME = re.compile(r'"((?:[^"\\]|\\.)*)"[ \t]*:')
_QUOTE = "'''"
_ENDS = {"{": "}", "[": "]"}


@dataclass(frozen=True, slots=True)
class BruRow:
    """One row of a block. A row that starts with `~` is not enabled."""

    name: str
    value: str
    is_enabled: bool = True


@dataclass(frozen=True, slots=True)
class BruBlock:
    """A block with its lines. Its name decides how to read them."""

    name: str
    lines: tuple[str, ...]

    @property
    def text(self) -> str:
        """The lines without their common indentation."""
        return dedent("\n".join(self.lines)).strip("\n")

    def read_rows(self) -> list[BruRow]:
        """Return the lines as rows of names and values. Annotations and comments are left out."""
        return list(_parse_rows(self.lines))

    def read_values(self) -> dict[str, str]:
        """Return the values of the enabled rows, by name."""
        return {row.name: row.value for row in self.read_rows() if row.is_enabled}

    def read_blocks(self) -> list["BruBlock"]:
        """Return the blocks that are nested in this one (`request: { … }`)."""
        return list(_split_blocks(self.text.split("\n"), "", _NESTED_HEAD))


def parse_blocks(text: str, file: str) -> list[BruBlock]:
    """Return the blocks of a file in order. Raises ConfigurationError (DOC002) for a block that does not end."""
    return list(_split_blocks(text.replace("\r\n", "\n").split("\n"), file, _HEAD))


def _split_blocks(lines: list[str], file: str, head: re.Pattern[str]) -> Iterator[BruBlock]:
    name, end, start = "", "", 0
    for number, line in enumerate(lines):
        if end:
            if line.rstrip() == end:
                yield BruBlock(name, tuple(lines[start:number]))
                end = ""
            continue
        match = head.fullmatch(line.rstrip())
        if match is None:
            continue  # an empty line, a comment, or a row outside a block
        if match[4]:
            yield BruBlock(match[1], (match[3],))
        else:
            name, end, start = match[1], _ENDS[match[2]], number + 1
    if end and file:
        problem = f'the block "{name}" has no end: "{end}" at the start of a line'
        finding = diagnostic("DOC002", problem, Span(file, start, 1))
        raise ConfigurationError(f"{file}: {problem}", findings=[finding])


def _parse_rows(lines: tuple[str, ...]) -> Iterator[BruRow]:
    rest = iter(lines)
    for line in rest:
        text = line.strip()
        annotation = _ANNOTATION.match(text)
        if annotation is not None:
            argument = annotation[1] or ""
            if argument.startswith(_QUOTE) and _QUOTE not in argument[3:]:
                _skip_to_quote(rest)
            continue
        enabled = not text.startswith("~")
        text = text.removeprefix("~")
        quoted = _QUOTED_NAME.match(text)
        if quoted is not None:
            name, value = re.sub(r"\\(.)", r"\1", quoted[1]), text[quoted.end() :].strip()
        else:
            name, sign, value = (part.strip() for part in text.partition(":"))
            if not sign or not name or name.startswith("#"):
                continue
        if value.startswith(_QUOTE) and _QUOTE not in value[3:]:
            value = dedent("\n".join(_skip_to_quote(rest))).strip("\n")
        yield BruRow(name.removeprefix("@"), value.removeprefix(_QUOTE).removesuffix(_QUOTE), enabled)


def _skip_to_quote(rest: Iterator[str]) -> list[str]:
    """Take the lines up to the closing quotes, and return those before them."""
    found = []
    for line in rest:
        before, quote, _ = line.partition(_QUOTE)
        found += [before] if not quote or before.strip() else []
        if quote:
            break
    return found
