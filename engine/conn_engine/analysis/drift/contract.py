"""The contract of a vendor in a document: `Endpoint` is an operation with its parameters and response, and `Shape`
reads a JSON Schema. Importers build them, and drift compares a connector with them.

The document's `Resolver` follows references. This module does not interpret shapes (records, cursors).
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any, Literal

from msgspec import UNSET

__all__ = [
    "MAX_PROPERTIES",
    "Endpoint",
    "Parameter",
    "Parts",
    "Place",
    "Resolve",
    "ResponseContract",
    "Shape",
    "infer_schema",
    "join_learned",
    "shape_of_examples",
]

MAX_PROPERTIES = 1_000
MAX_LEAVES = 400
MAX_PARTS = 12
_DEEPEST = 8

Resolve = Callable[[Any], dict[str, Any]]


def _resolve_nothing(node: Any) -> dict[str, Any]:
    return node if isinstance(node, dict) else {}


@dataclass(slots=True, eq=False)
class Shape:
    """A schema. `resolve` returns the object for a node that may be a reference, or `{}` if it is not an object."""

    node: dict[str, Any]
    resolve: Resolve = _resolve_nothing
    _parts: list[dict[str, Any]] | None = None
    _properties: "dict[str, Shape] | None" = None
    _leaves: "list[tuple[tuple[str, ...], Shape]] | None" = None

    @classmethod
    def from_node(cls, node: Any, resolve: Resolve = _resolve_nothing) -> "Shape":
        """Return the shape of a node, following a reference. A schema that several operations refer to is read once."""
        resolved = resolve(node)
        shapes: dict[int, Shape] | None = getattr(resolve, "shapes", None)
        if shapes is None or not resolved:
            return cls(resolved, resolve)
        return shapes.setdefault(id(resolved), cls(resolved, resolve))

    @property
    def parts(self) -> list[dict[str, Any]]:
        """The schema and its parts: all of `allOf`, and the first of `oneOf` and `anyOf` that is not null."""
        if self._parts is None:
            parts: list[dict[str, Any]] = []
            self._gather(self.node, parts, 0)
            self._parts = parts
        return self._parts

    def _gather(self, node: dict[str, Any], parts: list[dict[str, Any]], depth: int) -> None:
        if depth > _DEEPEST or len(parts) >= MAX_PARTS:
            return
        parts.append(node)
        for part in _list(node.get("allOf")):
            self._gather(self.resolve(part), parts, depth + 1)
        for key in ("oneOf", "anyOf"):
            choices = [self.resolve(choice) for choice in _list(node.get(key))[:50]]
            real = [choice for choice in choices if choice and choice.get("type") != "null"]
            if real:
                self._gather(real[0], parts, depth + 1)

    @property
    def type(self) -> str:
        """`object`, `array`, `string`, `integer`, `number`, `boolean`, or "" if unknown."""
        for part in self.parts:
            type_name = part.get("type")
            if isinstance(type_name, list):
                type_name = next((name for name in type_name if name != "null"), "")
            if isinstance(type_name, str) and type_name:
                return type_name
        if any("properties" in part for part in self.parts):
            return "object"
        return "array" if any("items" in part for part in self.parts) else ""

    def properties(self) -> dict[str, "Shape"]:
        """Return the shapes of an object's properties, in order."""
        if self._properties is None:
            self._properties = self._read_properties()
        return self._properties

    def _read_properties(self) -> "dict[str, Shape]":
        shapes: dict[str, Shape] = {}
        for part in self.parts:
            properties = part.get("properties")
            for name, node in properties.items() if isinstance(properties, dict) else ():
                if len(shapes) >= MAX_PROPERTIES:
                    return shapes
                if isinstance(name, str) and (name not in shapes or shapes[name].is_open):
                    shapes[name] = Shape.from_node(node, self.resolve)
        return shapes

    @property
    def is_open(self) -> bool:
        """Whether it is an object without properties, or a list of such objects: another part may describe it."""
        holder = self.items() if self.type == "array" else self
        return holder is None or (
            holder.type in ("object", "") and not any(one.get("properties") for one in holder.parts)
        )

    def required_names(self) -> frozenset[str]:
        """Return the names of the required properties."""
        return frozenset(name for part in self.parts for name in _list(part.get("required")) if isinstance(name, str))

    def items(self) -> "Shape | None":
        """Return the shape of an array's items, or None if the schema does not describe them."""
        for part in self.parts:
            if isinstance(part.get("items"), dict):
                return Shape.from_node(part["items"], self.resolve)
        return None

    def get(self, key: str) -> Any:
        """Return the value of a keyword of the schema (`format`, `enum`, `example` …), or UNSET."""
        for part in self.parts:
            if key in part:
                return part[key]
        return UNSET

    def leaves(self) -> "list[tuple[tuple[str, ...], Shape]]":
        """Return the path and shape of properties that are not objects or arrays, at most three levels deep."""
        if self._leaves is None:
            self._leaves = list(self._read_leaves(3))
        return self._leaves

    def _read_leaves(self, depth: int) -> Iterator[tuple[tuple[str, ...], "Shape"]]:
        pending: list[tuple[tuple[str, ...], Shape]] = [((), self)]
        visited = 0
        while pending:
            path, shape = pending.pop(0)
            for name, inner in shape.properties().items():
                visited += 1
                if visited > MAX_LEAVES:
                    return
                if inner.type == "object":
                    if len(path) + 1 < depth:
                        pending.append(((*path, name), inner))
                elif inner.type != "array":
                    yield (*path, name), inner


def infer_schema(value: Any, depth: int = 0) -> dict[str, Any]:
    """Infer a schema from an example. The schema of a list's items is that of the first item."""
    if isinstance(value, dict):
        if depth > _DEEPEST:
            return {"type": "object"}
        inner = {str(name): infer_schema(item, depth + 1) for name, item in list(value.items())[:MAX_PROPERTIES]}
        return {"type": "object", "properties": inner}
    if isinstance(value, list):
        return {
            "type": "array",
            **({"items": infer_schema(value[0], depth + 1)} if value and depth <= _DEEPEST else {}),
        }
    if isinstance(value, bool):
        return {"type": "boolean"}
    if isinstance(value, int | float):
        return {"type": "integer" if isinstance(value, int) else "number"}
    if isinstance(value, str):
        url = value.startswith(("http://", "https://", "/")) and len(value) > 1
        return {"type": "string", **({"format": "uri"} if url else {})}
    return {}


def join_learned(first: dict[str, Any], second: dict[str, Any]) -> dict[str, Any]:
    """Merge two inferred schemas. If their types differ, the first one is returned."""
    if not first.get("type") or not second.get("type"):
        return first if first.get("type") else second
    if first["type"] != second["type"]:
        return first
    joined = {**second, **first}
    if "properties" in first and "properties" in second:
        names = {**first["properties"], **second["properties"]}
        joined["properties"] = {
            name: join_learned(first["properties"].get(name, {}), second["properties"].get(name, {})) for name in names
        }
    if "items" in first and "items" in second:
        joined["items"] = join_learned(first["items"], second["items"])
    return joined


def shape_of_examples(values: Iterable[Any]) -> Shape:
    """Infer one shape from several examples."""
    schema: dict[str, Any] = {}
    for value in values:
        schema = join_learned(schema, infer_schema(value))
    return Shape.from_node(schema)


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


Place = Literal["query", "header", "path"]


@dataclass(slots=True)
class Parameter:
    """A parameter of a request. `fixed` is its only possible value, and `sample` an example, or UNSET."""

    name: str
    place: Place
    required: bool = False
    kind: str = ""
    fixed: Any = UNSET
    sample: Any = UNSET
    default: Any = UNSET
    maximum: int | None = None
    arrays: str = ""
    shape: Shape | None = None
    description: str = ""


@dataclass(frozen=True, slots=True)
class Parts:
    """Fields of a multipart body that are not plain strings: `files` (the `needed` ones have exactly one file), and
    fields sent as JSON in one part (`whole`), or in one part for each item (`each`)."""

    files: tuple[str, ...] = ()
    needed: tuple[str, ...] = ()
    whole: tuple[str, ...] = ()
    each: tuple[str, ...] = ()


@dataclass(slots=True)
class ResponseContract:
    """A response: its shape (None if unknown), an example (or UNSET), its header names, and its `format` if it is not
    JSON (a `response_format`; "" for JSON). `status` is 0 if the document does not set it."""

    shape: Shape | None = None
    example: Any = UNSET
    headers: frozenset[str] = frozenset()
    format: str = ""
    status: int = 0


@dataclass(slots=True)
class Endpoint:
    """One operation of the document. `path` has its parameters in single braces: `/contacts/{id}`.

    `name` is the document's name for it. `public` is set if it needs no credential. `body_format` is None without a
    body; `sample_body` is an example, and `fixed_body` the template that the operation always sends, or UNSET.
    `media_type` is set if a request must specify it. `base_url` is set if it differs from the other endpoints.
    `failures` has the responses of errors by their code in the document, such as `404`, `4XX` or `default`.
    """

    method: str
    path: str
    name: str = ""
    tags: tuple[str, ...] = ()
    summary: str = ""
    deprecated: bool = False
    public: bool = False
    sunset: str = ""
    parameters: list[Parameter] = field(default_factory=list)
    body_format: str | None = None
    body: Shape | None = None
    sample_body: Any = UNSET
    fixed_body: Any = UNSET
    parts: Parts = Parts()
    media_type: str = ""
    answer: ResponseContract = field(default_factory=ResponseContract)
    failures: dict[str, ResponseContract] = field(default_factory=dict)
    base_url: str = ""

    @property
    def where(self) -> str:
        """The method and path: `GET /contacts`."""
        return f"{self.method.upper()} {self.path}"

    def parameter(self, place: Place, name: str) -> Parameter | None:
        """Return the parameter of that name. Header names are case-insensitive."""
        for parameter in self.parameters:
            if parameter.place == place and (
                parameter.name == name or (place == "header" and parameter.name.lower() == name.lower())
            ):
                return parameter
        return None
