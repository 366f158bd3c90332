"""The slice of an operation: the part of an effective configuration that can affect its requests and results.

A slice includes everything that may be used. Operations with equal slices have equal results on the same recording;
operations with different slices may have equal results too.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from conn_engine.analysis.population.content import Digests, digest_in_order, join_digests
from conn_engine.config import Effective, Layer, OperationName, is_remark
from conn_engine.config.models import Resource
from conn_engine.documents import iterate_texts
from conn_engine.errors import ConfigurationError
from conn_engine.testing.deliveries.cases import DeliveryName, delivery_name

__all__ = [
    "UNRECORDED",
    "OperationSlice",
    "Slicer",
    "find_context_names",
    "find_reachable_operations",
    "find_route",
    "list_parts",
]

_CONTEXT = re.compile(r"\bcontext\b(?:\s*\.\s*(?:`([^`]+)`|(\w+)))?")
_TEMPLATE = "{{"
_RESULTS = "response_mapping"
_OF_UNIFIED_RESOURCE = ("record", "on_error")  # mappings of a resource are in its operations
UNRECORDED = delivery_name("*")
"""Represents the deliveries of a connector without recorded ones: only their settings."""


@dataclass(frozen=True, slots=True)
class OperationSlice:
    """The digest of a slice, and the names of the account's context that its expressions read (None: any).

    `requests` is the digest without the response mapping, which affects only the records.
    """

    digest: str
    requests: str
    context: frozenset[str] | None

    def in_context(self, digests: Digests, *contexts: Mapping[str, Any]) -> str:
        """Return a digest that includes the context values that are read. Later contexts override earlier ones."""
        return self._in_context(self.digest, digests, contexts)

    def requests_in_context(self, digests: Digests, *contexts: Mapping[str, Any]) -> str:
        """Return the digest of `in_context` without the response mapping."""
        return self._in_context(self.requests, digests, contexts)

    def _in_context(self, digest: str, digests: Digests, contexts: Iterable[Mapping[str, Any]]) -> str:
        if self.context is not None and not self.context:
            return digest
        values: dict[str, Any] = {}
        for context in contexts:
            values.update(context)
        names = sorted(values if self.context is None else self.context & values.keys())
        return join_digests(digest, *(f"{name}={digests.digest(values[name])}" for name in names))


class Slicer:
    """Creates slices of effective configurations, and caches the digests of shared parts."""

    def __init__(self, digests: Digests) -> None:
        self.digests = digests
        self._reads: dict[int, tuple[Any, frozenset[str] | None]] = {}
        self._granted: dict[int, tuple[Layer, list[str]]] = {}
        self._schemas: dict[int, tuple[Layer, list[str]]] = {}
        self._ordered: dict[int, tuple[Any, bool]] = {}

    def cut(self, effective: Effective, name: OperationName) -> OperationSlice:
        """Return the slice of one operation."""
        reads: set[str] = set()
        whole = False
        parts = [name.text, *self._rights(effective), *self._request_schemas(effective)]
        found = list(list_parts(effective.data, name))
        requests = list(parts)
        for label, part in found:
            parts.append(f"{label}={self.digests.digest(part)}")
            if label == "unified":
                requests += [f"{key}={self.digests.digest(value)}" for key, value in _without_results(part).items()]
            else:
                requests.append(parts[-1])
            names = self._context(part)
            whole = whole or names is None
            reads |= names or frozenset()
        if any(self._is_ordered(part) for _, part in found):
            ordered = [(label, _without_results(part) if label == "unified" else part) for label, part in found]
            parts.append(digest_in_order(ordered))
            requests.append(parts[-1])
        return OperationSlice(join_digests(*parts), join_digests(*requests), None if whole else frozenset(reads))

    def _request_schemas(self, effective: Effective) -> list[str]:
        """Return the digests of the schemas for the bodies of the connector's requests."""
        base = effective.layers[0]
        if id(base) not in self._schemas:
            names = {
                text: None for path, text in iterate_texts(base.data.get("resources")) if path[-1] == "request_schema"
            }
            self._schemas[id(base)] = (base, [self._schema_file(effective, name) for name in names])
        return self._schemas[id(base)][1]

    def _schema_file(self, effective: Effective, name: str) -> str:
        try:
            return self.digests.digest(effective.schemas.find_part(name, "request_schema")[0])
        except ConfigurationError:
            return ""  # the run reports it

    def _rights(self, effective: Effective) -> list[str]:
        """Return the hosts and environment variables: those of the base, unless an override limits the hosts."""
        base = effective.layers[0]
        if any("hosts" in layer.data for layer in effective.layers[1:]):
            return [*effective.hosts, "", *effective.env_names, ""]
        if id(base) not in self._granted:
            self._granted[id(base)] = (base, [*effective.hosts, "", *effective.env_names, ""])
        return self._granted[id(base)][1]

    def _is_ordered(self, part: Any) -> bool:
        if not isinstance(part, Mapping | list | tuple):
            return False
        cached = self._ordered.get(id(part))
        if cached is None:
            cached = self._ordered[id(part)] = (part, _writes_xml(part))
        return cached[1]

    def _context(self, part: Any) -> frozenset[str] | None:
        if not isinstance(part, Mapping | list | tuple):
            return find_context_names(part)
        cached = self._reads.get(id(part))
        if cached is None:
            cached = self._reads[id(part)] = (part, find_context_names(part))
        return cached[1]


def _without_results(operation: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in operation.items() if key != _RESULTS}


def _writes_xml(part: Any) -> bool:
    """Return whether a vendor operation or a step has an XML body, in which the order of keys matters."""
    if isinstance(part, list | tuple):
        return any(map(_writes_xml, part))
    return isinstance(part, Mapping) and (part.get("body_format") == "xml" or any(map(_writes_xml, part.values())))


def find_route(data: Mapping[str, Any], name: OperationName) -> tuple[str, str] | None:
    """Return the vendor operation (resource, method) of an operation, or None if an expression selects it."""
    if name.kind == "vendor":
        return name.resource, name.method
    unified = _get_unified(data, name)
    resource, method = unified.get("resource") or name.resource, unified.get("method") or name.method
    return None if _TEMPLATE in f"{resource}{method}" else (str(resource), str(method))


def find_reachable_operations(data: Mapping[str, Any], name: OperationName) -> set[tuple[str, str]] | None:
    """Return the vendor operations (resource, method) that an operation can call, or None if it is dynamic."""
    resources = data.get("resources")
    route = find_route(data, name)
    if route is None or not isinstance(resources, Mapping):
        return None
    return _find_reachable(resources, route, _get_unified(data, name) if name.kind == "unified" else None)


def list_parts(data: Mapping[str, Any], name: OperationName) -> Iterator[tuple[str, Any]]:
    """Yield the connector's settings, the unified operation, and every vendor operation that it may call, by place. A
    delivery may call any vendor operation, and the unified operations of the events."""
    if name == UNRECORDED:
        yield "webhooks", data.get("webhooks")
        yield "events", list(_events(data))
        return
    apart = ("unified",) if isinstance(name, DeliveryName) else ("resources", "unified", "webhooks")
    for key, value in data.items():
        if key not in apart and not is_remark((key,)):
            yield key, value
    if isinstance(name, DeliveryName):
        yield from _of_events(data)
        return
    resources = data.get("resources")
    resources = resources if isinstance(resources, Mapping) else {}
    start: Any = None
    if name.kind == "unified":
        start = _get_unified(data, name)
        shared = data.get("unified", {}).get(name.model, {}).get(name.resource, {})
        yield from ((key, shared.get(key)) for key in _OF_UNIFIED_RESOURCE)
        yield "unified", start
    route = find_route(data, name)
    reached = None if route is None else _find_reachable(resources, route, start)
    if reached is None:
        yield "resources", resources
        return
    for resource, method in sorted(reached):
        holder = resources.get(resource)
        if isinstance(holder, Mapping):
            for key in _OF_RESOURCE:
                if key in holder:
                    yield f"{resource} {key}", holder[key]
            yield f"{resource}.{method}", holder.get(method)


def _events(data: Mapping[str, Any]) -> Iterator[Any]:
    for _, unified in _unified_resources(data):
        yield unified.get("events")


def _of_events(data: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    """Yield the unified events, and for each resource the operations that may map their records."""
    for label, unified in _unified_resources(data):
        events = unified.get("events")
        if not isinstance(events, Mapping):
            continue
        methods = {event["method"] for event in events.values() if isinstance(event, Mapping) and event.get("method")}
        methods.add("get" if isinstance(unified.get("get"), Mapping) else "list")
        for key in ("events", *_OF_UNIFIED_RESOURCE, *sorted(methods)):
            yield f"{label} {key}", unified.get(key)


def _unified_resources(data: Mapping[str, Any]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    models = data.get("unified")
    for model, resources in models.items() if isinstance(models, Mapping) else ():
        for name, unified in resources.items() if isinstance(resources, Mapping) else ():
            if isinstance(unified, Mapping):
                yield f"{model}.{name}", unified


_OF_RESOURCE = tuple(
    key for key in Resource.__struct_fields__ if key != "operations" and not is_remark(("resources", "", key))
)


def _get_unified(data: Mapping[str, Any], name: OperationName) -> Mapping[str, Any]:
    node: Any = data.get("unified", {})
    for key in (name.model, name.resource, name.method):
        node = node.get(key) if isinstance(node, Mapping) else None
    return node if isinstance(node, Mapping) else {}


def _find_reachable(resources: Mapping[str, Any], route: tuple[str, str], start: Any) -> set[tuple[str, str]] | None:
    """Return the vendor operations that `route` and the unified operation `start` can call, or None if unknown."""
    reachable: set[tuple[str, str]] = set()
    waiting = [route]
    called = _find_called(start)
    if called is None:
        return None
    waiting += [pair for pair in called if _is_operation(resources, pair)]
    while waiting:
        pair = waiting.pop()
        if pair in reachable:
            continue
        reachable.add(pair)
        holder = resources.get(pair[0])
        called = _find_called(holder.get(pair[1])) if isinstance(holder, Mapping) else set()
        if called is None:
            return None
        waiting += [other for other in called if _is_operation(resources, other)]
    return reachable


def _is_operation(resources: Mapping[str, Any], pair: tuple[str, str]) -> bool:
    holder = resources.get(pair[0])
    return isinstance(holder, Mapping) and pair[1] in holder


def _find_called(value: Any) -> set[tuple[str, str]] | None:
    """Return the vendor operations in a value, as `{resource, method}` or `resource.method`. Return None if one is an
    expression."""
    called: set[tuple[str, str]] = set()
    waiting = [value]
    while waiting:
        item = waiting.pop()
        if isinstance(item, str):
            first, _, second = item.partition(".")
            if second:
                called.add((first, second))
        elif isinstance(item, Mapping):
            resource, method = item.get("resource"), item.get("method")
            if isinstance(resource, str) and isinstance(method, str):
                if _TEMPLATE in resource or _TEMPLATE in method:
                    return None
                called.add((resource, method))
            waiting.extend(item.values())
        elif isinstance(item, list | tuple):
            waiting.extend(item)
    return called


def find_context_names(value: Any) -> frozenset[str] | None:
    """Return the names of the context that expressions in a value read, or None if they may read all."""
    names: set[str] = set()
    waiting = [value]
    while waiting:
        item = waiting.pop()
        if isinstance(item, str):
            for match in _CONTEXT.finditer(item):
                if not (match[1] or match[2]):
                    return None
                names.add(match[1] or match[2])
        elif isinstance(item, Mapping):
            waiting.extend(item.values())
        elif isinstance(item, list | tuple):
            waiting.extend(item)
    return frozenset(names)
