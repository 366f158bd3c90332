"""JSON pointers (RFC 6901) into a request's body."""

import re
from typing import Any

from conn_engine.errors import ConfigurationError

__all__ = ["set_pointer"]

_INDEX = re.compile(r"0|[1-9][0-9]{0,6}")


def set_pointer(data: Any, pointer: str, value: Any) -> Any:
    """A copy of `data` with `value` at an RFC 6901 pointer. Missing objects on the way are made; only what
    lies on the way is copied. Raises ConfigurationError when the way leads through a scalar or outside of an
    array."""
    if not pointer.startswith("/"):
        raise ConfigurationError(f'a JSON pointer starts with "/": {pointer!r}')
    names = [part.replace("~1", "/").replace("~0", "~") for part in pointer[1:].split("/")]
    return _set(data, names, value, pointer)


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
