"""Where to send a page's value in the request: a query parameter, a header, a JSON pointer into the body or a form
field. The strategy determines the value."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from conn_engine.documents.pointers import get_pointer, set_pointer, to_pointer
from conn_engine.errors import UsageError
from conn_engine.settings import Draft

__all__ = ["Where", "build_foreign_error", "read_integer", "read_token", "set_parameter"]


@dataclass(frozen=True, slots=True)
class Where:
    """The places to send a value to, any number of them."""

    param: str | None = None
    header: str | None = None
    pointer: str | None = None
    form: str | None = None

    @property
    def is_set(self) -> bool:
        """Whether any place is set."""
        return any((self.param, self.header, self.pointer, self.form))

    def set_parameter(self, draft: Draft, value: Any) -> None:
        """Set `value` at every place."""
        set_parameter(draft, value, param=self.param, header=self.header, pointer=self.pointer, form=self.form)

    def read_parameter(self, query: Mapping[str, Any], headers: Mapping[str, str], body: Any) -> Any:
        """Return the value that a request already has at one of the places; None if it has none."""
        if self.param is not None and query.get(self.param) is not None:
            return query[self.param]
        values_by_name = {name.lower(): value for name, value in headers.items()} if self.header is not None else {}
        if self.header is not None and self.header.lower() in values_by_name:
            return values_by_name[self.header.lower()]
        for pointer in (self.pointer, None if self.form is None else to_pointer(self.form)):
            value = None if pointer is None else get_pointer(body, pointer)
            if value is not None:
                return value
        return None


def set_parameter(
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


def read_token(state: Any, name: str) -> Any:
    """Return the value called `name` in a page's state. Raises UsageError for a state of another strategy."""
    if not isinstance(state, dict) or state.get(name) is None:
        raise build_foreign_error()
    return state[name]


def read_integer(state: Any, name: str, first: int | None = None) -> int:
    """Return the integer called `name` in a page's state. `first` is its value without a state, and means that a state
    must have it; without `first`, a missing one is 0. Raises UsageError for a state of another strategy."""
    if state is None:
        return first or 0
    value = state.get(name, 0 if first is None else None) if isinstance(state, dict) else None
    if isinstance(value, bool) or not isinstance(value, int):
        raise build_foreign_error()
    return value


def build_foreign_error() -> UsageError:
    """Return the error about a page's state of another strategy."""
    return UsageError(
        "the cursor does not belong to this operation",
        hint="pass a next_cursor that this operation returned, or omit it to start from the beginning",
    )
