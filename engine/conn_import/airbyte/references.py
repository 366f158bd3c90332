"""Resolve references and `$parameters` of a manifest by the rules of the kit that manifests are written for.

A `$ref` (or a string that is one) is replaced by its target; keys next to it win. `$parameters` are passed to all
components below and fill their empty keys.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from conn_engine.diagnostics import did_you_mean
from conn_engine.errors import ConfigurationError

__all__ = ["PARAMETERS", "Resolver", "complete_component", "walk"]

PARAMETERS = "$parameters"
_REF = "$ref"
_MAX_DEPTH = 120
_MAX_NODES = 1_500_000
_MAX_COPIED = 400_000
_KEPT = frozenset({"config_overrides"})
_TYPES: Mapping[str, str] = {
    "CompositeErrorHandler.error_handlers": "DefaultErrorHandler",
    "DatetimeBasedCursor.end_datetime": "MinMaxDatetime",
    "DatetimeBasedCursor.end_time_option": "RequestOption",
    "DatetimeBasedCursor.start_datetime": "MinMaxDatetime",
    "DatetimeBasedCursor.start_time_option": "RequestOption",
    "DeclarativeSource.spec": "Spec",
    "DeclarativeSource.streams": "DeclarativeStream",
    "DeclarativeStream.retriever": "SimpleRetriever",
    "DeclarativeStream.schema_loader": "JsonFileSchemaLoader",
    "DynamicDeclarativeStream.stream_template": "DeclarativeStream",
    "HttpComponentsResolver.retriever": "SimpleRetriever",
    "HttpComponentsResolver.components_mapping": "ComponentMappingDefinition",
    "DefaultErrorHandler.response_filters": "HttpResponseFilter",
    "DefaultPaginator.page_size_option": "RequestOption",
    "HttpRequester.error_handler": "DefaultErrorHandler",
    "ListPartitionRouter.request_option": "RequestOption",
    "ParentStreamConfig.request_option": "RequestOption",
    "ParentStreamConfig.stream": "DeclarativeStream",
    "RecordSelector.extractor": "DpathExtractor",
    "RecordSelector.record_filter": "RecordFilter",
    "SimpleRetriever.paginator": "NoPagination",
    "SimpleRetriever.record_selector": "RecordSelector",
    "SimpleRetriever.requester": "HttpRequester",
    "SubstreamPartitionRouter.parent_stream_configs": "ParentStreamConfig",
    "AddFields.fields": "AddedFieldDefinition",
    "CustomPartitionRouter.parent_stream_configs": "ParentStreamConfig",
    "DynamicSchemaLoader.retriever": "SimpleRetriever",
}
"""The default type of a component, by the component and the key that contain it."""

_CUSTOM: Mapping[str, str] = {
    "DeclarativeStream.retriever": "CustomRetriever",
    "DeclarativeStream.transformations": "CustomTransformation",
    "DefaultErrorHandler.backoff_strategies": "CustomBackoffStrategy",
    "DefaultPaginator.pagination_strategy": "CustomPaginationStrategy",
    "HttpRequester.authenticator": "CustomAuthenticator",
    "HttpRequester.error_handler": "CustomErrorHandler",
    "RecordSelector.extractor": "CustomRecordExtractor",
    "SimpleRetriever.partition_router": "CustomPartitionRouter",
}


class Resolver:
    """The references of a manifest. A target is resolved once and shared, so that a small manifest that expands to
    millions of nodes costs no memory. It is refused when it is walked."""

    def __init__(self, manifest: Mapping[str, Any]) -> None:
        self._manifest = manifest
        self._known: dict[str, Any] = {}
        self._open: list[str] = []
        self._nodes = 0

    def resolve(self, node: Any, depth: int = 0) -> Any:
        """Return the data with all references replaced.

        Raises ConfigurationError if a reference is unknown or circular, or if the result is too deep or too large.
        """
        self._nodes += 1
        if depth > _MAX_DEPTH or self._nodes > _MAX_NODES:
            raise ConfigurationError("the manifest is nested too deeply, or too large with its references resolved")
        if isinstance(node, dict):
            own = {
                key: value if key in _KEPT else self.resolve(value, depth + 1)
                for key, value in node.items()
                if key != _REF
            }
            if _REF not in node:
                return own
            named = self.resolve(node[_REF], depth + 1)
            return {**named, **own} if isinstance(named, dict) else named
        if isinstance(node, list):
            return [self.resolve(item, depth + 1) for item in node]
        if isinstance(node, str) and _is_reference(node):
            return self._resolve_reference(node, depth)
        return node

    def _resolve_reference(self, reference: str, depth: int) -> Any:
        if reference in self._known:
            return self._known[reference]
        if reference in self._open:
            circle = " → ".join([*self._open[self._open.index(reference) :], reference])
            raise ConfigurationError(f"the manifest's reference {reference[:120]} leads to itself", hint=circle[:400])
        self._open.append(reference)
        try:
            resolved = self.resolve(self._look_up(reference), depth + 1)
        finally:
            self._open.pop()
        self._known[reference] = resolved
        return resolved

    def _look_up(self, reference: str) -> Any:
        parts = reference[2:].split("/") if reference.startswith("#/") else reference[5:-1].split(".")
        between = "/" if reference.startswith("#/") else "."
        value: Any = self._manifest
        while parts:
            value = self.resolve(value[_REF]) if isinstance(value, dict) and set(value) == {_REF} else value
            # A key may contain the separator: the longest existing key is used.
            for length in range(len(parts), 0, -1):
                key: Any = between.join(parts[:length])
                if isinstance(value, list) and length == 1 and key.isdecimal() and int(key) < len(value):
                    key = int(key)
                elif not isinstance(value, dict) or key not in value:
                    continue
                value, parts = value[key], parts[length:]
                break
            else:
                raise self._build_missing_error(reference, value, parts[0])
        return value

    def _build_missing_error(self, reference: str, value: Any, part: str) -> ConfigurationError:
        near = did_you_mean(part, [str(key) for key in value]) if isinstance(value, dict) else ""
        return ConfigurationError(f"the manifest's reference {reference[:120]} names nothing", hint=near)


def _is_reference(text: str) -> bool:
    return text.startswith("#/") or (text.startswith("*ref(") and text.endswith(")"))


def complete_component(data: Any, holder: str, parameters: Mapping[str, Any] | None = None) -> Any:
    """Return a component with its type and with the `$parameters` of its parents.

    `holder` is the type and the key that contain it (`DeclarativeSource.streams`). Raises ConfigurationError if it
    grows too large.
    """
    return _Propagation().complete(data, holder, dict(parameters or {}), 0)


class _Propagation:
    def __init__(self) -> None:
        self._copied = 0

    def complete(self, data: Any, holder: str, parameters: dict[str, Any], depth: int) -> Any:
        if not isinstance(data, dict):
            return data
        self._copied += 1
        if self._copied > _MAX_COPIED or depth > _MAX_DEPTH:
            raise ConfigurationError("a stream of the manifest is nested too deeply or too large")
        made = dict(data)
        if "type" not in made:
            found = (_CUSTOM if "class_name" in made else _TYPES).get(holder)
            if found:
                made["type"] = found
        own_parameters = made.pop(PARAMETERS, None)
        current = {**parameters, **(own_parameters if isinstance(own_parameters, dict) else {})}
        kind = made.get("type")
        if kind == "object" or isinstance(kind, list | dict):  # a JSON schema
            return made
        if "type" not in made:
            for key, value in made.items():
                if isinstance(value, dict) and value.get("type"):
                    made[key] = self.complete(value, holder, current, depth + 1)
            return made
        for key, value in current.items():
            made[key] = made.get(key) or value
        for key, value in made.items():
            inner = {name: item for name, item in current.items() if name != key or not item}
            if isinstance(value, dict):
                made[key] = self.complete(value, f"{kind}.{key}", inner, depth + 1)
            elif isinstance(value, list):
                made[key] = [self.complete(item, f"{kind}.{key}", inner, depth + 1) for item in value]
        if current:
            made[PARAMETERS] = current
        return made


def walk(node: Any) -> Iterator[dict[str, Any]]:
    """Yield every object in a component, starting with itself. Schemas are left out."""
    waiting = [node]
    while waiting:
        one = waiting.pop()
        if isinstance(one, dict):
            yield one
            waiting.extend(value for key, value in one.items() if key not in ("schema", PARAMETERS))
        elif isinstance(one, list):
            waiting.extend(one)
