"""Who reads which path of an answer: mappings of every account, the connector's own expressions, with their lines."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from conn_engine.config import (
    MISSING,
    Effective,
    OperationName,
    Origin,
    Path_,
    VendorOperation,
    lookup,
    mapping_layers,
)
from conn_engine.diagnostics import Span
from conn_engine.documents import dotted, texts
from conn_engine.errors import ConnError
from conn_engine.expressions import expression, mapping, template
from conn_engine.population import AccountGroup, routed
from conn_engine.runtime.places import origin_of

__all__ = ["Reader", "readers_of"]

Path = tuple[str, ...]
_BODY_PATHS = ("cursor_field", "next_field", "prev_cursor_field", "total_field", "url_field", "next_url_field")
_OVER_ANSWER = ("stop", "has_more", "next_cursor", "next_page", "next_url", "when", "limited_when")


@dataclass(frozen=True, slots=True)
class Reader:
    """One expression that reads `path` of the body: what it makes (`what`), at which level and line, for whom."""

    path: Path
    what: str
    level: str
    span: Span | None
    accounts: tuple[str, ...]


def readers_of(groups: Iterable[AccountGroup], resource: str, method: str) -> list[Reader]:
    """The readers of a vendor operation's answer, over all groups: the same line is one reader of all its accounts."""
    found: dict[tuple[Path, str, str, Span | None], list[str]] = {}
    for group in groups:
        if group.effective is None:
            continue
        for path, what, origin in _readers(group.effective, resource, method):
            level, span = (origin.level, origin.span) if origin is not None else ("base", None)
            found.setdefault((path, what, level, span), []).extend(group.accounts)
    return [
        Reader(path, what, level, span, tuple(sorted(accounts)))
        for (path, what, level, span), accounts in found.items()
    ]


def _readers(effective: Effective, resource: str, method: str) -> Iterator[tuple[Path, str, Origin | None]]:
    try:
        operation = effective.vendor(resource, method)
    except ConnError:
        return
    prefixes = list(_prefixes(operation.response_path))
    place = operation.at("response_path")
    if operation.response_path:
        for prefix in prefixes:
            yield prefix, f"{resource}.{method} response_path", _origin(effective, place)
    own = operation.distinct if operation.record_mapping is None else None  # else it reads what is delivered
    for text, key in ((operation.record_filter, "record_filter"), (own, "distinct")):
        yield from _records(effective, text, f"{resource}.{method} {key}", operation.at(key), prefixes)
    yield from _connector(effective, operation)
    for name in effective.operations():
        if name.kind == "unified" and routed(effective.data, name) in ((resource, method), None):
            yield from _mapping(effective, name, prefixes)
        if name.kind == "unified":
            yield from _steps(effective, name, (resource, method))


def _prefixes(response_path: str | None) -> Iterator[Path]:
    """Where the records are in the body."""
    if not response_path:
        yield ()
        return
    paths = list(_paths(response_path))
    yield from paths or [()]


def _paths(text: Any) -> Iterator[Path]:
    if not isinstance(text, str):
        return
    try:
        found = expression(text).reads()
    except ConnError:
        return
    for path in found:
        yield tuple(part for part in path if isinstance(part, str))


def _mapping(
    effective: Effective, name: OperationName, prefixes: list[Path]
) -> Iterator[tuple[Path, str, Origin | None]]:
    operation = effective.unified(name.model, name.resource, name.method)
    if operation is None or operation.response_mapping is None:
        return
    try:
        reads = mapping(mapping_layers(operation.response_mapping)).reads()
    except ConnError:
        return
    start = (*name.path, "response_mapping")
    for field, paths in reads.items():
        # Every level that says something of the field reads: those below are built upon, or run all the same.
        origins = effective.origins((*start, *field.split("."))) if field else effective.origins(start)
        for path in paths:
            names = tuple(part for part in path if isinstance(part, str))
            if names[:1] != ("response",):
                continue
            holders: list[Origin | None] = [*origins] if origins else [None]
            for origin in holders:
                if origin is not None and not _reads(origin.value, names):
                    continue
                for prefix in prefixes if operation.each == "record" else [()]:
                    yield (*prefix, *names[1:]), f"{name.text} {field or '(the whole mapping)'}", origin


def _steps(
    effective: Effective, name: OperationName, asked: tuple[str, str]
) -> Iterator[tuple[Path, str, Origin | None]]:
    """Who reads the answer of a step's request: its own `transform`, else whoever names `before.<step>`."""
    data = lookup(effective.data, name.path)
    for into in ("before", "after"):
        for index, step in enumerate(_list(lookup(data, (into,)))):
            request = step.get("request") if isinstance(step, Mapping) else None
            if not isinstance(request, Mapping) or (request.get("resource"), request.get("method", "get")) != asked:
                continue
            own = (*name.path, into, index, "transform")
            for read in _paths(step.get("transform")):
                if read[:1] == ("response",):
                    yield read[1:], f"{name.text} {into}.{step.get('name')}", _origin(effective, own)
            for place, text in texts(data) if step.get("transform") is None else ():
                for read in _template_paths(text):
                    if read[:2] == (into, step.get("name")) and len(read) > 2:
                        yield read[2:], f"{name.text} {dotted(place)}", origin_of(effective, (*name.path, *place))


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def _template_paths(text: str) -> Iterator[Path]:
    """The paths that a text reads: an expression, or a template with expressions in it."""
    if "{{" not in text:
        yield from _paths(text)
        return
    try:
        parts = template(text).expressions
    except ConnError:
        return
    for part, _ in parts:
        yield from _paths(part)


def _reads(value: Any, path: Path) -> bool:
    """Whether what a level says reads the path: an expression does, an object does somewhere inside."""
    if isinstance(value, Mapping):
        return any(_reads(item, path) for item in value.values())
    return path in list(_paths(value))


def _records(
    effective: Effective, text: str | None, what: str, place: tuple[Any, ...], prefixes: list[Path]
) -> Iterator[tuple[Path, str, Origin | None]]:
    for path in _paths(text):
        if path[:1] in (("record",), ("response",)):
            for prefix in prefixes:
                yield (*prefix, *path[1:]), what, _origin(effective, place)


def _connector(effective: Effective, operation: VendorOperation) -> Iterator[tuple[Path, str, Origin | None]]:
    """Pagination and error rules: expressions over the body, or over the whole answer (`body.…`)."""
    own = operation.text
    for key in ("pagination", "errors", "rate_limit"):
        for place, text in _said(effective, operation, key):
            last = next((str(part) for part in reversed(place) if isinstance(part, str)), "")
            for read in _paths(text) if last in (*_BODY_PATHS, *_OVER_ANSWER) else ():
                if last in _BODY_PATHS:
                    yield read, f"{own} {key} {last}", _origin(effective, place)
                elif read[:1] in (("body",), ("response",)) and len(read) > 1:
                    yield read[1:], f"{own} {key} {last}", _origin(effective, place)


def _said(effective: Effective, operation: VendorOperation, key: str) -> Iterator[tuple[Path_, str]]:
    """The texts of an inherited key with their places: of the operation, its resource and the connector, the nearest
    first, as far as they count for the operation.
    """
    seen: set[Path_] = set()
    kind: object = None
    for holder in (("resources", operation.resource, operation.name), ("resources", operation.resource), ()):
        value = lookup(effective.data, (*holder, key))
        if value is MISSING:
            continue
        own = value.get("format") if isinstance(value, Mapping) else None
        if value is None or (kind and own and own != kind):
            return  # removed, or another strategy: the settings of the farther one mean nothing to it
        kind = kind or own
        for path, text in texts(value):
            if path not in seen or key == "errors":  # rules are joined, settings are laid over each other
                yield (*holder, key, *path), text
            seen.add(path)


def _origin(effective: Effective, place: tuple[Any, ...]) -> Origin | None:
    origins = effective.origins(place)
    return origins[0] if origins else None
