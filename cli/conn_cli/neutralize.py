"""What must not reach a terminal, a log or a CI system in any output, and the one function that takes it out.

Vendors, documents and file names bring texts of their own. In them a terminal obeys escape sequences, carriage returns
and marks of direction, and a CI system reads some lines as commands. Everything printed goes through `neutralize`
(`console.App` sees to it); formats that can write a character differently lose nothing.
"""

import re
from collections.abc import Callable, Iterable
from typing import Literal

__all__ = ["HIDDEN", "Form", "Styled", "join_styled", "neutralize"]

Form = Literal["text", "json", "xml", "github"]
"""What the text is: for people, or a format with its own way to write any character."""

HIDDEN = "\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff\ud800-\udfff"
"""Of a pattern: control characters but tab and line feed, line separators, marks of direction, half characters."""

_HIDDEN = re.compile(f"[{HIDDEN}]")
_STYLE = re.compile(r"(\x1b\[[0-9;]*m)")
# GitHub (old and new form), Azure Pipelines, TeamCity. They skip blanks, and some look in the middle of lines too.
_COMMAND = re.compile(r"(?im)^([^\S\n]*):(?=:[a-z])|#(?=#(?:vso|teamcity)?\[)")
_OWN_COMMAND = re.compile(r"(?:error|warning|notice) ")


class Styled(str):
    """Text for people with our own colors, whose parts were neutralized before they got them."""

    __slots__ = ()


def join_styled(parts: Iterable[str]) -> Styled:
    """Parts as one text; those that are not `Styled` are neutralized."""
    return Styled("".join(part if isinstance(part, Styled) else neutralize(part) for part in parts))


def neutralize(text: str, form: Form = "text") -> str:
    """The text without what a terminal or a CI system would obey. Twice is as once.

    For people a character that is obeyed becomes U+FFFD, and a blank breaks what a CI reads as a command
    (`: :error`). "json" and "xml" stay the same data. "github" lets our own workflow commands through, whose data is
    escaped. A `Styled` text keeps its colors.
    """
    if _HIDDEN.search(text) is None and "::" not in text and "##" not in text:
        return text
    return _styled(text) if isinstance(text, Styled) else _FORMS[form](text)


def _for_people(text: str) -> str:
    plain = _HIDDEN.sub("\ufffd", text.replace("\r\n", "\n"))
    return _COMMAND.sub(lambda found: f"{found[0]} ", plain)


def _styled(text: str) -> Styled:
    pieces = _STYLE.split(text)
    pieces[::2] = [_for_people(piece) for piece in pieces[::2]]
    return Styled("".join(pieces))


def _json(text: str) -> str:
    """In JSON these characters stand in strings only, never after a single backslash."""
    escaped = _HIDDEN.sub(lambda found: f"\\u{ord(found[0]):04x}", text)
    return _COMMAND.sub(lambda found: f"\\u{ord(found[0]):04x}" if found[0] == "#" else found[0], escaped)


def _xml(text: str) -> str:
    """What XML has no reference for is gone already."""
    escaped = _HIDDEN.sub(lambda found: f"&#x{ord(found[0]):x};", text)
    return _COMMAND.sub(lambda found: f"{found[0][:-1]}&#{ord(found[0][-1])};", escaped)


def _github(text: str) -> str:
    return "\n".join(
        f"::{_for_people(line[2:])}" if line.startswith("::") and _OWN_COMMAND.match(line, 2) else _for_people(line)
        for line in text.split("\n")
    )


_FORMS: dict[Form, Callable[[str], str]] = {
    "text": _for_people,
    "json": _json,
    "xml": _xml,
    "github": _github,
}
