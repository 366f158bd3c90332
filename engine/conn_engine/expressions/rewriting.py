"""Rewrite an expression in the style of JavaScript, Jinja or Python as JSONata, if this makes it valid."""

import re
from collections.abc import Callable
from typing import Final

from conn_engine.errors import ExpressionError
from conn_engine.expressions.compiled import expression
from conn_engine.expressions.template import template

__all__ = ["rewrite_call", "rewrite_habits", "rewrite_join"]

_LONGEST: Final = 500
_QUOTED: Final = re.compile(r"""("(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*'|`[^`]*`)""", re.DOTALL)
_OPERAND: Final = r"[$\w\ue000](?:[$\w.\[\]\ue000]*[$\w\]\ue000])?(?:\([^()]*\))?"
_BRACES: Final = re.compile(r"\s*\{\{\s*([^{}]*?)\s*\}\}\s*")
_PLAIN: Final = re.compile(r"[\w.$`\[\]]+(?:\([^()]*\))?")

_FUNCTIONS: Final = {
    "upper": "uppercase", "toUpperCase": "uppercase", "lower": "lowercase", "toLowerCase": "lowercase",
    "trim": "trim", "strip": "trim", "string": "string", "str": "string", "toString": "string", "tojson": "string",
    "int": "number", "float": "number", "Number": "number", "parseInt": "number", "parseFloat": "number",
    "len": "count", "count": "count", "join": "join", "split": "split", "replace": "replace", "reverse": "reverse",
    "sum": "sum", "min": "min", "max": "max", "abs": "abs", "round": "round", "unique": "distinct", "keys": "keys",
    "now": "now", "now_utc": "now", "today_utc": "now", "uuid": "uuid",
}  # fmt: skip
"""Functions and methods of other languages, and those of JSONata that do the same."""


def _compare(match: re.Match[str]) -> str:
    return " != " if match[0].strip().startswith("!") else " = "


def _negate(match: re.Match[str]) -> str:
    return f"$not({match[1]})"


def _filter(match: re.Match[str]) -> str:
    value, name, arguments = match[1], match[2], (match[3] or "")[1:-1].strip()
    if name == "default" and arguments:
        return f"{value} ?? {arguments}"
    if name in ("first", "last"):
        return f"{value}[{0 if name == 'first' else -1}]"
    function = _FUNCTIONS.get(name)
    return f"${function}({value}{', ' if arguments else ''}{arguments})" if function else match[0]


_COMMON: Final[tuple[tuple[re.Pattern[str], Callable[[re.Match[str]], str]], ...]] = (
    (re.compile(rf"({_OPERAND})\s+if\s+(.+?)\s+else\s+({_OPERAND})"), lambda it: f"{it[2]} ? {it[1]} : {it[3]}"),
    (re.compile(rf"({_OPERAND})\s+is\s+not\s+defined\b"), lambda it: f"$not($exists({it[1]}))"),
    (re.compile(rf"({_OPERAND})\s+is\s+defined\b"), lambda it: f"$exists({it[1]})"),
    (re.compile(rf"({_OPERAND})\s+is\s+not\s+(?:none|null|None)\b"), lambda it: f"{it[1]} != null"),
    (re.compile(rf"({_OPERAND})\s+is\s+(?:none|null|None)\b"), lambda it: f"{it[1]} = null"),
    (re.compile(r"\s*(?:!==?|={2,3})\s*"), _compare),
    (re.compile(r"\s*&&\s*"), lambda _: " and "),
    (re.compile(r"\?\."), lambda _: "."),
    (re.compile(rf"!\s*({_OPERAND}|\([^()]*\))(?!\s*=)"), _negate),
    (re.compile(rf"\bnot\s+({_OPERAND}|\([^()]*\))"), _negate),
    (re.compile(rf"({_OPERAND})\s*\|\s*([A-Za-z]\w*)(\([^()]*\))?(?!\w)"), _filter),
)  # fmt: skip
_OR: Final = re.compile(r"\s*\|\|\s*")
_CONDITION: Final = re.compile(r"[&=<>!]")


def rewrite_habits(text: str, *, is_value: bool) -> str:
    """Return an invalid expression in JSONata; an empty string if that is not certain. `is_value`: its result is a
    value, so that `a || b` means the first one that is set; otherwise it is a condition."""
    if len(text) > _LONGEST:
        return ""
    if "{{" in text:
        inside = _BRACES.fullmatch(text)
        return rewrite_habits(inside[1], is_value=is_value) if inside else _check(_join_parts(text))
    pieces = _QUOTED.split(text)
    masks = {f"\ue000{index}\ue000": piece for index, piece in enumerate(pieces) if index % 2}
    masked = "".join(f"\ue000{index}\ue000" if index % 2 else piece for index, piece in enumerate(pieces))
    is_default = is_value and _CONDITION.search(masked) is None
    rewritten = _OR.sub(" ?? " if is_default else " or ", masked)
    for pattern, replacement in _COMMON:
        rewritten = pattern.sub(replacement, rewritten)
    if rewritten == masked:
        return ""
    for mask, piece in masks.items():
        rewritten = rewritten.replace(mask, piece)
    return _check(rewritten.strip())


def rewrite_join(text: str) -> str:
    """Return a string with `{{…}}`, or a JavaScript template with `${…}`, as an expression that joins its parts; an
    empty text if it is neither."""
    return "" if len(text) > _LONGEST else _check(_join_parts(text.replace("${", "{{").replace("}", "}}")))


def rewrite_call(text: str, name: str, start: int) -> str:
    """Return an expression with the call at `start` (`len(x)`, `x.trim()`) written as JSONata; an empty string if no
    function does the same."""
    function = _FUNCTIONS.get(name)
    if function is None or len(text) > _LONGEST:
        return ""
    before, rest = text[:start], text[start + len(name) :]
    value = re.search(r"([$\w`.\[\]]+)\.\Z", before)
    if value is None:
        return _check(f"{before}${function}{rest}")
    arguments = rest[1:].lstrip()
    separator = "" if arguments.startswith(")") else ", "
    return _check(f"{before[: value.start()]}${function}({value[1]}{separator}{arguments}")


def _join_parts(text: str) -> str:
    try:
        parts = template(text).parts
    except ExpressionError:
        return ""
    if not any(isinstance(part, tuple) for part in parts):
        return ""
    return " & ".join(_quote(part) if isinstance(part, str) else _enclose(part[0].strip()) for part in parts)


def _quote(text: str) -> str:
    return f'"{text}"' if "'" in text else f"'{text}'"


def _enclose(source: str) -> str:
    return source if _PLAIN.fullmatch(source) else f"({source})"


def _check(rewritten: str) -> str:
    """Return the text if it is a valid expression."""
    try:
        expression(rewritten)
    except ExpressionError:
        return ""
    return rewritten
