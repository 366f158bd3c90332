"""Read the schemas of a manifest's records: written next to the connector, and used for the kinds of fields."""

import json
from collections.abc import Mapping
from pathlib import PurePosixPath
from typing import Any

from conn_import.airbyte.custom import note_code
from conn_import.airbyte.jinja import Lit, Untranslatable, translate
from conn_import.airbyte.names import TemplateScope
from conn_import.airbyte.notes import Notes
from conn_import.neighbor_files import NeighborFiles

__all__ = ["find_schema", "format_schema"]

_MOST_BYTES = 2_000_000
_DEEPEST = 4


def find_schema(loader: Any, name: str, scope: TemplateScope, neighbors: NeighborFiles, notes: Notes) -> Any:
    """Return the JSON Schema of a stream's records, or None if neither the manifest nor a file next to it has one."""
    loaders = loader if isinstance(loader, list) else [loader]
    merged: Any = None
    for item in loaders:
        if not isinstance(item, Mapping) or note_code(item, "the record schema", notes):
            continue
        kind = item.get("type")
        if kind == "InlineSchemaLoader":
            found = item.get("schema")
            if isinstance(found, Mapping):
                merged = found if merged is None else _merge(merged, found)
        elif kind == "DynamicSchemaLoader":
            notes.add("a schema that is requested from the vendor")
        elif kind == "JsonFileSchemaLoader":
            found = _read_schema_file(item.get("file_path"), name, scope, neighbors)
            if isinstance(found, Mapping):
                merged = found if merged is None else _merge(merged, found)
            else:
                notes.add("a schema in a file that is not next to the manifest")
        elif kind is not None:
            notes.add(f"the schema loader {kind}")
    return merged


def _read_schema_file(said: Any, name: str, scope: TemplateScope, neighbors: NeighborFiles) -> Any:
    """Read a schema from the file that the manifest names, or from the kit's default path."""
    try:
        node = translate(str(said or f"schemas/{name}.json"), scope.for_config())
    except Untranslatable:
        return None
    path = PurePosixPath(str(node.value) if isinstance(node, Lit) else "")
    tails = ["/".join(path.parts[-count:]) for count in range(len(path.parts), 0, -1)]
    return _include_files(neighbors.read_first(*tails), neighbors, 0)


def _include_files(schema: Any, neighbors: NeighborFiles, depth: int) -> Any:
    """Include the files that a schema refers to."""
    if isinstance(schema, list):
        return [_include_files(one, neighbors, depth) for one in schema]
    if not isinstance(schema, Mapping):
        return schema
    reference = schema.get("$ref")
    if isinstance(reference, str) and not reference.startswith("#"):
        name = reference.partition("#")[0]
        found = neighbors.read_first(f"schemas/shared/{name}", f"schemas/{name}") if depth < _DEEPEST else None
        return _include_files(found, neighbors, depth + 1) if found is not None else {}
    return {key: _include_files(value, neighbors, depth) for key, value in schema.items()}


def _merge(first: Any, second: Any) -> Any:
    properties = {**(first.get("properties") or {}), **(second.get("properties") or {})}
    return {**first, **second, "properties": properties}


def format_schema(schema: Mapping[str, Any], primary_key: Any, cursor: str, name: str) -> str | None:
    """Format the schema with the primary key and the cursor field. None if it is too large."""
    row = {"title": name, **schema}
    if isinstance(primary_key, str):
        primary_key = [primary_key]
    if isinstance(primary_key, list) and primary_key:
        row["x-primary-key"] = primary_key
    if cursor and "{" not in cursor:
        row["x-cursor-field"] = cursor
    text = json.dumps(row, indent=1, ensure_ascii=False, default=str) + "\n"
    return text if len(text) <= _MOST_BYTES else None
