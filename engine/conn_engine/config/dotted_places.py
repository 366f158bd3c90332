"""Dotted places: `crm.contacts.list.each` is the place of `each` in `unified: {crm: {contacts: {list: {each: …}}}}`.

An override may use them as keys at its top, and messages print them. The first name is a key of a connector, or else a
unified model, so that `unified.` is left out. A key that contains a dot is quoted: `headers."a.b"`. A place names keys
only, because an override sets a list as a whole.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from difflib import get_close_matches
from functools import cache, lru_cache
from typing import Any, Final

from msgspec import structs

from conn_engine.config.foreign_words import translate_key
from conn_engine.config.merge import Path_
from conn_engine.config.models import WORD, Configuration, Resource
from conn_engine.config.short_form import Moves, WrittenPlaces
from conn_engine.documents import format_path, parse_path
from conn_engine.documents.limits import MAX_DEPTH, MAX_NODES
from conn_engine.errors import UsageError

__all__ = [
    "ExpandedOverride",
    "PlaceFault",
    "connector_keys",
    "expand_places",
    "find_place",
    "format_place",
    "parse_place",
]

_OF_RESOURCE: Final = frozenset(Resource.__struct_fields__)
_SIMILAR: Final = 0.75
"""From this similarity to a connector's key, a name is that key misspelled. A model may be called `contacts`, which is
less similar to `connect`."""

_LONGEST: Final = 100
"""Characters of the name of a model, as in its schema."""


@dataclass(frozen=True, slots=True)
class PlaceFault:
    """A key at the top of an override that is not a place, or sets what another key sets too.

    `place` is what it sets, or the key if that is not a place. `path` and `first` are paths in the override as written:
    that of the key, and that of the one before it.
    """

    code: str
    message: str
    place: str
    path: Path_
    hint: str
    first: Path_ | None = None


@dataclass(slots=True)
class ExpandedOverride:
    """An override with its dotted places expanded, what that moved, and the faults."""

    data: dict[str, Any]
    moves: Moves = field(default_factory=dict)
    faults: list[PlaceFault] = field(default_factory=list)

    def find_written(self, path: Path_) -> Path_:
        """Return the path as written of a path in `data`."""
        return WrittenPlaces((self.moves,)).find(path)


@cache
def connector_keys() -> tuple[str, ...]:
    """Return the keys that a connector can have, with their other names."""
    return (*(entry.encode_name for entry in structs.fields(Configuration)), *Configuration.aliases)


@lru_cache(maxsize=1024)
def _is_model(name: str) -> bool:
    """Return whether a name at the top of an override is that of a unified model: it is not a key of a connector, a
    misspelled one, or what other tools call one."""
    if len(name) > _LONGEST or re.match(WORD, name) is None or translate_key(name, connector_keys()):
        return False
    return not get_close_matches(name, connector_keys(), 1, _SIMILAR)


def format_place(path: Sequence[str | int]) -> str:
    """Format a path of a configuration as a place that an override and commands accept: without `unified` before a
    model."""
    if len(path) > 1 and path[0] == "unified" and _is_model(str(path[1])):
        return format_path(path[1:])
    return format_path(path)


def parse_place(text: str) -> Path_:
    """Return the path in a configuration of a place, with or without `unified`. Raises UsageError if the text is not a
    path."""
    return _complete(parse_path(text))


def _complete(path: Path_) -> Path_:
    return ("unified", *path) if path and isinstance(path[0], str) and _is_model(path[0]) else path


def expand_places(override: Mapping[str, Any]) -> ExpandedOverride:
    """Return an override with the dotted keys and the models at its top put in their places.

    The input is not changed. A value that has no place, or whose place is taken, is left out, with a fault.
    """
    expanded = ExpandedOverride({})
    if not any(_is_short(key, value) for key, value in override.items()):
        expanded.data = dict(override)
        return expanded
    names = 0
    for key, value in override.items():
        try:
            path = find_place(key, value)
            names += len(path)
            if names > MAX_NODES:
                hint = "write places with the same beginning as one object"
                raise UsageError(f"the places have more than {MAX_NODES:,} names", hint=hint)
        except UsageError as error:
            expanded.faults.append(PlaceFault("CFG101", f'"{key}" is not a place', key, (key,), error.hint))
            continue
        _insert(expanded, path, value, (key,))
    return expanded


def _is_short(key: str, value: Any) -> bool:
    return key not in connector_keys() and (any(sign in key for sign in '."[') or _holds_resources(key, value))


def _holds_resources(key: str, value: Any) -> bool:
    """Return whether an entry is a model, which is an object of resources, or a resource whose model or `resources` is
    left out."""
    if not isinstance(value, dict) or not _is_model(key):
        return False
    return all(isinstance(item, dict | None) for item in value.values()) or not value.keys().isdisjoint(_OF_RESOURCE)


def find_place(key: str, value: Any) -> Path_:
    """Return the path in the configuration of a key. Raises UsageError if it is not a place."""
    if not _is_short(key, value):
        return (key,)
    path = _complete(parse_path(key))
    if not all(isinstance(name, str) for name in path):
        at = next(index for index, name in enumerate(path) if not isinstance(name, str))
        whole = format_place(path[:at])
        hint = f"an override sets a list as a whole: {whole}: [ … ]" if at else "begin with a key of a connector"
        raise UsageError(f'"{key}" names an item of a list', hint=hint)
    if len(path) > MAX_DEPTH:
        raise UsageError(f'"{key}" has too many names', hint=f"a place has at most {MAX_DEPTH} names")
    return path


def _insert(expanded: ExpandedOverride, path: Path_, value: Any, written: Path_) -> None:
    """Put a value that is written at one path in its place, into the objects that exist already."""
    node = expanded.data
    for end, name in enumerate(path[:-1], start=1):
        if name not in node:
            node[str(name)] = {}
            expanded.moves[path[:end]] = written
        node = node[str(name)]
        if not isinstance(node, dict):
            expanded.faults.append(_build_conflict(expanded, path[:end], written))
            return
    _join(expanded, node, path, value, written)


def _join(expanded: ExpandedOverride, node: dict[str, Any], path: Path_, value: Any, written: Path_) -> None:
    """Add a value to `node` at the last name of `path`; objects are joined entry by entry."""
    pending = [(node, path, value, written)]
    while pending:
        node, path, value, written = pending.pop()
        name = str(path[-1])
        present = node.get(name)
        if name not in node:
            node[name] = _copy_objects(value)
            expanded.moves[path] = written
        elif isinstance(present, dict) and isinstance(value, dict):
            pending += [(present, (*path, key), item, (*written, key)) for key, item in reversed(value.items())]
        else:
            expanded.faults.append(_build_conflict(expanded, path, written))


def _copy_objects(value: Any) -> Any:
    return {key: _copy_objects(item) for key, item in value.items()} if isinstance(value, dict) else value


def _build_conflict(expanded: ExpandedOverride, path: Path_, written: Path_) -> PlaceFault:
    place = format_place(path)
    return PlaceFault(
        "CFG106", f'"{place}" is set twice', place, written, "remove one of them", expanded.find_written(path)
    )
