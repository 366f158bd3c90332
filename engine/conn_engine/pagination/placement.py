"""Where a page's value goes in the request: a query parameter, a header, a JSON pointer into the body or a
form field.

Which value goes there is the strategy's affair.
"""

import json
from typing import Any

from conn_engine.bodies.pointer import set_pointer
from conn_engine.errors import UsageError
from conn_engine.strategies import Draft

__all__ = ["integer", "put", "token"]


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
        raise _foreign()
    return state[name]


def integer(state: Any, name: str, first: int | None = None) -> int:
    """The whole number called `name` in a page's state. `first` is its value when there is no state yet, and
    says that a state must have it; without `first` it is 0 where it is missing. Raises UsageError for a
    foreign state."""
    if state is None:
        return first or 0
    value = state.get(name, 0 if first is None else None) if isinstance(state, dict) else None
    if isinstance(value, bool) or not isinstance(value, int):
        raise _foreign()
    return value


def _foreign() -> UsageError:
    return UsageError(
        "the cursor does not belong to this operation",
        hint="pass a next_cursor that this operation returned, or leave it out to begin again",
    )
