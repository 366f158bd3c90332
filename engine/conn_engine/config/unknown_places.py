"""Find settings of an override that belong to a resource, an operation or a model that the connector does not have."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from difflib import get_close_matches
from typing import Any

from conn_engine.config.corrections import rename_to_match
from conn_engine.config.dotted_places import format_place
from conn_engine.config.merge import Path_, lookup, merge
from conn_engine.config.models import Operation, Resource, UnifiedOperation, UnifiedResource
from conn_engine.config.origins import Layer
from conn_engine.diagnostics import Diagnostic, Edit, Fix, diagnostic, did_you_mean, join_words

__all__ = ["find_unknown_places"]

_NAMED = 8


def find_unknown_places(layers: Sequence[Layer]) -> Iterator[Diagnostic]:
    """REF142: the highest level sets something for a resource, an operation or a model that no level below has, and it
    does not add it either. The span is that of all these settings."""
    if len(layers) < 2:
        return
    search = _Search(layers[-1], merge([layer.data for layer in layers[:-1]]))
    yield from search.find_in_resources()
    yield from search.find_in_models()


class _Search:
    """What a level adds to the data of the levels below it."""

    def __init__(self, layer: Layer, below: Mapping[str, Any]) -> None:
        self._layer = layer
        self._below = below

    def find_in_resources(self) -> Iterator[Diagnostic]:
        known = _get_objects(self._below.get("resources"))
        for resource, settings in _get_objects(self._layer.data.get("resources")).items():
            path: Path_ = ("resources", resource)
            operations = {key: value for key, value in _get_objects(settings).items() if key not in _OF_RESOURCE}
            if resource not in known:
                if "path" not in settings and not any("path" in operation for operation in operations.values()):
                    hint = did_you_mean(resource, list(known)) or f"use one of: {join_words(list(known), _NAMED)}"
                    yield self._build_finding(path, f'the connector has no resource "{resource}"', hint, list(known))
                continue
            has_path = "path" in settings or "path" in known[resource]
            names = [key for key in _get_objects(known[resource]) if key not in _OF_RESOURCE]
            for name, operation in operations.items():
                if name not in names and not has_path and "path" not in operation:
                    hint = did_you_mean(name, names) or f"use one of: {join_words(names, _NAMED)}"
                    yield self._build_finding((*path, name), f'{resource} has no operation "{name}"', hint, names)

    def find_in_models(self) -> Iterator[Diagnostic]:
        known = _get_objects(self._below.get("unified"))
        for model, resources in _get_objects(self._layer.data.get("unified")).items():
            path: Path_ = ("unified", model)
            adds = any(self._adds(name, value) for name, value in resources.items())
            if model not in known and (not adds or did_you_mean(model, list(known))):
                places = list(self._find_places(model, resources))
                hint = (f'did you mean "{places[0]}"?' if places else did_you_mean(model, list(known))) or (
                    f"use one of: {join_words(list(known), _NAMED)}" if known else "the connector maps to no model"
                )
                message = f'the connector has no unified model "{model}"'
                yield self._build_finding(path, message, hint, [] if places else list(known), places)
            for name, settings in _get_objects(resources).items() if model in known else ():
                others = _get_objects(known[model])
                if name not in others and not settings.keys() - {"record", "description"}:
                    hint = did_you_mean(name, list(others)) or f"use one of: {join_words(list(others), _NAMED)}"
                    yield self._build_finding((*path, name), f'{model} has no resource "{name}"', hint, list(others))

    def _adds(self, resource: str, settings: Any) -> bool:
        """Return whether a unified resource has an operation that calls one of the vendor's."""
        vendor = merge([self._below, self._layer.data])
        for name, operation in _get_objects(settings).items():
            route = (operation.get("resource") or resource, operation.get("method") or name)
            is_template = any("{{" in str(part) for part in route)
            if name not in _OF_UNIFIED and (is_template or isinstance(lookup(vendor, ("resources", *route)), dict)):
                return True
        return False

    def _find_places(self, resource: str, settings: Mapping[str, Any]) -> Iterator[str]:
        """Yield the places of a resource whose model or `resources` is left out, the most likely first. Its name may be
        misspelled."""
        sides = (self._below.get("resources"), *_get_objects(self._below.get("unified")).values())
        names = {name for side in sides for name in _get_objects(side)}
        resource = next(iter(get_close_matches(resource, sorted(names), 1, _SIMILAR)), resource)
        inner = {*settings, *(key for value in settings.values() if isinstance(value, dict) for key in value)}
        models = _get_objects(self._below.get("unified"))
        unified = [format_place(("unified", model, resource)) for model in models if resource in models[model]]
        vendor = (
            [format_place(("resources", resource))] if resource in _get_objects(self._below.get("resources")) else []
        )
        if inner & _OF_VENDOR - _OF_MAPPING:
            yield from vendor or unified
        elif inner & _OF_MAPPING - _OF_VENDOR:
            yield from unified or vendor
        else:
            yield from (*unified, *vendor)

    def _build_finding(
        self, path: Path_, message: str, hint: str, known: Sequence[str], places: Sequence[str] = ()
    ) -> Diagnostic:
        """Build a finding for a name that is none of `known`. `places` are dotted places to write instead."""
        source = self._layer.source(path)
        written = source.place(path)
        fix = rename_to_match(source.document, written, known, str(path[-1]))
        if len(places) == 1 and written == ("override", path[-1]):
            fix = Fix(source.document.file, (Edit("rename", written, places[0]),))
        key, value = source.document.key_span(source.place(path)), self._layer.span(path)
        span = replace(key, end_line=value.end_line, end_column=value.end_column)
        return diagnostic("REF142", message, span, path=format_place(path), hint=hint, fix=fix)


_SIMILAR = 0.75
_OF_RESOURCE = frozenset(key for key in Resource.__struct_fields__ if key != "operations")
_OF_UNIFIED = frozenset(key for key in UnifiedResource.__struct_fields__ if key != "operations")
_OF_VENDOR = frozenset(Operation.__struct_fields__)
_OF_MAPPING = frozenset((*UnifiedOperation.__struct_fields__, *_OF_UNIFIED))


def _get_objects(value: Any) -> dict[str, dict[str, Any]]:
    return {key: item for key, item in value.items() if isinstance(item, dict)} if isinstance(value, dict) else {}
