"""The settings of `errors`: ordered rules, first match wins, and the rules that hold when none matches.

What is done about a verdict is in `attempts`.
"""

from typing import Annotated, Literal, TypeAlias

from msgspec import Meta

from conn_engine.errors import ErrorKind
from conn_engine.strategies import Settings

__all__ = ["DEFAULT_RULES", "Action", "Fail", "Final", "RateLimited", "Retry", "Rule", "Then"]

Action: TypeAlias = Literal["ok", "empty", "skip", "fail", "retry", "rate_limited", "refresh_credentials"]
Final: TypeAlias = Literal["ok", "empty", "skip", "fail"]


class Fail(Settings, frozen=True, kw_only=True):
    """Stop with an error."""

    kind: Annotated[
        ErrorKind | None,
        Meta(description="Canonical kind of the error. Default: the usual one of the status."),
    ] = None
    message: Annotated[
        str | None,
        Meta(description="Expression for the message over status, headers, body. Default: the vendor's own message."),
    ] = None


class Retry(Settings, frozen=True, kw_only=True):
    """Send the request again, if it may be sent again (`idempotent`); then do what `then` says."""

    times: Annotated[int, Meta(ge=1, le=20, description="How many more times at most.")] = 2
    backoff_seconds: Annotated[float, Meta(ge=0, le=3600, description="Pause before the first of them.")] = 1.0
    backoff: Annotated[Literal["exponential", "constant"], Meta(description="Whether the pause doubles each time.")] = (
        "exponential"
    )
    wait: Annotated[
        str | None,
        Meta(description="Expression for the pause in seconds over status, headers, body; wins over the backoff."),
    ] = None
    then: Annotated[
        Final | Fail,
        Meta(description="What to do when every time has failed: `fail`, `skip`, `empty`, `ok`."),
    ] = "fail"


class RateLimited(Settings, frozen=True, kw_only=True):
    """The vendor refuses because of too many requests."""

    wait: Annotated[
        str | None,
        Meta(description="Expression for the seconds to wait. Default: what `rate_limit` reads from the answer."),
    ] = None
    message: Annotated[str | None, Meta(description="Expression for the message.")] = None


class Then(Settings, frozen=True, kw_only=True):
    """An action with options; exactly one key."""

    fail: Annotated[Fail | None, Meta(description="Stop with an error of this kind and message.")] = None
    retry: Annotated[Retry | None, Meta(description="Send the request again.")] = None
    rate_limited: Annotated[RateLimited | None, Meta(description="Too many requests: wait this long.")] = None

    def __post_init__(self) -> None:
        given = [name for name in ("fail", "retry", "rate_limited") if getattr(self, name) is not None]
        if len(given) != 1:
            raise ValueError("`then` has exactly one of `fail`, `retry` and `rate_limited`")


class Rule(Settings, frozen=True, kw_only=True):
    """One error rule. The connector's rules see every answer, those with status 200 too."""

    when: Annotated[
        str,
        Meta(
            description="Expression over status, headers (lower-case names), body and request; true, and "
            "the rule holds."
        ),
    ]
    then: Annotated[
        Action | Then,
        Meta(
            description="`ok`: no error. `empty`: as if there were no records. `skip`: leave this item "
            "out. `fail`: stop with an error. `retry`: send again. `rate_limited`: too many requests. "
            "`refresh_credentials`: renew the credential and send again, once. `fail`, `retry` and "
            "`rate_limited` may be keys with options."
        ),
    ]


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
