"""Find the expressions and templates of a configuration, and the names that each can use."""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from conn_engine.config import RESOURCE_MAPPINGS, Path_
from conn_engine.config.models import Connector, Inheritable, Operation, Resource, UnifiedOperation, UnifiedResource
from conn_engine.config.reads import find_texts
from conn_engine.config.secret_texts import is_secret_place
from conn_engine.lint.operation_names import find_operation_names, find_restart_names, find_window_names
from conn_engine.lint.site import Site, find_objects
from conn_engine.roles import CREDENTIAL_SCOPES, Names
from conn_engine.settings import Settings

__all__ = ["Site", "find_sites"]


def find_sites(data: Mapping[str, Any]) -> Iterator[Site]:
    """Yield every expression and template of one layer's data (a connector, or a part of one)."""
    yield from _add_names(_find_settings_sites(Inheritable, data, ()), find_window_names(data))
    settings = {key: data[key] for key in ("credentials", "verify", "connect", "webhooks") if key in data}
    yield from _find_settings_sites(Connector, settings, ())
    for resource, operations in find_objects(data.get("resources")):
        place: Path_ = ("resources", resource)
        settings_sites = _find_settings_sites(Resource, operations, place, without=_OPERATIONS)
        yield from _add_names(settings_sites, find_window_names(data, operations))
        for method, operation in find_objects(operations):
            if method not in Resource.__struct_fields__:
                names = find_operation_names(data, resource, method)
                if names is not None:
                    names |= find_restart_names(data, operations, operation)
                yield from _add_names(_find_settings_sites(Operation, operation, (*place, method)), names)
    for model, resources in find_objects(data.get("unified")):
        for resource, operations in find_objects(resources):
            place = ("unified", model, resource)
            yield from _find_settings_sites(UnifiedResource, operations, place)
            for method, operation in find_objects(operations):
                if method not in _OF_RESOURCE:
                    yield from _find_settings_sites(UnifiedOperation, operation, (*place, method))


_OF_RESOURCE = frozenset({"events", *RESOURCE_MAPPINGS})
_OPERATIONS = frozenset({"operations"})


def _find_settings_sites(
    kind: type[Settings], data: Mapping[str, Any], path: Path_, without: frozenset[str] = frozenset()
) -> Iterator[Site]:
    """Yield the expressions and templates of settings, as their models declare them."""
    for text in find_texts(kind, data, path, without=without):
        if text.role in ("expression", "template"):
            yield Site(
                text.path,
                text.text,
                text.role,
                text.names,
                text.over,
                secret=is_secret_place(text.path),
                credential=text.over in CREDENTIAL_SCOPES,
            )


def _add_names(sites: Iterator[Site], names: Names) -> Iterator[Site]:
    """Add the names that an operation, or what it inherits, defines to its sites."""
    for site in sites:
        if site.names is None or site.path[-1] == "base_url":
            yield site
        else:
            yield replace(site, names=None if names is None else site.names | names)
