"""Convert operators in templates: comparisons, numbers, slices and formats."""

from typing import Any

from conn_import.airbyte.jinja.filters import build_contains
from conn_import.airbyte.jinja.nodes import (
    Concat,
    Default,
    FunctionNode,
    Kind,
    ListOf,
    Lit,
    Node,
    Not,
    ObjectOf,
    Op,
    Untranslatable,
)
from conn_import.airbyte.jinja.printing import to_text

__all__ = [
    "compare",
    "find_number_kind",
    "fold_numbers",
    "format_percent",
    "is_get",
    "is_items",
    "is_nothing",
    "merge_texts",
    "read_bound",
    "remove_default",
    "to_plain",
]

_LARGE = 2**31


def read_bound(node: Any, kinds: Any) -> int | None:
    """Return the end of a slice as a number, or None. Raises Untranslatable for a computed one.

    `kinds` is jinja2's module of nodes."""
    if node is None:
        return None
    sign = 1
    if isinstance(node, kinds.Neg):
        node, sign = node.node, -1
    if isinstance(node, kinds.Const) and isinstance(node.value, int):
        return sign * node.value
    raise Untranslatable("a slice with computed ends")


def merge_texts(parts: list[Node]) -> list[Node]:
    """Drop empty text between other parts, and join adjacent literal text."""
    nodes: list[Node] = []
    for part in parts:
        if part == Lit("") and len(parts) > 1:
            continue
        if nodes and isinstance(part, Lit) and isinstance(nodes[-1], Lit) and part.kind == nodes[-1].kind == "text":
            nodes[-1] = Lit(nodes[-1].value + part.value)
        else:
            nodes.append(part)
    return nodes


def to_plain(node: Node) -> Any:
    """Return a literal string or number, or the node itself."""
    return node.value if isinstance(node, Lit) and isinstance(node.value, str | int) else node


def is_get(node: Any, kinds: Any) -> bool:
    """Return whether a node of jinja2's is a call of `.get(name)` or `.get(name, default)`."""
    return (
        isinstance(node, kinds.Call)
        and isinstance(node.node, kinds.Getattr)
        and node.node.attr == "get"
        and 1 <= len(node.args) <= 2
        and not node.kwargs
    )


def is_items(node: Any, kinds: Any) -> bool:
    """Return whether a node of jinja2's is a call of `.items()`."""
    return isinstance(node, kinds.Call) and isinstance(node.node, kinds.Getattr) and node.node.attr == "items"


def is_nothing(node: Node) -> bool:
    """Return whether a node is null, or an empty string, object or list."""
    return node in (Lit(None), Lit(""), ObjectOf(()), ListOf(()))


def compare(sign: str, left: Node, right: Node) -> Node:
    """Build a comparison by one of Jinja's operators (`eq`, `lteq`, `notin` and so on). Dates are compared as
    numbers."""
    if sign in ("in", "notin"):
        node = build_contains(right, left)
        return node if sign == "in" else Not(node)
    mark = {"eq": "=", "ne": "=", "lt": "<", "lteq": "<=", "gt": ">", "gteq": ">="}[sign]
    if mark != "=" and {left.kind, right.kind} & {"datetime", "date"}:
        left, right = (FunctionNode("epochMillis", (one,), "int") for one in (left, right))
    if mark != "=" or not {left, right} & {Lit(None)}:
        left, right = remove_default(left), remove_default(right)
    node = Op(mark, left, right, "bool")
    return Not(node) if sign == "ne" else node


def remove_default(node: Node) -> Node:
    """Remove a default that is empty, because no number can be compared with it."""
    return node.value if isinstance(node, Default) and not node.truth and is_nothing(node.other) else node


def find_number_kind(left: Node, right: Node) -> Any:
    """Return the kind of a sum, difference or product of two values."""
    if "float" in (left.kind, right.kind):
        return "float"
    return "int" if left.kind == right.kind == "int" else "any"


def fold_numbers(sign: str, left: Node, right: Node, kind: Kind) -> Node:
    """Two numbers and a sign between them; worked out where both are written out."""
    if isinstance(left, Lit) and isinstance(right, Lit) and left.kind == right.kind == "int":
        a, b = int(left.value), int(right.value)
        if abs(a) < _LARGE and abs(b) < _LARGE:
            return Lit({"+": a + b, "-": a - b, "*": a * b}[sign])
    return Op(sign, left, right, kind)


def format_percent(form: Node, value: Node) -> Node:
    """`form % value`. Raises Untranslatable for a form that is not written out, or has directives other than %s."""
    if not isinstance(form, Lit):
        raise Untranslatable("a computed format")
    values = list(value.items) if isinstance(value, ListOf) else [value]
    pieces = str(form.value).replace("%%", "\0").split("%s")
    if len(pieces) != len(values) + 1 or "%" in "".join(pieces):
        raise Untranslatable("a format with directives other than %s")
    parts: list[Node] = []
    for piece, one in zip(pieces, [*values, None], strict=True):
        parts.append(Lit(piece.replace("\0", "%")))
        if one is not None:
            parts.append(to_text(one))
    return Concat(tuple(merge_texts(parts)))
