"""Find the keys that a JSON Schema declares at a place in a body, following local references and alternatives."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import unquote

from conn_engine.documents.pointers import get_pointer

__all__ = ["SchemaPlace"]

_LISTS: Final = ("allOf", "anyOf", "oneOf")
_MOST_PARTS: Final = 200
_CONDITIONS: Final = ("if", "then", "else")
_OPEN: Final = ("additionalProperties", "unevaluatedProperties", "patternProperties")


@dataclass(frozen=True, slots=True)
class SchemaPlace:
    """A part of a schema: `node` below `root`."""

    root: Any
    node: Any

    def names(self) -> Iterator[str]:
        """Yield the declared keys."""
        return (name for properties in self._properties() for name in properties)

    def is_open(self) -> bool:
        """Return whether other keys are accepted: the schema allows them, declares none, or refers to another
        document."""
        nodes = list(self._nodes())
        declared = any(node.get(key) for node in nodes for key in _OPEN) or any(map(_refers_elsewhere, nodes))
        return declared or next(self.names(), None) is None

    def find_required(self) -> list[str]:
        """Find the keys that every write must have: declared, required in all alternatives, and not `readOnly`."""
        required = self.find_required_names()
        names = set(self.names()) - {
            name for name in required for child in self.find_children(name) if _is_read_only(child.node)
        }
        return [name for name in required if name in names]

    def find_required_names(self) -> list[str]:
        """Find the keys that all alternatives require."""
        waiting, required = [self.node], dict[str, None]()
        for node in waiting:
            if not isinstance(node, Mapping) or len(waiting) > _MOST_PARTS:
                continue
            required |= dict.fromkeys(name for name in node.get("required") or () if isinstance(name, str))
            reference = node.get("$ref")
            if isinstance(reference, str) and reference.startswith("#/"):
                waiting.append(get_pointer(self.root, unquote(reference[1:])))
            waiting += [part for part in node.get("allOf") or () if isinstance(part, Mapping)]
        return list(required)

    def find_children(self, key: str) -> "Iterator[SchemaPlace]":
        """Yield the places of a key's value."""
        return (SchemaPlace(self.root, properties[key]) for properties in self._properties() if key in properties)

    def items(self) -> "Iterator[SchemaPlace]":
        """Yield the places of a list's items."""
        return (SchemaPlace(self.root, node["items"]) for node in self._nodes() if "items" in node)

    def _properties(self) -> Iterator[Mapping[str, Any]]:
        groups = (node.get("properties") for node in self._nodes())
        return (properties for properties in groups if isinstance(properties, Mapping))

    def _nodes(self) -> Iterator[Mapping[str, Any]]:
        waiting, visited = [self.node], set[int]()
        while waiting:
            node = waiting.pop()
            if not isinstance(node, Mapping) or id(node) in visited:
                continue
            visited.add(id(node))
            yield node
            reference = node.get("$ref")
            if isinstance(reference, str) and not _refers_elsewhere(node):
                waiting.append(get_pointer(self.root, unquote(reference[1:])) if reference != "#" else self.root)
            waiting += [node.get(key) for key in _CONDITIONS]
            waiting += [part for key in _LISTS if isinstance(node.get(key), list) for part in node[key]]


def _is_read_only(node: Any) -> bool:
    return isinstance(node, Mapping) and node.get("readOnly") is True


def _refers_elsewhere(node: Mapping[str, Any]) -> bool:
    reference = node.get("$ref")
    return isinstance(reference, str) and reference != "#" and not reference.startswith("#/")
