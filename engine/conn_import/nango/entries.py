"""Find the provider entries of a document, merge one with what it inherits, and track which parts are read."""

from collections.abc import Iterator, Mapping
from typing import Any

from conn_engine.diagnostics import did_you_mean
from conn_engine.errors import UsageError
from conn_import.words import clean_text

__all__ = ["Entry", "list_keys", "recognizes", "select_entry"]

_MOST_SHOWN = 120
_DEEPEST = 20


def recognizes(data: Any) -> bool:
    """Return whether a document is a provider entry, or an object of them by their keys."""
    return _is_entry(data) or bool(list_keys(data))


def _is_entry(data: Any) -> bool:
    if not isinstance(data, Mapping):
        return False
    if isinstance(data.get("auth_mode"), str):
        return bool(data.keys() & {"proxy", "display_name", "token_url", "docs"})
    return isinstance(data.get("alias"), str) and bool(data.keys() & {"proxy", "display_name", "docs"})


def list_keys(data: Any) -> list[str]:
    """Return the keys of a document's entries in order, or an empty list if the document is an entry itself."""
    if not isinstance(data, Mapping) or _is_entry(data):
        return []
    found = [str(key) for key, value in data.items() if _is_entry(value)]
    return found if 2 * len(found) > len(data) else []


def select_entry(data: Any, key: str) -> "Entry":
    """Return the entry of a key, or the only entry. Raises UsageError, with the existing keys."""
    if _is_entry(data):
        return Entry(key, dict(data), dict(data))
    known = list_keys(data)
    if not key and len(known) == 1:
        key = known[0]
    if key not in known:
        shown = ", ".join(known[:_MOST_SHOWN])
        more = f" and {len(known) - _MOST_SHOWN:,} more" if len(known) > _MOST_SHOWN else ""
        listed = f"there are {shown}{more}"
        if key:
            what = f'the document has no entry "{clean_text(key, 60)}"'
            raise UsageError(what, hint=did_you_mean(key, known) or listed)
        how = "choose one with --entry KEY, or import all of them: conn import FILE --all"
        raise UsageError(f"the document has {len(known):,} entries", hint=f"{how}; {listed}")
    return _merge_inherited(data, key)


def _merge_inherited(data: Mapping[str, Any], key: str) -> "Entry":
    own = dict(data[key])
    merged, base, seen = own, own.get("alias"), [key]
    missing = ""
    while isinstance(base, str) and base not in seen and len(seen) < _DEEPEST:
        below = data.get(base)
        if not isinstance(below, Mapping):
            missing = base
            break
        merged = _merge({name: value for name, value in below.items() if name != "alias"}, merged)
        seen.append(base)
        base = below.get("alias")
    return Entry(key, merged, own, missing)


def _merge(below: Mapping[str, Any], above: Mapping[str, Any]) -> dict[str, Any]:
    made = dict(below)
    for name, value in above.items():
        under = made.get(name)
        made[name] = _merge(under, value) if isinstance(under, Mapping) and isinstance(value, Mapping) else value
    return made


class Entry:
    """An entry. All reads are tracked, so that the rest can be listed.

    `own` has the entry's own settings. `missing` is the inherited entry that the document lacks, or "".
    """

    def __init__(self, key: str, data: dict[str, Any], own: dict[str, Any], missing: str = "") -> None:
        self.key = key
        self.own = own
        self.missing = missing
        self._data = data
        self._taken: set[tuple[str, ...]] = set()

    def take(self, *path: str) -> Any:
        """Return the value at a path, or None, and mark it as read with everything below it."""
        self._taken.add(path)
        return self.peek(*path)

    def peek(self, *path: str) -> Any:
        """Return the value at a path without marking it as imported."""
        node: Any = self._data
        for name in path:
            node = node.get(name) if isinstance(node, Mapping) else None
        return node

    def take_text(self, *path: str) -> str:
        """Take a string, or "" if it is anything else."""
        value = self.take(*path)
        return value if isinstance(value, str) else ""

    def take_object(self, *path: str) -> dict[str, Any]:
        """Take an object, or an empty one if it is anything else."""
        value = self.take(*path)
        return {str(name): inner for name, inner in value.items()} if isinstance(value, Mapping) else {}

    def take_texts(self, *path: str) -> list[str]:
        """Take a list of strings or a single string, or an empty list if it is anything else."""
        value = self.take(*path)
        if isinstance(value, str):
            return [value]
        return [str(one) for one in value] if isinstance(value, list) else []

    def list_unread(self) -> list[str]:
        """Return the dotted paths of the parts that were not read, in the entry's order."""
        return [".".join(path) for path in self._find_unread(self._data, ())]

    def _find_unread(self, value: Any, path: tuple[str, ...]) -> Iterator[tuple[str, ...]]:
        if any(path[: len(taken)] == taken for taken in self._taken):
            return
        below = any(taken[: len(path)] == path for taken in self._taken)
        if isinstance(value, Mapping) and (below or not path):
            for name, inner in value.items():
                yield from self._find_unread(inner, (*path, str(name)))
        elif value not in (None, "", {}, []):
            yield path
