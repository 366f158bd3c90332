"""The settings of `rate_limit`: where limit, remaining and reset are, and when an answer counts as limited.

Reading an answer by them is in `reading`, keeping to a budget in `budgets`.
"""

from typing import Annotated, Literal

from msgspec import Meta

from conn_engine.responses.waits import Unit, Value, ValueLocation
from conn_engine.roles import HEADER, PAUSES, UNIT, expression_over
from conn_engine.settings import Settings

__all__ = ["Budget", "QuotaSettings", "RateLimit"]


class QuotaSettings(Settings, frozen=True, kw_only=True):
    """One quota."""

    name: Annotated[
        str | ValueLocation, Meta(description="Name of the quota; fixed text, or where the answer names it.")
    ] = "default"
    limit: Annotated[
        Value | None, Meta(description="Header of the quota's size, or a number, or a source.", extra=HEADER)
    ] = None
    remaining: Annotated[Value | None, Meta(description="Header of what is left, or a source.", extra=HEADER)] = None
    used: Annotated[
        Value | None, Meta(description="Header of what is used up, when `remaining` is not told.", extra=HEADER)
    ] = None
    reset: Annotated[
        Value | None, Meta(description="Header of when the quota is full again, or a source.", extra=HEADER)
    ] = None
    reset_unit: Annotated[
        Unit,
        Meta(
            extra=UNIT,
            description="What the reset means. `seconds` and `milliseconds` count from now, `epoch` and "
            "`epoch_ms` are moments. `auto` goes by the size of the number: say the unit when the vendor "
            "documents it.",
        ),
    ] = "auto"
    window_seconds: Annotated[
        Value | None,
        Meta(description="Length of the quota's window in seconds; a number, a header or a source.", extra=HEADER),
    ] = None
    restore_per_second: Annotated[
        Value | None,
        Meta(
            description="For a leaky bucket without a reset: how much of the quota comes back each second.",
            extra=HEADER,
        ),
    ] = None


class Budget(Settings, frozen=True, kw_only=True):
    """What we ask at most, whatever the vendor's answers tell: in no span of `per_seconds` more than `requests` are
    sent. A request that several budgets fit keeps to all of them."""

    requests: Annotated[int, Meta(ge=1, le=1_000_000, description="Requests at most.")]
    per_seconds: Annotated[float, Meta(gt=0, le=31_622_400, description="In so many seconds.")]
    name: Annotated[str | None, Meta(description="What the pause is called. Default: the numbers.")] = None
    methods: Annotated[tuple[str, ...], Meta(description="HTTP methods it counts. Default: every method.")] = ()
    path: Annotated[
        str | None,
        Meta(description="Pattern of the paths it counts, `*` for anything: `/crm/*/search`. Default: every path."),
    ] = None
    operations: Annotated[
        tuple[str, ...],
        Meta(description="Operations it counts, as resource.method; `*` for any name. Default: every operation."),
    ] = ()
    scope: Annotated[
        Literal["account", "connector", "operation"],
        Meta(
            description="Who shares it: the operations of one account; all accounts of the connector in this "
            "workspace and process; or nobody, each operation of an account has a budget of its own."
        ),
    ] = "account"

    def __str__(self) -> str:
        return self.name or f"{self.requests} requests in {self.per_seconds:g} s"


class RateLimit(QuotaSettings, frozen=True, kw_only=True):
    """How a vendor tells its rate limits. One quota is written directly, several under `windows`.

    With neither, the standard headers are read: the IETF drafts' `RateLimit…` and the customary
    `X-RateLimit-…`.
    """

    windows: Annotated[tuple[QuotaSettings, ...], Meta(description="The quotas, when there are several.")] = ()
    limited_when: Annotated[
        str | None,
        Meta(
            description="Expression over status, headers and body: whether the answer says that the limit "
            "is reached. Default: `status = 429`.",
            extra=expression_over("answer"),
        ),
    ] = None
    retry_after: Annotated[
        Value | tuple[ValueLocation, ...] | None,
        Meta(
            description="Where the vendor says how long to wait: a header, a source (a header, a part of the body, a "
            "time of day), or several sources of which the longest wait counts. Default: Retry-After, seconds or an "
            "HTTP date.",
            extra=HEADER,
        ),
    ] = None
    default_wait_seconds: Annotated[
        float, Meta(gt=0, description="Wait when the limit is reached and the vendor says nothing.")
    ] = 60.0

    max_wait_seconds: Annotated[
        float | str | None,
        Meta(
            description="The longest wait worth waiting, in seconds, or an expression for it over context and params. "
            "A longer one is an error at once.",
            extra={**expression_over("answer"), **PAUSES},
        ),
    ] = None
    budget: Annotated[
        tuple[Budget, ...],
        Meta(extra=PAUSES, description="How much is asked at most; the engine waits before it would ask more."),
    ] = ()
    slow_when_remaining: Annotated[
        Annotated[int, Meta(ge=1)] | None,
        Meta(
            extra=PAUSES,
            description="With so many requests left or fewer, what is left is spread until the quota's reset.",
        ),
    ] = None

    def quotas(self) -> tuple[QuotaSettings, ...]:
        """The quotas that are described; none when the standard headers are to be read."""
        if self.windows:
            return self.windows
        told = (self.limit, self.remaining, self.used, self.reset)
        return (self,) if any(value is not None for value in told) else ()
