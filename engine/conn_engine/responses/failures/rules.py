"""The settings of `errors`: ordered rules, first match wins, and the rules that hold when none matches.

What is done about a verdict is in `attempts`.
"""

from collections.abc import Sequence
from typing import Annotated, Literal, TypeAlias

from msgspec import Meta

from conn_engine.errors import ErrorKind
from conn_engine.responses.waits import ValueLocation
from conn_engine.roles import PAUSES, expression_over
from conn_engine.settings import Settings

__all__ = [
    "DEFAULT_RULES",
    "Action",
    "Fail",
    "Final",
    "Narrow",
    "RateLimited",
    "RestartAction",
    "Retry",
    "Rule",
    "Then",
    "Waits",
    "restart_key",
]

Action: TypeAlias = Literal[
    "ok", "empty", "skip", "fail", "retry", "rate_limited", "refresh_credentials", "restart", "narrow"
]
Final: TypeAlias = Literal["ok", "empty", "skip", "fail"]


Waits: TypeAlias = str | ValueLocation | tuple[str | ValueLocation, ...]
"""How long to wait: an expression for the seconds, a source, or several of which the longest counts."""

Longest: TypeAlias = Annotated[
    float | str | None,
    Meta(
        description="The longest wait worth waiting, in seconds, or an expression for it over context and params. A "
        "longer one is an error at once.",
        extra={**expression_over("fault"), **PAUSES},
    ),
]


class Fail(Settings, frozen=True, kw_only=True):
    """Stop with an error."""

    kind: Annotated[
        ErrorKind | None,
        Meta(description="Canonical kind of the error. Default: the usual one of the status."),
    ] = None
    message: Annotated[
        str | None,
        Meta(
            description="Expression for the message over status, headers, body. Default: the vendor's own message.",
            extra=expression_over("fault"),
        ),
    ] = None


class Retry(Settings, frozen=True, kw_only=True):
    """Send the request again, if it may be sent again (`idempotent`); then do what `then` says."""

    times: Annotated[int, Meta(ge=1, le=20, description="How many more times at most.")] = 2
    backoff_seconds: Annotated[
        float, Meta(extra=PAUSES, ge=0, le=3600, description="Pause before the first of them.")
    ] = 1.0
    backoff: Annotated[
        Literal["exponential", "constant"], Meta(extra=PAUSES, description="Whether the pause doubles each time.")
    ] = "exponential"
    wait: Annotated[
        Waits | None,
        Meta(
            description="The pause: an expression for seconds over status, headers, body and text, a source, or "
            "several of which the longest counts. Wins over the backoff.",
            extra={**expression_over("fault"), **PAUSES},
        ),
    ] = None
    max_wait_seconds: Longest = None
    then: Annotated[
        Final | Fail,
        Meta(description="What to do when every time has failed: `fail`, `skip`, `empty`, `ok`."),
    ] = "fail"


class RateLimited(Settings, frozen=True, kw_only=True):
    """The vendor refuses because of too many requests."""

    wait: Annotated[
        Waits | None,
        Meta(
            description="The wait: an expression for seconds over status, headers, body and text, a source (a header, "
            "a part of the body, a time of day), or several of which the longest counts. Default: what `rate_limit` "
            "reads from the answer.",
            extra={**expression_over("fault"), **PAUSES},
        ),
    ] = None
    max_wait_seconds: Longest = None
    message: Annotated[str | None, Meta(description="Expression for the message.", extra=expression_over("fault"))] = (
        None
    )


class RestartAction(Settings, frozen=True, kw_only=True):
    """Begin the listing again at its first page: what the vendor kept of it is gone (an expired scroll)."""

    times: Annotated[int, Meta(ge=1, le=20, description="How many times at most; then it is an error.")] = 2
    wait_seconds: Annotated[float, Meta(extra=PAUSES, ge=0, le=3600, description="Pause before it.")] = 0.0
    key: Annotated[
        str,
        Meta(
            description="Expression over `record`: what it is known by. A record that was delivered is not delivered "
            "again. Where it gives nothing, the whole record is compared.",
            extra=expression_over("record"),
        ),
    ] = "record.id"


class Narrow(Settings, frozen=True, kw_only=True):
    """Ask for less at once: the window of an incremental operation in two halves, in place of the whole."""

    times: Annotated[
        int, Meta(ge=1, le=30, description="How often a window is halved at most; then it is an error.")
    ] = 6


class Then(Settings, frozen=True, kw_only=True):
    """An action with options; exactly one key."""

    fail: Annotated[Fail | None, Meta(description="Stop with an error of this kind and message.")] = None
    retry: Annotated[Retry | None, Meta(description="Send the request again.")] = None
    rate_limited: Annotated[RateLimited | None, Meta(description="Too many requests: wait this long.")] = None
    restart: Annotated[RestartAction | None, Meta(description="Begin the listing again.")] = None
    narrow: Annotated[Narrow | None, Meta(description="Ask for half of the window, then for the other half.")] = None

    def __post_init__(self) -> None:
        given = [name for name in self.__struct_fields__ if getattr(self, name) is not None]
        if len(given) != 1:
            raise ValueError("`then` has exactly one of `fail`, `retry`, `rate_limited`, `restart` and `narrow`")


class Rule(Settings, frozen=True, kw_only=True):
    """One error rule. The connector's rules see every answer, those with status 200 too, and answers whose body cannot
    be read. A rule that names `fault` also sees that there is no answer at all."""

    when: Annotated[
        str,
        Meta(
            description="Expression over status, headers (lower-case names), body, text (the body as it came), "
            "request, attempt (1 for the first sending), fault, and the call's own names; true, and the rule holds. "
            "`fault` is 'body' when the body cannot be read (then `body` is undefined); without an answer it is dns, "
            "connect, refused, tls, reset, truncated, timeout, proxy, protocol or other.",
            extra=expression_over("fault"),
        ),
    ]
    then: Annotated[
        Action | Then,
        Meta(
            description="`ok`: no error. `empty`: as if there were no records. `skip`: leave this item "
            "out. `fail`: stop with an error. `retry`: send again. `rate_limited`: too many requests. "
            "`refresh_credentials`: renew the credential and send again, once. `restart`: begin the listing "
            "again. `narrow`: it was too much, ask for half of the window. `fail`, `retry`, `rate_limited`, `restart` "
            "and `narrow` may be keys with options."
        ),
    ]


def restart_key(rules: Sequence[Rule]) -> str | None:
    """What tells records apart when one of the rules lets the listing begin again; None when none does."""
    for rule in rules:
        if rule.then == "restart":
            return RestartAction().key
        if isinstance(rule.then, Then) and rule.then.restart is not None:
            return rule.then.restart.key
    return None


def _fail(when: str, kind: ErrorKind) -> Rule:
    return Rule(when=when, then=Then(fail=Fail(kind=kind)))


DEFAULT_RULES: tuple[Rule, ...] = (
    Rule(when="status = 401", then="refresh_credentials"),
    Rule(when="status = 429", then="rate_limited"),
    Rule(
        when="status = 408 or status = 425 or (status >= 500 and status != 501 and status != 505)",
        then=Then(retry=Retry(times=2, backoff_seconds=1.0, then=Fail(kind="vendor_unavailable"))),
    ),
    _fail("status >= 500", "vendor_unavailable"),
    _fail("status = 403 or status = 402 or status = 407 or status = 451", "forbidden"),
    _fail("status = 404 or status = 410", "not_found"),
    _fail("status = 409 or status = 412 or status = 423", "conflict"),
    _fail("status >= 400", "invalid_request"),
    _fail("status >= 300", "bad_response"),
)
"""What holds after the connector's own rules. Every other answer (status 2xx) is fine."""
