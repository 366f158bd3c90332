"""Where expressions and templates stand in a configuration, and which names each may use. No judging here."""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from conn_engine.config import MAPPINGS, RESOURCE_MAPPINGS, Path_
from conn_engine.config.models import Inheritable, Operation
from conn_engine.config.reads import find_texts
from conn_engine.lint.own_names import own_names, paging_names
from conn_engine.lint.secret_sites import secret_sites
from conn_engine.lint.site import (
    AFTER,
    CALLER,
    ERROR,
    MAPPED,
    Names,
    Site,
    mapped,
    objects,
    templates,
)
from conn_engine.lint.webhook_sites import event_sites, webhook_sites

__all__ = ["Site", "sites"]

_SECRET = frozenset({"authorization", "signature"})
_VERIFIED = frozenset({"body", "response", "status", "headers", "context"})
_CONNECT = frozenset({"context", "connect"})
_REQUEST_MAPPINGS = frozenset({"query_mapping", "path_mapping", "request_body_mapping", "request_header_mapping"})


def sites(data: Mapping[str, Any]) -> Iterator[Site]:
    """Every expression and template of one layer's data (a connector, or a part of one)."""
    yield from _typed(Inheritable, data, ())
    for key in ("credentials", "authorization", "signature"):
        yield from secret_sites(data.get(key), (key,))
    yield from _lifecycle(data)
    yield from webhook_sites(data)
    for resource, operations in objects(data.get("resources")):
        here: Path_ = ("resources", resource)
        yield from _typed(Inheritable, operations, here)
        for key in ("authorization", "signature"):
            yield from secret_sites(operations.get(key), (*here, key))
        for method, operation in objects(operations):
            if "path" in operation or "method" in operation or method not in _OPERATION_LIKE:
                own = own_names(data, operation)
                if own is not None:
                    own |= paging_names(data, operations, operation)
                yield from _within(_operation(operation, (*here, method)), own)
    for model, resources in objects(data.get("unified")):
        for resource, operations in objects(resources):
            here = ("unified", model, resource)
            yield from event_sites(operations.get("events"), (*here, "events"))
            for key in RESOURCE_MAPPINGS:
                yield from mapped(operations.get(key), (*here, key), _mapping_names(key))
            for method, operation in objects(operations):
                if method not in RESOURCE_MAPPINGS:
                    yield from _unified(operation, (*here, method))


_OPERATION_LIKE = frozenset(
    {"headers", "query", "query_format", "authorization", "signature", "pagination", "rate_limit"}
)


def _lifecycle(data: Mapping[str, Any]) -> Iterator[Site]:
    verify = data.get("verify")
    for key in ("expect", "message"):
        if isinstance(verify, Mapping) and isinstance(verify.get(key), str):
            yield Site(("verify", key), verify[key], "expression", _VERIFIED)
    steps = data.get("connect")
    for index, step in enumerate(steps if isinstance(steps, list) else ()):
        if isinstance(step, Mapping):
            yield from _step(step, ("connect", index), _CONNECT)


def _typed(kind: type[Inheritable], data: Mapping[str, Any], path: Path_) -> Iterator[Site]:
    """The sites of settings whose models say what their texts are. Those that may hold secrets are found elsewhere."""
    for found in find_texts(kind, data, path, without=_SECRET):
        if found.role in ("expression", "template"):
            yield Site(found.path, found.text, found.role, found.names)


def _operation(data: Mapping[str, Any], path: Path_) -> Iterator[Site]:
    yield from _typed(Operation, data, path)
    for key in sorted(_SECRET):
        yield from secret_sites(data.get(key), (*path, key))


def _within(found: Iterator[Site], own: Names) -> Iterator[Site]:
    """The sites of an operation, with the names that it brings into scope itself."""
    for site in found:
        if site.names is None or site.path[-1] == "base_url":
            yield site
        else:
            yield replace(site, names=None if own is None else site.names | own)


def _unified(data: Mapping[str, Any], path: Path_) -> Iterator[Site]:
    for key in ("resource", "method"):
        yield from templates(data.get(key), (*path, key), CALLER)
    for key in MAPPINGS:
        yield from mapped(data.get(key), (*path, key), _mapping_names(key))
    for key, names in (("before", CALLER), ("after", AFTER)):
        steps = data.get(key)
        for index, step in enumerate(steps if isinstance(steps, list) else ()):
            if isinstance(step, Mapping):
                yield from _step(step, (*path, key, index), names)


def _mapping_names(key: str) -> frozenset[str]:
    """The names in scope of a mapping."""
    return CALLER if key in _REQUEST_MAPPINGS else ERROR if key == "error_mapping" else MAPPED


def _step(step: Mapping[str, Any], path: Path_, names: frozenset[str]) -> Iterator[Site]:
    if isinstance(step.get("run_if"), str):
        yield Site((*path, "run_if"), step["run_if"], "expression", names)
    if isinstance(step.get("transform"), str):
        yield Site((*path, "transform"), step["transform"], "expression", names | {"response"})
    yield from templates(step.get("request"), (*path, "request"), names)
