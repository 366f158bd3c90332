"""What the name of an operation and the path of its resource imply: `contacts: {path: /contacts, list: {}, get: {}}`.

An implied method or path is not written into the data: it is found where an operation is built or read, like a setting
that it inherits. An override of `contacts.path` therefore moves every operation that has no path of its own.
"""

import json
import re
from collections.abc import Mapping
from typing import Any, Final

from conn_engine.config.merge import Path_
from conn_engine.diagnostics import did_you_mean
from conn_engine.transport.url_templates import hide_templates

__all__ = [
    "METHODS",
    "OPERATION_PATH",
    "PATHS",
    "explain_missing",
    "find_method",
    "find_path",
    "is_operation_path",
    "is_path_implied",
    "join_id",
    "split_query",
]

METHODS: Final[Mapping[str, str]] = {"list": "get", "get": "get", "create": "post", "delete": "delete"}
"""The methods that names imply. `update` implies none, because vendors differ."""

PATHS: Final[Mapping[str, bool]] = {"list": False, "create": False, "get": True, "update": True, "delete": True}
"""The operations that have the path of their resource, and whether they have it with the ID of a record."""

OPERATION_PATH: Final = r"^(/|\{\{)\S*"
"""The pattern of an operation that is written as its path."""

_JSON: Final = ".json"


def find_method(name: str, operation: Mapping[str, Any]) -> Any:
    """Return the HTTP method of an operation: its own, else the one that its name implies, else None."""
    own = operation.get("method")
    return METHODS.get(name) if own is None else own


def find_path(name: str, operation: Mapping[str, Any], resource: Mapping[str, Any]) -> Any:
    """Return the path of an operation: its own, else the one that its resource implies, else None."""
    if not is_path_implied(name, operation, resource):
        return operation.get("path")
    path = resource["path"]
    return join_id(path) if PATHS[name] and isinstance(path, str) else path


def is_path_implied(name: str, operation: Mapping[str, Any], resource: Mapping[str, Any]) -> bool:
    """Return whether an operation has the path of its resource."""
    return operation.get("path") is None and name in PATHS and resource.get("path") is not None


def join_id(path: str) -> str:
    """Return the path of one record of a collection. A query, a slash at the end and `.json` stay at the end."""
    route, query = split_query(path)
    stem = route.rstrip("/")
    end = route[len(stem) :] if stem else ""
    if stem.endswith(_JSON):
        stem, end = stem.removesuffix(_JSON), _JSON + end
    return f"{stem}/{{{{id}}}}{end}{query}"


def split_query(path: str) -> tuple[str, str]:
    """Return the path without its query, and the query with its question mark. One in a template is not the start."""
    start = hide_templates(path).find("?")
    return (path, "") if start < 0 else (path[:start], path[start:])


def is_operation_path(place: Path_, value: Any) -> bool:
    """Return whether a value at a place of a connector is an operation that is written as its path."""
    return (
        len(place) == 3
        and place[0] == "resources"
        and isinstance(value, str)
        and re.match(OPERATION_PATH, value) is not None
    )


def explain_missing(place: Path_, key: str, text: str = "") -> str:
    """Return how to add the missing method or path of the operation at a place; "" for anything else. `text` is the
    path that it is written as."""
    if len(place) != 3 or place[0] != "resources" or key not in ("method", "path"):
        return ""
    resource, name = place[1:]
    if text:
        method = "patch" if name == "update" else "get"
        short = f"{{ method: {method}, path: {json.dumps(text)} }}"
        return f"write {short}, with the vendor's method (get, post, put, patch …)"
    if name not in PATHS and (near := did_you_mean(str(name), PATHS)):
        return near
    if key == "method" and name == "update":
        return "add the vendor's method: `method: patch`, `method: put` or `method: post`"
    if key == "method":
        names = "list, get, create and delete"
        return f"add `method: get` (or post, put, patch, delete): only {names} imply their method"
    if name in PATHS:
        return f"add `path: /{resource}` to the resource, or a path of its own to the operation"
    return f"add `path: /{resource}/{name}`: only {', '.join(PATHS)} have the path of their resource"
