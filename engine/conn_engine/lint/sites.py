"""Where expressions and templates stand in a configuration, and which names each may use. No judging here."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from conn_engine.config import MAPPINGS, Path_

__all__ = ["Site", "sites"]

CALL = frozenset({"query", "raw_query", "body", "id", "headers", "context", "params", "before"})
ANSWER = CALL | {"status", "response", "records", "request", "text"}
FAULT = ANSWER | {"fault", "attempt"}
RECORD = CALL | {"record", "response"}
MAPPED = CALL | {"response", "status", "page"}
AFTER = MAPPED | {"after", "result"}
ERROR = MAPPED | {"error"}

Names = frozenset[str] | None
"""The names in scope; None when any may stand there (a vendor's body, the names of a path)."""


@dataclass(frozen=True, slots=True)
class Site:
    """One string that holds an expression, or `{{…}}`. `secret` marks where `env` and credentials are in scope."""

    path: Path_
    text: str
    kind: Literal["expression", "template"]
    names: Names
    secret: bool = False


_TEMPLATES = ("base_url", "headers", "query", "body")
_STRATEGY_EXPRESSIONS: Mapping[str, Names] = {
    "stop": ANSWER,
    "has_more": ANSWER,
    "next_cursor": ANSWER,
    "next_page": ANSWER,
    "next_offset": ANSWER,
    "limited_when": ANSWER,
    "max_wait_seconds": ANSWER,
    "cursor_field": None,
    "prev_cursor_field": None,
    "next_url_field": None,
    "prev_url_field": None,
    "total_field": None,
}
_REQUEST_MAPPINGS = frozenset({"query_mapping", "path_mapping", "request_body_mapping", "request_header_mapping"})


def sites(data: Mapping[str, Any]) -> Iterator[Site]:
    """Every expression and template of one layer's data (a connector, or a part of one)."""
    yield from _inheritable(data, (), frozenset())
    for key in ("credentials", "authorization", "signature"):
        yield from _secret(data.get(key), (key,))
    for resource, operations in _objects(data.get("resources")):
        here: Path_ = ("resources", resource)
        yield from _inheritable(operations, here, frozenset())
        for key in ("authorization", "signature"):
            yield from _secret(operations.get(key), (*here, key))
        for method, operation in _objects(operations):
            if "path" in operation or "method" in operation or method not in _OPERATION_LIKE:
                yield from _operation(operation, (*here, method))
    for model, resources in _objects(data.get("unified")):
        for resource, operations in _objects(resources):
            for method, operation in _objects(operations):
                yield from _unified(operation, ("unified", model, resource, method))


_OPERATION_LIKE = frozenset(
    {"headers", "query", "query_format", "authorization", "signature", "pagination", "rate_limit"}
)


def _objects(value: Any) -> list[tuple[str, dict[str, Any]]]:
    return [(str(k), v) for k, v in value.items() if isinstance(v, dict)] if isinstance(value, Mapping) else []


def _inheritable(data: Mapping[str, Any], path: Path_, own: frozenset[str]) -> Iterator[Site]:
    for key in _TEMPLATES:
        yield from _templates(data.get(key), (*path, key), CALL | own if key != "base_url" else frozenset({"context"}))
    for key in ("pagination", "rate_limit"):
        yield from _strategy(data.get(key), (*path, key))
    for index, rule in enumerate(data.get("errors") or () if isinstance(data.get("errors"), list) else ()):
        yield from _rule(rule, (*path, "errors", index))


def _operation(data: Mapping[str, Any], path: Path_) -> Iterator[Site]:
    yield from _inheritable(data, path, _path_names(data.get("path")))
    yield from _templates(data.get("path"), (*path, "path"), None)
    for key in ("authorization", "signature"):
        yield from _secret(data.get(key), (*path, key))
    if isinstance(data.get("response_path"), str):
        yield Site((*path, "response_path"), data["response_path"], "expression", None)
    if isinstance(data.get("record_filter"), str):
        yield Site((*path, "record_filter"), data["record_filter"], "expression", RECORD)


def _path_names(path: Any) -> frozenset[str]:
    from conn_engine.errors import ExpressionError
    from conn_engine.expressions import expression, template

    if not isinstance(path, str) or "{{" not in path:
        return frozenset()
    try:
        roots = [expression(text).roots() or () for text, _ in template(path).expressions]
    except ExpressionError:
        return frozenset()
    return frozenset(str(root) for some in roots for root in some)


def _rule(rule: Any, path: Path_) -> Iterator[Site]:
    if not isinstance(rule, Mapping):
        return
    if isinstance(rule.get("when"), str):
        yield Site((*path, "when"), rule["when"], "expression", FAULT)
    then = rule.get("then")
    for action, options in _objects(then):
        here = (*path, "then", action)
        for key in ("message", "max_wait_seconds"):
            if isinstance(options.get(key), str):
                yield Site((*here, key), options[key], "expression", FAULT)
        if isinstance(options.get("key"), str):
            yield Site((*here, "key"), options["key"], "expression", RECORD)
        wait = options.get("wait")
        for place, one in enumerate(wait) if isinstance(wait, list) else ((None, wait),):
            at = (*here, "wait") if place is None else (*here, "wait", place)
            if isinstance(one, str):
                yield Site(at, one, "expression", FAULT)
            elif isinstance(one, Mapping) and isinstance(one.get("body"), str):
                yield Site((*at, "body"), one["body"], "expression", FAULT)
        if isinstance(options.get("then"), Mapping) and isinstance(options["then"].get("message"), str):
            yield Site((*here, "then", "message"), options["then"]["message"], "expression", FAULT)


def _strategy(data: Any, path: Path_) -> Iterator[Site]:
    if not isinstance(data, Mapping):
        return
    for key, value in data.items():
        if isinstance(value, Mapping):
            yield from _strategy(value, (*path, key))
        elif isinstance(value, list):
            for index, item in enumerate(value):
                yield from _strategy(item, (*path, key, index))
        elif isinstance(value, str) and key in _STRATEGY_EXPRESSIONS:
            yield Site((*path, key), value, "expression", _STRATEGY_EXPRESSIONS[key])
        elif isinstance(value, str) and key == "body" and path[0] != "resources":
            yield Site((*path, key), value, "expression", None)


def _secret(data: Any, path: Path_) -> Iterator[Site]:
    for site in _templates(data, path, None):
        yield Site(site.path, site.text, site.kind, None, secret=True)


def _templates(value: Any, path: Path_, names: Names) -> Iterator[Site]:
    if isinstance(value, str):
        if "{{" in value:
            yield Site(path, value, "template", names)
    elif isinstance(value, Mapping):
        for key, item in value.items():
            yield from _templates(item, (*path, key), names)
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from _templates(item, (*path, index), names)


def _unified(data: Mapping[str, Any], path: Path_) -> Iterator[Site]:
    for key in ("resource", "method"):
        yield from _templates(data.get(key), (*path, key), CALL)
    for key in MAPPINGS:
        names = CALL if key in _REQUEST_MAPPINGS else ERROR if key == "error_mapping" else MAPPED
        yield from _mapping(data.get(key), (*path, key), names)
    for key, names in (("before", CALL), ("after", AFTER)):
        steps = data.get(key)
        for index, step in enumerate(steps if isinstance(steps, list) else ()):
            if isinstance(step, Mapping):
                yield from _step(step, (*path, key, index), names)


def _step(step: Mapping[str, Any], path: Path_, names: frozenset[str]) -> Iterator[Site]:
    if isinstance(step.get("run_if"), str):
        yield Site((*path, "run_if"), step["run_if"], "expression", names)
    if isinstance(step.get("transform"), str):
        yield Site((*path, "transform"), step["transform"], "expression", names | {"response"})
    yield from _templates(step.get("request"), (*path, "request"), names)


def _mapping(value: Any, path: Path_, names: Names) -> Iterator[Site]:
    if isinstance(value, str):
        yield Site(path, value, "expression", names)
    elif isinstance(value, Mapping):
        if set(value) == {"replace"}:
            yield from _mapping(value["replace"], (*path, "replace"), names)
            return
        for key, item in value.items():
            yield from _mapping(item, (*path, key), names)
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from _mapping(item, (*path, index), names)
