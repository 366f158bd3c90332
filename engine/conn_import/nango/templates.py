"""Texts with `${…}` as templates and expressions of the language. What a name stands for is the caller's to say.

`${name}`, `${function(text with ${…} in it)}`, `${a || b}`, and a whole text `one || another`: the first that has all
its values.
"""

import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TypeAlias

__all__ = ["Unsayable", "expression", "names_in", "picture", "template"]

_CALL = re.compile(r"([A-Za-z_][A-Za-z0-9_]*)\(")
_DEEPEST = 20
_PICTURES = (
    ("YYYY", "[Y0001]"), ("SSS", "[f001]"), ("MM", "[M01]"), ("DD", "[D01]"), ("HH", "[H01]"), ("mm", "[m01]"),
    ("ss", "[s01]"),
)  # fmt: skip


class Unsayable(ValueError):
    """A text names something that the language has no word for; the message is a clause that says what."""


@dataclass(frozen=True, slots=True)
class Name:
    """`${connectionConfig.domain}`, by its name without the braces."""

    text: str


@dataclass(frozen=True, slots=True)
class Call:
    """`${base64(…)}`: a function over a text that may have parts itself."""

    function: str
    argument: "tuple[Part, ...]"


Part: TypeAlias = str | Name | Call
Meaning: TypeAlias = Callable[[str], str]
"""What a name is as an expression; raises Unsayable."""

_FUNCTIONS = {
    "base64": "$base64encode({})",
    "sha256Hex": "$digest({}, 'SHA-256')",
    "fingerprint": "$keyFingerprint({})",
}


def _parts_of(text: str) -> tuple[Part, ...]:
    """The text in its parts. Raises Unsayable when a brace has no end."""
    parts, end = _read(text, 0, closing="", depth=0)
    return parts if end == len(text) else (*parts, text[end:])


def _read(text: str, at: int, *, closing: str, depth: int) -> tuple[tuple[Part, ...], int]:
    """Parts from `at` to the closing mark; where that stands (the end without one)."""
    if depth > _DEEPEST:
        raise Unsayable("a template that is nested too deep")
    parts: list[Part] = []
    plain = ""
    while at < len(text) and not (closing and text.startswith(closing, at)):
        if not text.startswith("${", at):
            plain += text[at]
            at += 1
            continue
        if plain:
            parts.append(plain)
            plain = ""
        call = _CALL.match(text, at + 2)
        if call is not None:
            argument, at = _read(text, call.end(), closing=")}", depth=depth + 1)
            parts.append(Call(call[1], argument))
            at += 2
        else:
            end = text.find("}", at)
            if end < 0:
                raise Unsayable("a template without an end")
            parts.append(Name(text[at + 2 : end].strip()))
            at = end + 1
    if closing and at >= len(text):
        raise Unsayable("a template without an end")
    if plain:
        parts.append(plain)
    return tuple(parts), at


def names_in(text: str) -> Iterator[str]:
    """Every name of a text, those inside functions and alternatives too; none of a text that cannot be read."""
    try:
        yield from _names(_parts_of(text))
    except Unsayable:
        return


def _names(parts: tuple[Part, ...]) -> Iterator[str]:
    for part in parts:
        if isinstance(part, Call):
            yield from _names(part.argument)
        elif isinstance(part, Name):
            yield from (one for one in _alternatives(part.text) if not one.startswith(("'", '"')))


def _alternatives(text: str) -> list[str]:
    """`a || b` in its parts."""
    return [one.strip() for one in text.split("||")]


def template(text: str, meaning: Meaning, *, bars: bool = True) -> str:
    """The text as a template. Without `bars` a `||` between names is text. Raises Unsayable."""
    if (
        bars
        and "||" in text
        and "${" in text
        and any("||" in part for part in _parts_of(text) if isinstance(part, str))
    ):
        return "{{" + expression(text, meaning) + "}}"
    made = ""
    for part in _parts_of(text):
        if isinstance(part, str):
            made += part.replace("{{", "{{'{{'}}")
        else:
            made += "{{" + _one(part, meaning) + "}}"
    return made


def expression(text: str, meaning: Meaning) -> str:
    """The text as an expression for the same text. Raises Unsayable."""
    parts = _parts_of(text)
    options = _options(parts)
    if len(options) == 1:
        return _joined(options[0], meaning)
    made = _joined(options[-1], meaning)
    for option in reversed(options[:-1]):
        wanted = [_meant(name, meaning) for name in _names(tuple(option))]
        made = f"{' and '.join(wanted) or 'true'} ? {_joined(option, meaning)} : {made}"
    return made


def _options(parts: tuple[Part, ...]) -> list[list[Part]]:
    """The parts of `one || another`, apart."""
    options: list[list[Part]] = [[]]
    for part in parts:
        if not isinstance(part, str) or "||" not in part:
            options[-1].append(part)
            continue
        for n, piece in enumerate(part.split("||")):
            if n:
                options.append([])
            if piece.strip():
                options[-1].append(piece.strip())
    return [option for option in options if option]


def _joined(parts: "list[Part] | tuple[Part, ...]", meaning: Meaning) -> str:
    return " & ".join(_quoted(part) if isinstance(part, str) else _one(part, meaning) for part in parts) or "''"


def _one(part: Name | Call, meaning: Meaning) -> str:
    if isinstance(part, Call):
        form = _FUNCTIONS.get(part.function)
        if form is None:
            raise Unsayable(f"the function {part.function}()")
        return form.format(_joined(part.argument, meaning))
    options = _alternatives(part.text)
    *better, last = [_meant(option, meaning) for option in options]
    if not better:
        return last
    return "(" + "".join(f"{one} ? {one} : " for one in better) + last + ")"


def _meant(name: str, meaning: Meaning) -> str:
    if len(name) > 1 and name[0] in "'\"" and name[-1] == name[0]:
        return _quoted(name[1:-1])
    return meaning(name)


def _quoted(text: str) -> str:
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'" if text.isprintable() else json.dumps(text)


def picture(pattern: str) -> str:
    """A date pattern (`YYYY-MM-DDTHH:mm:ss`) as a picture of `$fromMillis`. Raises Unsayable for other letters."""
    rest = pattern
    for letters, mark in _PICTURES:
        rest = rest.replace(letters, "\0")
        pattern = pattern.replace(letters, mark)
    if re.search(r"[A-SU-Ya-z\[\]]", rest):
        raise Unsayable("a date in a pattern of its own")
    return pattern
