"""Turn a collection that Bruno exports as one JSON file, in its earlier form, into an OpenCollection document."""

from collections.abc import Mapping
from typing import Any

from conn_import.coercion import as_list, as_mapping

__all__ = ["is_export", "to_document"]

_KINDS = {"http": "http", "http-request": "http", "graphql": "graphql", "graphql-request": "graphql"}
_DEEPEST = 50


def is_export(data: Any) -> bool:
    """Return whether a document is a collection in the earlier form."""
    if not isinstance(data, Mapping) or not isinstance(data.get("items"), list) or "name" not in data:
        return False
    return "environments" in data or any(as_mapping(item).get("type") in _KINDS for item in data["items"])


def to_document(data: Mapping[str, Any]) -> dict[str, Any]:
    """Return the collection as an OpenCollection document."""
    return {
        "opencollection": "",
        "info": {"name": data["name"]},
        "request": _to_defaults(data),
        "items": [_to_item(as_mapping(item)) for item in data["items"]],
        "config": {"environments": as_list(data.get("environments"))},
    }


def _to_item(item: Mapping[str, Any], depth: int = 0) -> dict[str, Any]:
    info = {"name": item.get("name"), "type": item.get("type")}
    if isinstance(item.get("items"), list) and depth < _DEEPEST:
        inner = [_to_item(as_mapping(one), depth + 1) for one in item["items"]]
        return {"info": info, "request": _to_defaults(item), "items": inner}
    kind = _KINDS.get(str(item.get("type")))
    request = item.get("request")
    if kind is None or not isinstance(request, Mapping):
        return {"info": info}
    runtime = {
        "scripts": _to_scripts(request),
        "assertions": request.get("assertions"),
        "actions": as_mapping(request.get("vars")).get("res"),
    }
    examples = [_to_example(as_mapping(example)) for example in as_list(item.get("examples"))]
    return {"info": info, kind: request, "runtime": runtime, "examples": examples}


def _to_defaults(item: Mapping[str, Any]) -> dict[str, Any]:
    request = as_mapping(as_mapping(item.get("root")).get("request"))
    variables = as_mapping(request.get("vars")).get("req")
    return {**request, "variables": variables, "scripts": _to_scripts(request)}


def _to_scripts(request: Mapping[str, Any]) -> list[dict[str, Any]]:
    script = as_mapping(request.get("script"))
    texts = {"before-request": script.get("req"), "after-response": script.get("res"), "tests": request.get("tests")}
    return [{"type": kind, "code": text} for kind, text in texts.items() if isinstance(text, str)]


def _to_example(example: Mapping[str, Any]) -> dict[str, Any]:
    response = as_mapping(example.get("response"))
    body = as_mapping(response.get("body"))
    return {"response": {**response, "body": {"data": body.get("content")}}}
