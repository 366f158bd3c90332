"""Draw the fields of a unified record as a table: field, type and meaning."""

from collections.abc import Iterator, Mapping
from typing import Any

from conn_cli.formatting import join_lines

__all__ = ["draw_fields"]

Row = tuple[str, str, str]
_WIDEST = 28
"""A longer name takes the place of the blanks after it."""


def draw_fields(name: str, schema: Mapping[str, Any]) -> str:
    """Return what a record is, a line for each field, and how to get the schema itself."""
    rows = [("field", "type", "meaning"), *_find_fields(schema, "")]
    widths = [min(max(len(row[column]) for row in rows), _WIDEST) for column in (0, 1)]
    lines = [f"{name}  {_describe_meaning(schema)}".rstrip(), ""]
    lines += [f"{field:<{widths[0]}}  {kind:<{widths[1]}}  {meaning}".rstrip() for field, kind, meaning in rows]
    lines += ["", f"next: see the JSON Schema: conn schema {name} --format json"]
    return join_lines(lines)


def _find_fields(schema: Mapping[str, Any], prefix: str) -> Iterator[Row]:
    required = schema.get("required", ())
    for name, field in schema.get("properties", {}).items():
        kind = f"{_describe_type(field)}, required" if name in required and not prefix else _describe_type(field)
        yield f"{prefix}{name}", kind, _describe_meaning(field)
        yield from _find_fields(field, f"{prefix}{name}.")
        items = field.get("items")
        if isinstance(items, Mapping):
            yield from _find_fields(items, f"{prefix}{name}[].")


def _describe_type(field: Mapping[str, Any]) -> str:
    """Return the type without null, which almost every field accepts: `string`, `array of objects`, `date-time`."""
    if "format" in field:
        return str(field["format"])
    declared = field.get("type", "any")
    types = [declared] if isinstance(declared, str) else [kind for kind in declared if kind != "null"]
    items = field.get("items")
    if types == ["array"] and isinstance(items, Mapping) and "type" in items:
        return f"array of {_describe_type(items)}s"
    return " or ".join(types)


def _describe_meaning(field: Mapping[str, Any]) -> str:
    allowed = ", ".join(str(value) for value in field.get("enum", ()) if value is not None)
    parts = (str(field.get("description", "")), f"One of: {allowed}." if allowed else "")
    return " ".join(" ".join(parts).split())
