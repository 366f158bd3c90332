"""Values of a request as our templates: text with `{{…}}`, by the rules by which the kit reads a rendered text."""

import re
from typing import Any

from conn_import.airbyte.jinja import (
    JSON_TEXT,
    MISSING,
    Concat,
    Cond,
    Default,
    Each,
    FunctionNode,
    ListOf,
    Lit,
    Names,
    Node,
    ObjectOf,
    PathNode,
    SecretNode,
    StepNode,
    Untranslatable,
    can_vanish,
    find_secrets,
    list_children,
    to_expression,
    to_node,
    to_text,
    translate,
)

__all__ = [
    "is_set_by_account",
    "join_parts",
    "make_nullable",
    "read_rendered",
    "split_parts",
    "to_body_node",
    "to_data",
    "to_literal",
    "to_template",
    "translate_literal",
]

_NUMERIC = re.compile(r"[\s0-9._+eE-]*")


_NEVER_LITERAL = frozenset({"dateFormat", "digest", "lowercase", "uppercase", "base64encode", "uuid", "sign"})
_MARK = "\x01"
_NUMBER = "7310498"


def to_template(node: Node) -> Any:
    """Convert a tree to a template: literal text as it is, the rest between braces."""
    if isinstance(node, Lit):
        return node.value if not isinstance(node.value, str) else _escape(node.value)
    pieces = _separate_braces(split_parts(node))
    if len(pieces) == 1:
        return f"{{{{{_space_braces(to_expression(pieces[0]))}}}}}"
    return "".join(
        _escape(str(one.value)) if isinstance(one, Lit) else f"{{{{{_space_braces(to_expression(to_text(one)))}}}}}"
        for one in pieces
    )


def _separate_braces(pieces: list[Node]) -> list[Node]:
    """Separate parts so that no literal ends with a brace that would run into the next part's brace."""
    nodes: list[Node] = []
    for piece in pieces:
        last = nodes[-1] if nodes else None
        if not isinstance(piece, Lit) and isinstance(last, Lit) and str(last.value).endswith("{"):
            kept = str(last.value).rstrip("{")
            nodes.pop()
            nodes += [Lit(kept)] if kept else []
            nodes.append(Concat((Lit(str(last.value)[len(kept) :]), piece)))
        else:
            nodes.append(piece)
    return nodes


def _space_braces(text: str) -> str:
    return f" {text} " if text.startswith("{") or text.endswith("}") else text


def _escape(text: str) -> str:
    return text.replace("{{", "{{'{{'}}")


def split_parts(node: Node) -> list[Node]:
    """Return the parts of text, with nested text flattened."""
    if not isinstance(node, Concat):
        return [node]
    collected: list[Node] = []
    for part in node.parts:
        collected.extend(split_parts(part))
    return collected


def join_parts(pieces: list[Node]) -> Node:
    """Parts as one text, literal ones that follow one another as one."""
    nodes: list[Node] = []
    for piece in pieces:
        for one in split_parts(piece):
            if one == Lit(""):
                continue
            if nodes and isinstance(nodes[-1], Lit) and isinstance(one, Lit):
                nodes[-1] = Lit(f"{nodes[-1].value}{one.value}")
            else:
                nodes.append(one)
    return nodes[0] if len(nodes) == 1 else Concat(tuple(nodes)) if nodes else Lit("")


def is_set_by_account(node: Node) -> bool:
    """Return whether only the account determines a value: no part depends on a request, a record or a response."""
    if isinstance(node, PathNode) and not node.root.startswith("$") and node.root != "context":
        return False
    return all(is_set_by_account(child) for child in list_children(node))


def read_rendered(node: Node) -> Node:
    """Convert a value of a query or a header: if its rendered text is a list or is quoted, use that value."""
    if isinstance(node, Lit) and isinstance(node.value, str):
        literal = _parse_literal(node.value)
        return to_node(literal) if isinstance(literal, list | str) else node
    if isinstance(node, Concat) and isinstance(node.parts[0], Lit):
        if isinstance(node.parts[-1], Lit) and _is_quoted(node):
            return _unquote(node)
        if str(node.parts[0].value).lstrip().startswith("["):
            return FunctionNode("literal", (node,), "any")
    return node


def make_nullable(node: Node) -> Node:
    """Make a tree null if the rendered text would be empty, because null is not sent."""
    match node:
        case Lit(""):
            return Lit(None)
        case Lit(bool() as value):
            return Lit(str(value))
        case Lit():
            return node
        case Cond(test, then, other):
            return Cond(test, _to_python_text(then) if then == test else make_nullable(then), make_nullable(other))
        case PathNode(kind="bool", sure=False) | Default(PathNode(kind="bool", sure=False), Lit(None), False):
            path = node.value if isinstance(node, Default) else node
            return Cond(FunctionNode("exists", (path,), "bool"), to_text(path), Lit(None))
        case Default(value, other, truth=False) if other in (Lit(""), Lit(None), ObjectOf(())):
            return Default(_to_python_text(value), Lit(None))
        case Default(value, other, truth):
            return Default(_to_python_text(value), make_nullable(other), truth)
        case PathNode(sure=False):
            return Default(_to_python_text(node), Lit(None))
        case FunctionNode("join", (Each() | FunctionNode(), *_)):
            return Default(node, Lit(None))  # joining an empty list gives nothing
        case FunctionNode() | StepNode() | Each() if _can_be_missing(node):
            return Default(_to_python_text(node), Lit(None))  # functions of a missing value give nothing
        case _:
            return _to_python_text(node)


def _can_be_missing(node: Node) -> bool:
    """Return whether a part of a value can be missing and has no default."""
    if isinstance(node, PathNode):
        return not node.sure and node.root in ("context", "body", "record", "parent", "page")
    if isinstance(node, Default | Cond | Concat):
        return False
    return any(_can_be_missing(child) for child in list_children(node))


def _to_python_text(node: Node) -> Node:
    """Convert to text if Python prints the value differently than JSON."""
    return to_text(node) if node.kind in ("bool", "datetime", "date", "float", "duration") else node


def translate_literal(text: str, names: Names) -> Node:
    """Translate a template whose rendered text is read as a Python literal, if it is one."""
    return to_literal(translate(text, names))


def to_literal(node: Node) -> Node:
    """Convert a tree whose rendered text is read as a literal, if it is one."""
    if isinstance(node, Lit):
        return Lit(_parse_literal(node.value)) if isinstance(node.value, str) else node
    if isinstance(node, Concat):
        first, last = node.parts[0], node.parts[-1]
        if isinstance(first, Lit) and isinstance(last, Lit) and _is_quoted(node):
            return _unquote(node)
        if (found := _read_structure(node) or _find_between_blanks(node)) is not None:
            return found
        return FunctionNode("literal", (node,), "any") if _can_be_literal(node) else node
    return _to_literal(node)


def _find_between_blanks(node: Concat) -> Node | None:
    """Find a choice or an object between blanks, which are not part of a literal. None for other strings."""
    pieces = split_parts(node)
    inside = [n for n, piece in enumerate(pieces) if not isinstance(piece, Lit) or str(piece.value).strip(" \t")]
    if len(inside) != 1:
        return None
    match pieces[at := inside[0]]:
        case Cond(test, then, other):
            outcomes = (to_literal(join_parts([*pieces[:at], one, *pieces[at + 1 :]])) for one in (then, other))
            return Cond(test, *outcomes)
        case ObjectOf() | ListOf() as found:
            return found
        case _:
            return None


def _to_literal(node: Node) -> Node:
    match node:
        case Cond(test, then, other):
            return Cond(test, _to_literal(then), _to_literal(other))
        case Concat():
            return to_literal(node)
        case Default(value, other, truth):
            return Default(_to_literal(value), _to_literal(other), truth)
        case Lit(str() as value):
            return Lit(_parse_literal(value))
        case SecretNode():
            return node
        case FunctionNode(name, (value,)) if name == JSON_TEXT:
            return value  # JSON text is parsed again
        case FunctionNode(name) if name in _NEVER_LITERAL or (name == "string" and node.kind == "text"):
            return _mark_digits(node)
        case _:
            pass
    if node.kind in ("datetime", "date"):
        return to_text(node)
    return FunctionNode("literal", (node,), "any") if node.kind in ("any", "text", "digits") else node


def _mark_digits(node: FunctionNode) -> Node:
    """Mark a formatted date as a number only if its pattern consists of digits."""
    if node.name != "dateFormat" or len(node.arguments) < 2:
        return node
    form = node.arguments[1]
    plain = isinstance(form, Lit) and not re.search(r"[^yMdHhmsSXx]", str(form.value))
    return FunctionNode("literal", (node,), "any") if plain else node


def _can_be_literal(node: Concat) -> bool:
    """Return whether the text can be a literal: it starts as a list, an object or in quotes, or is a number."""
    pieces = split_parts(node)
    fixed = "".join(str(piece.value) for piece in pieces if isinstance(piece, Lit))
    if isinstance(pieces[0], Lit):
        start = str(pieces[0].value).lstrip()[:1]
        return start in ("[", "{", "(", "'", '"') or _NUMERIC.fullmatch(fixed) is not None
    return _NUMERIC.fullmatch(fixed) is not None


def _read_structure(node: Concat) -> Node | None:
    """Convert a string that is a list or an object with values in it. None for any other text."""
    pieces = split_parts(node)
    first = pieces[0]
    if not isinstance(first, Lit) or str(first.value).lstrip()[:1] not in ("[", "{"):
        return None
    text, quote = "", ""
    for n, piece in enumerate(pieces):
        if isinstance(piece, Lit):
            text += str(piece.value)
            quote = _find_open_quote(str(piece.value), quote)
        elif quote:
            text += f"{_MARK}{n}{_MARK}"
        elif _stands_alone(piece):
            text += f"{_NUMBER}{n:04}"
        else:
            return None  # a string there would turn all of it into a string
    literal = _parse_literal(text)
    return _insert_values(literal, pieces) if isinstance(literal, list | dict) else None


def _stands_alone(node: Node) -> bool:
    """Return whether a value without quotes around it is a complete literal inside a literal: a number, a list."""
    if isinstance(node, Default) and isinstance(node.other, Lit):
        return _stands_alone(node.value) and str(node.other.value).isdigit()
    return node.kind in ("digits", "int", "bool", "list", "object")


def _find_open_quote(text: str, quote: str) -> str:
    """Return the quote that is open at the end of the text."""
    at = 0
    while at < len(text):
        if text[at] == "\\" and quote:
            at += 1
        elif quote and text[at] == quote:
            quote = ""
        elif not quote and text[at] in "'\"":
            quote = text[at]
        at += 1
    return quote


def _insert_values(data: Any, pieces: list[Node]) -> Node:
    if isinstance(data, dict):
        return ObjectOf(
            tuple((_insert_values(key, pieces), _insert_values(item, pieces)) for key, item in data.items())
        )
    if isinstance(data, list):
        return ListOf(tuple(_insert_values(item, pieces) for item in data))
    if isinstance(data, int) and not isinstance(data, bool) and str(data).startswith(_NUMBER):
        return _to_literal(pieces[int(str(data)[len(_NUMBER) :])])
    if isinstance(data, str) and _MARK in data:
        found = [
            to_text(pieces[int(part)]) if n % 2 else Lit(part)
            for n, part in enumerate(data.split(_MARK))
            if n % 2 or part
        ]
        return found[0] if len(found) == 1 else Concat(tuple(found))
    return Lit(data)


def _is_quoted(node: Concat) -> bool:
    first, last = str(node.parts[0].value), str(node.parts[-1].value)  # type: ignore[union-attr]
    mark = first[:1]
    inner = [str(part.value) for part in node.parts if isinstance(part, Lit)]
    text = "".join(inner)
    return mark in ("'", '"') and last.endswith(mark) and text.count(mark) == 2 and "\\" not in text


def _unquote(node: Concat) -> Node:
    first, *middle, last = node.parts
    opened = Lit(str(first.value)[1:])  # type: ignore[union-attr]
    closed = Lit(str(last.value)[:-1])  # type: ignore[union-attr]
    kept = [part for part in (opened, *middle, closed) if part != Lit("")]
    if len(kept) == 1:
        return kept[0] if isinstance(kept[0], Lit) else FunctionNode("string", (to_text(kept[0]),), "text")
    return Concat(tuple(to_text(part) for part in kept))


def _parse_literal(text: str) -> Any:
    """Parse a string that is a Python literal: a number, a quoted string, a list or an object. Other strings are
    returned."""
    from conn_engine.expressions.functions.literals import read_literal

    return read_literal(text)


def to_body_node(value: Any, names: Names) -> Node:
    """Convert a body's data: strings are templates, and empty values are left out."""
    if isinstance(value, str):
        return translate_literal(value, names)
    if isinstance(value, dict):
        pairs = []
        for key, item in value.items():
            made = to_body_node(item, names)
            if made in (Lit(None), Lit("")):
                continue
            pairs.append((to_text(translate(str(key), names)), made))
        return ObjectOf(tuple(pairs), optional=True)
    if isinstance(value, list):
        return ListOf(tuple(to_body_node(item, names) for item in value))
    if value is None or isinstance(value, str | int | float | bool):
        return Lit(value)
    return Lit(str(value))


def to_data(node: Node, *, secrets: bool = False) -> Any:
    """Convert a tree to data with templates. Objects and lists stay, so that each value gets its line."""
    if isinstance(node, ObjectOf):
        if not node.optional:
            node = ObjectOf(tuple((key, _make_null(item)) for key, item in node.pairs))
        vanishing = node.optional and any(can_vanish(item) for _, item in node.pairs)
        if all(isinstance(key, Lit) for key, _ in node.pairs) and not vanishing:
            return {str(key.value): to_data(item, secrets=secrets) for key, item in node.pairs if isinstance(key, Lit)}
        if find_secrets(node) and not secrets:
            raise Untranslatable("a secret inside a body")
        return to_template(_make_optional(node))
    if isinstance(node, ListOf):
        return [to_data(item, secrets=secrets) for item in node.items]
    if find_secrets(node) and not secrets:
        raise Untranslatable("a secret inside a body")
    return to_template(node)


def _make_optional(node: ObjectOf) -> Node:
    """Convert the object to one expression, in which undefined values are left out."""
    return ObjectOf(
        tuple((key, _make_missing(item) if node.optional else _make_null(item)) for key, item in node.pairs)
    )


def _make_null(node: Node) -> Node:
    """Return a value, or null if it is missing."""
    match node:
        case PathNode(sure=False) | FunctionNode("literal", (PathNode(sure=False),)):
            return Default(node, Lit(None))
        case Cond(test, then, other):
            return Cond(test, _make_null(then), _make_null(other))
        case _:
            return node


def _make_missing(node: Node) -> Node:
    match node:
        case Default(value, other, truth) if other in (Lit(None), Lit("")) and not truth:
            return value
        case Cond(test, then, other) if other in (Lit(None), Lit("")):
            return Cond(test, _make_missing(then), MISSING)
        case Cond(test, then, other) if then in (Lit(None), Lit("")):
            return Cond(FunctionNode("not", (test,), "bool"), _make_missing(other), MISSING)
        case ObjectOf():
            return _make_optional(node)
        case _:
            return node
