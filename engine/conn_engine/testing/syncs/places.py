"""Finds which document sets something of a sync: the account's, the environment's, or the sync's own."""

from collections.abc import Iterator, Mapping
from typing import Any

from conn_engine.config import MISSING, Effective, Level, Origin, Path_, Workspace, leaves, lookup
from conn_engine.config.merge import compose_mappings
from conn_engine.config.sync_models import SyncDocument
from conn_engine.documents import Document
from conn_engine.errors import ConnError
from conn_engine.syncs.resources import find_connectors

__all__ = ["compose_settings", "find_setting", "find_settings", "list_overrides", "list_settings"]


def find_settings(workspace: Workspace, effective: Effective, name: str, path: Path_) -> Iterator[Origin]:
    """Yield where each level sets a part of a sync, such as `("transform", "email")`, the highest level first.

    A transformation that is one expression sets all of its fields.
    """
    is_overridden = False
    for level, document, start in _find_documents(workspace, effective, name):
        for place in _spell(workspace, name, path) if level == "base" else [path]:
            reached, value = _descend(document.data, (*start, *place))
            if value is not MISSING:
                yield Origin(level, ("syncs", name, *path), value, document, reached, is_overridden)
                is_overridden = True
                break


def find_setting(workspace: Workspace, effective: Effective, name: str, path: Path_) -> Origin:
    """Return where the highest level sets a part of a sync, or the sync's own document if none does."""
    found = next(find_settings(workspace, effective, name, path), None)
    return found or Origin("base", ("syncs", name, *path), None, workspace.document("sync", name), ())


def list_overrides(workspace: Workspace, effective: Effective) -> Iterator[tuple[Origin, Origin | None]]:
    """Yield what each level above the base sets of the syncs of a connector, with what the levels below set there."""
    order = ("base", "environment", "account")
    for level, document in reversed(list(_find_levels(workspace, effective))):
        for name in workspace.syncs():
            settings = lookup(document.data, ("syncs", name)) if isinstance(document.data, Mapping) else None
            if not isinstance(settings, Mapping) or not _is_of_connector(workspace, name, effective.connector_name):
                continue
            for path, value in leaves(settings):
                place = ("syncs", name, *path)
                lower = (
                    origin
                    for origin in find_settings(workspace, effective, name, path)
                    if order.index(origin.level) < order.index(level)
                )
                yield Origin(level, place, value, document, place), next(lower, None)


def _is_of_connector(workspace: Workspace, name: str, connector: str) -> bool:
    try:
        connectors = find_connectors(workspace.sync(name))
    except ConnError:
        return False
    return all(one in (None, connector) for one in connectors)


def _find_levels(workspace: Workspace, effective: Effective) -> Iterator[tuple[Level, Document]]:
    """Yield the documents of an account and of an environment, as far as the configuration has these levels."""
    levels = {layer.level for layer in effective.layers}
    if effective.account is not None and "account" in levels:
        yield "account", workspace.document("account", effective.account)
    if "environment" in levels and effective.environment in workspace.environments():
        yield "environment", workspace.document("environment", effective.environment)


def _find_documents(workspace: Workspace, effective: Effective, name: str) -> Iterator[tuple[Level, Document, Path_]]:
    yield from ((level, document, ("syncs", name)) for level, document in _find_levels(workspace, effective))
    yield "base", workspace.document("sync", name), ()


def _spell(workspace: Workspace, name: str, path: Path_) -> Iterator[Path_]:
    """Yield the places of a setting in a sync's own document, which has one of two forms."""
    yield path
    document: SyncDocument = workspace.sync(name)
    if path[0] == "params":
        yield ("source", *path)
    for position in reversed(range(len(document.steps))):
        step = document.steps[position]
        if path[0] == "emit" and step.action.startswith("deliver"):
            yield ("steps", position)
        elif getattr(step, str(path[0]), None) not in (None, {}):
            yield ("steps", position, *path)


def _descend(data: Any, path: Path_) -> tuple[Path_, Any]:
    """Return the value at a path. Text on the way there is an expression that sets all that is below it."""
    value: Any = data
    for depth, key in enumerate(path):
        if isinstance(value, str) and "transform" in path[:depth]:
            return path[:depth], value
        try:
            value = value[key]
        except (KeyError, IndexError, TypeError):
            return path, MISSING
    return path, value


def list_settings(workspace: Workspace, effective: Effective, name: str) -> list[tuple[Path_, Origin]]:
    """Return each setting of a sync in its own document's form, with what sets it. The levels above it come last.

    Raises the errors of a document that cannot be used.
    """
    base = workspace.document("sync", name).data
    workspace.sync(name)
    has_source = isinstance(base, Mapping) and "source" in base
    found: dict[Path_, Origin] = {}
    for level, document, start in reversed(list(_find_documents(workspace, effective, name))):
        settings = document.data if level == "base" else lookup(document.data, start)
        for path, _ in leaves(settings) if isinstance(settings, Mapping) else ():
            shown = ("source", *path) if level != "base" and path[0] == "params" and has_source else path
            asked = path[1:] if path[:2] == ("source", "params") else path
            found[shown] = find_setting(workspace, effective, name, asked)
    return list(found.items())


def compose_settings(workspace: Workspace, effective: Effective, name: str) -> dict[str, Any]:
    """Return the settings of a sync with all levels merged, in the form of its own document."""
    data = dict(workspace.document("sync", name).data)
    for level, document, start in reversed(list(_find_documents(workspace, effective, name))):
        override = lookup(document.data, start) if level != "base" else None
        for key, value in override.items() if isinstance(override, Mapping) else ():
            if key == "params" and isinstance(data.get("source"), Mapping):
                source = data["source"]
                data["source"] = {**source, key: {**source.get(key, {}), **value}}
            elif key == "params":
                data[key] = {**data.get(key, {}), **value}
            elif key == "transform" and key in data:
                data[key] = compose_mappings(data[key], value)
            else:
                data[key] = value
    return data
