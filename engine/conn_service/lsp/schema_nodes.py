"""Follow a JSON Schema along a path: what may be written there, with descriptions.

A branch of `if` counts if what is known of the value meets the condition, or if nothing is known that decides it.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from conn_engine.documents import Path_
from conn_engine.documents.pointers import get_pointer

__all__ = ["SchemaNodes"]

Schema = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class SchemaNodes:
    """The schemas that apply to one value. `value` is what is written there so far."""

    whole: Any
    nodes: tuple[Schema, ...]
    value: Any = None

    @classmethod
    def from_schema(cls, schema: Any, data: Any) -> "SchemaNodes":
        """Return the schemas of a document and its data."""
        return cls(schema, tuple(_expand(schema, schema, data)), data)

    def follow(self, path: Path_) -> "SchemaNodes":
        """Return the schemas of the value at a path."""
        current = self
        for step in path:
            value = _get_item(current.value, step)
            below = [schema for node in current.nodes for schema in _find_children(node, step)]
            nodes = [inner for schema in below for inner in _expand(current.whole, schema, value)]
            current = SchemaNodes(current.whole, tuple(nodes), value)
        return current

    def follow_names(self, names: Sequence[str]) -> "SchemaNodes":
        """Return the schemas of the value at a path of names, as expressions read it: through lists."""
        current = self._skip_lists()
        for name in names:
            current = current.follow((name,))._skip_lists()
        return current

    def _skip_lists(self) -> "SchemaNodes":
        current = self
        while any("items" in node for node in current.nodes):
            current = current.follow((0,))
        return current

    def find_type(self) -> str:
        """Return the types of the value in words; empty if the schemas do not say."""
        found = [node["type"] for node in self.nodes if "type" in node]
        names = [name for kind in found for name in ([kind] if isinstance(kind, str) else kind)]
        return " or ".join(dict.fromkeys(str(name) for name in names if name != "null"))

    def find_keys(self) -> dict[str, str]:
        """Return the keys of the value, with their descriptions."""
        keys: dict[str, str] = {}
        for node in self.nodes:
            for key, schema in (node.get("properties") or {}).items():
                described = tuple(_expand(self.whole, schema, None))
                if any(inner.get("doNotSuggest") for inner in described):
                    continue  # another name of a setting
                text = next((str(inner["description"]) for inner in described if "description" in inner), "")
                keys[key] = keys.get(key) or text
        return keys

    def find_values(self) -> list[Any]:
        """Return the values that the schemas list."""
        values: dict[str, Any] = {}
        for node in self.nodes:
            listed = [*(node.get("enum") or []), *([node["const"]] if "const" in node else [])]
            if node.get("type") == "boolean":
                listed += [True, False]
            values.update({repr(value): value for value in listed if value is not None})
        return list(values.values())

    @property
    def description(self) -> str:
        """The first description, or an empty string."""
        return next((str(node["description"]) for node in self.nodes if node.get("description")), "")


def _find_children(node: Schema, step: str | int) -> Iterator[Any]:
    if isinstance(step, int):
        prefix = node.get("prefixItems") or []
        yield prefix[step] if step < len(prefix) else node.get("items")
        return
    properties = node.get("properties") or {}
    if step in properties:
        yield properties[step]
    else:
        yield node.get("additionalProperties")


def _expand(whole: Any, schema: Any, value: Any, seen: set[int] | None = None) -> Iterator[Schema]:
    """Yield a schema and those that it consists of, each once: schemas may refer to themselves."""
    seen = set() if seen is None else seen
    if not isinstance(schema, Mapping) or id(schema) in seen:
        return
    seen.add(id(schema))
    yield schema
    parts = [part for key in ("allOf", "anyOf", "oneOf") for part in schema.get(key) or ()]
    reference = schema.get("$ref")
    if isinstance(reference, str) and reference.startswith("#"):
        parts.append(get_pointer(whole, reference[1:]))
    if "if" in schema:
        decided = _decide(schema["if"], value)
        parts += [schema.get("then")] if decided is not False else []
        parts += [schema.get("else")] if decided is not True else []
    for part in parts:
        yield from _expand(whole, part, value, seen)


def _decide(condition: Any, value: Any) -> bool | None:
    """Return whether a value meets a condition on its type or on constants of its keys; None if that is unknown."""
    if not isinstance(condition, Mapping) or value is None:
        return None
    if "not" in condition:
        inner = _decide(condition["not"], value)
        return None if inner is None else not inner
    kind = str(condition.get("type"))
    if kind in _TYPES and not isinstance(value, _TYPES[kind]):
        return False
    decided: bool | None = True if kind in _TYPES else None
    if "required" in condition and isinstance(value, Mapping):
        if not all(key in value for key in condition["required"]):
            return False
        decided = True
    for key, schema in (condition.get("properties") or {}).items():
        if not isinstance(value, Mapping) or key not in value:
            return None
        if isinstance(schema, Mapping) and "const" in schema:
            if value[key] != schema["const"]:
                return False
            decided = True
    return decided


_TYPES: Mapping[str, type | tuple[type, ...]] = {
    "object": dict,
    "array": list,
    "string": str,
    "null": type(None),
    "boolean": bool,
    "number": (int, float),
    "integer": int,
}


def _get_item(value: Any, step: str | int) -> Any:
    if isinstance(value, Mapping):
        return value.get(step)
    if isinstance(value, list) and isinstance(step, int) and step < len(value):
        return value[step]
    return None
