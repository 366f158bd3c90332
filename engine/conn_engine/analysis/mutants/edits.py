"""Edit copies of configuration data, and the text of expressions."""

from collections.abc import Iterator, Sequence
from typing import Any, Final

from conn_engine.config import Layers, Path_
from conn_engine.errors import ExpressionError
from conn_engine.expressions import expression, find_tokens, template
from conn_engine.expressions.tokens import Token

__all__ = [
    "DROPPED",
    "change_globs",
    "change_literals",
    "change_operators",
    "change_paths",
    "change_template",
    "is_path",
    "narrow_glob",
    "replace_value",
    "widen_glob",
]


class _Dropped:
    __slots__ = ()


DROPPED = _Dropped()
"""The value that removes a key."""


_WILDCARDS: Final = {"*": "`not there`", "**": "*"}
_OTHER_OPERATORS: Final = {
    "=": "!=",
    "!=": "=",
    "<": ">=",
    ">=": "<",
    ">": "<=",
    "<=": ">",
    "and": "or",
    "or": "and",
    "+": "-",
    "-": "+",
    "*": "/",
    "/": "*",
}


def replace_value(data: Any, path: Path_, value: Any) -> Any:
    """Return the data with a different value at the path. Everything off the path is shared with the original. The last
    key need not exist: its value may be implied."""
    if not path:
        return value
    key, rest = path[0], path[1:]
    if isinstance(data, list | tuple):
        items: list[Any] = list(data)
        if value is DROPPED and not rest:
            del items[int(key)]
        else:
            items[int(key)] = replace_value(items[int(key)], rest, value)
        return Layers(items) if isinstance(data, Layers) else items
    if value is DROPPED and not rest:
        return {name: item for name, item in data.items() if name != key}
    return {**data, key: replace_value(data[key], rest, value) if rest else value}


def change_literals(text: str) -> Iterator[tuple[int, str, str, str]]:
    """Change each literal of an expression: yield (offset, literal, replacement, complete text).

    A string gets another letter, a number becomes the next one, and a Boolean its opposite. The key of an object is a
    text too. Results that do not parse are left out, and so is an expression that does not parse.
    """
    for token in find_tokens(text):
        other = _other_literal(token.kind, token.text)
        if other is not None:
            changed = text[: token.start] + other + text[token.end :]
            if _parses(changed):
                yield token.start, token.text, other, changed


def change_paths(text: str) -> Iterator[tuple[int, str, str, str]]:
    """Replace each field in a path by a missing field. Yields the same tuples as `change_literals`."""
    tokens = find_tokens(text)
    for index, token in enumerate(tokens):
        if token.kind not in ("name", "quoted") or index == 0 or tokens[index - 1].text != ".":
            continue
        if index + 1 < len(tokens) and tokens[index + 1].text == "(":
            continue
        other = "`not there`"
        changed = text[: token.start] + other + text[token.end :]
        if _parses(changed):
            yield token.start, token.text, other, changed


def change_globs(text: str) -> Iterator[tuple[int, str, str, str]]:
    """Make each text with a `*` match less, and then more, and each wildcard of a path find less. Yields the same
    tuples as `change_literals`."""
    tokens = find_tokens(text)
    for index, token in enumerate(tokens):
        if token.kind == "string" and "*" in token.text:
            content = token.text[1:-1]
            others = [f"{token.text[0]}{other}{token.text[0]}" for other in (narrow_glob(content), widen_glob(content))]
        elif token.text in _WILDCARDS and _is_wildcard(tokens, index):
            others = [_WILDCARDS[token.text]]
        else:
            continue
        for other in others:
            changed = text[: token.start] + other + text[token.end :]
            if other != token.text and _parses(changed):
                yield token.start, token.text, other, changed


def narrow_glob(pattern: str) -> str:
    """Replace the first `**` by `*`, or else the first `*` by a letter."""
    return pattern.replace("**", "*", 1) if "**" in pattern else pattern.replace("*", "x", 1)


def widen_glob(pattern: str) -> str:
    """Replace the first segment that has a `*` and other characters by `*`."""
    steps = pattern.split("/")
    index = next((index for index, step in enumerate(steps) if "*" in step and step.strip("*")), None)
    return pattern if index is None else "/".join([*steps[:index], "*", *steps[index + 1 :]])


def _is_wildcard(tokens: Sequence[Token], index: int) -> bool:
    """Return whether a `*` is a wildcard, not a multiplication."""
    before = tokens[index - 1] if index else None
    return before is None or (before.kind == "operator" and before.text not in (")", "]", "}"))


def change_operators(text: str) -> Iterator[tuple[int, str, str, str]]:
    """Replace each operator by its opposite. Yields the same tuples as `change_literals`."""
    tokens = find_tokens(text)
    for index, token in enumerate(tokens):
        other = _OTHER_OPERATORS.get(token.text) if token.kind == "operator" and index else None
        if other is not None and not (token.text == "*" and _is_wildcard(tokens, index)):
            changed = text[: token.start] + other + text[token.end :]
            if _parses(changed):
                yield token.start, token.text, other, changed


def change_template(text: str) -> Iterator[tuple[int, str, str, str]]:
    """Change each literal in the `{{…}}` of a string, or append to a string without one. Yields the same tuples as
    `change_literals`."""
    try:
        expressions = template(text).expressions
    except ExpressionError:
        return
    has_changes = False
    for source, start in expressions:
        for offset, old, new, changed in change_literals(source):
            has_changes = True
            yield start + offset, old, new, text[:start] + changed + text[start + len(source) :]
    if not has_changes:
        yield 0, text, f"{text}_x", f"{text}_x"


def is_path(text: str) -> bool:
    """Return whether an expression only reads one field (`response.name`)."""
    return text.replace(".", "").replace("_", "").isalnum() and "." in text and not text[0].isdigit()


def _other_literal(kind: str, text: str) -> str | None:
    if kind == "string":
        return f"{text[:-1]}x{text[-1]}"
    if kind == "number":
        return str(int(text) + 1) if text.isdigit() else f"{text}1"
    return {"true": "false", "false": "true"}.get(text) if kind == "name" else None


def _parses(text: str) -> bool:
    try:
        expression(text)
    except ExpressionError:
        return False
    return True
