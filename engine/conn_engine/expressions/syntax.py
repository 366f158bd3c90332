"""Find the paths that an expression reads from jsonata-python's syntax tree, for platforms without jlens.

The walk tracks where each value comes from: a path's steps, filters, sorts and groups see the value before them, and a
lambda's parameter sees the items of the list that it is mapped over, if that list is a path. When the origin of a value
is unknown, the complete value counts as read. This is always safe: no path that is read is left out.
"""

from dataclasses import dataclass, field
from typing import Any

from conn_engine.expressions.pure import parse_expression
from conn_engine.expressions.values import Path_

__all__ = ["syntax_paths"]

Place = Path_ | None
"""Where a value comes from in the input. None for a computed value: to read it reads nothing else of the input."""

_OVER_ITEMS = frozenset({"map", "filter", "each", "sift", "single"})
_COUNTING = frozenset({"count", "exists", "type"})


def syntax_paths(text: str) -> tuple[frozenset[Path_], bool]:
    """Return the paths of the input, and whether the whole input may be read too."""
    reader = _Reader()
    place = reader.visit(parse_expression(text).ast, (), {})
    reader.read_as_is(place)
    paths = {path for path in reader.paths if path}
    return frozenset(path for path in paths if not _is_covered(path, paths)), () in reader.paths


def _is_covered(path: Path_, paths: set[Path_]) -> bool:
    return any(path[:length] in paths for length in range(1, len(path)))


@dataclass
class _Reader:
    """A walk over the tree. `paths` are the places whose complete value is read."""

    paths: set[Path_] = field(default_factory=set)

    def read_as_is(self, place: Place) -> None:
        """Record that the complete value at `place` is read."""
        if place is not None:
            self.paths.add(place)

    def read(self, node: Any, context: Place, names: dict[str, Place]) -> None:
        """Walk a part whose complete value is read."""
        if node is not None:
            self.read_as_is(self.visit(node, context, names))

    def visit(self, node: Any, context: Place, names: dict[str, Place]) -> Place:
        """Walk a node in a context, and return where its value comes from."""
        kind = getattr(node, "type", None)
        visit = getattr(self, f"_{kind}", None)
        place: Place = visit(node, context, names) if visit is not None else self._read_other(node, context, names)
        for part in (*_list(node, "predicate"), *_list(node, "stages")):
            if getattr(part, "type", None) == "filter":
                self.read(part.expr, place, names)
        group = getattr(node, "group", None)
        if group is not None:
            self._pairs(group.lhs_object, place, names)
            return None
        return place

    def _path(self, node: Any, context: Place, names: dict[str, Place]) -> Place:
        inner = dict(names)
        for step in node.steps:
            result = self.visit(step, context, inner)
            focus = getattr(step, "focus", None)
            if focus is None:
                context = result
            else:
                inner[str(focus)] = result  # the next step starts at the same place as this one
        return context

    def _name(self, node: Any, context: Place, _names: dict[str, Place]) -> Place:
        return None if context is None else (*context, str(node.value))

    def _variable(self, node: Any, context: Place, names: dict[str, Place]) -> Place:
        if node.value == "":
            return context
        if node.value == "$":
            return ()
        return names.get(str(node.value))

    def _wildcard(self, _node: Any, context: Place, _names: dict[str, Place]) -> Place:
        self.read_as_is(context)
        return None

    _descendant = _wildcard

    def _parent(self, _node: Any, _here: Place, _names: dict[str, Place]) -> Place:
        self.read_as_is(())
        return None

    def _sort(self, node: Any, context: Place, names: dict[str, Place]) -> Place:
        for term in node.terms:
            self.read(term.expression, context, names)
        return context

    def _bind(self, node: Any, context: Place, names: dict[str, Place]) -> Place:
        place = self.visit(node.rhs, context, names)
        names[str(node.lhs.value)] = place
        return place

    def _block(self, node: Any, context: Place, names: dict[str, Place]) -> Place:
        inner = dict(names)
        place: Place = None
        for index, part in enumerate(node.expressions):
            place = self.visit(part, context, inner)
            if index < len(node.expressions) - 1 and getattr(part, "type", None) != "bind":
                self.read_as_is(place)
        return place

    def _condition(self, node: Any, context: Place, names: dict[str, Place]) -> Place:
        self.read(node.condition, context, names)
        self.read(node.then, context, names)
        self.read(getattr(node, "_else", None), context, names)
        return None

    def _lambda(self, node: Any, context: Place, names: dict[str, Place]) -> Place:
        self.read(node.body, context, {**names, **{str(argument.value): None for argument in node.arguments}})
        return None

    def _function(self, node: Any, context: Place, names: dict[str, Place]) -> Place:
        name = str(getattr(node.procedure, "value", ""))
        arguments = list(node.arguments or ())
        first = arguments[0] if arguments else None
        callback = arguments[1] if len(arguments) > 1 else None
        if name in _OVER_ITEMS and name not in names and getattr(callback, "type", None) == "lambda":
            place = self.visit(first, context, names)
            self._read_callback(callback, place, context, names)
            if name != "map":
                self.read_as_is(place)
            return None
        if name in _COUNTING and name not in names and len(arguments) == 1:
            self.read(first, context, names)
            return None
        self.visit(node.procedure, context, names)
        for argument in arguments:
            self.read(argument, context, names)
        if not arguments:
            self.read_as_is(context if name not in ("now", "millis", "random") else None)
        return None

    def _read_callback(self, callback: Any, items: Place, context: Place, names: dict[str, Place]) -> None:
        """Walk a lambda over items. Its first parameter is an item."""
        inner = {**names, **{str(argument.value): None for argument in callback.arguments}}
        if callback.arguments:
            inner[str(callback.arguments[0].value)] = items
        for argument in callback.arguments[2:]:
            inner[str(argument.value)] = items
        self.read(callback.body, context, inner)
        if items is not None and not any(path[: len(items)] == items for path in self.paths):
            self.read_as_is(items)  # at least their number is read

    _partial = _function

    def _apply(self, node: Any, context: Place, names: dict[str, Place]) -> Place:
        self.read(node.lhs, context, names)
        right = node.rhs
        if getattr(right, "type", None) == "function":
            for argument in right.arguments or ():
                self.read(argument, context, names)
        else:
            self.visit(right, context, names)
        return None

    def _transform(self, node: Any, _here: Place, names: dict[str, Place]) -> Place:
        for part in (node.pattern, node.update, getattr(node, "delete", None)):
            if part is not None:
                self.visit(part, None, names)
        return None

    def _unary(self, node: Any, context: Place, names: dict[str, Place]) -> Place:
        if node.value == "{":
            self._pairs(node.lhs_object, context, names)
        else:
            for part in (*_list(node, "expressions"), getattr(node, "expression", None)):
                self.read(part, context, names)
        return None

    def _pairs(self, pairs: Any, context: Place, names: dict[str, Place]) -> None:
        for key, value in pairs or ():
            self.read(key, context, names)
            self.read(value, context, names)

    def _read_other(self, node: Any, context: Place, names: dict[str, Place]) -> Place:
        for part in ("lhs", "rhs"):
            child = getattr(node, part, None)
            if hasattr(child, "type"):
                self.read(child, context, names)
        return None


def _list(node: Any, name: str) -> list[Any]:
    value = getattr(node, name, None)
    return list(value) if isinstance(value, list | tuple) else []
