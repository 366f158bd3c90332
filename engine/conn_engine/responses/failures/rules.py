"""The settings of `errors`: ordered rules of which the first match wins, and the default rules for when none matches.

`attempts` carries out the result.
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
"""How long to wait: an expression for the seconds, a source, or several sources of which the longest wait counts."""

Longest: TypeAlias = Annotated[
    float | str | None,
    Meta(
        description="Maximum wait in seconds, as a number or an expression. A longer wait is an error immediately.",
        extra={**expression_over("fault"), **PAUSES},
    ),
]


class Fail(Settings, frozen=True, kw_only=True):
    """Stop with an error."""

    kind: Annotated[
        ErrorKind | None,
        Meta(description="Canonical kind of the error. Default: the kind for the status."),
    ] = None
    message: Annotated[
        str | None,
        Meta(
            description="The message. Default: the vendor's own message.",
            extra=expression_over("fault"),
        ),
    ] = None


class Retry(Settings, frozen=True, kw_only=True):
    """Send the request again, if that is safe (`idempotent`). If all retries fail, do what `then` says."""

    times: Annotated[int, Meta(ge=1, le=20, description="Maximum number of retries.")] = 2
    backoff_seconds: Annotated[
        float, Meta(extra=PAUSES, ge=0, le=3600, description="Pause before the first retry, in seconds.")
    ] = 1.0
    backoff: Annotated[
        Literal["exponential", "constant"], Meta(extra=PAUSES, description="Whether the pause doubles with each retry.")
    ] = "exponential"
    wait: Annotated[
        Waits | None,
        Meta(
            description="The pause: an expression for the seconds over status, headers, body and text, a source, "
            "or several sources of which the longest wait counts. Overrides the backoff.",
            extra={**expression_over("fault"), **PAUSES},
        ),
    ] = None
    max_wait_seconds: Longest = None
    then: Annotated[
        Final | Fail,
        Meta(description="What to do when all retries have failed: `fail`, `skip`, `empty`, `ok`."),
    ] = "fail"


class RateLimited(Settings, frozen=True, kw_only=True):
    """The vendor refuses the request because there were too many."""

    wait: Annotated[
        Waits | None,
        Meta(
            description="The wait: an expression for the seconds over status, headers, body and text, a source "
            "(a header, a part of the body, a time of day), or several sources of which the longest "
            "wait counts. Default: what `rate_limit` reads from the response.",
            extra={**expression_over("fault"), **PAUSES},
        ),
    ] = None
    max_wait_seconds: Longest = None
    message: Annotated[str | None, Meta(description="The message.", extra=expression_over("fault"))] = None


class RestartAction(Settings, frozen=True, kw_only=True):
    """Restart the listing at its first page, because the vendor no longer has its state (an expired scroll)."""

    times: Annotated[int, Meta(ge=1, le=20, description="Maximum number of restarts; another one is an error.")] = 2
    wait_seconds: Annotated[
        float, Meta(extra=PAUSES, ge=0, le=3600, description="Pause before the restart, in seconds.")
    ] = 0.0
    key: Annotated[
        str,
        Meta(
            description="Identifies a record. A record that was already returned is not returned again. If it returns "
            "nothing, complete records are compared.",
            extra=expression_over("record"),
        ),
    ] = "record.id"


class Narrow(Settings, frozen=True, kw_only=True):
    """Request less at once: split the window of an incremental operation into halves."""

    times: Annotated[
        int,
        Meta(ge=1, le=30, description="How often a window can be halved. If it is still too large, that is an error."),
    ] = 6


class Then(Settings, frozen=True, kw_only=True):
    """An action with options; exactly one key."""

    fail: Annotated[Fail | None, Meta(description="Stop with an error of this kind and message.")] = None
    retry: Annotated[Retry | None, Meta(description="Send the request again.")] = None
    rate_limited: Annotated[RateLimited | None, Meta(description="Too many requests: wait this long.")] = None
    restart: Annotated[RestartAction | None, Meta(description="Restart the listing.")] = None
    narrow: Annotated[Narrow | None, Meta(description="Request half of the window, then the other half.")] = None

    def __post_init__(self) -> None:
        actions = [name for name in self.__struct_fields__ if getattr(self, name) is not None]
        if len(actions) != 1:
            raise ValueError("`then` must have exactly one of `fail`, `retry`, `rate_limited`, `restart` and `narrow`")


class Rule(Settings, frozen=True, kw_only=True):
    """One error rule. The connector's rules apply to every response, including those with status 200 and those whose
    body cannot be read. A rule that uses `fault` also applies when there is no response."""

    when: Annotated[
        str,
        Meta(
            description="The rule applies if it is true. `headers` has lower-case names, `text` is the undecoded "
            "body, and `attempt` is 1 for the first. `fault` is 'body' when the body cannot be read (`body` is then "
            "undefined); without a response it is dns, connect, refused, tls, reset, truncated, "
            "timeout, proxy, protocol or other.",
            extra=expression_over("fault"),
        ),
    ]
    then: Annotated[
        Action | Then,
        Meta(
            description="`ok`: no error. `empty`: as if there were no records. `skip`: leave this item out. "
            "`fail`: stop with an error. `retry`: send again. `rate_limited`: too many requests. "
            "`refresh_credentials`: renew the credential and send again, once. `restart`: restart "
            "the listing. `narrow`: the window was too large, request half of it. `fail`, `retry`, "
            "`rate_limited`, `restart` and `narrow` can also be keys with options."
        ),
    ]


def restart_key(rules: Sequence[Rule]) -> str | None:
    """Return the expression that identifies records if one of the rules can restart the listing; None if none can."""
    for rule in rules:
        if rule.then == "restart":
            return RestartAction().key
        if isinstance(rule.then, Then) and rule.then.restart is not None:
            return rule.then.restart.key
    return None


def _build_fail_rule(when: str, kind: ErrorKind) -> Rule:
    return Rule(when=when, then=Then(fail=Fail(kind=kind)))


DEFAULT_RULES: tuple[Rule, ...] = (
    Rule(when="status = 401", then="refresh_credentials"),
    Rule(when="status = 429", then="rate_limited"),
    Rule(
        when="status = 408 or status = 425 or (status >= 500 and status != 501 and status != 505)",
        then=Then(retry=Retry(times=2, backoff_seconds=1.0, then=Fail(kind="vendor_unavailable"))),
    ),
    _build_fail_rule("status >= 500", "vendor_unavailable"),
    _build_fail_rule("status = 403 or status = 402 or status = 407 or status = 451", "forbidden"),
    _build_fail_rule("status = 404 or status = 410", "not_found"),
    _build_fail_rule("status = 409 or status = 412 or status = 423", "conflict"),
    _build_fail_rule("status >= 400", "invalid_request"),
    _build_fail_rule("status >= 300", "bad_response"),
)
"""The rules that apply after the connector's own. Every other response (status 2xx) is fine."""
