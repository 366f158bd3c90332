"""JSON pointers (RFC 6901): read data at a pointer, and copy data with a change at a pointer."""

import re
from collections.abc import Iterable, Mapping
from typing import Any

from conn_engine.errors import ConfigurationError

__all__ = ["get_at", "get_pointer", "remove_pointer", "set_pointer", "to_pointer"]

_INDEX = re.compile(r"0|[1-9][0-9]{0,6}")


def to_pointer(*names: str) -> str:
    """Return the pointer with these names as steps: `("a/b", "c")` is `/a~1b/c`. Without names, it is "", all of the
    data."""
    return "".join("/" + name.replace("~", "~0").replace("/", "~1") for name in names)


def get_pointer(data: Any, pointer: str) -> Any:
    """Return the value at a pointer, or None if there is none. Raises ConfigurationError for an invalid pointer."""
    return get_at(data, _split_pointer(pointer))


def get_at(data: Any, names: Iterable[str]) -> Any:
    """Return the value at a sequence of names, or None if there is none."""
    for name in names:
        if isinstance(data, list) and _INDEX.fullmatch(name) and int(name) < len(data):
            data = data[int(name)]
        elif isinstance(data, Mapping) and name in data:
            data = data[name]
        else:
            return None
    return data


def set_pointer(data: Any, pointer: str, value: Any) -> Any:
    """Return a copy of `data` with `value` at a pointer, creating missing objects. Unchanged parts are shared.

    Raises ConfigurationError if the pointer leads through a scalar or outside an array.
    """
    return _set(data, _split_pointer(pointer), value, pointer)


def remove_pointer(data: Any, pointer: str) -> Any:
    """Return a copy of `data` without the object member at a pointer, or `data` itself if there is none."""
    *above, last = _split_pointer(pointer)
    holder = get_pointer(data, to_pointer(*above)) if above else data
    if not isinstance(holder, dict) or last not in holder:
        return data
    return _set(data, above, {name: value for name, value in holder.items() if name != last}, pointer)


def _split_pointer(pointer: str) -> list[str]:
    if not pointer.startswith("/"):
        raise ConfigurationError(f'a JSON pointer starts with "/": {pointer!r}', hint=f"write /{pointer}")
    return [part.replace("~1", "/").replace("~0", "~") for part in pointer[1:].split("/")]


def _set(data: Any, names: list[str], value: Any, pointer: str) -> Any:
    if not names:
        return value
    name, rest = names[0], names[1:]
    if data is None:
        data = {}
    if isinstance(data, dict):
        return {**data, name: _set(data.get(name), rest, value, pointer)}
    if isinstance(data, list) and _INDEX.fullmatch(name) and int(name) < len(data):
        index = int(name)
        return [*data[:index], _set(data[index], rest, value, pointer), *data[index + 1 :]]
    raise ConfigurationError(
        f"the JSON pointer {pointer!r} does not fit the request's body at {name!r}",
        hint="correct the pointer or `body`: each step must be an object or a list",
    )
