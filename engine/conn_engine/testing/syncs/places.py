"""Finds which document sets something of a sync: the account's, the environment's, or the sync's own."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from conn_engine.config import Effective, Workspace
from conn_engine.config.sync_models import SyncDocument
from conn_engine.diagnostics import Span
from conn_engine.documents import Document, format_path

__all__ = ["SyncSetting", "find_setting", "find_settings"]

_Path = tuple[str | int, ...]
_MISSING = object()


@dataclass(frozen=True, slots=True)
class SyncSetting:
    """A setting of a sync at one level: its place, its path in the document, and its value."""

    level: str
    span: Span
    path: str
    value: Any


def find_settings(
    workspace: Workspace, effective: Effective, name: str, path: tuple[str, ...]
) -> Iterator[SyncSetting]:
    """Yield where each level sets a part of a sync, such as `("transform", "email")`, the highest level first.

    A transformation that is one expression sets all of its fields.
    """
    for level, document, start in _find_documents(workspace, effective, name):
        for place in _spell(workspace, name, path) if level == "base" else [path]:
            reached, value = _descend(document.data, (*start, *place))
            if value is not _MISSING:
                yield SyncSetting(level, document.span(reached), format_path(reached), value)
                break


def find_setting(workspace: Workspace, effective: Effective, name: str, path: tuple[str, ...]) -> SyncSetting:
    """Return where the highest level sets a part of a sync, or the sync's own document if none does."""
    found = next(find_settings(workspace, effective, name, path), None)
    if found is not None:
        return found
    document = workspace.document("sync", name)
    return SyncSetting("base", document.span(()), "", None)


def _find_documents(workspace: Workspace, effective: Effective, name: str) -> Iterator[tuple[str, Document, _Path]]:
    levels = {layer.level for layer in effective.layers}
    if effective.account is not None and "account" in levels:
        yield "account", workspace.document("account", effective.account), ("syncs", name)
    if "environment" in levels and effective.environment in workspace.environments():
        yield "environment", workspace.document("environment", effective.environment), ("syncs", name)
    yield "base", workspace.document("sync", name), ()


def _spell(workspace: Workspace, name: str, path: tuple[str, ...]) -> Iterator[_Path]:
    """Yield the places of a setting in a sync's own document, which has one of two forms."""
    yield path
    document: SyncDocument = workspace.sync(name)
    if path[0] == "params":
        yield ("source", *path)
    for position in reversed(range(len(document.steps))):
        step = document.steps[position]
        if path[0] == "emit" and step.action.startswith("deliver"):
            yield ("steps", position)
        elif getattr(step, path[0], None) not in (None, {}):
            yield ("steps", position, *path)


def _descend(data: Any, path: _Path) -> tuple[_Path, Any]:
    """Return the value at a path. Text on the way there is an expression that sets all that is below it."""
    value: Any = data
    for depth, key in enumerate(path):
        if isinstance(value, str) and "transform" in path[:depth]:
            return path[:depth], value
        try:
            value = value[key]
        except (KeyError, IndexError, TypeError):
            return path, _MISSING
    return path, value
