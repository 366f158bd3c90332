"""Small trees that macros, methods and filters share."""

import re
from collections.abc import Mapping
from typing import Any, TypeAlias

from conn_import.airbyte.jinja.nodes import (
    Block,
    Call,
    Concat,
    Default,
    Each,
    ListOf,
    Lit,
    Node,
    ObjectOf,
    Path,
    Regex,
    Untranslatable,
)
from conn_import.airbyte.jinja.printing import textual

__all__ = [
    "Arguments",
    "Keywords",
    "argument",
    "capitalized",
    "fixed_text",
    "followed",
    "joined_items",
    "pattern",
    "replaced",
    "trimmed",
]

Keywords: TypeAlias = Mapping[str, Node]
Arguments: TypeAlias = tuple[Node, ...]


def fixed_text(node: Node, what: str) -> str:
    """A text that is written out. Raises Untranslatable, which says `what` it is, for any other node."""
    if isinstance(node, Lit) and isinstance(node.value, str):
        return node.value
    raise Untranslatable(f"{what} that is not written out")


def pattern(source: str) -> str:
    """A pattern between slashes, for the parts of Python's patterns that JavaScript's have too."""
    if re.search(r"\(\?(?![:=!])|\\[AZ]|\(\?P|[*+?}]\+", source) or len(source) > 500:
        raise Untranslatable("a regular expression of Python's own kind")
    return re.sub(r"(?<!\\)((?:\\\\)*)/", r"\1\\/", source)


def argument(arguments: Arguments, keywords: Keywords, at: int, name: str, default: Node | None = None) -> Node:
    """An argument of a call by its place or its name, else the default. Raises Untranslatable without any."""
    if at < len(arguments):
        return arguments[at]
    found = keywords.get(name, default)
    if found is None:
        raise Untranslatable(f"a call without {name}")
    return found


def replaced(value: Node, source: str, by: str) -> Node:
    """Every match of a pattern (its source, without slashes) replaced by a text."""
    return Call("replace", (value, Lit(Regex(source)), Lit(by)), "text")


def trimmed(base: Node, characters: str | None = None, *, start: bool = True, end: bool = True) -> Node:
    """A text without these characters (None: white space) at its start, its end or both."""
    some = r"\s" if characters is None else "[" + re.sub(r"([\\\]\[^/-])", r"\\\1", characters) + "]"
    sources = [*([f"^{some}+"] if start else []), *([f"{some}+$"] if end else [])]
    return replaced(base, "|".join(sources), "")


def capitalized(base: Node) -> Node:
    """A text with its first letter in upper case, the others in lower case."""
    first = Call("uppercase", (Call("substring", (base, Lit(0), Lit(1)), "text"),), "text")
    return Concat((first, Call("lowercase", (Call("substring", (base, Lit(1)), "text"),), "text")))


def joined_items(items: Node, between: Node) -> Node:
    """The items of a list as one text, with a text between them."""
    texts = isinstance(items, Call) and items.name in _TEXTS
    texts = texts or (isinstance(items, Each) and items.body.kind == "text")
    if isinstance(items, ListOf) and all(isinstance(item, Lit) or item.kind == "text" for item in items.items):
        items = ListOf(tuple(textual(item) for item in items.items))
    elif not texts and items.kind in ("any", "list"):
        items = Each("map", items, ("i",), Call("string", (Path("$i"),), "text"))
    return Call("join", (items, between), "text")


_TEXTS = frozenset({"split", "keys"})
"""Functions that give lists of texts."""


def followed(base: Node, *keys: Node) -> Node:
    """What is below a value: by names, indices or computed keys."""
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
            return followed(base.value, *keys)
    if isinstance(base, Path):
        return Path(base.root, (*base.steps, *steps))
    return Block(base, tuple(steps))
