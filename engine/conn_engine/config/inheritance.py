"""What an operation inherits from its resource and from the connector, and what its name and the path of its resource
imply, in raw data.

Objects (headers, query, a strategy's settings) merge deeply, null removes what is inherited, and error rules are
concatenated, the operation's first. Where neither `authorization` nor `signature` is set, not even to null, the
authorization follows from the credentials.
"""

import re
from collections.abc import Mapping, Sequence
from typing import Any, Final, TypeAlias

from conn_engine.bodies import is_read_only
from conn_engine.config.implied import find_method, find_path, is_path_implied, split_query
from conn_engine.config.merge import AUTHORIZING, INHERITED, INHERITED_BY_LISTINGS, MISSING, Path_, inherit, lookup

__all__ = [
    "CREDENTIALS",
    "find_inherited",
    "find_places",
    "find_setting_path",
    "follows_credentials",
    "is_graphql_query",
    "is_listing",
    "lists_records",
    "resolve_settings",
    "said_at",
    "writes_by_default",
]

CREDENTIALS: Final[Path_] = ("credentials",)
"""The path of an authorization that follows from the credentials."""

_ONE_RECORD = re.compile(r"\{\{\s*id\s*\}\}(?:\.json)?/?$")
_SAFE_METHODS = ("GET", "HEAD")

_Levels: TypeAlias = Sequence[tuple[Path_, Mapping[str, Any]]]


def _levels(data: Mapping[str, Any], resource: str, method: str) -> _Levels:
    """Return the settings of connector, resource and operation, each with its path."""
    paths: tuple[Path_, ...] = ((), ("resources", resource), ("resources", resource, method))
    found = ((path, lookup(data, path)) for path in paths)
    return [(path, settings if isinstance(settings, dict) else {}) for path, settings in found]


def resolve_settings(data: Mapping[str, Any], resource: str, method: str) -> dict[str, Any]:
    """Return the raw settings of an operation with everything that it inherits, and with the method and the path that
    are implied."""
    levels = _levels(data, resource, method)
    (_, holder), (_, own) = levels[1:]
    settings = {key: value for key, value in own.items() if key not in INHERITED}
    settings |= {"method": find_method(method, own), "path": find_path(method, own, holder)}
    apart = () if is_listing(settings) else INHERITED_BY_LISTINGS
    for key in INHERITED:
        value = _inherit_key(levels[-1:] if key in apart else levels, key)
        if value is not MISSING:
            settings[key] = value
    return settings


def is_listing(settings: Mapping[str, Any]) -> bool:
    """Return whether an operation with these settings lists records."""
    method, body_format = settings.get("method"), settings.get("body_format", "json")
    writes = settings.get("writes")
    if writes is None:
        writes = isinstance(method, str) and writes_by_default(method.upper(), body_format, settings.get("body"))
    return lists_records(settings.get("path"), writes is True, settings.get("job"))


def writes_by_default(method: str, body_format: str, body: Any) -> bool:
    """Return whether an operation with this method (in upper case) and body changes something at the vendor, unless
    its author sets `writes`."""
    return method not in _SAFE_METHODS and not is_graphql_query(body_format, body)


def is_graphql_query(body_format: str, body: Any) -> bool:
    """Return whether a body is a GraphQL query without a mutation."""
    return body_format == "graphql" and is_read_only(body)


def lists_records(path: Any, writes: bool, job: Any) -> bool:
    """Return whether an operation lists records. Three kinds do not: a write, whose next page would repeat the write;
    a read of the one record at `…/{{id}}`, which has no pages; and a job, because its records are in its result."""
    has_one_record = isinstance(path, str) and _ONE_RECORD.search(split_query(path)[0]) is not None
    return not writes and not has_one_record and job is None


def _inherit_key(levels: _Levels, key: str) -> Any:
    values = [settings.get(key, MISSING) for _, settings in levels]
    return _join_rules(values) if key == "errors" else inherit(*values, path=(key,))


def _nearest(levels: _Levels, key: str) -> Path_:
    places = [path for path, settings in levels if key in settings]
    return (*(places or [levels[-1][0]])[-1], key)


def find_places(data: Mapping[str, Any], resource: str, method: str, *, is_listing: bool) -> dict[str, Path_]:
    """Return the paths of the effective values of keys that the operation itself may not set."""
    levels = _levels(data, resource, method)
    apart = () if is_listing else INHERITED_BY_LISTINGS
    places = {key: _nearest(levels[-1:] if key in apart else levels, key) for key in INHERITED}
    (place, holder), (_, own) = levels[1:]
    if is_path_implied(method, own, holder):
        places["path"] = (*place, "path")
    if data.get("credentials") is not None and _sets_no_authorization(levels):
        places["authorization"] = CREDENTIALS
    return places


def _sets_no_authorization(levels: _Levels) -> bool:
    return not any(key in settings for _, settings in levels for key in AUTHORIZING)


def follows_credentials(data: Mapping[str, Any], *place: str) -> bool:
    """Return whether the authorization of an operation (resource and name) follows from the credentials; without a
    place, that of a request that has no operation."""
    return _sets_no_authorization(_levels(data, *place) if place else [((), data)])


def find_inherited(data: Mapping[str, Any], resource: str, method: str, key: str) -> Any:
    """Return the value of an inherited key for an operation; MISSING if nothing sets it or null removes it."""
    return _inherit_key(_levels(data, resource, method), key)


def find_setting_path(data: Mapping[str, Any], operation: Path_, key: str, *below: str) -> Path_:
    """Return the path that sets a part of an inherited key for an operation: the most specific one, because objects are
    merged. Without one, the path where the operation would set it."""
    for path, settings in reversed(_levels(data, str(operation[1]), str(operation[2]))):
        if key in settings and (settings[key] is None or lookup(settings[key], below) is not MISSING):
            return (*path, key, *below)
    return (*operation, key, *below)


def said_at(data: Mapping[str, Any], resource: str, method: str, key: str) -> Path_:
    """Return the path that sets an inherited key of an operation: the most specific one."""
    return _nearest(_levels(data, resource, method), key)


def _join_rules(values: list[Any]) -> Any:
    """Return the rules of operation, resource and connector, in this order. A null discards inherited rules."""
    rules: list[Any] = []
    for value in values:
        if value is None:
            rules = []
        elif isinstance(value, list):
            rules = [*value, *rules]
        elif value is not MISSING:
            return value  # not a list: conversion reports it
    return rules or MISSING
