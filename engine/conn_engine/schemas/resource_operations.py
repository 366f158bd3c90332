"""The schema of a resource's operations: which of them need a method and a path, and that a path may stand for one."""

from typing import Any, Final

from conn_engine.config.implied import METHODS, OPERATION_PATH, PATHS

__all__ = ["add_path_form", "describe_operations"]

_PATH: Final = {"type": "string", "pattern": OPERATION_PATH}
_MEANINGS: Final = {
    "list": "Lists the records. Default: GET at the path of the resource.",
    "create": "Creates a record. Default: POST at the path of the resource.",
    "get": "Returns one record. Default: GET at the path of the resource with /{{id}}.",
    "update": "Changes one record, with the `method` that it sets. Default: at the path of the resource with /{{id}}.",
    "delete": "Deletes one record. Default: DELETE at the path of the resource with /{{id}}.",
}
_NEEDS_PATH: Final = {"if": {"type": "object"}, "then": {"required": ["path"]}}


def describe_operations(operation: dict[str, Any]) -> dict[str, Any]:
    """Return the part of a resource's schema that is about its operations, each of which has the schema `operation`."""
    needs_method = {**operation, "required": ["method"]}
    return {
        "properties": {
            name: {"description": meaning, **(add_path_form(operation) if name in METHODS else needs_method)}
            for name, meaning in _MEANINGS.items()
        },
        "additionalProperties": {**operation, "required": ["method", "path"]},
        "if": {"not": {"required": ["path"]}},
        "then": {"properties": dict.fromkeys(PATHS, _NEEDS_PATH)},
    }


def add_path_form(operation: dict[str, Any]) -> dict[str, Any]:
    """Return the schema of an operation that may also be written as its path."""
    return {
        "type": ["object", "string"],
        "allOf": [{"if": {"type": "object"}, "then": operation}, {"if": {"type": "string"}, "then": _PATH}],
    }
