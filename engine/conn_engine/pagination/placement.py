"""Where a page's value goes in the request: a query parameter, a header, a JSON pointer into the body or a
form field.

Which value goes there is the strategy's affair.
"""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from conn_engine.errors import ConfigurationError, UsageError
from conn_engine.strategies import Draft

__all__ = ["Where", "foreign", "get_pointer", "integer", "put", "remove_pointer", "set_pointer", "token"]

_INDEX = re.compile(r"0|[1-9][0-9]{0,6}")


@dataclass(frozen=True, slots=True)
class Where:
    """The places that a value goes to; any number of them."""

    param: str | None = None
    header: str | None = None
    pointer: str | None = None
    form: str | None = None

    @property
    def given(self) -> bool:
        """Whether there is any place."""
        return any((self.param, self.header, self.pointer, self.form))

    def put(self, draft: Draft, value: Any) -> None:
        """Put `value` there (see `put`)."""
        put(draft, value, param=self.param, header=self.header, pointer=self.pointer, form=self.form)

    def found(self, query: Mapping[str, Any], headers: Mapping[str, str], body: Any) -> Any:
        """The value that a request has there already; None when it has none."""
        if self.param is not None and query.get(self.param) is not None:
            return query[self.param]
        named = {name.lower(): value for name, value in headers.items()} if self.header is not None else {}
        if self.header is not None and self.header.lower() in named:
            return named[self.header.lower()]
        for pointer in (self.pointer, None if self.form is None else "/" + _escaped(self.form)):
            value = None if pointer is None else get_pointer(body, pointer)
            if value is not None:
                return value
        return None


def put(
    draft: Draft,
    value: Any,
    *,
    param: str | None = None,
    header: str | None = None,
    pointer: str | None = None,
    form: str | None = None,
) -> None:
    """Put `value` at every place that is given. Objects and arrays become compact JSON text outside of a
    JSON body."""
    if param is not None:
        draft.set_query(param, _text(value))
    if header is not None:
        draft.set_header(header, str(_text(value)))
    if pointer is not None:
        draft.body = set_pointer(draft.body, pointer, value)
    if form is not None:
        draft.body = {**(draft.body if isinstance(draft.body, dict) else {}), form: _text(value)}
        draft.body_format = "form"


def _text(value: Any) -> Any:
    if isinstance(value, dict | list):
        return json.dumps(value, separators=(",", ":"), ensure_ascii=False)
    return value


def set_pointer(data: Any, pointer: str, value: Any) -> Any:
    """A copy of `data` with `value` at an RFC 6901 pointer. Missing objects on the way are made; only what
    lies on the way is copied. Raises ConfigurationError when the way leads through a scalar or outside of an
    array."""
    return _set(data, _names(pointer), value, pointer)


def get_pointer(data: Any, pointer: str) -> Any:
    """The value at an RFC 6901 pointer; None when there is none."""
    for name in _names(pointer):
        if isinstance(data, list) and _INDEX.fullmatch(name) and int(name) < len(data):
            data = data[int(name)]
        elif isinstance(data, dict) and name in data:
            data = data[name]
        else:
            return None
    return data


def remove_pointer(data: Any, pointer: str) -> Any:
    """A copy of `data` without the member of an object at an RFC 6901 pointer; `data` itself when there is none."""
    names = _names(pointer)
    holder = get_pointer(data, "".join("/" + _escaped(name) for name in names[:-1])) if names[:-1] else data
    if not isinstance(holder, dict) or names[-1] not in holder:
        return data
    kept = {key: value for key, value in holder.items() if key != names[-1]}
    return _set(data, names[:-1], kept, pointer)


def _names(pointer: str) -> list[str]:
    if not pointer.startswith("/"):
        raise ConfigurationError(f'a JSON pointer starts with "/": {pointer!r}')
    return [part.replace("~1", "/").replace("~0", "~") for part in pointer[1:].split("/")]


def _escaped(name: str) -> str:
    return name.replace("~", "~0").replace("/", "~1")


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


def token(state: Any, name: str) -> Any:
    """The value called `name` in a page's state. Raises UsageError for a state made by another strategy."""
    if not isinstance(state, dict) or state.get(name) is None:
        raise foreign()
    return state[name]


def integer(state: Any, name: str, first: int | None = None) -> int:
    """The whole number called `name` in a page's state. `first` is its value when there is no state yet, and
    says that a state must have it; without `first` it is 0 where it is missing. Raises UsageError for a
    foreign state."""
    if state is None:
        return first or 0
    value = state.get(name, 0 if first is None else None) if isinstance(state, dict) else None
    if isinstance(value, bool) or not isinstance(value, int):
        raise foreign()
    return value


def foreign() -> UsageError:
    """The error about a page's state that another strategy made."""
    return UsageError(
        "the cursor does not belong to this operation",
        hint="pass a next_cursor that this operation returned, or leave it out to begin again",
    )
