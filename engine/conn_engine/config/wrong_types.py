"""Explain a value of the wrong type, and write it as one of the right type."""

import re
from collections.abc import Mapping
from typing import Any

import msgspec

from conn_engine.config.merge import Path_

__all__ = ["convert_value", "describe_types", "explain_model", "name_type", "suggest_type"]

_KINDS: Mapping[type, str] = {
    dict: "an object",
    list: "a list",
    str: "text",
    bool: "a boolean",
    int: "a number",
    float: "a number",
    type(None): "nothing",
}
_TYPE_NAMES = {
    "object": "an object",
    "array": "a list",
    "string": "text",
    "boolean": "a boolean",
    "integer": "a whole number",
    "number": "a number",
    "null": "nothing",
}
_NUMBER = re.compile(r"-?(0|[1-9]\d{0,14})(\.\d{1,6})?")


def name_type(value: Any) -> str:
    """Return what a value is, such as `a list`."""
    return _KINDS.get(type(value), "something else")


def describe_types(types: list[str]) -> str:
    """Return the types of a JSON Schema in words, such as `text or a list`."""
    type_names = [_TYPE_NAMES[name] for name in _TYPE_NAMES if name in types and name != "null"]
    return " or ".join(type_names) or "nothing"


def explain_model(name: str) -> str:
    """Return the fix for a key at the top of an override that is neither a setting nor has resources."""
    return f'"{name}" is not a key of a connector, so it is taken for a model; a model has resources'


def convert_value(types: list[str], value: Any, source: str) -> str | int | float | None:
    """Return a value of the wrong type as the same value of a right one: a number as the text that the author wrote, or
    text as the number in it."""
    if "string" in types and "object" not in types and source:
        return source
    if isinstance(value, str) and {"integer", "number"} & {*types} and _NUMBER.fullmatch(value):
        number: int | float = msgspec.json.decode(value)
        return number if "number" in types or isinstance(number, int) else None
    return None


def suggest_type(path: Path_, types: list[str], value: Any, source: str) -> str:
    """Return how to write a value of the wrong type as one of these types."""
    if value is None:
        return "set a value, or remove the key"
    if "string" in types and "object" not in types and source:
        return f'quote it: "{source}"'
    if isinstance(value, str) and {"integer", "number"} & {*types} and _NUMBER.fullmatch(value):
        return f"remove the quotes: {value}"
    if isinstance(value, str) and "boolean" in types:
        return "write true or false, without quotes"
    return (
        "write each item on its own line that starts with -, or all items in brackets: [ … ]"
        if "array" in types
        else ""
    )
