"""Note the webhooks of an OpenAPI document (`webhooks` in 3.1, `x-webhooks` in older versions).

A document describes deliveries and their content, but not how to verify them. So the import does not write `webhooks`;
it lists what is known for the author.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from conn_engine.analysis.drift.contract import Shape
from conn_import.contract import Losses
from conn_import.openapi.references import References
from conn_import.words import clean_text

__all__ = ["note_webhooks"]

_METHODS = ("post", "put", "get")
_COMMON = frozenset({"accept", "content-type", "content-length", "user-agent", "authorization", "host"})
_MOST = 2_000


def note_webhooks(root: Mapping[str, Any], follow: References, losses: Losses) -> None:
    """Note the webhooks of a document: their names, the headers of their deliveries, and the place of their type."""
    types: list[dict[str, str]] = []
    headers: dict[str, None] = {}
    for name, operation in _find_operations(root, follow):
        losses.add("webhooks: the document does not say how to verify a delivery", clean_text(name, 80))
        for row in operation.get("parameters") or ():
            parameter = follow(row)
            called = parameter.get("name")
            if parameter.get("in") == "header" and isinstance(called, str) and called.lower() not in _COMMON:
                headers[clean_text(called, 80)] = None
        if (shape := _find_body(operation, follow)) is not None:
            types.append(_find_constants(shape))
    for header in headers:
        losses.add("headers of webhooks: usually one of them has the signature", header)
    if (place := _find_type_place(types)) is not None:
        losses.add("the place of a webhook's event type", place)


def _find_operations(root: Mapping[str, Any], follow: References) -> Iterator[tuple[str, Mapping[str, Any]]]:
    for key in ("webhooks", "x-webhooks"):
        webhooks = root.get(key)
        for name, item in list(webhooks.items())[:_MOST] if isinstance(webhooks, Mapping) else ():
            found = follow(item)
            method = next((method for method in _METHODS if isinstance(found.get(method), Mapping)), None)
            yield str(name), found[method] if method is not None else {}


def _find_body(operation: Mapping[str, Any], follow: References) -> Shape | None:
    content = follow(operation.get("requestBody")).get("content")
    for kind, media in content.items() if isinstance(content, Mapping) else ():
        if "json" in str(kind) and isinstance(media, Mapping) and "schema" in media:
            return Shape.from_node(media["schema"], follow)
    return None


def _find_constants(shape: Shape) -> dict[str, str]:
    """Return the text values that every body has, by their place."""
    types: dict[str, str] = {}
    for path, leaf in shape.leaves():
        choices = leaf.get("enum")
        value = choices[0] if isinstance(choices, list) and len(choices) == 1 else leaf.get("const")
        if isinstance(value, str) and all(part.isidentifier() for part in path):
            types[".".join(path)] = value
    return types


def _find_type_place(types: list[dict[str, str]]) -> str | None:
    """Return where each body has a different constant text. None for fewer than two bodies."""
    for place in types[0] if len(types) > 1 else ():
        values = [constants.get(place) for constants in types]
        if None not in values and len(set(values)) == len(values):
            return f"body.{place}"
    return None
