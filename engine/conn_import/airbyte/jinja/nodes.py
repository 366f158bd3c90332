"""What a template means, as a tree: between Jinja, whose parser makes it, and JSONata, as which it is printed.

Nothing here evaluates anything. A node's `kind` is what is known of its value before it is there.
"""

from collections.abc import Iterator
from dataclasses import dataclass, fields
from typing import Any, Literal, TypeAlias

__all__ = [
    "JSON_TEXT",
    "MISSING",
    "Concat",
    "Cond",
    "Default",
    "Each",
    "FunctionNode",
    "Kind",
    "ListOf",
    "Lit",
    "Node",
    "Not",
    "ObjectOf",
    "Op",
    "PathNode",
    "Regex",
    "SecretNode",
    "Step",
    "StepNode",
    "Untranslatable",
    "can_be_empty",
    "can_vanish",
    "find_secrets",
    "list_children",
    "to_node",
]

Kind: TypeAlias = Literal[
    "any", "text", "digits", "int", "float", "bool", "null", "list", "object", "datetime", "date", "duration"
]


class Untranslatable(Exception):
    """That a template says what an expression cannot. The message is a short clause."""


class Regex(str):
    """The source of a regular expression, as the value of a literal."""

    __slots__ = ()


@dataclass(frozen=True, slots=True)
class Lit:
    """A value that is written out: text, number, boolean or null."""

    value: Any

    @property
    def kind(self) -> Kind:
        """By its type."""
        if self.value is None:
            return "null"
        if isinstance(self.value, bool):
            return "bool"
        return "int" if isinstance(self.value, int) else "float" if isinstance(self.value, float) else "text"


@dataclass(frozen=True, slots=True)
class PathNode:
    """A value by its place: a name in scope ("" for the context itself), then names, indices or computed keys."""

    root: str
    steps: "tuple[Step, ...]" = ()
    kind: Kind = "any"
    sure: bool = False
    """Whether it is always there."""


@dataclass(frozen=True, slots=True)
class SecretNode:
    """A value of the account's credential, by its name there; `place` is where a manifest's configuration has it."""

    name: str
    kind: Kind = "text"
    sure: bool = True
    place: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Default:
    """The first value, or the second when there is none (`truth`: or when it is empty, as Python sees it)."""

    value: "Node"
    other: "Node"
    truth: bool = False

    @property
    def kind(self) -> Kind:
        """What both are."""
        return self.value.kind if self.value.kind == self.other.kind else "any"


@dataclass(frozen=True, slots=True)
class Cond:
    """One of two, by a condition."""

    test: "Node"
    then: "Node"
    other: "Node"

    @property
    def kind(self) -> Kind:
        """What both are."""
        return self.then.kind if self.then.kind == self.other.kind else "any"


@dataclass(frozen=True, slots=True)
class Op:
    """Two values and what is between them, as JSONata writes it."""

    sign: str
    left: "Node"
    right: "Node"
    kind: Kind = "any"


@dataclass(frozen=True, slots=True)
class Not:
    """The opposite of a condition."""

    value: "Node"
    kind: Kind = "bool"


@dataclass(frozen=True, slots=True)
class Concat:
    """Texts, one behind the other."""

    parts: "tuple[Node, ...]"
    kind: Kind = "text"


@dataclass(frozen=True, slots=True)
class FunctionNode:
    """A function of JSONata, by its name without `$`."""

    name: str
    arguments: "tuple[Node, ...]"
    kind: Kind = "any"


@dataclass(frozen=True, slots=True)
class Each:
    """A function with a lambda: map, filter, each. `variables` are its parameters."""

    name: str
    over: "Node"
    variables: tuple[str, ...]
    body: "Node"
    kind: Kind = "list"


@dataclass(frozen=True, slots=True)
class ListOf:
    """A list of values."""

    items: "tuple[Node, ...]"
    kind: Kind = "list"


@dataclass(frozen=True, slots=True)
class ObjectOf:
    """An object of values; keys are nodes. `optional`: what has no value leaves its key out."""

    pairs: "tuple[tuple[Node, Node], ...]"
    kind: Kind = "object"
    optional: bool = False


@dataclass(frozen=True, slots=True)
class StepNode:
    """An index or a further step on a value that is no path."""

    base: "Node"
    steps: "tuple[Step, ...]"
    kind: Kind = "any"


Node: TypeAlias = (
    Lit
    | PathNode
    | SecretNode
    | Default
    | Cond
    | Op
    | Not
    | Concat
    | FunctionNode
    | Each
    | ListOf
    | ObjectOf
    | StepNode
)
Step: TypeAlias = "str | int | Node"


JSON_TEXT = "jsonText"
"""Name of a call that is printed as JSON text of any value."""

MISSING = PathNode("$nothing")
"""What is not there."""


def to_node(value: Any) -> Node:
    """JSON data as a node."""
    if isinstance(value, dict):
        return ObjectOf(tuple((Lit(str(key)), to_node(item)) for key, item in value.items()))
    if isinstance(value, list | tuple):
        return ListOf(tuple(to_node(item) for item in value))
    if value is None or isinstance(value, str | int | float | bool):
        return Lit(value)
    return Lit(str(value))


def list_children(node: Node) -> Iterator[Node]:
    """The nodes right below one."""
    for field in fields(node):
        yield from _list_nodes(getattr(node, field.name))


def _list_nodes(value: Any) -> Iterator[Node]:
    if isinstance(value, tuple):
        for item in value:
            yield from _list_nodes(item)
    elif isinstance(value, Node):
        yield value


def find_secrets(node: Node) -> set[str]:
    """The names of the credential that a node reads."""
    found: set[str] = set()
    waiting = [node]
    while waiting:
        one = waiting.pop()
        if isinstance(one, SecretNode):
            found.add(one.name)
        waiting.extend(list_children(one))
    return found


def can_be_empty(node: Node) -> bool:
    """Whether an object may have no entry, because each of them may be left out."""
    return isinstance(node, ObjectOf) and node.optional and all(can_vanish(item) for _, item in node.pairs)


def can_vanish(node: Node) -> bool:
    """Whether a value of an object may be nothing at all, which leaves its key out."""
    match node:
        case PathNode():
            return not node.sure
        case FunctionNode(name, arguments) if name == "literal":
            return any(can_vanish(argument) for argument in arguments)
        case Default(_, other):
            return other in (Lit(None), Lit("")) or can_vanish(other)
        case Cond(_, then, other):
            return (
                then in (Lit(None), Lit("")) or other in (Lit(None), Lit("")) or can_vanish(then) or can_vanish(other)
            )
        case _:
            return False
