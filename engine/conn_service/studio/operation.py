"""The mappings of one operation as rows: what every level sets for a field, where, and how it is edited."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from conn_engine.config import MAPPINGS, RESOURCE_MAPPINGS, Effective, Origin, lookup, mapping_layers, singular
from conn_engine.config.merge import is_replacement
from conn_engine.config.report import plain_settings
from conn_engine.documents import Path_, format_path
from conn_engine.errors import ExpressionError
from conn_engine.expressions import expression
from conn_service.lsp.schema_nodes import SchemaNodes
from conn_service.studio.drafts import EditedOperation
from conn_service.studio.values import describe_expression_error

__all__ = ["MappingRows"]

_TYPES: Mapping[str, str] = {
    "string": "text",
    "array": "list",
    "boolean": "yes or no",
    "integer": "whole number",
}
_RESPONSE = "response_mapping"
_REMOTE = ("remote_data",)
"""A run adds it on request, so that no mapping sets it."""


@dataclass(frozen=True)
class MappingRows:
    """The rows of an operation's mappings. `level` is the level that the page edits."""

    operation: EditedOperation
    level: str

    @property
    def effective(self) -> Effective:
        """The configuration with the unsaved edits."""
        return self.operation.edited

    def list_fields(self) -> list[dict[str, Any]]:
        """Return the rows of the response mapping: the fields of the model in its order, then further ones."""
        schema = self._find_schema()
        tree = self._build_tree(_RESPONSE)
        whole = self._describe_whole(_RESPONSE, tree, ())
        return [*([whole] if whole is not None else []), *self._list_rows(_RESPONSE, tree, schema, ())]

    def list_others(self) -> list[dict[str, Any]]:
        """Return the rows of the other mappings that a level sets."""
        rows: list[dict[str, Any]] = []
        for key in sorted(MAPPINGS - {_RESPONSE}):
            tree = self._build_tree(key)
            whole = self._describe_whole(key, tree, ())
            rows += [] if whole is None else [whole]
            rows += self._list_rows(key, tree, None, ())
        return rows

    def list_faults(self) -> dict[str, Any]:
        """Return the errors of expressions that do not compile, by field."""
        faults: dict[str, Any] = {}
        for row in self.list_fields():
            for level in row["levels"]:
                text = level["expression"]
                if isinstance(text, str) and row["field"] not in faults:
                    try:
                        expression(text)
                    except ExpressionError as error:
                        faults[row["field"]] = describe_expression_error(error)
        return faults

    @property
    def record(self) -> str:
        """The name of the unified record, such as crm.contact."""
        name = self.operation.name
        unified = self.effective.get_unified(name.model, name.resource, name.method)
        return f"{name.model}.{unified.record if unified is not None and unified.record else singular(name.resource)}"

    def _find_schema(self) -> SchemaNodes | None:
        model, _, record = self.record.partition(".")
        schema = self.effective.schemas.find_record(model, record)
        return None if schema is None else SchemaNodes.from_schema(schema, None)

    def _build_tree(self, key: str) -> "_Tree":
        name = self.operation.name
        unified = self.effective.get_unified(name.model, name.resource, name.method)
        layers = mapping_layers(getattr(unified, key)) if unified is not None else []
        return _Tree(layers)

    def _describe_whole(self, key: str, tree: "_Tree", path: Path_) -> dict[str, Any] | None:
        """Return the row of a mapping, or of an object in it, that a level sets with one expression."""
        origins = self.effective.origins((*self.operation.name.path, key, *path))
        is_replaced = any(is_replacement(origin.value) for origin in origins)
        if not tree.has_expression and not (is_replaced and not tree.children):
            return None
        kind = "expression" if tree.has_expression else "replaced"
        return self._build_row(key, path, SchemaNodes(None, ()), kind, is_required=False)

    def _list_rows(self, key: str, tree: "_Tree", schema: SchemaNodes | None, path: Path_) -> Iterator[dict[str, Any]]:
        of_model = [name for name in (schema.find_keys() if schema is not None else ()) if (*path, name) != _REMOTE]
        names = dict.fromkeys([*of_model, *tree.children, *self._list_left_out(key, path)])
        required = _find_required(schema)
        for name in names:
            inner = (*path, name)
            child = tree.children.get(name)
            nodes = schema.follow((name,)) if schema is not None else SchemaNodes(None, ())
            kind = _find_kind(child)
            if child is None and tree.has_expression:
                kind = "covered"
            yield self._build_row(key, inner, nodes, kind, is_required=name in required)
            if child is not None and child.children:
                yield from self._list_rows(key, child, nodes if nodes.nodes else None, inner)

    def _list_left_out(self, key: str, path: Path_) -> Iterator[str]:
        """Yield the fields that a level removes: the merged mapping does not have them."""
        for layer in self.effective.expanded:
            part = lookup(layer.data, (*self.operation.name.path, key, *path))
            if isinstance(part, Mapping):
                yield from (str(name) for name, value in part.items() if value is None)

    def _build_row(self, key: str, path: Path_, schema: SchemaNodes, kind: str, *, is_required: bool) -> dict[str, Any]:
        start = (*self.operation.name.path, key)
        origins = [
            origin
            for origin in self.effective.origins((*start, *path))
            if isinstance(_remove_replacement(origin.value), str) or len(self._get_inside(origin, start)) == len(path)
        ]
        own = next((origin for origin in origins if origin.level == self.level), None)
        is_own = own is not None and len(self._get_inside(own, start)) == len(path)
        value = own.value if own is not None and is_own else None
        editable, reason, fix = self._judge_editing(key, path, kind, own, is_own)
        inside = format_path(path) if path else ""
        return {
            "field": (inside or key) if key == _RESPONSE else format_path((key, *path)),
            "mapping": key,
            "steps": list(path),
            "depth": max(len(path) - 1, 0),
            "type": _describe_type(schema),
            "format": next((str(node["format"]) for node in schema.nodes if "format" in node), ""),
            "title": next((str(node["title"]) for node in schema.nodes if path and node.get("title")), ""),
            "description": schema.description,
            "required": is_required,
            "enum": schema.find_values() or None,
            "kind": kind,
            "badge": next((origin.level for origin in origins if not origin.overridden), None),
            "scope": self._find_scope(origins, key),
            "expression": plain_settings(_remove_replacement(value)) if is_own and kind != "group" else None,
            "state": _find_state(own, is_own, origins, value),
            "replace": is_own and is_replacement(value),
            "editable": editable,
            "reason": reason,
            "hint": fix,
            "levels": [self._describe_level(origin, start, path) for origin in origins],
        }

    def _describe_level(self, origin: Origin, start: Path_, path: Path_) -> dict[str, Any]:
        value = _remove_replacement(origin.value)
        return {
            "level": origin.level,
            "place": {"file": origin.span.file, "line": origin.span.line},
            "expression": plain_settings(value),
            "whole": len(self._get_inside(origin, start)) < len(path),
            "replace": is_replacement(origin.value),
            "uses_base": isinstance(value, str) and "$base" in value,
            "overridden": origin.overridden,
        }

    @staticmethod
    def _get_inside(origin: Origin, start: Path_) -> Path_:
        """Return the path of a level's value inside the mapping."""
        length = 4 if origin.path[3:4] and origin.path[3] in RESOURCE_MAPPINGS else len(start)
        return tuple(part for part in origin.path[length:] if part != "replace")

    def _find_scope(self, origins: Sequence[Origin], key: str) -> str:
        """Return whether an override of the page is for the resource or for this operation only."""
        own = next((origin for origin in origins if origin.level == self.level), None)
        if own is not None:
            return "resource" if self.effective.find_written(own)[3] in RESOURCE_MAPPINGS else "operation"
        name = self.operation.name
        unified = self.effective.get_unified(name.model, name.resource, name.method)
        if key not in RESOURCE_MAPPINGS or name.method == "delete" or (unified is not None and unified.each == "page"):
            return "operation"
        is_of_write = name.method in ("create", "update")
        return "resource" if key == _RESPONSE or is_of_write else "operation"

    def _judge_editing(
        self, key: str, path: Path_, kind: str, own: Origin | None, is_own: bool
    ) -> tuple[bool, str, str]:
        """Return whether the page can edit a row; if not, why, and what to do."""
        if any(isinstance(part, int) for part in path):
            return False, "it is an item of a list", "edit the complete list"
        if kind == "group":
            return False, "its parts have their own expressions", "edit the parts"
        if own is not None and not is_own and isinstance(own.value, str):
            whole = format_path(self._get_inside(own, (*self.operation.name.path, key))) or key
            return True, "", f"{whole} is one expression, which is extended by the field"
        if isinstance(own.value if own is not None else None, list | bool | int | float):
            return False, "it is set to a list or a constant", "open the file in an editor"
        return True, "", ""


class _Tree:
    """The fields that the layers of a mapping name. `has_expression` is whether a layer is one expression here."""

    def __init__(self, layers: Sequence[Any]) -> None:
        self.has_expression = any(isinstance(layer, str) for layer in layers)
        names = dict.fromkeys(str(name) for layer in layers if isinstance(layer, Mapping) for name in layer)
        parts = {
            name: [layer[name] for layer in layers if isinstance(layer, Mapping) and name in layer] for name in names
        }
        self.children = {name: _Tree(values) for name, values in parts.items()}


def _find_kind(tree: _Tree | None) -> str:
    if tree is None:
        return "unmapped"
    return "group" if tree.children and not tree.has_expression else "field"


def _find_required(schema: SchemaNodes | None) -> set[str]:
    return {str(name) for node in (schema.nodes if schema is not None else ()) for name in node.get("required") or ()}


def _describe_type(schema: SchemaNodes) -> str:
    words = [_TYPES.get(name, name) for name in schema.find_type().split(" or ") if name]
    if words == ["list"]:
        item = _describe_type(schema.follow((0,)))
        return f"list of {item}" if item else "list"
    return " or ".join(words)


def _find_state(own: Origin | None, is_own: bool, origins: Sequence[Origin], value: Any) -> str:
    if own is not None and is_own:
        return "left out" if value is None else "own"
    return "inherited" if any(not origin.overridden for origin in origins) else "none"


def _remove_replacement(value: Any) -> Any:
    return value["replace"] if is_replacement(value) else value
