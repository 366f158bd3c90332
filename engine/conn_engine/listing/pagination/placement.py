"""Where a page's value goes in the request: a query parameter, a header, a JSON pointer into the body or a
form field.

Which value goes there is the strategy's affair.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from conn_engine.documents.pointers import get_pointer, set_pointer, to_pointer
from conn_engine.errors import UsageError
from conn_engine.settings import Draft

__all__ = ["Where", "foreign", "integer", "put", "token"]


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

    def read_parameter(self, query: Mapping[str, Any], headers: Mapping[str, str], body: Any) -> Any:
        """The value that a request has there already; None when it has none."""
        if self.param is not None and query.get(self.param) is not None:
            return query[self.param]
        named = {name.lower(): value for name, value in headers.items()} if self.header is not None else {}
        if self.header is not None and self.header.lower() in named:
            return named[self.header.lower()]
        for pointer in (self.pointer, None if self.form is None else to_pointer(self.form)):
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
