"""Compare the syntax trees of expressions, without the positions of their parts."""

import re
from typing import Any, Final

from conn_engine.errors import ExpressionError
from conn_engine.expressions.pure import deep_stack, parse_expression

__all__ = ["has_same_tree"]

_PLACES: Final = frozenset({"position", "_outer_instance", "lbp", "bp"})


def has_same_tree(text: str, other: str) -> bool:
    """Return whether two texts are the same expression, up to spaces, line breaks and comments. False if one of them is
    not an expression."""
    if text == other:
        return True
    try:
        trees = [parse_expression(one).ast for one in (text, other)]
    except ExpressionError:
        return False
    with deep_stack:
        first, second = (_describe(tree, {}) for tree in trees)
        return bool(first == second)


def _describe(part: Any, seen: dict[int, int]) -> Any:
    """Return a part of a tree as data that can be compared. A part that occurs again is its number."""
    if isinstance(part, list | tuple):
        return [_describe(item, seen) for item in part]
    if isinstance(part, dict):
        return [(_describe(key, seen), _describe(value, seen)) for key, value in part.items()]
    if isinstance(part, re.Pattern):
        return (part.pattern, part.flags)
    if not hasattr(part, "__dict__") or callable(part):
        return (type(part).__name__, part if isinstance(part, str | int | float | bool | None) else "")
    if id(part) in seen:
        return seen[id(part)]
    seen[id(part)] = len(seen)
    fields = [(name, vars(part)[name]) for name in sorted(vars(part)) if not _is_irrelevant(name, vars(part)[name])]
    return [type(part).__name__, *((name, _describe(value, seen)) for name, value in fields)]


def _is_irrelevant(name: str, value: Any) -> bool:
    """Return whether a field is a position, a binding power, or a number that counts on from tree to tree."""
    return value is None or name in _PLACES or name == "label" or (name == "index" and isinstance(value, int))
