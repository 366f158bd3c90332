"""Convert strings with `${…}` to templates and expressions. The caller resolves the names.

Supported are `${name}`, `${function(text with ${…} in it)}`, `${a || b}`, and a complete string `one || another`: the
first one whose values all exist.
"""

import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TypeAlias

__all__ = ["UntranslatableText", "find_names", "to_expression", "to_picture", "to_template"]

_CALL = re.compile(r"([A-Za-z_][A-Za-z0-9_]*)\(")
_DEEPEST = 20
_PICTURES = (
    ("YYYY", "[Y0001]"), ("SSS", "[f001]"), ("MM", "[M01]"), ("DD", "[D01]"), ("HH", "[H01]"), ("mm", "[m01]"),
    ("ss", "[s01]"),
)  # fmt: skip


class UntranslatableText(ValueError):
    """A string uses something that templates do not support. The message is a clause that names it."""


@dataclass(frozen=True, slots=True)
class VariableReference:
    """A reference such as `${connectionConfig.domain}`, without the braces."""

    text: str


@dataclass(frozen=True, slots=True)
class FunctionCall:
    """`${base64(…)}`: a function over a string that may have parts itself."""

    function: str
    argument: "tuple[Part, ...]"


Part: TypeAlias = str | VariableReference | FunctionCall
Meaning: TypeAlias = Callable[[str], str]
"""Return the expression for a name. Raises UntranslatableText."""

_FUNCTIONS = {
    "base64": "$base64encode({})",
    "sha256Hex": "$digest({}, 'SHA-256')",
    "fingerprint": "$keyFingerprint({})",
}


def _split_parts(text: str) -> tuple[Part, ...]:
    """Split the text into its parts. Raises Unsayable for a brace without an end."""
    parts, end = _read_parts(text, 0, closing="", depth=0)
    return parts if end == len(text) else (*parts, text[end:])


def _read_parts(text: str, at: int, *, closing: str, depth: int) -> tuple[tuple[Part, ...], int]:
    """Read parts from `at` to the closing mark. Returns them and the position of the mark, or the end."""
    if depth > _DEEPEST:
        raise UntranslatableText("a template that is nested too deeply")
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
            argument, at = _read_parts(text, call.end(), closing=")}", depth=depth + 1)
            parts.append(FunctionCall(call[1], argument))
            at += 2
        else:
            end = text.find("}", at)
            if end < 0:
                raise UntranslatableText("an unclosed template")
            parts.append(VariableReference(text[at + 2 : end].strip()))
            at = end + 1
    if closing and at >= len(text):
        raise UntranslatableText("an unclosed template")
    if plain:
        parts.append(plain)
    return tuple(parts), at


def find_names(text: str) -> Iterator[str]:
    """Yield every name of a string, also inside functions and alternatives. Yields nothing for an invalid string."""
    try:
        yield from _find_part_names(_split_parts(text))
    except UntranslatableText:
        return


def _find_part_names(parts: tuple[Part, ...]) -> Iterator[str]:
    for part in parts:
        if isinstance(part, FunctionCall):
            yield from _find_part_names(part.argument)
        elif isinstance(part, VariableReference):
            yield from (one for one in _split_alternatives(part.text) if not one.startswith(("'", '"')))


def _split_alternatives(text: str) -> list[str]:
    """`a || b` in its parts."""
    return [one.strip() for one in text.split("||")]


def to_template(text: str, meaning: Meaning, *, bars: bool = True) -> str:
    """Convert the text to a template. Without `bars`, `||` between names is text. Raises Unsayable."""
    if (
        bars
        and "||" in text
        and "${" in text
        and any("||" in part for part in _split_parts(text) if isinstance(part, str))
    ):
        return "{{" + to_expression(text, meaning) + "}}"
    made = ""
    for part in _split_parts(text):
        if isinstance(part, str):
            made += part.replace("{{", "{{'{{'}}")
        else:
            made += "{{" + _convert_part(part, meaning) + "}}"
    return made


def to_expression(text: str, meaning: Meaning) -> str:
    """Convert the text to an expression for it. Raises Unsayable."""
    parts = _split_parts(text)
    options = _split_options(parts)
    if len(options) == 1:
        return _join_parts(options[0], meaning)
    made = _join_parts(options[-1], meaning)
    for option in reversed(options[:-1]):
        wanted = [_convert_name(name, meaning) for name in _find_part_names(tuple(option))]
        made = f"{' and '.join(wanted) or 'true'} ? {_join_parts(option, meaning)} : {made}"
    return made


def _split_options(parts: tuple[Part, ...]) -> list[list[Part]]:
    """Split `one || another` into its options."""
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


def _join_parts(parts: "list[Part] | tuple[Part, ...]", meaning: Meaning) -> str:
    return " & ".join(_quote(part) if isinstance(part, str) else _convert_part(part, meaning) for part in parts) or "''"


def _convert_part(part: VariableReference | FunctionCall, meaning: Meaning) -> str:
    if isinstance(part, FunctionCall):
        form = _FUNCTIONS.get(part.function)
        if form is None:
            raise UntranslatableText(f"the function {part.function}()")
        return form.format(_join_parts(part.argument, meaning))
    options = _split_alternatives(part.text)
    *better, last = [_convert_name(option, meaning) for option in options]
    if not better:
        return last
    return "(" + "".join(f"{one} ? {one} : " for one in better) + last + ")"


def _convert_name(name: str, meaning: Meaning) -> str:
    if len(name) > 1 and name[0] in "'\"" and name[-1] == name[0]:
        return _quote(name[1:-1])
    return meaning(name)


def _quote(text: str) -> str:
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'" if text.isprintable() else json.dumps(text)


def to_picture(pattern: str) -> str:
    """Convert a date pattern (`YYYY-MM-DDTHH:mm:ss`) to a picture of `$fromMillis`. Raises Unsayable for other
    letters."""
    rest = pattern
    for letters, mark in _PICTURES:
        rest = rest.replace(letters, "\0")
        pattern = pattern.replace(letters, mark)
    if re.search(r"[A-SU-Ya-z\[\]]", rest):
        raise UntranslatableText("a date in a custom pattern")
    return pattern
