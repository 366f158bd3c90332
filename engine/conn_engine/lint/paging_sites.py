"""Expressions of `pagination` and `rate_limit`, and the names that a restart brings."""

from collections.abc import Iterator, Mapping
from typing import Any

from conn_engine.config import Path_
from conn_engine.lint.site import ANSWER, CALL, RECORD, Names, Site, objects

__all__ = ["paging_names", "paging_sites", "rate_sites"]

_PAGED = ANSWER | {"page", "link"}
_EXPRESSIONS: Mapping[str, Names] = {
    "stop": _PAGED,
    "has_more": _PAGED,
    "next_cursor": _PAGED,
    "next_page": _PAGED,
    "next_url": _PAGED,
    "next_offset": _PAGED,
    "cursor_field": None,
    "prev_cursor_field": None,
    "next_url_field": None,
    "prev_url_field": None,
    "total_field": None,
    "total_pages_field": None,
}
_DYNAMIC: Mapping[str, Names] = {
    "first": CALL,
    "next": _PAGED | {"state"},
    "prev": _PAGED | {"state"},
    "send": CALL | {"state"},
    "stop": _PAGED | {"state"},
    "has_more": _PAGED | {"state"},
}


def paging_sites(data: Any, path: Path_) -> Iterator[Site]:
    """The expressions of a pagination, those of the ones within it too."""
    config = data.get("config") if isinstance(data, Mapping) else None
    if not isinstance(config, Mapping):
        return
    here: Path_ = (*path, "config")
    dynamic = data.get("format") == "dynamic" or "next" in config or "send" in config
    for key, names in {**_EXPRESSIONS, **(_DYNAMIC if dynamic else {})}.items():
        if isinstance(config.get(key), str):
            yield Site((*here, key), config[key], "expression", names)
    for key in ("outer", "inner"):
        yield from paging_sites(config.get(key), (*here, key))
    restart = config.get("restart")
    if not isinstance(restart, Mapping):
        return
    for key, names in (("when", _PAGED), ("key", RECORD)):
        if isinstance(restart.get(key), str):
            yield Site((*here, "restart", key), restart[key], "expression", names)
    for kind, values in objects(restart.get("set")):
        for name, text in values.items():
            if isinstance(text, str):
                yield Site((*here, "restart", "set", kind, name), text, "expression", _PAGED | {"record"})


def paging_names(*holders: Mapping[str, Any]) -> frozenset[str]:
    """The names that a restart gives to templates, of whichever level has the pagination."""
    found: set[str] = set()
    for holder in holders:
        node: Any = holder.get("pagination")
        for key in ("config", "restart", "set", "params"):
            node = node.get(key) if isinstance(node, Mapping) else None
        found |= set(map(str, node)) if isinstance(node, Mapping) else set()
    return frozenset(found)


def rate_sites(data: Any, path: Path_) -> Iterator[Site]:
    """The expressions of a rate limit: parts of the body, and conditions."""
    if not isinstance(data, Mapping):
        return
    for key, value in data.items():
        if key in ("limited_when", "max_wait_seconds") and isinstance(value, str):
            yield Site((*path, key), value, "expression", ANSWER)
        elif key == "body" and isinstance(value, str):
            yield Site((*path, key), value, "expression", None)
        elif isinstance(value, Mapping):
            yield from rate_sites(value, (*path, key))
        elif isinstance(value, list):
            for index, item in enumerate(value):
                yield from rate_sites(item, (*path, key, index))
