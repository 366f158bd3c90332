"""Write the schemas of requests and responses to one file of JSON Schemas next to the connector.

Schemas are cleaned, not copied. Keys for code generators and documentation are dropped, and OpenAPI dialects become
JSON Schema 2020-12. Keywords that could reject a valid value (patterns in other regular expression dialects,
overlapping alternatives) are relaxed.
"""

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

from conn_engine.analysis.drift.contract import Endpoint, Parameter, Shape
from conn_import.contract import Losses
from conn_import.secrecy import without_tokens
from conn_import.words import clean_text

__all__ = ["FILE", "SchemaBook"]

FILE = "schemas/operations.json"
_MOST_BYTES = 6_000_000
_MOST_NODES = 300_000
_DEEPEST = 40
_LONGEST = 160
_SHORTEST_TOKEN = 16
_MOST_CHOICES = 500
_TYPES = frozenset({"array", "boolean", "integer", "null", "number", "object", "string"})
_BOUNDS = frozenset({"exclusiveMaximum", "exclusiveMinimum", "maximum", "minimum"})
_COUNTS = frozenset({"maxItems", "maxLength", "minItems", "minLength"})
_LARGEST = 2**53
_SURROGATE = re.compile("[\ud800-\udfff]")
_FLAGS = frozenset({"deprecated", "readOnly", "uniqueItems", "writeOnly"})
_ALTERNATIVES = {"allOf": "allOf", "anyOf": "anyOf", "oneOf": "anyOf"}
_NAME = re.compile(r"[^A-Za-z0-9_.-]+")


class SchemaBook:
    """The schemas of operations and the definitions that they share."""

    def __init__(self) -> None:
        self._operations: dict[str, dict[str, Any]] = {}
        self._definitions: dict[str, Any] = {}
        self._names: dict[str, str] = {}
        self._nodes = 0

    def add(self, name: str, endpoint: Endpoint, *, observed: bool) -> dict[str, str]:
        """Add the schemas of an operation. Returns its keys in connector.yaml: `request_schema` and the others.

        A schema from examples (`observed`) is open: it allows other keys, and it is not used for responses.
        """
        rows = {
            "request_schema": self._convert(endpoint.body, observed=observed)
            if endpoint.body_format != "raw"
            else None,
            "query_schema": self._convert_query([one for one in endpoint.parameters if one.place == "query"]),
            "response_schema": None if observed else self._convert(endpoint.answer.shape, observed=False),
        }
        existing = {key: schema for key, schema in rows.items() if schema}
        if existing:
            self._operations[name] = {key.removesuffix("_schema"): schema for key, schema in existing.items()}
        return {key: f"{FILE}#/operations/{name}/{key.removesuffix('_schema')}" for key in existing}

    def format(self, losses: Losses) -> str:
        """Format the file; "" without a schema, or if it would be too large."""
        if not self._operations:
            return ""
        data = {
            "$schema": "https://json-schema.org/draft/2020-12/schema",
            "operations": self._operations,
            "$defs": dict(sorted(self._definitions.items())),
        }
        text = _SURROGATE.sub("\ufffd", json.dumps(data, indent=1, ensure_ascii=False)) + "\n"
        if len(text.encode()) > _MOST_BYTES:
            losses.add("the schemas of requests and responses: the file would be too large")
            return ""
        if self._nodes > _MOST_NODES:
            losses.add(f"parts of schemas beyond the first {_MOST_NODES:,}")
        return text

    def _convert(self, shape: Shape | None, *, observed: bool) -> dict[str, Any] | None:
        if shape is None or not shape.node:
            return None
        made = self._refer_by_name(shape) or self._clean(shape.node, shape, 0)
        return (_open_objects(made) if observed else made) or None

    def _convert_query(self, parameters: list[Parameter]) -> dict[str, Any] | None:
        if not parameters:
            return None
        properties = {}
        for one in parameters:
            row = self._clean(one.shape.node, one.shape, 0) if one.shape is not None else {}
            if not row and one.kind in _TYPES:
                row = {"type": one.kind}
            if one.description:
                row = {**row, "description": _remove_secret(clean_text(one.description, _LONGEST))}
            properties[one.name] = row
        required = [one.name for one in parameters if one.required]
        return {"type": "object", "properties": properties, **({"required": required} if required else {})}

    def _refer_by_name(self, shape: Shape) -> dict[str, Any]:
        """Return a reference to a definition, for a schema that the document refers to by name."""
        names: Mapping[int, str] = getattr(shape.resolve, "names", {})
        reference = names.get(id(shape.node))
        return self._refer(reference, shape) if reference is not None else {}

    def _refer(self, reference: str, shape: Shape) -> dict[str, Any]:
        if reference not in self._names:
            node = shape.resolve({"$ref": reference})
            if not node:
                return {}
            name = _NAME.sub("_", reference.rpartition("/")[2])[:80] or "schema"
            while name in self._definitions:
                name = f"{name}_"
            self._names[reference] = name
            self._definitions[name] = {}
            self._definitions[name] = self._clean(node, shape, 0)
        return {"$ref": f"#/$defs/{self._names[reference]}"}

    def _clean(self, node: Any, shape: Shape, depth: int) -> dict[str, Any]:
        self._nodes += 1
        if not isinstance(node, Mapping) or depth > _DEEPEST or self._nodes > _MOST_NODES:
            return {}
        reference = node.get("$ref")
        if isinstance(reference, str):
            return self._refer(reference, shape)
        row = {**_convert_types(node), **dict(_copy_simple_keys(node))}
        properties = node.get("properties")
        if isinstance(properties, Mapping):
            row["properties"] = {str(name): self._clean(one, shape, depth + 1) for name, one in properties.items()}
            hidden = {name for name, one in row["properties"].items() if one.get("writeOnly")}
            required = [name for name in _list_texts(node.get("required")) if name not in hidden]
            row |= {"required": required} if required else {}
        for key in ("items", "additionalProperties"):
            if isinstance(node.get(key), Mapping):
                row[key] = self._clean(node[key], shape, depth + 1)
        if node.get("additionalProperties") is True or _has_unnamed_parts(node, shape):
            row["additionalProperties"] = True
        for key, other in _ALTERNATIVES.items():
            some = node.get(key)
            if isinstance(some, list) and some:
                row[other] = [*row.get(other, ()), *(self._clean(one, shape, depth + 1) for one in some)]
        return {"anyOf": [row, {"type": "null"}]} if _is_nullable(node) and not _takes_null(row) else row


def _has_unnamed_parts(node: Mapping[str, Any], shape: Shape) -> bool:
    """Return whether an object may have keys that the schema does not list: those of a discriminator's variants, or
    those of an unresolved reference."""
    parts = [one for key in _ALTERNATIVES if isinstance(node.get(key), list) for one in node[key]]
    if "discriminator" in node and not any(isinstance(node.get(key), list) for key in ("anyOf", "oneOf")):
        return True
    return any(isinstance(one, Mapping) and "$ref" in one and not shape.resolve(one) for one in parts)


def _is_nullable(node: Mapping[str, Any]) -> bool:
    return node.get("nullable") is True or node.get("x-nullable") is True


def _convert_types(node: Mapping[str, Any]) -> dict[str, Any]:
    types = node.get("type")
    kinds = [one for one in (types if isinstance(types, list) else [types]) if isinstance(one, str) and one in _TYPES]
    if kinds and _is_nullable(node):
        kinds = [*kinds, *(["null"] if "null" not in kinds else [])]
    return {} if not kinds else {"type": kinds[0] if len(kinds) == 1 else kinds}


def _copy_simple_keys(node: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    choices = node.get("enum")
    if isinstance(choices, list) and 0 < len(choices) <= _MOST_CHOICES and all(map(_is_plain, choices)):
        null = _is_nullable(node) and None not in choices
        yield "enum", [*map(_remove_secret, choices), *([None] if null else [])]
    if "const" in node and _is_plain(node["const"]):
        yield "const", _remove_secret(node["const"])
    if isinstance(node.get("format"), str):
        yield "format", node["format"]
    if isinstance(node.get("description"), str) and node["description"].strip():
        yield "description", _remove_secret(clean_text(node["description"], _LONGEST))
    for key in sorted((_BOUNDS | _COUNTS) & node.keys()):
        value = node[key]
        usable = isinstance(value, int | float) and not isinstance(value, bool) and abs(value) <= _LARGEST
        if usable and (key in _BOUNDS or (isinstance(value, int) and value >= 0)):
            yield key, value
    for key in sorted(_FLAGS & node.keys()):
        if node[key] is True:
            yield key, True


def _remove_secret(value: Any) -> Any:
    """Remove a vendor's token from a value. The complete file would be too long to search."""
    return without_tokens(value) if isinstance(value, str) and len(value) >= _SHORTEST_TOKEN else value


def _is_plain(value: Any) -> bool:
    """Return whether JSON can represent a scalar exactly."""
    return value is None or isinstance(value, str | bool) or (isinstance(value, int | float) and abs(value) <= _LARGEST)


def _takes_null(made: Mapping[str, Any]) -> bool:
    kinds = made.get("type")
    return made == {} or kinds == "null" or (isinstance(kinds, list) and "null" in kinds)


def _open_objects(schema: dict[str, Any]) -> dict[str, Any]:
    """Open a schema that was inferred from examples: its objects can have keys that no example has."""
    row = {key: _open_objects(one) if key == "items" else one for key, one in schema.items()}
    if isinstance(schema.get("properties"), dict):
        row["properties"] = {name: _open_objects(one) for name, one in schema["properties"].items()}
    return {**row, "additionalProperties": True} if schema.get("type") == "object" else row


def _list_texts(value: Any) -> list[str]:
    return [one for one in value if isinstance(one, str)] if isinstance(value, list) else []
