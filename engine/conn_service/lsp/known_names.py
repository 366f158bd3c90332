"""The names that a workspace has, for the settings that refer to one: connectors, environments, operations, records."""

from collections.abc import Iterable

from conn_engine.config import Effective, Path_
from conn_service.lsp.config_places import ConfigPlace
from conn_service.lsp.edited_document import EditedDocument

__all__ = ["find_field_names", "find_names", "find_resource_names"]

_STANDARD = ("list", "get", "create", "update", "delete")


def find_names(document: EditedDocument, path: Path_, place: ConfigPlace | None) -> list[str]:
    """Return the names that the setting at a path can have; none if it refers to nothing by name."""
    key = path[-1] if path else ""
    workspace = document.drafts.current
    if place is None:
        if key == "connector":
            return workspace.connectors()
        if key in ("environment", "default_environment"):
            return sorted({*workspace.environments(), workspace.settings.default_environment})
        return []
    effective = document.find_effective(place)
    if effective is None:
        return []
    return _find_operation_names(effective, place, str(key))


def _find_operation_names(effective: Effective, place: ConfigPlace, key: str) -> list[str]:
    vendor = [name for name in effective.operations() if name.kind == "vendor"]
    is_unified = place.path[:1] == ("unified",) and len(place.path) > 4
    if key == "operation" or key.endswith("_operation"):
        return [name.text for name in vendor]
    if is_unified and key == "resource":
        return _unique(name.resource for name in vendor)
    if is_unified and key == "method":
        chosen = effective.data.get("unified", {})
        for step in place.path[1:-1]:
            chosen = chosen.get(step, {}) if isinstance(chosen, dict) else {}
        resource = chosen.get("resource") if isinstance(chosen, dict) else None
        return _unique(name.method for name in vendor if name.resource == (resource or place.path[2]))
    return []


def find_resource_names(document: EditedDocument, place: ConfigPlace) -> dict[str, str]:
    """Return the names that a mapping of resources, or of their operations, can have as keys, with a description."""
    effective = document.find_effective(place)
    if effective is None:
        return {}
    names = effective.operations()
    path = place.path
    if not path and document.file.kind in ("account", "environment"):
        resources = _unique(f"{name.model}.{name.resource}" for name in names if name.kind == "unified")
        return {f"{resource}.response_mapping": f"The mapping of {resource}." for resource in resources}
    if path == ("unified",):
        return dict.fromkeys(_unique(name.model for name in names if name.model), "unified model")
    if path[:1] == ("unified",) and len(path) == 2:
        unified = [name.resource for name in names if name.model == path[1]]
        vendor = [name.resource for name in names if name.kind == "vendor"]
        return dict.fromkeys(_unique([*unified, *vendor]), "resource")
    if path[:1] == ("unified",) and len(path) == 3:
        vendor = [name.method for name in names if name.kind == "vendor" and name.resource == path[2]]
        return dict.fromkeys(_unique([*_STANDARD, *vendor]), "operation")
    if path == ("resources",):
        return dict.fromkeys(_unique(name.resource for name in names if name.kind == "vendor"), "vendor resource")
    if path[:1] == ("resources",) and len(path) == 2:
        own = [name.method for name in names if name.kind == "vendor" and name.resource == path[1]]
        return dict.fromkeys(_unique([*own, *_STANDARD]), "operation")
    return {}


def find_field_names(document: EditedDocument) -> dict[str, str]:
    """Return the values that an account of the connector can set in `context`, with their descriptions."""
    data = document.data
    connector = data.get("connector") if isinstance(data, dict) else None
    effective = document.drafts.find_effective(str(connector), None, None)
    fields = effective.data.get("fields") if effective is not None else None
    return {
        str(entry["name"]): str(entry.get("description") or entry.get("label") or "")
        for entry in (fields if isinstance(fields, list) else ())
        if isinstance(entry, dict) and "name" in entry and entry.get("secret") is not True
    }


def _unique(names: Iterable[str]) -> list[str]:
    return list(dict.fromkeys(names))
