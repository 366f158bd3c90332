"""Make text harmless for terminals, logs and CI systems.

Output contains text from vendors, documents and file names. A terminal obeys escape sequences, carriage returns and
direction marks in it, and a CI system reads some lines as commands. `console.App` passes everything that it prints
through `neutralize`. Formats that can escape a character lose nothing.
"""

import re
from collections.abc import Callable, Iterable
from typing import Literal

__all__ = ["HIDDEN", "Form", "Styled", "Verbatim", "join_styled", "neutralize", "remove_styles"]

Form = Literal["text", "json", "xml", "github"]
"""The format of a string: for people, or one that can escape any character."""

HIDDEN = "\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff\ud800-\udfff"
"""Part of a pattern: control characters except tab and line feed, line separators, direction marks, surrogates."""

_HIDDEN = re.compile(f"[{HIDDEN}]")
_STYLE = re.compile(r"(\x1b\[[0-9;]*m)")
# GitHub (old and new form), Azure Pipelines, TeamCity. They skip blanks, and some look in the middle of lines too.
_COMMAND = re.compile(r"(?im)^([^\S\n]*):(?=:[a-z])|#(?=#(?:vso|teamcity)?\[)")
_OWN_COMMAND = re.compile(r"(?:error|warning|notice) ")


class Styled(str):
    """Text for people with colors. Its parts were neutralized before they were colored."""

    __slots__ = ()


class Verbatim(str):
    """Text that is a document, such as YAML to paste: its lines are not fitted into a terminal."""

    __slots__ = ()


def join_styled(parts: Iterable[str]) -> Styled:
    """Join the parts, and neutralize those that are not `Styled`."""
    return Styled("".join(part if isinstance(part, Styled) else neutralize(part) for part in parts))


def remove_styles(text: str) -> str:
    """Return the text without the colors of a `Styled`; any other text as it is."""
    return _STYLE.sub("", text) if isinstance(text, Styled) else text


def neutralize(text: str, form: Form = "text") -> str:
    """Return the text without what a terminal or a CI system would obey. Idempotent.

    In text for people, such a character becomes U+FFFD, and a space breaks what a CI system reads as a command
    (`: :error`). "json" and "xml" stay the same data. "github" keeps our own workflow commands, whose data is already
    escaped. A `Styled` text keeps its colors.
    """
    if _HIDDEN.search(text) is None and "::" not in text and "##" not in text:
        return text
    return _neutralize_styled(text) if isinstance(text, Styled) else _FORMS[form](text)


def _for_people(text: str) -> str:
    plain = _HIDDEN.sub("\ufffd", text.replace("\r\n", "\n"))
    return _COMMAND.sub(lambda found: f"{found[0]} ", plain)


def _neutralize_styled(text: str) -> Styled:
    pieces = _STYLE.split(text)
    pieces[::2] = [_for_people(piece) for piece in pieces[::2]]
    return Styled("".join(pieces))


def _json(text: str) -> str:
    """Escape as in JSON, where these characters occur only in strings, never after a single backslash."""
    escaped = _HIDDEN.sub(lambda found: f"\\u{ord(found[0]):04x}", text)
    return _COMMAND.sub(lambda found: f"\\u{ord(found[0]):04x}" if found[0] == "#" else found[0], escaped)


def _xml(text: str) -> str:
    """Escape as in XML. Characters that XML cannot reference have been removed before."""
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
