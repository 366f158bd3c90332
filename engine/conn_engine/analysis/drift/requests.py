"""Judge recorded requests by a document: whether it describes the path, the query parameters and the body.

What a document does not describe in detail is not judged: headers, and bodies that are neither JSON nor a form.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from itertools import islice
from typing import Any
from urllib.parse import parse_qsl, unquote

from msgspec import UNSET

from conn_engine.analysis.drift.contract import Endpoint, Shape
from conn_engine.recordings.files import RecordedRequest
from conn_engine.secrets import is_secret_name
from conn_engine.urls import split_plain_url

__all__ = ["RequestJudge"]

_SLOT = "{}"
_DEEPEST = 10
_MOST_FAULTS = 5
_MOST_PARTS = 50
_MOST_NAMED = 50
_MOST_SLOTS = 2
_COMPOSED = ("allOf", "oneOf", "anyOf")
_TYPES: Mapping[str, type | tuple[type, ...]] = {
    "object": dict,
    "array": list,
    "string": str,
    "boolean": bool,
    "integer": int,
    "number": (int, float),
}
_FORMATS = {
    "date": re.compile(r"\d{4}-\d{2}-\d{2}"),
    "date-time": re.compile(r"\d{4}-\d{2}-\d{2}[Tt ]\d{2}:\d{2}:\d{2}(?:\.\d+)?(?:[Zz]|[+-]\d{2}:\d{2})"),
    "email": re.compile(r"[^@\s]+@[^@\s]+"),
    "uuid": re.compile(r"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}"),
}


class RequestJudge:
    """Judges requests by the endpoints of a document, by method and normalized path."""

    def __init__(self, endpoints: Mapping[tuple[str, str], Endpoint]) -> None:
        rows = [(method, path, endpoint) for (method, path), endpoint in endpoints.items()]
        rows.sort(key=lambda row: (row[1].count(_SLOT), -len(row[1])))
        self._rows = [(method, _to_pattern(path), endpoint) for method, path, endpoint in rows]

    def find_faults(self, request: RecordedRequest) -> list[str]:
        """Return what the document does not allow in a request; empty if it allows the request."""
        path = unquote(split_plain_url(request.url).path).rstrip("/") or "/"
        endpoint = next(
            (one for method, pattern, one in self._rows if method == request.method and pattern.search(path)), None
        )
        if endpoint is None:
            return [f"the document does not have {request.method} {path}"]
        faults = [*_judge_query(request, endpoint), *_judge_body(request, endpoint)]
        return faults[:_MOST_FAULTS]


def _to_pattern(path: str) -> re.Pattern[str]:
    return re.compile("(?:^|/)" + "/".join(map(_to_segment_pattern, path.strip("/").split("/"))) + "$")


def _to_segment_pattern(segment: str) -> str:
    """Return the pattern of a segment, which matches in one way only. Many placeholders in it count as one."""
    pieces = segment.split(_SLOT) if segment.count(_SLOT) <= _MOST_SLOTS else ("", "")
    return f"(?>{'[^/]+'.join(map(re.escape, pieces))}(?=/|$))"


def _judge_query(request: RecordedRequest, endpoint: Endpoint) -> Iterator[str]:
    known = {one.name: one for one in endpoint.parameters if one.place == "query"}
    fixed = dict(parse_qsl(endpoint.path.partition("?")[2], keep_blank_values=True))
    sent: dict[str, Any] = {**dict(parse_qsl(split_plain_url(request.url).query)), **request.query}
    for name, value in sent.items():
        base = name.partition("[")[0]
        parameter = known.get(name) or known.get(f"{base}[]") or known.get(base)
        if parameter is None:
            if name not in fixed:
                yield f"the document does not have the query parameter {name}"
            continue
        if parameter.shape is not None and not isinstance(value, list) and name == parameter.name:
            yield from _judge_text(parameter.shape, str(value), f"the query parameter {name}")
    for parameter in known.values():
        is_sent = any(name == parameter.name or name.partition("[")[0] == parameter.name for name in sent)
        if parameter.required and not is_sent and not is_secret_name(parameter.name):
            yield f"the required query parameter {parameter.name} is missing"


def _judge_text(shape: Shape, text: str, what: str) -> Iterator[str]:
    """Judge the text of a scalar in a query or a form."""
    kind, choices = shape.type, shape.get("enum")
    if kind in ("array", "object"):
        return
    if (kind == "integer" and not re.fullmatch(r"-?\d+", text)) or (kind == "number" and not _is_number(text)):
        yield f"{what} is not of type {kind}"
    elif kind == "boolean" and text not in ("true", "false"):
        yield f"{what} is not of type boolean"
    elif isinstance(choices, list) and choices and text not in [_to_text(choice) for choice in choices]:
        yield f"{what} has a value that the document does not list"


def _is_number(text: str) -> bool:
    return re.fullmatch(r"-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?", text) is not None


def _to_text(value: Any) -> str:
    return ("true" if value else "false") if isinstance(value, bool) else str(value)


def _judge_body(request: RecordedRequest, endpoint: Endpoint) -> Iterator[str]:
    has_body = request.body is not UNSET or request.form is not None
    if endpoint.body is None:
        if has_body and request.body not in ({}, None):
            yield "the document does not have a body"
        return
    if request.form is not None:
        properties, required = endpoint.body.properties(), endpoint.body.required_names()
        for name, value in request.form.items():
            shape = properties.get(name) or properties.get(name.partition("[")[0])
            if shape is None and properties and endpoint.body.get("additionalProperties") is not True:
                yield f"the document does not have the field {name}"
            elif shape is not None and shape.type not in ("array", "object"):
                for item in value if isinstance(value, list) else [value]:
                    yield from _judge_text(shape, str(item), f"the field {name}")
        yield from (f"the required field {name} is missing" for name in sorted(required - request.form.keys()))
    elif request.body is not UNSET:
        yield from _BodyJudge(endpoint.body).judge(endpoint.body.node, request.body)


class _BodyJudge:
    """Judges one JSON body. Each part of a schema is read once for each value, however often others refer to it."""

    def __init__(self, holder: Shape) -> None:
        self._resolve = holder.resolve
        self._faults: dict[tuple[int, int, str, bool], list[str]] = {}
        self._names: dict[int, set[str] | None] = {}

    def judge(self, node: Any, value: Any, place: str = "", depth: int = 0, *, part: bool = False) -> list[str]:
        """Return the faults of a value by a schema, or by a `part` of one. `place` is its path in messages."""
        schema = self._resolve(node)
        if depth > _DEEPEST or not schema:
            return []
        key = (id(schema), id(value), place, part)
        if key not in self._faults:
            self._faults[key] = []  # a schema that is a part of itself adds nothing
            self._faults[key] = list(islice(self._find_faults(schema, value, place, depth, part=part), _MOST_NAMED))
        return self._faults[key]

    def _find_faults(
        self, schema: Mapping[str, Any], value: Any, place: str, depth: int, *, part: bool
    ) -> Iterator[str]:
        what = f"{place or 'the body'}"
        kind = schema.get("type")
        kinds = [one for one in (kind if isinstance(kind, list) else [kind]) if isinstance(one, str)]
        if value is None and (schema.get("nullable") is True or "null" in kinds):
            return
        known = [one for one in kinds if one in _TYPES]
        if known and not any(_is_of_type(value, one) for one in known):
            yield f"{what} is not of type {' or '.join(known)}"
            return
        choices = schema.get("enum")
        if isinstance(choices, list) and value not in choices:
            yield f"{what} has a value that the document does not list"
        pattern = _FORMATS.get(str(schema.get("format")))
        if pattern is not None and isinstance(value, str) and not pattern.fullmatch(value):
            yield f"{what} is not in the format {schema['format']}"
        for key in _COMPOSED:
            parts = schema.get(key)
            if isinstance(parts, list) and parts:
                rows = [self.judge(one, value, place, depth + 1, part=True) for one in parts[:_MOST_PARTS]]
                yield from (fault for row in rows for fault in row) if key == "allOf" else min(rows, key=len)
        if isinstance(value, dict):
            yield from self._judge_object(schema, value, place, depth)
            names = None if part else self._list_names(schema, 0)
            for name in value if names else ():
                if name not in (names or ()):
                    yield f"the document does not have {_join(place, name)}"
        elif isinstance(value, list) and isinstance(schema.get("items"), dict):
            for item in value[:50]:
                yield from self.judge(schema["items"], item, f"{what}[]", depth + 1)

    def _judge_object(
        self, schema: Mapping[str, Any], value: Mapping[str, Any], place: str, depth: int
    ) -> Iterator[str]:
        properties = schema.get("properties")
        properties = properties if isinstance(properties, dict) else {}
        required = schema.get("required")
        for name in required if isinstance(required, list) else ():
            if name not in value and self._resolve(properties.get(name)).get("readOnly") is not True:
                yield f"{_join(place, name)} is required and missing"
        for name, item in value.items():
            if name in properties:
                if self._resolve(properties[name]).get("readOnly") is True:
                    yield f"{_join(place, name)} is read-only"
                yield from self.judge(properties[name], item, _join(place, name), depth + 1)

    def _list_names(self, schema: Mapping[str, Any], depth: int) -> set[str] | None:
        """Return the properties that a schema and its parts list; None if others are allowed. A schema that says
        nothing about others allows them, but a vendor ignores or refuses them."""
        if depth > _DEEPEST:
            return None
        if id(schema) not in self._names:
            self._names[id(schema)] = set()
            self._names[id(schema)] = self._find_names(schema, depth)
        return self._names[id(schema)]

    def _find_names(self, schema: Mapping[str, Any], depth: int) -> set[str] | None:
        if schema.get("additionalProperties", False) is not False or "patternProperties" in schema:
            return None
        names = set(map(str, schema["properties"])) if isinstance(schema.get("properties"), dict) else set[str]()
        for key in _COMPOSED:
            parts = schema.get(key)
            for part in parts[:_MOST_PARTS] if isinstance(parts, list) else ():
                inner = self._list_names(self._resolve(part), depth + 1)
                if inner is None:
                    return None
                names |= inner
        return names


def _is_of_type(value: Any, kind: str) -> bool:
    if isinstance(value, bool):
        return kind == "boolean"
    return isinstance(value, _TYPES[kind]) or (kind == "integer" and isinstance(value, float) and value.is_integer())


def _join(place: str, name: Sequence[str] | str) -> str:
    return f"{place}.{name}" if place else str(name)
