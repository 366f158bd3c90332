"""Where secrets are in scope in a raw configuration, and the strings there."""

import re
from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any

from conn_engine.config.merge import Path_, leaves
from conn_engine.config.models import Connector, Inheritable
from conn_engine.roles import read_roles
from conn_engine.settings import Settings
from conn_engine.webhooks import Webhooks

__all__ = [
    "find_whole_environments",
    "is_secret_place",
    "iterate_leaves",
    "names_read",
    "secret_leaves",
    "secret_texts",
]

_ENV_NAME = re.compile(r"\benv\s*\.\s*`?([A-Za-z_][A-Za-z0-9_]*)`?")
_ENV_WHOLE = re.compile(r"\benv\b(?!\s*\.\s*`?[A-Za-z_])")


def is_secret_place(path: Path_) -> bool:
    """Return whether a secret is in scope at a path. A resource may have any name, including `signature`."""
    if path[0] == "webhooks":
        return len(path) > 1 and path[1] in _keys(Webhooks)
    return path[0] in _keys(Connector) or not _keys(Inheritable).isdisjoint(path[2:4])


def secret_leaves(data: Mapping[str, Any], path: Path_ = ()) -> Iterator[tuple[Path_, Any]]:
    """Yield the leaves at secret places, without visiting all the others."""
    for key, value in data.items():
        key_path = (*path, key)
        if is_secret_place(key_path):
            yield from leaves(value, key_path)
        elif len(key_path) < 4 and isinstance(value, dict):
            yield from secret_leaves(value, key_path)


def iterate_leaves(value: Any, path: Path_ = ()) -> Iterator[tuple[Path_, Any]]:
    """Yield every leaf, including those in lists: the `before` of a token request has URLs."""
    for where, leaf in leaves(value, path):
        if isinstance(leaf, list | tuple):
            for index, item in enumerate(leaf):
                yield from iterate_leaves(item, (*where, index))
        else:
            yield where, leaf


def secret_texts(data: Mapping[str, Any]) -> Iterator[tuple[Path_, str]]:
    """Yield every text at a secret place."""
    for path, value in secret_leaves(data):
        yield from ((where, text) for where, text in iterate_leaves(value, path) if isinstance(text, str))


def names_read(data: Mapping[str, Any]) -> dict[str, Path_]:
    """Return the environment variables that are read, each with a path that reads it."""
    names: dict[str, Path_] = {}
    for path, text in secret_texts(data):
        for name in _ENV_NAME.findall(text):
            names.setdefault(name, path)
    return names


def find_whole_environments(data: Mapping[str, Any]) -> Iterator[Path_]:
    """Yield the paths that read the environment without naming one variable."""
    yield from (path for path, text in secret_texts(data) if _ENV_WHOLE.search(text))


@cache
def _keys(model: type[Settings]) -> frozenset[str]:
    """Return the keys whose values may see secrets."""
    return frozenset(key for _, key, note in read_roles(model) if note.secrets)
