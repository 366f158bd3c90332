"""A tree as JSONata: as a value, as a condition, and as the text that Python would write."""

import json
import re

from conn_import.airbyte.jinja.nodes import (
    JSON_TEXT,
    MISSING,
    Block,
    Call,
    Concat,
    Cond,
    Default,
    Each,
    ListOf,
    Lit,
    Node,
    Not,
    ObjectOf,
    Op,
    Path,
    Regex,
    Secret,
    Step,
    Untranslatable,
)

__all__ = ["condition", "expression", "quoted", "step", "textual", "truth"]

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_WORDS = frozenset({"and", "or", "in", "true", "false", "null", "function"})
_LEVELS = {"or": 1, "and": 2, "=": 3, "!=": 3, "<": 3, ">": 3, "<=": 3, ">=": 3, "in": 3, "&": 4, "+": 4, "-": 4}
_WHOLE = 7
_OF_TEXT = frozenset({
    "substring", "split", "lowercase", "uppercase", "trim", "replace", "contains", "match", "length", "titleCase",
    "base64encode", "base64decode", "encodeUrlComponent", "dateParse",
})  # fmt: skip
"""Functions whose first argument is a text."""
_ORDER = ("<", ">", "<=", ">=")
_FOREIGN = ("record", "$r", "body", "records")
_MUL = 5
_DATETIME = "yyyy-MM-dd HH:mm:ss.SSS"


def quoted(text: str) -> str:
    """A text as a JSONata literal."""
    if re.search(r"['\\\x00-\x1f\x7f]", text) is None:
        return f"'{text}'"
    return json.dumps(text, ensure_ascii=True)


def step(name: str) -> str:
    """A name as a step of a path."""
    return name if _NAME.fullmatch(name) and name not in _WORDS else f"`{name}`"


def expression(node: Node) -> str:
    """The value."""
    return _printed(node)[0]


def condition(node: Node) -> str:
    """Whether the value is true, as Python sees it."""
    return expression(truth(node))


def truth(node: Node) -> Node:
    """A node whose JSONata truth is the Python truth of a node: what only says `or nothing` is left out."""
    if isinstance(node, Default) and not node.truth:
        return truth(node.value) if _empty(node.other) else node
    if isinstance(node, Default) and node.truth:
        return Op("or", truth(node.value), truth(node.other), "bool")
    if isinstance(node, Op) and node.sign in ("and", "or"):
        return Op(node.sign, truth(node.left), truth(node.right), "bool")
    if isinstance(node, Op) and node.sign in _ORDER:
        for side in (node.left, node.right):
            if isinstance(side, Path) and side.root in _FOREIGN and side.kind in ("any", "text", "int"):
                # The kit takes what cannot be compared for true; here it would be an error.
                return Op("or", Op("=", side, Lit(None), "bool"), node, "bool")
        return node
    if isinstance(node, Not):
        inner = truth(node.value)
        return inner.value if isinstance(inner, Not) else Not(inner)
    if isinstance(node, Cond):
        test, then, other = truth(node.test), truth(node.then), truth(node.other)
        if isinstance(other, Lit) and not other.value:
            return Op("and", test, then, "bool")
        return Cond(test, then, other)
    if isinstance(node, Lit):
        return Lit(bool(node.value))
    return node


def _empty(node: Node) -> bool:
    match node:
        case Lit(value):
            return not value
        case ListOf(items):
            return not items
        case ObjectOf(pairs):
            return not pairs
        case _:
            return False


def textual(node: Node) -> Node:
    """A node whose value is the text that Python writes for a node's value; what may not be there is an empty text."""
    match node:
        case Lit(value):
            return Lit(value if isinstance(value, str) else str(value))
        case Cond(test, then, other):
            return Cond(test, textual(then), textual(other))
        case Concat():
            return node
        case Default(value, other, truth=False):
            return Default(textual(value) if _sure_text(value) else value, textual(other))
        case _:
            pass
    if node.kind == "bool":
        return Cond(node, Lit("True"), Lit("False"))
    if node.kind == "datetime":
        return Concat((Call("dateFormat", (node, Lit(_DATETIME))), Lit("000"), Call("dateFormat", (node, Lit("ZZ")))))
    if node.kind == "date":
        return Call("dateFormat", (node, Lit("yyyy-MM-dd")), "text")
    if node.kind == "duration":
        raise Untranslatable("a duration as text")
    if node.kind == "float":
        return Concat((node, Lit(".0")))
    if isinstance(node, Path) and not node.sure:
        return Default(node, Lit(""))
    if isinstance(node, Block):
        return Default(node, Lit(""))
    return node


def _sure_text(node: Node) -> bool:
    return node.kind in ("bool", "datetime", "date", "float")


def _printed(node: Node) -> tuple[str, int]:
    """The text and how tightly it binds."""
    match node:
        case Lit(Regex() as source):
            return f"/{source}/", _WHOLE
        case Lit(value):
            return (quoted(value) if isinstance(value, str) else json.dumps(value)), _WHOLE
        case Secret(name):
            return ".".join(step(part) for part in name.split(".")), _WHOLE
        case Path(root, steps):
            return _path(root, steps), _WHOLE
        case Block(base, steps):
            return _path(_at(base, _WHOLE), steps, listed=base.kind == "list"), _WHOLE
        case Default(value, other, is_truth):
            return f"{_at(value, 1)} {'?:' if is_truth else '??'} {_at(other, 1)}", 0
        case Cond(test, then, other):
            otherwise = "" if other == MISSING else f" : {_at(other, 1)}"
            return f"{_at(truth(test), 1)} ? {_at(then, 1)}{otherwise}", 0
        case Not(value):
            inner = truth(value)
            if isinstance(inner, Not):
                return _printed(inner.value)
            if _decided(inner):
                return f"$not({expression(inner)})", _WHOLE
            return f"{_at(inner, 1)} ? false : true", 0
        case Op(sign, left, right):
            level = _LEVELS.get(sign, _MUL)
            if sign in ("=", "in") and _has_digits(right):
                left = _as_text(left)
            return f"{_at(left, level)} {sign} {_at(right, level + 1)}", level
        case Concat(parts):
            return _concat(parts)
        case Call("literal", (Path(root) as value,)) if root in _FOREIGN:
            text = expression(value)  # null stays null: a function sees nothing in its place
            return f"$type({text}) = 'string' ? $literal({text}) : {text}", 0
        case Call(name, (value,)) if name == JSON_TEXT:
            text = expression(value)
            return f"$type({text}) = 'string' ? $string([{text}]) ~> $replace(/^.|.$/, '') : $string({text})", 0
        case Call(name, (first, *others)) if name in _OF_TEXT and _as_text(first) != first:
            return _printed(Call(name, (_as_text(first), *others)))
        case Call(name, arguments):
            return f"${name}({', '.join(expression(argument) for argument in arguments)})", _WHOLE
        case Each(name, over, variables, body):
            names = ", ".join(f"${one}" for one in variables)
            return f"${name}({expression(over)}, function({names}) {{{expression(body)}}})", _WHOLE
        case ListOf(items):
            return f"[{', '.join(expression(item) for item in items)}]", _WHOLE
        case ObjectOf(pairs):
            return "{" + ", ".join(f"{expression(key)}: {expression(value)}" for key, value in pairs) + "}", _WHOLE


def _as_text(node: Node) -> Node:
    """A value of the account as a text: what YAML has without quotes is a number where it is made of digits."""
    is_open = isinstance(node, Path) and node.root == "context" and node.kind in ("text", "any")
    return Call("string", (node,), "text") if is_open else node


def _has_digits(node: Node) -> bool:
    """Whether a text, or one of a list, may stand for a number."""
    items = node.items if isinstance(node, ListOf) else (node,)
    return any(isinstance(one, Lit) and isinstance(one.value, str) and one.value.isdigit() for one in items)


def _decided(node: Node) -> bool:
    """Whether a condition is true or false even where a value is missing: `$not` of nothing is nothing."""
    match node:
        case Op(sign) if sign in ("=", "in", "and", "or"):
            return True
        case Call("exists") | Lit() | Not():
            return True
        case _:
            return False


def _concat(parts: tuple[Node, ...]) -> tuple[str, int]:
    if not parts:
        return "''", _WHOLE
    if len(parts) == 1:
        return _printed(parts[0])
    return " & ".join(_at(_joined(part), 5) for part in parts), 4


def _joined(part: Node) -> Node:
    """Without its default of an empty text: that is what `&` makes of what is not there."""
    if isinstance(part, Default) and isinstance(part.other, Lit) and part.other.value == "" and not part.truth:
        return part.value
    return part


def _at(node: Node, level: int) -> str:
    text, own = _printed(node)
    return text if own >= level else f"({text})"


def _path(root: str, steps: tuple[Step, ...], *, listed: bool = False) -> str:
    """`listed`: what the root stands for is a list."""
    text = root
    for number, one in enumerate(steps):
        if isinstance(one, int):
            text = f"{text or '$'}[{one}]"
        elif isinstance(one, str):
            if "`" in one:
                text = f"$lookup({text or '$'}, {quoted(one)})"
            else:
                text = f"{text}.{step(one)}" if text else step(one)
        elif one.kind == "text":
            text = f"$lookup({text or '$'}, {expression(_as_text(one))})"
        elif one.kind == "int" or (listed and not number):
            # Within brackets names would be those of the item: the index is worked out before.
            text = f"($at := {expression(one)}; {text or '$'}[$at])"
        else:
            text = (
                f"($at := {expression(one)}; $of := {text or '$'}; $type($of) = 'array' ? $of[$at] : $lookup($of, $at))"
            )
    return text or "$"
