"""The meaning of a template as a tree, between Jinja (which parses it) and JSONata (as which it is printed).

Nothing is evaluated here. A node's `kind` is what is known about its value in advance.
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
    """A template uses something that an expression cannot express. The message is a short clause."""


class Regex(str):
    """The source of a regular expression, as the value of a literal."""

    __slots__ = ()


@dataclass(frozen=True, slots=True)
class Lit:
    """A value that is written out: text, number, boolean or null."""

    value: Any

    @property
    def kind(self) -> Kind:
        """The kind of the value's type."""
        if self.value is None:
            return "null"
        if isinstance(self.value, bool):
            return "bool"
        return "int" if isinstance(self.value, int) else "float" if isinstance(self.value, float) else "text"


@dataclass(frozen=True, slots=True)
class PathNode:
    """A value by its path: a name in scope ("" for the context itself), then names, indices or computed keys."""

    root: str
    steps: "tuple[Step, ...]" = ()
    kind: Kind = "any"
    sure: bool = False
    """Whether it is always there."""


@dataclass(frozen=True, slots=True)
class SecretNode:
    """A value of the account's credential, by name. `place` is its place in the manifest's configuration."""

    name: str
    kind: Kind = "text"
    sure: bool = True
    place: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Default:
    """The first value, or the second if the first is missing (or, with `truth`, if it is empty in Python)."""

    value: "Node"
    other: "Node"
    truth: bool = False

    @property
    def kind(self) -> Kind:
        """The kind that both have."""
        return self.value.kind if self.value.kind == self.other.kind else "any"


@dataclass(frozen=True, slots=True)
class Cond:
    """One of two, by a condition."""

    test: "Node"
    then: "Node"
    other: "Node"

    @property
    def kind(self) -> Kind:
        """The kind that both have."""
        return self.then.kind if self.then.kind == self.other.kind else "any"


@dataclass(frozen=True, slots=True)
class Op:
    """Two values with a JSONata operator between them."""

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
    """Strings, one behind the other."""

    parts: "tuple[Node, ...]"
    kind: Kind = "text"


@dataclass(frozen=True, slots=True)
class FunctionNode:
    """A call of a JSONata function, by its name without `$`."""

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
    """An object. Keys are nodes. If `optional`, keys without a value are left out."""

    pairs: "tuple[tuple[Node, Node], ...]"
    kind: Kind = "object"
    optional: bool = False


@dataclass(frozen=True, slots=True)
class StepNode:
    """An index or a further step on a value that is not a path."""

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
"""A missing value."""


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
    """Return the direct children of a node."""
    for field in fields(node):
        yield from _list_nodes(getattr(node, field.name))


def _list_nodes(value: Any) -> Iterator[Node]:
    if isinstance(value, tuple):
        for item in value:
            yield from _list_nodes(item)
    elif isinstance(value, Node):
        yield value


def find_secrets(node: Node) -> set[str]:
    """Return the names of the credential that a node reads."""
    names: set[str] = set()
    waiting = [node]
    while waiting:
        one = waiting.pop()
        if isinstance(one, SecretNode):
            names.add(one.name)
        waiting.extend(list_children(one))
    return names


def can_be_empty(node: Node) -> bool:
    """Return whether an object can be empty because all its keys can be left out."""
    return isinstance(node, ObjectOf) and node.optional and all(can_vanish(item) for _, item in node.pairs)


def can_vanish(node: Node) -> bool:
    """Return whether a value of an object can be undefined, so that its key is left out."""
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
