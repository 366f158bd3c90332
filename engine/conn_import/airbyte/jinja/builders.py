"""Small trees that macros, methods and filters share."""

import re
from collections.abc import Mapping
from typing import Any, TypeAlias

from conn_import.airbyte.jinja.nodes import (
    Concat,
    Default,
    Each,
    FunctionNode,
    ListOf,
    Lit,
    Node,
    ObjectOf,
    PathNode,
    Regex,
    StepNode,
    Untranslatable,
)
from conn_import.airbyte.jinja.printing import to_text

__all__ = [
    "Arguments",
    "Keywords",
    "capitalize",
    "follow_keys",
    "get_argument",
    "get_fixed_text",
    "join_items",
    "replace_text",
    "to_regex",
    "trim",
]

Keywords: TypeAlias = Mapping[str, Node]
Arguments: TypeAlias = tuple[Node, ...]


def get_fixed_text(node: Node, text: str) -> str:
    """Return a literal string. Raises Untranslatable, with `what` it is, for any other node."""
    if isinstance(node, Lit) and isinstance(node.value, str):
        return node.value
    raise Untranslatable(f"{text} that is computed")


def to_regex(source: str) -> str:
    """Convert a Python pattern to a regular expression between slashes, if JavaScript has all of its parts."""
    if re.search(r"\(\?(?![:=!])|\\[AZ]|\(\?P|[*+?}]\+", source) or len(source) > 500:
        raise Untranslatable("a regular expression with Python syntax")
    return re.sub(r"(?<!\\)((?:\\\\)*)/", r"\1\\/", source)


def get_argument(arguments: Arguments, keywords: Keywords, at: int, name: str, default: Node | None = None) -> Node:
    """Return a call's argument by position or name, or the default. Raises Untranslatable without any."""
    if at < len(arguments):
        return arguments[at]
    found = keywords.get(name, default)
    if found is None:
        raise Untranslatable(f"a call without {name}")
    return found


def replace_text(value: Node, source: str, by: str) -> Node:
    """Build a replacement of every match of a pattern, given by its source without slashes."""
    return FunctionNode("replace", (value, Lit(Regex(source)), Lit(by)), "text")


def trim(base: Node, characters: str | None = None, *, start: bool = True, end: bool = True) -> Node:
    """Remove these characters (None: white space) from the start or the end of a string."""
    some = r"\s" if characters is None else "[" + re.sub(r"([\\\]\[^/-])", r"\\\1", characters) + "]"
    sources = [*([f"^{some}+"] if start else []), *([f"{some}+$"] if end else [])]
    return replace_text(base, "|".join(sources), "")


def capitalize(base: Node) -> Node:
    """Build text whose first letter is in upper case and the others in lower case."""
    first = FunctionNode("uppercase", (FunctionNode("substring", (base, Lit(0), Lit(1)), "text"),), "text")
    return Concat((first, FunctionNode("lowercase", (FunctionNode("substring", (base, Lit(1)), "text"),), "text")))


def join_items(items: Node, between: Node) -> Node:
    """Join the items of a list to one text with a separator."""
    texts = isinstance(items, FunctionNode) and items.name in _TEXTS
    texts = texts or (isinstance(items, Each) and items.body.kind == "text")
    if isinstance(items, ListOf) and all(isinstance(item, Lit) or item.kind == "text" for item in items.items):
        items = ListOf(tuple(to_text(item) for item in items.items))
    elif not texts and items.kind in ("any", "list"):
        items = Each("map", items, ("i",), FunctionNode("string", (PathNode("$i"),), "text"))
    return FunctionNode("join", (items, between), "text")


_TEXTS = frozenset({"split", "keys"})
"""Functions that give lists of strings."""


def follow_keys(base: Node, *keys: Node) -> Node:
    """Return what is below a value, by names, indices or computed keys."""
    steps: list[Any] = []
    for key in keys:
        if isinstance(key, Lit) and isinstance(key.value, str | int) and not isinstance(key.value, bool):
            steps.append(key.value)
        else:
            steps.append(key)
    if isinstance(base, Default) and not base.truth and isinstance(base.other, Lit | ObjectOf | ListOf):
        empty = isinstance(base.other, ObjectOf) and not base.other.pairs
        empty = empty or (isinstance(base.other, ListOf) and not base.other.items) or base.other == Lit(None)
        if empty or base.other == Lit(""):
            return follow_keys(base.value, *keys)
    if isinstance(base, PathNode):
        return PathNode(base.root, (*base.steps, *steps))
    return StepNode(base, tuple(steps))
