"""The place in a connector's configuration that a place in a document means, and the operations that it belongs to."""

from dataclasses import dataclass

from conn_engine.analysis.fields import find_reading_operations
from conn_engine.config import Effective, File, OperationName, Path_, parse_place
from conn_engine.config.dotted_places import connector_keys
from conn_engine.errors import ConnError, UsageError

__all__ = ["ConfigPlace", "find_config_place", "find_operations"]


@dataclass(frozen=True, slots=True)
class ConfigPlace:
    """A path of the configuration of a connector, as one of the three levels sets it."""

    connector: str
    path: Path_
    account: str | None = None
    environment: str | None = None


def find_config_place(file: File, data: object, path: Path_) -> ConfigPlace | None:
    """Return the place that a path of a document means; None for one that is not a part of a connector.

    `data` is the document's data as far as it is known: an account's has the name of the connector.
    """
    if file.kind == "connector":
        return ConfigPlace(file.name, path)
    if file.kind == "unified" and path[:1] == ("resources",):
        connector, _, model = file.name.partition("/")
        return ConfigPlace(connector, ("unified", model, *path[1:]))
    if file.kind == "account" and path[:1] == ("override",) and isinstance(data, dict):
        inside = _complete(path[1:])
        return None if inside is None else ConfigPlace(str(data.get("connector")), inside, account=file.name)
    if file.kind == "environment" and path[:1] == ("connectors",) and len(path) > 1:
        inside = _complete(path[2:])
        return None if inside is None else ConfigPlace(str(path[1]), inside, environment=file.name)
    return None


def _complete(path: Path_) -> Path_ | None:
    """Return the path in the configuration of a path in an override, whose first key may be a dotted place."""
    if not path or path[0] in connector_keys():
        return path
    try:
        return (*parse_place(str(path[0])), *path[1:])
    except UsageError:
        return None


def find_operations(effective: Effective, path: Path_) -> list[OperationName]:
    """Return the operations whose recordings show what an expression at a path sees, the operation itself first."""
    names = effective.operations()
    found = [name for name in names if path[: len(name.path)] == name.path]
    if path[:1] == ("unified",) and len(path) > 2:
        text = f"{path[1]}.{path[2]}"
    elif path[:1] == ("resources",) and len(path) > 1:
        text = str(path[1])
    else:
        return found or [name for name in names if name.kind == "unified" and name.method == "list"]
    try:
        return list(dict.fromkeys([*found, *find_reading_operations(effective, text)]))
    except ConnError:
        return found
