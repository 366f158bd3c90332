"""What a caller asks (`Call`), of which configuration and under which conditions (`Run`, `Session`), and the opaque
cursor. Nothing runs here."""

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
from conn_engine.responses.ratelimit import Budgets
from conn_engine.secrets import Redactor
from conn_engine.wire import MACHINE_CLOCK, Clock

__all__ = ["Call", "Observer", "Run", "Session", "cursor_token", "decode_cursor", "encode_cursor"]

MAX_CURSOR = 98_304
"""Characters of a token. A place may have a next URL of 16,384 characters for the page, another one for its parents,
and 1,000 known records of 8 characters for each of three layers."""


@dataclass(frozen=True, slots=True)
class Call:
    """The caller's side of one operation, in unified terms for a unified operation, in the vendor's otherwise.

    A unified `query` may hold `limit` (a wish for the page size). `cursor` is the opaque token of an earlier page.
    `params` are values for names in the path besides `id`. `state` is that of an earlier run of an incremental
    operation (`Page.state`), JSON data. With `remote_data` each unified record carries the vendor's own under that
    name. `files` are what the operation uploads, by the names it has for them. `as_file`: the bytes of the answer are
    wanted (`Page.content`), whatever its format is.
    """

    query: Mapping[str, Any] = field(default_factory=dict)
    body: Any = None
    id: str | None = None
    params: Mapping[str, Any] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)
    cursor: str | None = None
    state: Any = None
    remote_data: bool = False
    files: Mapping[str, Upload] = field(default_factory=dict)
    as_file: bool = False


Observer = Callable[[OperationName, Sequence[Mapping[str, Any]], Sequence[Any]], None]


@dataclass(slots=True)
class Session:
    """What an operation runs with: the account's credential document, the environment's variables, a clock, a policy.

    `now_ms` is the moment a run began (milliseconds since 1970) where that has to be a known one; None: the clock says.
    `document` is replaced when a credential is renewed, so later requests of the same session use the new one.
    `observer` is shown what each page's response mapping ran on and gave: the operation, and a scope and a result per
    record. `redactor` knows the secrets of the run, for what an operation logs. `conditions` are those of its
    expressions and random values; by default they see the time of `clock`.
    """

    account: str = ""
    document: Mapping[str, Any] = field(default_factory=dict)
    environ: Mapping[str, str] = field(default_factory=dict)
    clock: Clock = MACHINE_CLOCK
    policy: Policy = field(default_factory=Policy)
    now_ms: int | None = None
    observer: Observer | None = None
    budgets: Budgets = field(default_factory=Budgets)
    redactor: Redactor = field(default_factory=Redactor, repr=False)
    conditions: Conditions = USUAL

    def __post_init__(self) -> None:
        if self.conditions is USUAL:
            self.conditions = Conditions(self.clock)


@dataclass(frozen=True, slots=True)
class Run:
    """An account's configuration and the session that its operations run in: what every part of a run is passed."""

    effective: Effective
    session: Session


def encode_cursor(state: Any) -> str | None:
    """A pagination state as an opaque, URL-safe token; None stays None."""
    if state is None:
        return None
    text = json.dumps(state, separators=(",", ":"), ensure_ascii=False)
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


def decode_cursor(token: str) -> Any:
    """The pagination state of an opaque token. Raises UsageError when it is not one of ours."""
    try:
        if len(token) > MAX_CURSOR:
            raise ValueError("too long")
        padded = token + "=" * (-len(token) % 4)
        state = json.loads(base64.b64decode(padded, altchars=b"-_", validate=True))
        if state is None:
            raise ValueError("no state")  # null is the first page: the caller would silently begin again
        json.dumps(state, ensure_ascii=False, allow_nan=False).encode()  # half characters and NaN are nothing to send
        return state
    except (ValueError, binascii.Error, RecursionError) as error:
        raise UsageError(
            "the cursor is not one of this operation",
            hint="pass the next_cursor of an earlier page unchanged, or leave cursor out to start at the first page",
        ) from error


def cursor_token(state: Any) -> Any:
    """What a pagination state is in the vendor's own terms: its token, page number, offset or URL."""
    names = ("cursor", "page", "offset", "url", "path", "start", "state")
    if isinstance(state, dict) and "stretch" in state:
        state = state["at"]
    return next((state[name] for name in names if name in state), state) if isinstance(state, dict) else state
