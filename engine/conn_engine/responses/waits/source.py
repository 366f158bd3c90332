"""Where a value is that tells a wait: a header, a part of the answer, or a time of day. What the wait is for is the
caller's affair."""

import re
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta, tzinfo
from typing import Annotated, Any, TypeAlias

from msgspec import Meta

from conn_engine.responses.waits.moments import Unit, http_date, numeric, seconds_from_now
from conn_engine.roles import HEADER, UNIT, expression_over
from conn_engine.settings import Answer, Settings

__all__ = ["Value", "ValueLocation", "longest", "read_value", "vendor_clock", "wait"]

_TIME_OF_DAY = re.compile(r"([01]\d|2[0-3]):([0-5]\d)(?::([0-5]\d))?")


class ValueLocation(Settings, frozen=True, kw_only=True):
    """Where a value is: in a response header, in the answer (perhaps only a part of its text), or a time of day."""

    header: Annotated[str | None, Meta(description="Name of the response header.", extra=HEADER)] = None
    body: Annotated[
        str | None,
        Meta(
            description="Expression over status, headers, body and text (`body.error.retry_after`; `text` with a "
            "`pattern`).",
            extra=expression_over("answer"),
        ),
    ] = None
    at: Annotated[
        str | None,
        Meta(description="Time of day at which the quota is full again, such as 00:00; the next one counts."),
    ] = None
    zone: Annotated[str, Meta(description="Time zone of `at`, such as Europe/Berlin.")] = "UTC"
    pattern: Annotated[
        Annotated[str, Meta(max_length=500)] | None,
        Meta(description="Regular expression that finds the value within the text."),
    ] = None
    group: Annotated[int, Meta(ge=0, description="Group of `pattern` that is the value; 0 is the whole match.")] = 1
    unit: Annotated[
        Unit | None, Meta(extra=UNIT, description="What the value means, when it is a moment or a wait.")
    ] = None
    scale: Annotated[float, Meta(gt=0, description="Factor on a number (0.001 for milliseconds to seconds).")] = 1.0
    inverse: Annotated[
        bool, Meta(description="The value is a rate (requests per second): the wait is one divided by it.")
    ] = False

    def __post_init__(self) -> None:
        if sum(place is not None for place in (self.header, self.body, self.at)) != 1:
            raise ValueError("a value is either in a `header` or in the `body`, or a time of day (`at`)")
        if self.at is not None:
            if not _TIME_OF_DAY.fullmatch(self.at):
                raise ValueError(f"`at` is a time of day such as 00:00 or 23:59:59, not {self.at!r}")
            _zone(self.zone)
        if self.pattern is not None:
            try:
                groups = re.compile(self.pattern).groups
            except (re.error, RecursionError, OverflowError) as error:
                raise ValueError(f"`pattern` is no regular expression: {error}") from None
            if self.group > groups:
                raise ValueError(f"`pattern` has {groups} groups, not {self.group}")


Value: TypeAlias = str | float | ValueLocation
"""A header's name, a fixed number, or a `Source`."""


def read_value(value: Value | None, answer: Answer) -> Any:
    """What is found at a place: a JSON value or a text; None where there is nothing, and for a time of day."""
    if value is None or isinstance(value, int | float):
        return value
    if isinstance(value, str):
        return answer.response.headers.get(value)
    if value.at is not None:
        return None
    got: Any = answer.response.headers.get(value.header) if value.header else _evaluate(value.body or "", answer)
    if value.pattern is not None:
        got = None if got is None else _match_group(value.pattern, str(got), value.group)
    if value.scale == 1.0 and not value.inverse:
        return got
    amount = numeric(got)
    if amount is None:
        return None if value.inverse else got
    if value.inverse:
        return value.scale / amount if amount > 0 else None
    return amount * value.scale


def longest(sources: Iterable[Value], answer: Answer, clock: float) -> float | None:
    """The longest wait in seconds that the sources tell at `clock` (Unix seconds); None when none tells one."""
    waits = [wait(source, answer, clock) for source in sources]
    return max((wait for wait in waits if wait is not None), default=None)


def vendor_clock(answer: Answer, now: float) -> float:
    """The vendor's own time by its Date header, else `now`: a wrong clock on either side cancels out."""
    told = http_date(answer.response.headers.get("date", "")[:100])
    return now if told is None else told


def wait(source: Value | None, answer: Answer, clock: float, unit: Unit = "auto") -> float | None:
    """The seconds from `clock` (Unix seconds) on that a source tells; None when it tells none. A source's own unit
    wins over `unit`."""
    if isinstance(source, ValueLocation):
        if source.at is not None:
            return _seconds_until(source.at, _zone(source.zone), clock)
        if source.inverse:
            return numeric(read_value(source, answer))
        return seconds_from_now(read_value(source, answer), source.unit or unit, clock)
    return seconds_from_now(read_value(source, answer), unit, clock)


def _seconds_until(at: str, zone: tzinfo, clock: float) -> float:
    hour, minute, second = (int(part) for part in (at + ":00")[:8].split(":"))
    now = datetime.fromtimestamp(clock, UTC).astimezone(zone)
    due = now.replace(hour=hour, minute=minute, second=second, microsecond=0, fold=0)
    if due.timestamp() <= clock:
        due = (due.replace(tzinfo=None) + timedelta(days=1)).replace(tzinfo=zone)
    return due.timestamp() - clock


def _zone(name: str) -> tzinfo:
    """A time zone by its name. Raises ValueError for one that is not known."""
    if name == "UTC":
        return UTC
    from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise ValueError(f"`zone` is no time zone: {name!r}; write one such as Europe/Berlin") from None


def _match_group(pattern: str, text: str, group: int) -> str | None:
    from conn_engine.expressions import groups_of

    groups = groups_of(pattern, text)
    return groups[group] if groups is not None and group < len(groups) else None


def _evaluate(text: str, answer: Answer) -> Any:
    from conn_engine.expressions import UNDEFINED

    got = answer.ask(text)
    return None if got is UNDEFINED else got
