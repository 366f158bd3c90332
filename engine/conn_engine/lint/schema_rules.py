"""Rules for the vendor's own schemas of requests: unknown keys and missing required keys in bodies and queries."""

from collections.abc import Iterator, Mapping
from typing import Any

from conn_engine.config import OperationName, Path_, VendorOperation, format_place, mapping_layers
from conn_engine.config.corrections import rename_to_match
from conn_engine.diagnostics import Diagnostic, diagnostic, did_you_mean
from conn_engine.errors import ConfigurationError
from conn_engine.lint.target import LintTarget
from conn_engine.runtime.body_schemas import SchemaPlace
from conn_engine.runtime.unified import find_operation_behind

__all__ = ["find_unfit_keys", "find_unreadable_schemas"]

_KEYS = ("request_schema", "query_schema", "response_schema")
_MOST_NAMES = 12


def find_unreadable_schemas(target: LintTarget) -> Iterator[Diagnostic]:
    """CFG104: a schema of an operation cannot be read."""
    effective = target.effective
    for operation in effective.vendor_operations():
        for key in _KEYS:
            try:
                effective.schemas.find_part(getattr(operation, key), key)
            except ConfigurationError as error:
                path = operation.get_path(key)
                yield diagnostic(
                    "CFG104", error.message, effective.span(path), path=format_place(path), hint=error.hint
                )


def find_unfit_keys(target: LintTarget) -> Iterator[Diagnostic]:
    """REF200: a body or query has a key that is not in the vendor's schema. REF201: it lacks a required key."""
    effective = target.effective
    for operation in effective.vendor_operations():
        if isinstance(operation.body, dict) and operation.body_format in ("json", "form"):
            place = _find_place(target, operation, "request_schema")
            yield from _find_unknown_keys(target, operation, place, [(operation.get_path("body"), operation.body)])
    for name, unified in effective.unified_operations():
        operation_behind = find_operation_behind(effective, name)
        if operation_behind is None:
            continue
        for key, schema in (("request_body_mapping", "request_schema"), ("query_mapping", "query_schema")):
            place = _find_place(target, operation_behind, schema)
            layers = [
                mapping_layer
                for mapping_layer in mapping_layers(getattr(unified, key))
                if isinstance(mapping_layer, Mapping)
            ]
            rows = [((*name.path, key), layer) for layer in layers]
            yield from _find_unknown_keys(target, operation_behind, place, rows)
            if key == "request_body_mapping" and layers and operation_behind.method == "POST":
                yield from _find_missing_keys(target, name, operation_behind, place, layers)


def _find_place(target: LintTarget, operation: VendorOperation, key: str) -> SchemaPlace | None:
    try:
        schema = target.effective.schemas.find_schema(getattr(operation, key), key)
    except ConfigurationError:
        return None  # reported by another rule
    return None if schema is None else SchemaPlace(schema, schema)


def _find_unknown_keys(
    target: LintTarget, operation: VendorOperation, place: SchemaPlace | None, rows: list[tuple[Path_, Any]]
) -> Iterator[Diagnostic]:
    """Report keys of objects, at any depth, that the schema does not have, each once."""
    pending: list[tuple[Path_, Any, tuple[SchemaPlace, ...]]] = []
    if place is not None:
        pending += [(path, value, (place,)) for path, value in rows]
    paths: set[Path_] = set()
    while pending:
        path, value, places = pending.pop(0)
        names = {name for schema_place in places for name in schema_place.names()}
        if any(schema_place.is_open() for schema_place in places) or not isinstance(value, Mapping):
            continue
        for key, inner in value.items():
            key_path = (*path, key)
            if key in names:
                pending.append(
                    (
                        key_path,
                        inner,
                        tuple(child for schema_place in places for child in schema_place.find_children(key)),
                    )
                )
            elif inner is not None and key_path not in paths:
                paths.add(key_path)
                listed = ", ".join(sorted(names)[:_MOST_NAMES])
                origins = target.effective.origins(key_path)
                yield diagnostic(
                    "REF200",
                    f'"{key}" is not in the vendor\'s schema of {operation.text}',
                    origins[0].key_span if origins else target.effective.span(key_path),
                    path=format_place(key_path),
                    hint=did_you_mean(str(key), sorted(names)) or f"use one of: {listed}",
                    fix=rename_to_match(origins[0].document, origins[0].place, names, str(key)) if origins else None,
                )


def _find_missing_keys(
    target: LintTarget,
    name: OperationName,
    operation: VendorOperation,
    place: SchemaPlace | None,
    layers: list[Mapping[str, Any]],
) -> Iterator[Diagnostic]:
    required = place.find_required() if place is not None else ()
    for key in required:
        if not any(key in layer for layer in layers):
            path = (*name.path, "request_body_mapping")
            yield diagnostic(
                "REF201",
                f'the vendor\'s schema of {operation.text} requires "{key}", which the mapping does not set',
                target.effective.span(path),
                path=format_place(path),
                hint=f"map it, for example {key}: body.{key}",
            )
