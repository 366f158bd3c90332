"""The schemas of a manifest's records: kept beside the connector, and asked for the kinds of fields."""

import json
from collections.abc import Mapping
from typing import Any

from conn_engine.imports.airbyte.custom import code_of
from conn_engine.imports.airbyte.notes import Notes

__all__ = ["schema_of", "schema_text"]

_MOST_BYTES = 2_000_000


def schema_of(loader: Any, notes: Notes) -> Any:
    """The JSON Schema of a stream's records; None where the manifest does not hold one."""
    loaders = loader if isinstance(loader, list) else [loader]
    merged: Any = None
    for one in loaders:
        if not isinstance(one, Mapping) or code_of(one, "what records look like", notes):
            continue
        kind = one.get("type")
        if kind == "InlineSchemaLoader":
            found = one.get("schema")
            if isinstance(found, Mapping):
                merged = found if merged is None else _merged(merged, found)
        elif kind == "DynamicSchemaLoader":
            notes.add("a schema that the vendor is asked for")
        elif kind == "JsonFileSchemaLoader":
            notes.add("a schema in another file")
        elif kind is not None:
            notes.add(f"the schema loader {kind}")
    return merged


def _merged(first: Any, second: Any) -> Any:
    properties = {**(first.get("properties") or {}), **(second.get("properties") or {})}
    return {**first, **second, "properties": properties}


def schema_text(schema: Mapping[str, Any], primary_key: Any, cursor: str, name: str) -> str | None:
    """The schema as a file, with the fields that a record is known and ordered by; None for one that is too large."""
    made = {"title": name, **schema}
    if isinstance(primary_key, str):
        primary_key = [primary_key]
    if isinstance(primary_key, list) and primary_key:
        made["x-primary-key"] = primary_key
    if cursor and "{" not in cursor:
        made["x-cursor-field"] = cursor
    text = json.dumps(made, indent=1, ensure_ascii=False, default=str) + "\n"
    return text if len(text) <= _MOST_BYTES else None
