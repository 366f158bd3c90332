"""The settings of `rate_limit`: where limit, remaining and reset are, and when an answer counts as limited.

Reading an answer by them is in `reading`.
"""

import re
from typing import Annotated, TypeAlias

from msgspec import Meta

from conn_engine.ratelimit.moments import Unit
from conn_engine.strategies import Settings

__all__ = ["RateLimit", "Source", "Value", "Window"]


class Source(Settings, frozen=True, kw_only=True):
    """Where a value is: in a response header or in the answer, perhaps only a part of its text."""

    header: Annotated[str | None, Meta(description="Name of the response header.")] = None
    body: Annotated[
        str | None, Meta(description="Expression over status, headers and body (`body.error.retry_after`).")
    ] = None
    pattern: Annotated[
        Annotated[str, Meta(max_length=500)] | None,
        Meta(description="Regular expression that finds the value within the text."),
    ] = None
    group: Annotated[int, Meta(ge=0, description="Group of `pattern` that is the value; 0 is the whole match.")] = 1
    unit: Annotated[Unit | None, Meta(description="What the value means, when it is a moment or a wait.")] = None
    scale: Annotated[float, Meta(gt=0, description="Factor on a number (0.001 for milliseconds to seconds).")] = 1.0

    def __post_init__(self) -> None:
        if (self.header is None) == (self.body is None):
            raise ValueError("a rate limit's value is either in a `header` or in the `body`")
        if self.pattern is not None:
            try:
                groups = re.compile(self.pattern).groups
            except (re.error, RecursionError, OverflowError) as error:
                raise ValueError(f"`pattern` is no regular expression: {error}") from None
            if self.group > groups:
                raise ValueError(f"`pattern` has {groups} groups, not {self.group}")


Value: TypeAlias = str | float | Source
"""A header's name, a fixed number, or a `Source`."""


class Window(Settings, frozen=True, kw_only=True):
    """One quota."""

    name: Annotated[str | Source, Meta(description="Name of the quota; fixed text, or where the answer names it.")] = (
        "default"
    )
    limit: Annotated[Value | None, Meta(description="Header of the quota's size, or a number, or a source.")] = None
    remaining: Annotated[Value | None, Meta(description="Header of what is left, or a source.")] = None
    used: Annotated[Value | None, Meta(description="Header of what is used up, when `remaining` is not told.")] = None
    reset: Annotated[Value | None, Meta(description="Header of when the quota is full again, or a source.")] = None
    reset_unit: Annotated[
        Unit,
        Meta(
            description="What the reset means. `seconds` and `milliseconds` count from now, `epoch` and "
            "`epoch_ms` are moments. `auto` goes by the size of the number: say the unit when the vendor "
            "documents it."
        ),
    ] = "auto"
    window_seconds: Annotated[
        Value | None,
        Meta(description="Length of the quota's window in seconds; a number, a header or a source."),
    ] = None
    restore_per_second: Annotated[
        Value | None,
        Meta(description="For a leaky bucket without a reset: how much of the quota comes back each second."),
    ] = None


class RateLimit(Window, frozen=True, kw_only=True):
    """How a vendor tells its rate limits. One quota is written directly, several under `windows`.

    With neither, the standard headers are read: the IETF drafts' `RateLimit…` and the customary
    `X-RateLimit-…`.
    """

    windows: Annotated[tuple[Window, ...], Meta(description="The quotas, when there are several.")] = ()
    limited_when: Annotated[
        str | None,
        Meta(
            description="Expression over status, headers and body: whether the answer says that the limit "
            "is reached. Default: `status = 429`."
        ),
    ] = None
    retry_after: Annotated[
        Value | tuple[Source, ...] | None,
        Meta(
            description="Where the vendor says how long to wait: a header, a source, or several sources of "
            "which the longest wait counts. Default: Retry-After, seconds or an HTTP date."
        ),
    ] = None
    default_wait_seconds: Annotated[
        float, Meta(gt=0, description="Wait when the limit is reached and the vendor says nothing.")
    ] = 60.0

    def quotas(self) -> tuple[Window, ...]:
        """The quotas that are described; none when the standard headers are to be read."""
        if self.windows:
            return self.windows
        told = (self.limit, self.remaining, self.used, self.reset)
        return (self,) if any(value is not None for value in told) else ()
