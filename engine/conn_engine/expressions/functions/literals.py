"""Strings that are written as literals: what value they stand for. Numbers, strings in quotes, True, False, None,
lists and objects, in Python's spelling and JSON's. Nothing is evaluated."""

import ast
import math
from typing import Any

__all__ = ["read_literal"]

_LONGEST = 1_000_000
_DEEPEST = 50


def read_literal(text: str) -> Any:
    """Return the value of a literal; the text itself when it is not a JSON literal."""
    if len(text) > _LONGEST or not text.strip() or _depth(text) > _DEEPEST:
        return text
    try:
        value = ast.literal_eval(text)
    except (ValueError, SyntaxError, TypeError, MemoryError, RecursionError):
        return text
    try:
        return _json(value)
    except ValueError:
        return text


def _depth(text: str) -> int:
    deepest = depth = 0
    for character in text:
        if character in "([{":
            depth += 1
            deepest = max(deepest, depth)
        elif character in ")]}":
            depth -= 1
    return deepest


def _json(value: Any) -> Any:
    """Convert a Python value to JSON data. Raises ValueError for a type that JSON does not have."""
    if value is None or isinstance(value, str | bool):
        return value
    if isinstance(value, int) and abs(value) < 2**63:
        return value
    if isinstance(value, float) and math.isfinite(value):
        return value
    if isinstance(value, list | tuple):
        return [_json(item) for item in value]
    if isinstance(value, dict) and all(isinstance(key, str) for key in value):
        return {key: _json(item) for key, item in value.items()}
    raise ValueError("not a value of JSON")
