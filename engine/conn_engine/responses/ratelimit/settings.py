"""The settings of `rate_limit`: where limit, remaining and reset are, and when a response counts as limited.

`rate_state` reads a response with them, and `budgets` keeps to a budget.
"""

from collections.abc import Mapping
from typing import Annotated, ClassVar, Literal

from msgspec import Meta
from msgspec.structs import replace

from conn_engine.responses.waits import Unit, Value, ValueLocation
from conn_engine.roles import HEADER, PAUSES, UNIT, expression_over
from conn_engine.settings import Settings

__all__ = ["Budget", "QuotaSettings", "RateLimit"]


class QuotaSettings(Settings, frozen=True, kw_only=True):
    """One quota."""

    name: Annotated[
        str | ValueLocation, Meta(description="Name of the quota: a fixed text, or where the response has it.")
    ] = "default"
    limit: Annotated[
        Value | None, Meta(description="Header with the size of the quota, a number, or a source.", extra=HEADER)
    ] = None
    remaining: Annotated[Value | None, Meta(description="Header with what is left, or a source.", extra=HEADER)] = None
    used: Annotated[
        Value | None,
        Meta(description="Header with what is used, if the vendor does not send `remaining`.", extra=HEADER),
    ] = None
    reset: Annotated[
        Value | None, Meta(description="Header with the time when the quota is full again, or a source.", extra=HEADER)
    ] = None
    reset_unit: Annotated[
        Unit,
        Meta(
            extra=UNIT,
            description="Unit of `reset`. `seconds` and `milliseconds` count from now, `epoch` and `epoch_ms` "
            "are points in time. `auto` guesses from the size of the number: set the unit if the "
            "vendor documents it.",
        ),
    ] = "auto"
    window_seconds: Annotated[
        Value | None,
        Meta(description="Length of the quota's window in seconds: a number, a header or a source.", extra=HEADER),
    ] = None
    restore_per_second: Annotated[
        Value | None,
        Meta(
            description="For a leaky bucket without a reset: how much of the quota is restored per second.",
            extra=HEADER,
        ),
    ] = None


class Budget(Settings, frozen=True, kw_only=True):
    """Our own limit, whatever the vendor reports: at most `requests` are sent in any span of `per_seconds`. A request
    keeps to all budgets that apply to it."""

    requests: Annotated[int, Meta(ge=1, le=1_000_000, description="Maximum number of requests.")]
    per_seconds: Annotated[float, Meta(gt=0, le=31_622_400, description="Length of the span, in seconds.")]
    name: Annotated[str | None, Meta(description="Name of the budget in messages. Default: the numbers.")] = None
    methods: Annotated[tuple[str, ...], Meta(description="HTTP methods to count. Default: every method.")] = ()
    path: Annotated[
        str | None,
        Meta(description="Pattern of the paths to count, `*` for anything: `/crm/*/search`. Default: every path."),
    ] = None
    operations: Annotated[
        tuple[str, ...],
        Meta(description="Operations to count, as resource.method; `*` for any name. Default: every operation."),
    ] = ()
    scope: Annotated[
        Literal["account", "connector", "operation"],
        Meta(
            description="Who shares the budget. `account`: all operations of one account. `connector`: all "
            "accounts of the connector in this workspace. `operation`: each operation of "
            "an account has its own."
        ),
    ] = "account"

    def __str__(self) -> str:
        return self.name or f"{self.requests} requests in {self.per_seconds:g} s"


class RateLimit(QuotaSettings, frozen=True, kw_only=True):
    """How a vendor reports its rate limits.

    Without `windows`, the standard headers are read: `RateLimit…` of the IETF drafts, and the common `X-RateLimit-…`.
    """

    moved: ClassVar[Mapping[str, str]] = {name: f"windows[0].{name}" for name in QuotaSettings.__struct_fields__}

    windows: Annotated[
        tuple[QuotaSettings, ...], Meta(description="The quotas that the vendor reports, usually one.")
    ] = ()
    limited_when: Annotated[
        str | None,
        Meta(
            description="True when the limit is reached. Default: `status = 429`.",
            extra=expression_over("answer"),
        ),
    ] = None
    retry_after: Annotated[
        Value | tuple[ValueLocation, ...] | None,
        Meta(
            description="Where the response has the time to wait: a header, a source (a header, a part of the "
            "body, a time of day), or several sources of which the longest wait counts. Default: "
            "Retry-After, in seconds or as an HTTP date.",
            extra=HEADER,
        ),
    ] = None
    default_wait_seconds: Annotated[
        float, Meta(gt=0, description="Wait in seconds when the limit is reached and the vendor specifies no wait.")
    ] = 60.0

    max_wait_seconds: Annotated[
        float | str | None,
        Meta(
            description="Maximum wait in seconds, as a number or an expression. A longer wait is an error immediately.",
            extra={**expression_over("answer"), **PAUSES},
        ),
    ] = None
    budget: Annotated[
        tuple[Budget, ...],
        Meta(
            extra=PAUSES,
            description="Limits on the requests that are sent; the engine waits instead of exceeding them.",
        ),
    ] = ()
    slow_when_remaining: Annotated[
        Annotated[int, Meta(ge=1)] | None,
        Meta(
            extra=PAUSES,
            description="When this many requests or fewer remain, they are spread over the time until the quota "
            "is full again.",
        ),
    ] = None

    def quotas(self) -> tuple[QuotaSettings, ...]:
        """Return the quotas that are described; none if the standard headers apply. Settings of a quota outside of
        `windows` apply to the only window."""
        if len(self.windows) > 1:
            return self.windows
        if self.windows:
            return (self._override(self.windows[0]),)
        values = (self.limit, self.remaining, self.used, self.reset)
        return (self,) if any(value is not None for value in values) else ()

    def _override(self, quota: QuotaSettings) -> QuotaSettings:
        plain = QuotaSettings()
        names = QuotaSettings.__struct_fields__
        changed = {name: getattr(self, name) for name in names if getattr(self, name) != getattr(plain, name)}
        return replace(quota, **changed) if changed else quota
