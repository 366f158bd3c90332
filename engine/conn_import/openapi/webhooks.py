"""Read the webhooks of an OpenAPI document: `webhooks` in 3.1, `x-webhooks` in older versions, and `callbacks`.

A document describes deliveries and their content, but not how to verify them. So what is known becomes a draft, which
is a comment in connector.yaml, and is listed for the author.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from conn_engine.analysis.drift.contract import Shape
from conn_import.contract import Losses
from conn_import.openapi.references import References
from conn_import.webhook_draft import WebhookDraft
from conn_import.words import clean_text, to_snake, to_step

__all__ = ["DeclaredWebhook", "list_callbacks", "read_webhooks"]

DeclaredWebhook = tuple[str, Mapping[str, Any]]
"""The name of a webhook, and the operation that describes its deliveries."""

_METHODS = ("post", "put", "get")
_COMMON = frozenset({"accept", "content-type", "content-length", "user-agent", "authorization", "host"})
_TYPE_WORDS = frozenset({"action", "event", "topic", "trigger", "type"})
_ID_WORDS = frozenset({"delivery", "id"})
_MOST = 2_000
_UNVERIFIED = "webhooks, in a comment of connector.yaml: the document does not say how to verify a delivery"


def read_webhooks(
    root: Mapping[str, Any], callbacks: Sequence[DeclaredWebhook], follow: References, losses: Losses
) -> WebhookDraft | None:
    """Read the webhooks of a document: their names, the headers of their deliveries, and where their type and record
    are. Returns None without webhooks."""
    found = [*_find_operations(root, follow), *callbacks][:_MOST]
    headers: dict[str, None] = {}
    bodies: list[Shape] = []
    for name, operation in found:
        losses.add(_UNVERIFIED, clean_text(name, 80))
        headers |= dict.fromkeys(_list_headers(operation, follow))
        if (shape := _find_body(operation, follow)) is not None:
            bodies.append(shape)
    for header in headers:
        losses.add("headers of webhooks: usually one of them has the signature", header)
    if not found:
        return None
    items = [shape.items() if shape.type == "array" else None for shape in bodies]
    is_list = bool(items) and all(one is not None for one in items)
    records = [one for one in items if one is not None] if is_list else bodies
    prefix = "item" if is_list else "body"
    types = [_find_constants(shape) for shape in records]
    place, values = _find_type_place(types), [clean_text(name, 80) for name, _ in found]
    if place is not None:
        losses.add("the place of a webhook's event type", f"{prefix}.{place}")
        values = [row[place] for row in types]
    else:
        place, values = _find_named_type(records, values)
    return WebhookDraft(
        types=tuple(dict.fromkeys(clean_text(value, 80) for value in values)),
        headers=tuple(headers),
        type_place=f"{prefix}.{place}" if place else _find_type_header(headers),
        record_place=f"{prefix}.{record}" if (record := _find_record(records)) else "",
    )


def list_callbacks(operation: Mapping[str, Any], where: str, follow: References) -> Iterator[DeclaredWebhook]:
    """Yield the callbacks of an operation."""
    callbacks = operation.get("callbacks")
    for name, callback in list(callbacks.items())[:_MOST] if isinstance(callbacks, Mapping) else ():
        items = [follow(item) for item in follow(callback).values()]
        yield f"{name} (callback of {where})", _choose_method(items[0] if items else {})


def _find_operations(root: Mapping[str, Any], follow: References) -> Iterator[DeclaredWebhook]:
    for key in ("webhooks", "x-webhooks"):
        webhooks = root.get(key)
        for name, item in list(webhooks.items())[:_MOST] if isinstance(webhooks, Mapping) else ():
            yield str(name), _choose_method(follow(item))


def _choose_method(item: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return the operation of a path item that describes deliveries, or an empty one."""
    return next((found for method in _METHODS if isinstance(found := item.get(method), Mapping)), {})


def _list_headers(operation: Mapping[str, Any], follow: References) -> Iterator[str]:
    parameters = operation.get("parameters")
    for row in parameters if isinstance(parameters, list) else ():
        parameter = follow(row)
        called = parameter.get("name")
        if parameter.get("in") == "header" and isinstance(called, str) and called.lower() not in _COMMON:
            yield clean_text(called, 80)


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
            return place
    return None


def _find_named_type(bodies: Sequence[Shape], names: list[str]) -> tuple[str, list[str]]:
    """Return the property of every body that has the name of an event type, and its values, or else the names of the
    webhooks."""
    for name, inner in bodies[0].properties().items() if bodies else ():
        words = to_snake(name).split("_")
        is_everywhere = all(name in body.properties() for body in bodies)
        if is_everywhere and inner.type in ("string", "") and words[-1] in _TYPE_WORDS:
            choices = inner.get("enum")
            known = [one for one in choices if isinstance(one, str)] if isinstance(choices, list) else []
            return to_step(name), known if len(bodies) == 1 and known else names
    return "", names


def _find_type_header(headers: Mapping[str, None]) -> str:
    for header in headers:
        words = set(to_snake(header).split("_"))
        if words & _TYPE_WORDS and not words & _ID_WORDS:
            return f'headers."{header.lower()}"'
    return ""


def _find_record(bodies: Sequence[Shape]) -> str:
    """Return the only property of every body that contains an object, as a step, or ""."""
    names = [
        name
        for name in (bodies[0].properties() if bodies else ())
        if all(name in body.properties() and body.properties()[name].type in ("object", "") for body in bodies)
        and any(body.properties()[name].type == "object" for body in bodies)
    ]
    return to_step(names[0]) if len(names) == 1 else ""
