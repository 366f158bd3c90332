"""The caller's input (`Call`), the configuration and conditions it runs with (`Run`, `Session`), and cursor tokens."""

import base64
import binascii
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from conn_engine.bodies import Upload
from conn_engine.conditions import USUAL, Conditions
from conn_engine.config import Effective, OperationName
from conn_engine.errors import UsageError
from conn_engine.responses.failures import Policy
from conn_engine.responses.ratelimit import Budgets, BudgetStore
from conn_engine.secrets import Redactor
from conn_engine.wire import MACHINE_CLOCK, Clock

__all__ = ["Call", "Observer", "Run", "Session", "cursor_token", "decode_cursor", "encode_cursor"]

MAX_CURSOR = 98_304
"""The longest token, in characters. A place can have a next URL of 16,384 characters for the page, another one for its
parents, and 1,000 known records of 8 characters for each of three layers."""


@dataclass(frozen=True, slots=True)
class Call:
    """The caller's input for one operation: in unified terms for a unified operation, else in the vendor's terms.

    A unified `query` may have a `limit`: the page size that the caller wants. `cursor` is the opaque token of an
    earlier page. `params` has the values of path names other than `id`. `state` is the JSON state that an earlier run
    of an incremental operation returned (`Page.state`); with `window`, such an operation lists what is between two
    values of its cursor instead, such as two times in ISO 8601. With `remote_data`, each unified record includes the
    vendor's record under that name. `files` has the files to upload, by the operation's names for them. With `as_file`,
    the response is returned as bytes (`Page.content`), whatever its format.
    """

    query: Mapping[str, Any] = field(default_factory=dict)
    body: Any = None
    id: str | None = None
    params: Mapping[str, Any] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)
    cursor: str | None = None
    state: Any = None
    window: tuple[Any, Any] | None = None
    remote_data: bool = False
    files: Mapping[str, Upload] = field(default_factory=dict)
    as_file: bool = False


Observer = Callable[[OperationName, Sequence[Mapping[str, Any]], Sequence[Any]], None]


@dataclass(slots=True)
class Session:
    """The conditions of a run: the account's credential document, environment variables, a clock and a policy.

    `now_ms` fixes the time at which the run started, in milliseconds since 1970; None means the clock's time.
    `document` is replaced when a credential is renewed, so that later requests of the session use the new one.
    `observer` is called for each page with the operation, and with the scope and the result of the response mapping for
    each record. `redactor` knows the secrets of the run and is applied to log messages. `conditions` are those of
    expressions and random values; by default they use the time of `clock`.
    """

    account: str = ""
    document: Mapping[str, Any] = field(default_factory=dict)
    environ: Mapping[str, str] = field(default_factory=dict)
    clock: Clock = MACHINE_CLOCK
    policy: Policy = field(default_factory=Policy)
    now_ms: int | None = None
    observer: Observer | None = None
    budgets: BudgetStore = field(default_factory=Budgets)
    redactor: Redactor = field(default_factory=Redactor, repr=False)
    conditions: Conditions = USUAL

    def __post_init__(self) -> None:
        if self.conditions is USUAL:
            self.conditions = Conditions(self.clock)


@dataclass(frozen=True, slots=True)
class Run:
    """An account's configuration and the session that its operations run in."""

    effective: Effective
    session: Session


def encode_cursor(state: Any) -> str | None:
    """Encode a pagination state as an opaque, URL-safe token; None stays None."""
    if state is None:
        return None
    text = json.dumps(state, separators=(",", ":"), ensure_ascii=False)
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


def decode_cursor(token: str) -> Any:
    """Return the pagination state of an opaque token. Raises UsageError when the token is invalid."""
    try:
        if len(token) > MAX_CURSOR:
            raise ValueError("too long")
        padded = token + "=" * (-len(token) % 4)
        state = json.loads(base64.b64decode(padded, altchars=b"-_", validate=True))
        if state is None:
            raise ValueError("no state")  # null means the first page: the listing would silently start again
        json.dumps(state, ensure_ascii=False, allow_nan=False).encode()  # lone surrogates and NaN cannot be sent
        return state
    except (ValueError, binascii.Error, RecursionError) as error:
        raise UsageError(
            "the cursor is not one of this operation",
            hint="pass the next_cursor of an earlier page unchanged, or leave cursor out to start at the first page",
        ) from error


def cursor_token(state: Any) -> Any:
    """Return the vendor's value in a pagination state: a token, page number, offset or URL."""
    names = ("cursor", "page", "offset", "url", "path", "start", "state")
    if isinstance(state, dict) and "stretch" in state:
        state = state["at"]
    return next((state[name] for name in names if name in state), state) if isinstance(state, dict) else state
