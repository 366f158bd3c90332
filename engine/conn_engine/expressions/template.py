"""`{{…}}` inside strings: parsing, rendering, and rendering into a URL's path."""

import json
import re
from dataclasses import dataclass
from functools import lru_cache
from typing import Any
from urllib.parse import quote

from conn_engine.conditions import Scope
from conn_engine.diagnostics import did_you_mean
from conn_engine.errors import ExpressionError, ParameterError
from conn_engine.expressions.compiled import expression
from conn_engine.expressions.tokens import LexError, lex_template
from conn_engine.expressions.values import UNDEFINED
from conn_engine.url_paths import has_dot_segment

__all__ = ["Template", "render", "render_path", "template"]

_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]")


@dataclass(frozen=True, slots=True)
class Template:
    """A string with `{{…}}` in it, parsed.

    `parts` are, in order, fixed strings (str) and expressions (text, offset of that text in the string).
    """

    text: str
    parts: tuple[str | tuple[str, int], ...]

    @property
    def expressions(self) -> list[tuple[str, int]]:
        """Each expression (without the braces, with the spaces around it) and its offset in the string."""
        return [part for part in self.parts if isinstance(part, tuple)]

    def render(self, scope: Scope) -> Any:
        """The string filled in. One `{{…}}` and nothing else keeps the value's type, null too.

        Raises ExpressionError: code `unresolved` when a value is undefined, or null inside a longer string;
        `not_text` when an object or list stands inside a longer string; else the evaluator's. Offsets count
        in the whole string.
        """
        if len(self.parts) == 1 and isinstance(self.parts[0], tuple):
            return self.value(self.parts[0], scope)
        return "".join(
            part if isinstance(part, str) else self.format_value(part, self.value(part, scope)) for part in self.parts
        )

    def value(self, part: tuple[str, int], scope: Scope) -> Any:
        """Evaluate one expression. Raises ExpressionError if it has no value."""
        source, offset = part
        try:
            value = expression(source).evaluate(scope)
        except ExpressionError as error:
            raise self._shift_error(error, offset) from None
        if value is UNDEFINED:
            raise self.refusal(part, "unresolved", "has no value", _nearest(source, scope))
        return value

    def format_value(self, part: tuple[str, int], value: Any) -> str:
        """Format a value as text inside a longer string; numbers and booleans as in JSON."""
        if isinstance(value, str):
            return value
        if value is None:
            raise self.refusal(part, "unresolved", "is null inside a string", "set a default, such as x ?? ''")
        if isinstance(value, dict | list):
            kind = "an object" if isinstance(value, dict) else "a list"
            raise self.refusal(part, "not_text", f"is {kind} inside a string", "use $string(…) or $join(…)")
        return json.dumps(value)

    def refusal(self, part: tuple[str, int], code: str, problem: str, hint: str = "") -> ExpressionError:
        """Return the error about the value of one expression of this template."""
        source, offset = part
        name = source.strip()
        kind = ParameterError if name.removeprefix("params.").isidentifier() else ExpressionError
        return kind(
            f"{{{{{name}}}}} {problem}",
            code=code,
            text=self.text,
            offset=offset + len(source) - len(source.lstrip()),
            token=name,
            hint=hint,
        )

    def _shift_error(self, error: ExpressionError, offset: int) -> ExpressionError:
        return ExpressionError(
            error.message,
            code=error.code,
            text=self.text,
            offset=offset + error.offset if error.offset >= 0 else offset,
            token=error.token,
            hint=error.hint,
        )


def _nearest(source: str, scope: Scope) -> str:
    """Suggest a name for the first unknown one on a plain dotted path."""
    level = scope
    for name in source.strip().split("."):
        if not isinstance(level, dict) or not name.isidentifier():
            return ""
        if name not in level:
            return did_you_mean(name, [str(key) for key in level])
        level = level[name]
    return ""


@lru_cache(maxsize=4096)
def template(text: str) -> Template:
    """Parse a string. Raises ExpressionError with code `unclosed` (or the lexer's) for a `{{` without its
    `}}`, and the evaluator's for an expression that does not parse."""
    parts: list[str | tuple[str, int]] = []
    position = 0
    while (start := text.find("{{", position)) >= 0:
        if start > position:
            parts.append(text[position:start])
        try:
            _, end = lex_template(text, start + 2)
        except LexError as error:
            raise ExpressionError(str(error), code=error.code, text=text, offset=error.offset) from None
        parts.append((text[start + 2 : end], start + 2))
        position = end + 2
    if position < len(text) or not parts:
        parts.append(text[position:])
    parsed = Template(text, tuple(parts))
    for source, offset in parsed.expressions:
        try:
            expression(source)
        except ExpressionError as error:
            raise parsed._shift_error(error, offset) from None
    return parsed


def render(data: Any, scope: Scope) -> Any:
    """JSON-like data with every string in it rendered, deep; keys stay as they are.

    Raises ExpressionError as `Template.render` does, with `at` the dotted place of the string inside `data`.
    """
    if isinstance(data, str):
        return template(data).render(scope) if "{{" in data else data
    if not isinstance(data, dict | list):
        return data
    rendered: Any = {} if isinstance(data, dict) else [None] * len(data)
    for key, value in data.items() if isinstance(data, dict) else enumerate(data):
        try:
            rendered[key] = render(value, scope)
        except ExpressionError as error:
            error.at = f"{key}.{error.at}" if error.at else str(key)
            raise
    return rendered


def render_path(text: str, scope: Scope) -> str:
    """A URL path with its values percent-encoded, each as (part of) one segment: `/` becomes `%2F`. A list is several
    segments, one for each item.

    Raises ExpressionError with code `unsafe_path` for a value that is empty, `.` or `..`, has control
    characters or makes its segment one of these; else as `Template.render` does.
    """
    parsed = template(text)
    segments: list[str] = []
    for part in parsed.parts:
        if isinstance(part, str):
            segments.append(part)
            continue
        value = parsed.value(part, scope)
        if value == []:
            raise parsed.refusal(part, "unsafe_path", "is an empty list, which is not allowed in a path")
        items = value if isinstance(value, list) else [value]
        segments.append("/".join(_segment(parsed, part, parsed.format_value(part, item)) for item in items))
    path = "".join(segments)
    if parsed.expressions and has_dot_segment(path):
        raise parsed.refusal(
            parsed.expressions[-1], "unsafe_path", 'makes a segment "." or "..", which would leave the path'
        )
    return path


def _segment(parsed: Template, part: tuple[str, int], value: str) -> str:
    if value in ("", ".", "..") or _CONTROL.search(value):
        description = "is empty" if value == "" else f"is {json.dumps(value)}"
        raise parsed.refusal(part, "unsafe_path", f"{description}, which is not allowed in a path")
    try:
        return quote(value, safe="")
    except UnicodeEncodeError:
        raise parsed.refusal(part, "unsafe_path", "is not valid text, which is not allowed in a path") from None
