"""Read a Jinja template as a tree, using Jinja's own parser. Nothing is compiled or run."""

import warnings
from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import TYPE_CHECKING, Any, TypeAlias

from conn_import.airbyte.jinja import calls, dates, filters
from conn_import.airbyte.jinja.builders import follow_keys
from conn_import.airbyte.jinja.nodes import (
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
    SecretNode,
    Untranslatable,
)
from conn_import.airbyte.jinja.operators import (
    compare,
    find_number_kind,
    fold_numbers,
    format_percent,
    is_get,
    is_items,
    is_nothing,
    merge_texts,
    read_bound,
    remove_default,
    to_plain,
)
from conn_import.airbyte.jinja.printing import to_text

if TYPE_CHECKING:
    from jinja2 import nodes as jinja

__all__ = ["MAX_TEMPLATE", "Names", "Root", "translate"]

MAX_TEMPLATE = 20_000
"""Longest template that is read, in characters."""

_MAX_DEPTH = 60
_MAX_NODES = 4_000

Root: TypeAlias = Callable[[tuple[Any, ...]], Node]
"""Return the tree for a variable's steps (names, numbers or trees)."""

Names: TypeAlias = Mapping[str, Root]
"""The variables that a template may use at its place."""


def translate(text: str, names: Names) -> Node:
    """Return the tree of a template. A single `{{…}}` keeps its type; everything else is a string.

    Raises Untranslatable.
    """
    if "{" not in text:
        return Lit(text)
    from jinja2 import nodes as jinja

    return _TemplateReader(names, jinja).body(_parse(text).body, {})


@lru_cache(4096)
def _parse(text: str) -> "jinja.Template":
    from jinja2 import Environment, TemplateSyntaxError

    if len(text) > MAX_TEMPLATE:
        raise Untranslatable(f"a template of more than {MAX_TEMPLATE:,} characters")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of odd escapes in the manifest's strings
            parsed = Environment(autoescape=False).parse(text)  # noqa: S701 - it is only parsed
    except (TemplateSyntaxError, RecursionError, ValueError, OverflowError) as error:
        raise Untranslatable(f"an invalid template: {str(error)[:80]}") from None
    _check_size(parsed)
    return parsed


def _check_size(root: Any) -> None:
    """Raise Untranslatable for a tree that is too large or too deep for the recursion that follows."""
    waiting = [(root, 0)]
    count = 0
    while waiting:
        node, depth = waiting.pop()
        count += 1
        if depth > _MAX_DEPTH or count > _MAX_NODES:
            raise Untranslatable("a template that is nested too deeply or too large")
        waiting.extend((child, depth + 1) for child in node.iter_child_nodes())


Locals: TypeAlias = dict[str, Node]


class _TemplateReader:
    def __init__(self, names: Names, kinds: Any) -> None:
        self._names = names
        self._kinds = kinds
        self._lambdas = 0

    # Statements

    def body(self, statements: Any, variables: Locals) -> Node:
        """Return the text of statements, or the value of a single expression. Variables they set are added to
        `known`."""
        parts: list[Node] = []
        for statement in statements:
            parts.extend(self._statement(statement, variables))
        parts = merge_texts(parts)
        if len(parts) == 1:
            return parts[0]
        return Concat(tuple(to_text(part) for part in parts)) if parts else Lit("")

    def _statement(self, statement: Any, variables: Locals) -> list[Node]:
        kinds = self._kinds
        if isinstance(statement, kinds.Output):
            return [
                Lit(node.data) if isinstance(node, kinds.TemplateData) else self.value(node, variables)
                for node in statement.nodes
            ]
        if isinstance(statement, kinds.If):
            return [self._if(statement, variables)]
        if isinstance(statement, kinds.For):
            return [self._for(statement, variables)]
        if isinstance(statement, kinds.Assign) and isinstance(statement.target, kinds.Name):
            variables[statement.target.name] = self.value(statement.node, variables)
            return []
        raise Untranslatable(f"the statement {type(statement).__name__.lower()}")

    def _if(self, statement: Any, variables: Locals) -> Node:
        test = self.value(statement.test, variables)
        branches: list[tuple[Node, Locals]] = []
        other: Any = statement.else_
        if statement.elif_:
            first, *rest = statement.elif_
            other = [self._kinds.If(first.test, first.body, rest, statement.else_)]
        for statements in (statement.body, other):
            own = dict(variables)
            branches.append((self.body(statements, own), own))
        (then, in_then), (otherwise, in_other) = branches
        for name in {*in_then, *in_other}:
            left, right = in_then.get(name, Lit("")), in_other.get(name, Lit(""))
            variables[name] = left if left == right else Cond(test, left, right)
        return Lit("") if then == otherwise == Lit("") else Cond(test, then, otherwise)

    def _for(self, statement: Any, variables: Locals) -> Node:
        kinds = self._kinds
        if statement.test is not None or statement.else_ or statement.recursive:
            raise Untranslatable("a loop with a condition or an else")
        if any(isinstance(node, kinds.Assign) for node in statement.find_all(kinds.Assign)):
            raise Untranslatable("a loop that changes variables")
        over, target = statement.iter, statement.target
        self._lambdas += 1
        first, second = f"v{self._lambdas}", f"k{self._lambdas}"
        inner = dict(variables)
        pairs = isinstance(target, kinds.Tuple) and len(target.items) == 2 and is_items(over, kinds)
        if pairs:
            inner[target.items[1].name] = PathNode(f"${first}", sure=True)
            inner[target.items[0].name] = PathNode(f"${second}", sure=True, kind="text")
            made = Each(
                "each", self.value(over.node.node, variables), (first, second), self._text(statement.body, inner)
            )
        elif isinstance(target, kinds.Name):
            inner[target.name] = PathNode(f"${first}", sure=True)
            made = Each("map", self.value(over, variables), (first,), self._text(statement.body, inner))
        else:
            raise Untranslatable("a loop over several variables")
        return FunctionNode("join", (made,), "text")

    def _text(self, statements: Any, variables: Locals) -> Node:
        return to_text(self.body(statements, variables))

    # Expressions

    def value(self, node: Any, variables: Locals) -> Node:
        """Return the tree of an expression."""
        read = getattr(self, f"_read_{type(node).__name__.lower()}", None)
        if read is None:
            raise Untranslatable(f"the expression {type(node).__name__.lower()}")
        made: Node = read(node, variables)
        return made

    def _read_name(self, node: Any, variables: Locals) -> Node:
        return self._variable(node.name, (), variables)

    def _variable(self, name: str, steps: tuple[Any, ...], variables: Locals) -> Node:
        if name in variables:
            keys = [Lit(step) if isinstance(step, str | int) else step for step in steps]
            return follow_keys(variables[name], *keys) if keys else variables[name]
        root = self._names.get(name)
        if root is None:
            raise Untranslatable(f"the variable {name}, which is unknown there")
        return root(steps)

    def _read_getattr(self, node: Any, variables: Locals) -> Node:
        return self._read_chain(node, variables)

    def _read_getitem(self, node: Any, variables: Locals) -> Node:
        if isinstance(node.arg, self._kinds.Slice):
            return self._slice(self.value(node.node, variables), node.arg)
        return self._read_chain(node, variables)

    def _read_chain(self, node: Any, variables: Locals, default: Node | None = None) -> Node:
        """Resolve a variable and its steps in one call of the variable's root."""
        kinds = self._kinds
        steps: list[Any] = []
        base = node
        while True:
            if isinstance(base, kinds.Getattr):
                steps.append(base.attr)
                base = base.node
            elif isinstance(base, kinds.Getitem) and not isinstance(base.arg, kinds.Slice):
                steps.append(to_plain(self.value(base.arg, variables)))
                base = base.node
            elif is_get(base, kinds) and (
                len(base.args) == 1 or is_nothing(self.value(base.args[1], variables)) or base is node
            ):
                steps.append(to_plain(self.value(base.args[0], variables)))
                base = base.node.node
            else:
                break
        steps.reverse()
        if isinstance(base, kinds.Name):
            found = self._variable(base.name, tuple(steps), variables)
        else:
            keys = [Lit(step) if isinstance(step, str | int) else step for step in steps]
            found = follow_keys(self.value(base, variables), *keys)
        if found == MISSING:
            return Lit("") if default is None else default
        return found if default is None or _is_sure(found) else Default(found, default)

    def _read_call(self, node: Any, variables: Locals) -> Node:
        kinds = self._kinds
        if node.dyn_args is not None or node.dyn_kwargs is not None:
            raise Untranslatable("a call with unpacked arguments")
        if is_get(node, kinds):
            default = self.value(node.args[1], variables) if len(node.args) > 1 else Lit(None)
            return self._read_chain(node, variables, default)
        arguments = tuple(self.value(argument, variables) for argument in node.args)
        keywords = {one.key: self.value(one.value, variables) for one in node.kwargs}
        if isinstance(node.node, kinds.Name):
            return calls.call_macro(node.node.name, arguments, keywords)
        if isinstance(node.node, kinds.Getattr):
            base = self.value(node.node.node, variables)
            return calls.call_method(base, node.node.attr, arguments, keywords)
        raise Untranslatable("a call of a computed function")

    def _read_filter(self, node: Any, variables: Locals) -> Node:
        if node.node is None or node.dyn_args is not None or node.dyn_kwargs is not None:
            raise Untranslatable("a filter without a value")
        arguments = tuple(self.value(argument, variables) for argument in node.args)
        keywords = {one.key: self.value(one.value, variables) for one in node.kwargs}
        return filters.apply_filter(self.value(node.node, variables), node.name, arguments, keywords)

    def _read_test(self, node: Any, variables: Locals) -> Node:
        arguments = tuple(self.value(argument, variables) for argument in node.args)
        return filters.apply_test(self.value(node.node, variables), node.name, arguments)

    def _read_const(self, node: Any, variables: Locals) -> Node:
        value = node.value
        if value is None or isinstance(value, str | bool | int | float):
            return Lit(value)
        raise Untranslatable("a number of an unsupported type")

    def _read_list(self, node: Any, variables: Locals) -> Node:
        return ListOf(tuple(self.value(item, variables) for item in node.items))

    _read_tuple = _read_list

    def _read_dict(self, node: Any, variables: Locals) -> Node:
        return ObjectOf(
            tuple((self.value(pair.key, variables), self.value(pair.value, variables)) for pair in node.items)
        )

    def _read_condexpr(self, node: Any, variables: Locals) -> Node:
        other: Node = Lit("") if node.expr2 is None else self.value(node.expr2, variables)
        return Cond(self.value(node.test, variables), self.value(node.expr1, variables), other)

    def _read_not(self, node: Any, variables: Locals) -> Node:
        return Not(self.value(node.node, variables))

    def _read_or(self, node: Any, variables: Locals) -> Node:
        left, right = self.value(node.left, variables), self.value(node.right, variables)
        if left.kind == right.kind == "bool":
            return Op("or", left, right, "bool")
        return Default(left, right, truth=True)

    def _read_and(self, node: Any, variables: Locals) -> Node:
        left, right = self.value(node.left, variables), self.value(node.right, variables)
        if left.kind == right.kind == "bool":
            return Op("and", left, right, "bool")
        return Cond(left, right, left)

    def _read_concat(self, node: Any, variables: Locals) -> Node:
        return Concat(tuple(merge_texts([to_text(self.value(one, variables)) for one in node.nodes])))

    def _read_compare(self, node: Any, variables: Locals) -> Node:
        left = self.value(node.expr, variables)
        made: Node | None = None
        for operand in node.ops:
            right: Node = left
            if operand.op in ("in", "notin") and self._is_variable(operand.expr, variables) and isinstance(left, Lit):
                # A name among those of a variable: `config` itself is not a value.
                found = self._variable(operand.expr.name, (left.value,), variables)
                there = Lit(False) if found == MISSING else filters.apply_test(found, "defined")
                one = there if operand.op == "in" else Not(there)
            else:
                right = self.value(operand.expr, variables)
                one = compare(operand.op, left, right)
            made = one if made is None else Op("and", made, one, "bool")
            left = right
        return made if made is not None else left

    def _is_variable(self, node: Any, variables: Locals) -> bool:
        return isinstance(node, self._kinds.Name) and node.name in self._names and node.name not in variables

    def _read_neg(self, node: Any, variables: Locals) -> Node:
        value = self.value(node.node, variables)
        if isinstance(value, Lit) and isinstance(value.value, int | float):
            return Lit(-value.value)
        return Op("-", Lit(0), value, value.kind)

    def _read_pos(self, node: Any, variables: Locals) -> Node:
        return self.value(node.node, variables)

    def _read_add(self, node: Any, variables: Locals) -> Node:
        left, right = self.value(node.left, variables), self.value(node.right, variables)
        if left.kind in ("datetime", "date"):
            return dates.shift_date(left, right, back=False)
        if "list" in (left.kind, right.kind):
            return FunctionNode("append", (left, right), "list")
        if {"text", "digits"} & {left.kind, right.kind}:
            if isinstance(left, Lit) and isinstance(right, Lit):
                return Lit(f"{left.value}{right.value}")
            return _add_texts(left, right)
        return fold_numbers("+", remove_default(left), remove_default(right), find_number_kind(left, right))

    def _read_sub(self, node: Any, variables: Locals) -> Node:
        left, right = self.value(node.left, variables), self.value(node.right, variables)
        if left.kind in ("datetime", "date"):
            return dates.shift_date(left, right, back=True)
        return fold_numbers("-", remove_default(left), remove_default(right), find_number_kind(left, right))

    def _read_mul(self, node: Any, variables: Locals) -> Node:
        left, right = self.value(node.left, variables), self.value(node.right, variables)
        if isinstance(left, FunctionNode) and left.name == "epochSeconds" and right == Lit(1000):
            return FunctionNode("epochMillis", left.arguments, "int")
        return fold_numbers("*", remove_default(left), remove_default(right), find_number_kind(left, right))

    def _read_div(self, node: Any, variables: Locals) -> Node:
        return Op("/", self.value(node.left, variables), self.value(node.right, variables), "float")

    def _read_floordiv(self, node: Any, variables: Locals) -> Node:
        return FunctionNode("floor", (self._read_div(node, variables),), "int")

    def _read_mod(self, node: Any, variables: Locals) -> Node:
        left, right = self.value(node.left, variables), self.value(node.right, variables)
        if left.kind == "text":
            return format_percent(left, right)
        return Op("%", left, right, find_number_kind(left, right))

    def _read_pow(self, node: Any, variables: Locals) -> Node:
        return FunctionNode("power", (self.value(node.left, variables), self.value(node.right, variables)), "any")

    def _slice(self, base: Node, cut: Any) -> Node:
        if cut.step is not None:
            raise Untranslatable("a slice with a step")
        start = read_bound(cut.start, self._kinds)
        stop = read_bound(cut.stop, self._kinds)
        if base.kind == "list":
            return _slice_list(base, start, stop)
        if stop is None:
            return FunctionNode("substring", (base, Lit(start or 0)), "text")
        if stop >= 0 and (start or 0) >= 0:
            return FunctionNode("substring", (base, Lit(start or 0), Lit(max(0, stop - (start or 0)))), "text")
        if stop < 0 and (start or 0) >= 0:
            length = Op("-", FunctionNode("length", (base,), "int"), Lit((start or 0) - stop), "int")
            return FunctionNode("substring", (base, Lit(start or 0), length), "text")
        if start is not None and start < 0 and stop < 0:
            return FunctionNode("substring", (base, Lit(start), Lit(max(0, stop - start))), "text")
        raise Untranslatable("a slice from the end to the start")


def _slice_list(base: Node, start: int | None, stop: int | None) -> Node:
    """Build the items of a list from one index to another. A negative index counts from the end."""
    tests: list[Node] = []
    for sign, place in ((">=", start), ("<", stop)):
        if place is not None:
            limit: Node = Lit(place)
            if place < 0:
                limit = Op("-", FunctionNode("count", (base,), "int"), Lit(-place), "int")
            tests.append(Op(sign, PathNode("$i"), limit, "bool"))
    if not tests:
        return base
    test = tests[0] if len(tests) == 1 else Op("and", tests[0], tests[1], "bool")
    return ListOf((Each("filter", base, ("v", "i"), test),))


_NO_SUM = Lit("")
"""The result of a sum with a missing value. Compared by identity, to distinguish it from other empty strings."""


def _add_texts(left: Node, right: Node) -> Node:
    """Join two strings. If a value is missing, the result is missing, and so is that of the complete template."""
    needed: list[Node] = []
    parts: list[Node] = []
    for side in (left, right):
        if isinstance(side, PathNode) and not side.sure:
            needed.append(FunctionNode("exists", (side,), "bool"))
        piece = side
        while isinstance(piece, Cond) and piece.other is _NO_SUM:
            needed.append(piece.test)
            piece = piece.then
        parts += piece.parts if isinstance(piece, Concat) else (piece,)
    node: Node = Concat(tuple(parts))
    for test in dict.fromkeys(needed):
        node = Cond(test, node, _NO_SUM)
    return node


def _is_sure(node: Node) -> bool:
    """Return whether a value always exists, so that a default has no effect."""
    if isinstance(node, Default):
        return isinstance(node.other, Lit) and node.other.value is not None
    return isinstance(node, Lit | ListOf | ObjectOf | SecretNode) or (isinstance(node, PathNode) and node.sure)
