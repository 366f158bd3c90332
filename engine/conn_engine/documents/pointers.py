"""JSON pointers (RFC 6901): reading data at one, and copies of data with something else there."""

import re
from collections.abc import Iterable, Mapping
from typing import Any

from conn_engine.errors import ConfigurationError

__all__ = ["get_at", "get_pointer", "pointer_to", "remove_pointer", "set_pointer"]

_INDEX = re.compile(r"0|[1-9][0-9]{0,6}")


def pointer_to(*names: str) -> str:
    """The pointer whose steps are these names: `("a/b", "c")` is `/a~1b/c`. Without any it is "", the whole."""
    return "".join("/" + name.replace("~", "~0").replace("/", "~1") for name in names)


def get_pointer(data: Any, pointer: str) -> Any:
    """The value at a pointer; None when there is none. Raises ConfigurationError when the text is no pointer."""
    return get_at(data, _split_pointer(pointer))


def get_at(data: Any, names: Iterable[str]) -> Any:
    """The value to which names lead, one inside the other; None when there is none."""
    for name in names:
        if isinstance(data, list) and _INDEX.fullmatch(name) and int(name) < len(data):
            data = data[int(name)]
        elif isinstance(data, Mapping) and name in data:
            data = data[name]
        else:
            return None
    return data


def set_pointer(data: Any, pointer: str, value: Any) -> Any:
    """A copy of `data` with `value` at a pointer. Missing objects on the way are made; only what lies on the way is
    copied. Raises ConfigurationError when the way leads through a scalar or outside of an array."""
    return _set(data, _split_pointer(pointer), value, pointer)


def remove_pointer(data: Any, pointer: str) -> Any:
    """A copy of `data` without the member of an object at a pointer; `data` itself when there is none."""
    *above, last = _split_pointer(pointer)
    holder = get_pointer(data, pointer_to(*above)) if above else data
    if not isinstance(holder, dict) or last not in holder:
        return data
    return _set(data, above, {name: value for name, value in holder.items() if name != last}, pointer)


def _split_pointer(pointer: str) -> list[str]:
    if not pointer.startswith("/"):
        raise ConfigurationError(f'a JSON pointer starts with "/": {pointer!r}')
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
        at = int(name)
        return [*data[:at], _set(data[at], rest, value, pointer), *data[at + 1 :]]
    raise ConfigurationError(f"the JSON pointer {pointer!r} does not fit the request's body at {name!r}")
