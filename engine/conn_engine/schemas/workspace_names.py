"""The published schemas with the names of one workspace: connectors, environments, models, resources, operations and
fields. Editors without the language server refuse a wrong name with them, and complete the right ones."""

import re
from collections.abc import Iterable, Iterator
from copy import deepcopy

from conn_engine.config import Effective, Workspace, load_schema, singular
from conn_engine.config.dotted_places import connector_keys
from conn_engine.config.models import Resource, UnifiedResource
from conn_engine.errors import ConnError
from conn_engine.schemas.generate import Schema

__all__ = ["build_workspace_schemas"]

_TEMPLATE = {"pattern": r"\{\{"}
_RESOURCE_KEYS = (*Resource.__struct_fields__, *Resource.aliases)
_UNIFIED_KEYS = (*UnifiedResource.__struct_fields__, *UnifiedResource.aliases)
_MAPPED = ("response_mapping",)


def build_workspace_schemas(workspace: Workspace) -> dict[str, Schema]:
    """Return the schemas of accounts, environments, unified mappings and accepted changes with the names of a
    workspace, by the kind of document. A connector that cannot be read adds its name only."""
    configurations = {name: list(_find_configurations(workspace, name)) for name in workspace.connectors()}
    return {
        "account": _describe_accounts(workspace, configurations),
        "environment": _describe_environments(configurations),
        "unified": _describe_mappings(workspace, configurations),
        "change": _describe_changes(configurations),
    }


def _copy_schema(kind: str) -> Schema:
    return deepcopy(load_schema(kind))


def _find_configurations(workspace: Workspace, connector: str) -> Iterator[Effective]:
    """Yield the configuration of a connector in every environment, which may add operations."""
    for environment in (None, *workspace.environments()):
        try:
            yield workspace.effective(account=None, connector=connector, environment=environment)
        except ConnError:
            continue


def _describe_accounts(workspace: Workspace, configurations: dict[str, list[Effective]]) -> Schema:
    schema = _copy_schema("account")
    environments = sorted({*workspace.environments(), workspace.settings.default_environment})
    schema["properties"]["connector"]["enum"] = list(configurations)
    schema["properties"]["environment"]["enum"] = [*environments, None]
    schema["allOf"] = [
        {
            "if": {"properties": {"connector": {"const": connector}}, "required": ["connector"]},
            "then": {
                "properties": {
                    "context": {"properties": _describe_fields(found)},
                    "override": _describe_override(found),
                }
            },
        }
        for connector, found in configurations.items()
        if found
    ]
    return schema


def _describe_fields(configurations: list[Effective]) -> Schema:
    """Describe the values that the connector declares for an account. It may have others."""
    fields = configurations[0].data.get("fields")
    return {
        str(entry["name"]): {"description": str(entry.get("description") or entry.get("label") or "")}
        for entry in (fields if isinstance(fields, list) else ())
        if isinstance(entry, dict) and "name" in entry and entry.get("secret") is not True
    }


def _describe_environments(configurations: dict[str, list[Effective]]) -> Schema:
    schema = _copy_schema("environment")
    overrides = {connector: _describe_override(found) for connector, found in configurations.items() if found}
    schema["properties"]["connectors"]["allOf"] = [
        {"propertyNames": {"enum": list(configurations)}, "properties": overrides}
    ]
    return schema


def _describe_override(configurations: list[Effective]) -> Schema:
    """Describe what an override of a connector may name. It may also add an operation, which has a path or a method."""
    names = [name for effective in configurations for name in effective.operations()]
    vendor: dict[str, dict[str, None]] = {}
    unified: dict[str, dict[str, dict[str, None]]] = {}
    for name in names:
        group = vendor if name.kind == "vendor" else unified.setdefault(name.model, {})
        group.setdefault(name.resource, {})[name.method] = None
    methods = dict.fromkeys(method for operations in vendor.values() for method in operations)
    models: Schema = {
        model: {
            "properties": {
                resource: _allow_keys([*_UNIFIED_KEYS, *operations, *methods], adds="method")
                for resource, operations in resources.items()
            },
            "propertyNames": {"enum": _unique([*resources, *vendor])},
        }
        for model, resources in unified.items()
    }
    resources: Schema = {
        resource: _allow_keys([*_RESOURCE_KEYS, *operations], adds="path") for resource, operations in vendor.items()
    }
    added = {"anyOf": [{"type": "null"}, {"required": ["path"]}, _require_in_some_entry("path")]}
    return {
        "propertyNames": {
            "anyOf": [{"enum": _unique([*connector_keys(), *models])}, {"pattern": _match_places(models)}]
        },
        "properties": {
            "resources": {"properties": resources, "additionalProperties": added},
            "unified": {"properties": models, "propertyNames": {"enum": list(models)}},
            **models,
        },
    }


def _allow_keys(keys: Iterable[str], *, adds: str) -> Schema:
    """Allow these keys, and any other whose value has the key `adds`."""
    return {"properties": dict.fromkeys(keys, True), "additionalProperties": {"anyOf": [
        {"type": ["null", "string"]}, {"required": [adds]}
    ]}}  # fmt: skip


def _require_in_some_entry(key: str) -> Schema:
    return {"not": {"additionalProperties": {"not": {"required": [key]}}}}


def _match_places(models: Schema) -> str:
    """Return the pattern of dotted places: of a connector's keys, and of the resources of models."""
    keys = "|".join(map(re.escape, connector_keys()))
    places = [
        f"{re.escape(model)}\\.({'|'.join(map(re.escape, described['properties']))})"
        for model, described in models.items()
    ]
    return f"^(({keys})[.\\[]|(unified\\.)?({'|'.join(places) or '(?!)'})($|[.\\[]))"


def _describe_mappings(workspace: Workspace, configurations: dict[str, list[Effective]]) -> Schema:
    """Describe the unified mappings of all connectors. A resource of several models has the fields of all of them."""
    schema = _copy_schema("unified")
    names = [name for found in configurations.values() for effective in found for name in effective.operations()]
    vendor = [name for name in names if name.kind == "vendor"]
    operation = schema["$defs"]["UnifiedOperation"]["properties"]
    for key, known in (("resource", [name.resource for name in vendor]), ("method", [name.method for name in vendor])):
        allowed = {"anyOf": [{"type": "null"}, {"enum": _unique(known)}, _TEMPLATE]}
        operation[key] = {**operation[key], "allOf": [allowed]}
    fields: dict[str, set[str] | None] = {}
    for found in configurations.values():
        for effective in found[:1]:
            _add_fields(effective, fields)
    schema["properties"]["resources"]["allOf"] = [
        {"properties": {resource: _describe_mapped(sorted(known)) for resource, known in fields.items() if known}}
    ]
    return schema


def _add_fields(effective: Effective, fields: dict[str, set[str] | None]) -> None:
    """Add the fields of the record of each resource; None for one that allows any."""
    for model, resources in (effective.data.get("unified") or {}).items():
        for resource, settings in resources.items() if isinstance(resources, dict) else ():
            record = settings.get("record") if isinstance(settings, dict) else None
            known = effective.schemas.find_closed_fields(model, record or singular(resource))
            before = fields.get(resource, set())
            fields[resource] = None if known is None or before is None else before | known


def _describe_mapped(fields: list[str]) -> Schema:
    """Allow these fields in the mappings of a resource whose operations have the same record."""
    mapping = {"if": {"type": "object"}, "then": {"propertyNames": {"enum": [*fields, "replace"]}}}
    return {"if": {"not": {"required": ["record"]}}, "then": {"properties": dict.fromkeys(_MAPPED, mapping)}}


def _describe_changes(configurations: dict[str, list[Effective]]) -> Schema:
    schema = _copy_schema("change")
    effect = schema["$defs"]["AcceptedEffect"]["properties"]
    effect["connector"]["enum"] = list(configurations)
    return schema


def _unique(names: Iterable[str]) -> list[str]:
    return list(dict.fromkeys(names))
