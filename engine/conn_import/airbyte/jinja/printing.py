"""Print a tree as JSONata: as a value, as a condition, and as the text that Python would print."""

import json
import re

from conn_import.airbyte.jinja.nodes import (
    JSON_TEXT,
    MISSING,
    Concat,
    Cond,
    Default,
    Each,
    FunctionNode,
    ListOf,
    Lit,
    Node,
    Not,
    ObjectOf,
    Op,
    PathNode,
    Regex,
    SecretNode,
    Step,
    StepNode,
    Untranslatable,
)

__all__ = ["quote", "to_condition", "to_expression", "to_step", "to_text", "to_truth"]

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_WORDS = frozenset({"and", "or", "in", "true", "false", "null", "function"})
_LEVELS = {"or": 1, "and": 2, "=": 3, "!=": 3, "<": 3, ">": 3, "<=": 3, ">=": 3, "in": 3, "&": 4, "+": 4, "-": 4}
_WHOLE = 7
_OF_TEXT = frozenset({
    "substring", "split", "lowercase", "uppercase", "trim", "replace", "contains", "match", "length", "titleCase",
    "base64encode", "base64decode", "encodeUrlComponent", "dateParse",
})  # fmt: skip
"""Functions whose first argument is text."""
_ORDER = ("<", ">", "<=", ">=")
_FOREIGN = ("record", "$r", "body", "records")
_MUL = 5
_DATETIME = "yyyy-MM-dd HH:mm:ss.SSS"


def quote(text: str) -> str:
    """Return a string as a JSONata literal."""
    if re.search(r"['\\\x00-\x1f\x7f]", text) is None:
        return f"'{text}'"
    return json.dumps(text, ensure_ascii=True)


def to_step(name: str) -> str:
    """Return a name as a step of a path."""
    return name if _NAME.fullmatch(name) and name not in _WORDS else f"`{name}`"


def to_expression(node: Node) -> str:
    """Return the expression for the value."""
    return _print(node)[0]


def to_condition(node: Node) -> str:
    """Return the expression for whether Python treats the value as true."""
    return to_expression(to_truth(node))


def to_truth(node: Node) -> Node:
    """Return a node whose JSONata truth equals the node's Python truth. Defaults that are empty are dropped."""
    if isinstance(node, Default) and not node.truth:
        return to_truth(node.value) if _is_empty(node.other) else node
    if isinstance(node, Default) and node.truth:
        return Op("or", to_truth(node.value), to_truth(node.other), "bool")
    if isinstance(node, Op) and node.sign in ("and", "or"):
        return Op(node.sign, to_truth(node.left), to_truth(node.right), "bool")
    if isinstance(node, Op) and node.sign in _ORDER:
        for side in (node.left, node.right):
            if isinstance(side, PathNode) and side.root in _FOREIGN and side.kind in ("any", "text", "int"):
                # The kit treats values that it cannot compare as true; here it would be an error.
                return Op("or", Op("=", side, Lit(None), "bool"), node, "bool")
        return node
    if isinstance(node, Not):
        inner = to_truth(node.value)
        return inner.value if isinstance(inner, Not) else Not(inner)
    if isinstance(node, Cond):
        test, then, other = to_truth(node.test), to_truth(node.then), to_truth(node.other)
        if isinstance(other, Lit) and not other.value:
            return Op("and", test, then, "bool")
        return Cond(test, then, other)
    if isinstance(node, Lit):
        return Lit(bool(node.value))
    return node


def _is_empty(node: Node) -> bool:
    match node:
        case Lit(value):
            return not value
        case ListOf(items):
            return not items
        case ObjectOf(pairs):
            return not pairs
        case _:
            return False


def to_text(node: Node) -> Node:
    """Return a node with the text that Python prints for a node's value. A missing value is an empty string."""
    match node:
        case Lit(value):
            return Lit(value if isinstance(value, str) else str(value))
        case Cond(test, then, other):
            return Cond(test, to_text(then), to_text(other))
        case Concat():
            return node
        case Default(value, other, truth=False):
            return Default(to_text(value) if _has_sure_text(value) else value, to_text(other))
        case _:
            pass
    if node.kind == "bool":
        return Cond(node, Lit("True"), Lit("False"))
    if node.kind == "datetime":
        return Concat(
            (
                FunctionNode("dateFormat", (node, Lit(_DATETIME))),
                Lit("000"),
                FunctionNode("dateFormat", (node, Lit("ZZ"))),
            )
        )
    if node.kind == "date":
        return FunctionNode("dateFormat", (node, Lit("yyyy-MM-dd")), "text")
    if node.kind == "duration":
        raise Untranslatable("a duration as text")
    if node.kind == "float":
        return Concat((node, Lit(".0")))
    if isinstance(node, PathNode) and not node.sure:
        return Default(node, Lit(""))
    if isinstance(node, StepNode):
        return Default(node, Lit(""))
    return node


def _has_sure_text(node: Node) -> bool:
    return node.kind in ("bool", "datetime", "date", "float")


def _print(node: Node) -> tuple[str, int]:
    """Return the text and its precedence."""
    match node:
        case Lit(Regex() as source):
            return f"/{source}/", _WHOLE
        case Lit(value):
            return (quote(value) if isinstance(value, str) else json.dumps(value)), _WHOLE
        case SecretNode(name):
            return ".".join(to_step(part) for part in name.split(".")), _WHOLE
        case PathNode(root, steps):
            return _print_path(root, steps), _WHOLE
        case StepNode(base, steps):
            return _print_path(_print_at_level(base, _WHOLE), steps, listed=base.kind == "list"), _WHOLE
        case Default(value, other, is_truth):
            return f"{_print_at_level(value, 1)} {'?:' if is_truth else '??'} {_print_at_level(other, 1)}", 0
        case Cond(test, then, other):
            otherwise = "" if other == MISSING else f" : {_print_at_level(other, 1)}"
            return f"{_print_at_level(to_truth(test), 1)} ? {_print_at_level(then, 1)}{otherwise}", 0
        case Not(value):
            inner = to_truth(value)
            if isinstance(inner, Not):
                return _print(inner.value)
            if _is_decided(inner):
                return f"$not({to_expression(inner)})", _WHOLE
            return f"{_print_at_level(inner, 1)} ? false : true", 0
        case Op(sign, left, right):
            level = _LEVELS.get(sign, _MUL)
            if sign in ("=", "in") and _has_digits(right):
                left = _as_text(left)
            return f"{_print_at_level(left, level)} {sign} {_print_at_level(right, level + 1)}", level
        case Concat(parts):
            return _print_concat(parts)
        case FunctionNode("literal", (PathNode(root) as value,)) if root in _FOREIGN:
            text = to_expression(value)  # null stays null, which a function would receive as a missing value
            return f"$type({text}) = 'string' ? $literal({text}) : {text}", 0
        case FunctionNode(name, (value,)) if name == JSON_TEXT:
            text = to_expression(value)
            return f"$type({text}) = 'string' ? $string([{text}]) ~> $replace(/^.|.$/, '') : $string({text})", 0
        case FunctionNode(name, (first, *others)) if name in _OF_TEXT and _as_text(first) != first:
            return _print(FunctionNode(name, (_as_text(first), *others)))
        case FunctionNode(name, arguments):
            return f"${name}({', '.join(to_expression(argument) for argument in arguments)})", _WHOLE
        case Each(name, over, variables, body):
            names = ", ".join(f"${one}" for one in variables)
            return f"${name}({to_expression(over)}, function({names}) {{{to_expression(body)}}})", _WHOLE
        case ListOf(items):
            return f"[{', '.join(to_expression(item) for item in items)}]", _WHOLE
        case ObjectOf(pairs):
            return "{" + ", ".join(
                f"{to_expression(key)}: {to_expression(value)}" for key, value in pairs
            ) + "}", _WHOLE


def _as_text(node: Node) -> Node:
    """Convert an account's value to text, because digits without quotes are a number in YAML."""
    is_open = isinstance(node, PathNode) and node.root == "context" and node.kind in ("text", "any")
    return FunctionNode("string", (node,), "text") if is_open else node


def _has_digits(node: Node) -> bool:
    """Return whether a string, or a string in a list, could be a number."""
    items = node.items if isinstance(node, ListOf) else (node,)
    return any(isinstance(one, Lit) and isinstance(one.value, str) and one.value.isdigit() for one in items)


def _is_decided(node: Node) -> bool:
    """Return whether a condition is true or false even if a value is missing: `$not` of a missing value is
    missing."""
    match node:
        case Op(sign) if sign in ("=", "in", "and", "or"):
            return True
        case FunctionNode("exists") | Lit() | Not():
            return True
        case _:
            return False


def _print_concat(parts: tuple[Node, ...]) -> tuple[str, int]:
    if not parts:
        return "''", _WHOLE
    if len(parts) == 1:
        return _print(parts[0])
    return " & ".join(_print_at_level(_print_part(part), 5) for part in parts), 4


def _print_part(part: Node) -> Node:
    """Remove a default of an empty string, which `&` implies for missing values."""
    if isinstance(part, Default) and isinstance(part.other, Lit) and part.other.value == "" and not part.truth:
        return part.value
    return part


def _print_at_level(node: Node, level: int) -> str:
    text, own = _print(node)
    return text if own >= level else f"({text})"


def _print_path(root: str, steps: tuple[Step, ...], *, listed: bool = False) -> str:
    """Print a path. `listed` is set if its root is a list."""
    text = root
    for number, one in enumerate(steps):
        if isinstance(one, int):
            text = f"{text or '$'}[{one}]"
        elif isinstance(one, str):
            if "`" in one:
                text = f"$lookup({text or '$'}, {quote(one)})"
            else:
                text = f"{text}.{to_step(one)}" if text else to_step(one)
        elif one.kind == "text":
            text = f"$lookup({text or '$'}, {to_expression(_as_text(one))})"
        elif one.kind == "int" or (listed and not number):
            # Inside the brackets, names would refer to the item, so the index is computed first.
            text = f"($at := {to_expression(one)}; {text or '$'}[$at])"
        else:
            base = text or "$"
            text = f"($at := {to_expression(one)}; $of := {base}; $type($of) = 'array' ? $of[$at] : $lookup($of, $at))"
    return text or "$"
