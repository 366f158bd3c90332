"""Where a response has the value that gives a wait: in a header, in its body, or as a time of day. The caller knows
what the wait is for."""

import re
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta, tzinfo
from typing import Annotated, Any, TypeAlias

from msgspec import Meta

from conn_engine.responses.waits.time_values import Unit, parse_http_date, seconds_from_now, to_number
from conn_engine.roles import HEADER, UNIT, expression_over
from conn_engine.settings import Answer, Settings

__all__ = ["Value", "ValueLocation", "find_longest_wait", "read_value", "read_vendor_time", "read_wait"]

_TIME_OF_DAY = re.compile(r"([01]\d|2[0-3]):([0-5]\d)(?::([0-5]\d))?")


class ValueLocation(Settings, frozen=True, kw_only=True):
    """Where a value is: in a response header, in the body (or a part of its text), or a time of day."""

    header: Annotated[str | None, Meta(description="Name of the response header.", extra=HEADER)] = None
    body: Annotated[
        str | None,
        Meta(
            description="The value, such as `body.error.retry_after`; `text` with a `pattern`.",
            extra=expression_over("answer"),
        ),
    ] = None
    at: Annotated[
        str | None,
        Meta(description="Time of day when the quota is full again, such as 00:00; the next one counts."),
    ] = None
    zone: Annotated[str, Meta(description="Time zone of `at`, such as Europe/Berlin.")] = "UTC"
    pattern: Annotated[
        Annotated[str, Meta(max_length=500)] | None,
        Meta(description="Regular expression that finds the value in the text."),
    ] = None
    group: Annotated[int, Meta(ge=0, description="Group of `pattern` with the value; 0 is the complete match.")] = 1
    unit: Annotated[Unit | None, Meta(extra=UNIT, description="Unit of the value, if it is a time or a wait.")] = None
    scale: Annotated[float, Meta(gt=0, description="Factor for a number (0.001 for milliseconds to seconds).")] = 1.0
    inverse: Annotated[
        bool, Meta(description="Whether the value is a rate (requests per second): the wait is one divided by it.")
    ] = False

    def __post_init__(self) -> None:
        if sum(place is not None for place in (self.header, self.body, self.at)) != 1:
            raise ValueError("set exactly one of `header`, `body` and `at` (a time of day)")
        if self.at is not None:
            if not _TIME_OF_DAY.fullmatch(self.at):
                raise ValueError(f"`at` must be a time of day such as 00:00 or 23:59:59, not {self.at!r}")
            _load_zone(self.zone)
        if self.pattern is not None:
            try:
                groups = re.compile(self.pattern).groups
            except (re.error, RecursionError, OverflowError) as error:
                raise ValueError(f"`pattern` is not a valid regular expression: {error}") from None
            if self.group > groups:
                raise ValueError(f"`pattern` has no group {self.group}; it has {groups}")


Value: TypeAlias = str | float | ValueLocation
"""A header's name, a fixed number, or a location."""


def read_value(value: Value | None, answer: Answer) -> Any:
    """Return the value at a location: a JSON value or a string; None if there is none, and for a time of day."""
    if value is None or isinstance(value, int | float):
        return value
    if isinstance(value, str):
        return answer.response.headers.get(value)
    if value.at is not None:
        return None
    raw_value: Any = answer.response.headers.get(value.header) if value.header else _evaluate(value.body or "", answer)
    if value.pattern is not None:
        raw_value = None if raw_value is None else _match_group(value.pattern, str(raw_value), value.group)
    if value.scale == 1.0 and not value.inverse:
        return raw_value
    amount = to_number(raw_value)
    if amount is None:
        return None if value.inverse else raw_value
    if value.inverse:
        return value.scale / amount if amount > 0 else None
    return amount * value.scale


def find_longest_wait(sources: Iterable[Value], answer: Answer, clock: float) -> float | None:
    """Return the longest wait of the sources in seconds at `clock` (Unix seconds); None if none gives one."""
    waits = [read_wait(source, answer, clock) for source in sources]
    return max((seconds for seconds in waits if seconds is not None), default=None)


def read_vendor_time(answer: Answer, now: float) -> float:
    """Return the vendor's time from its Date header, else `now`. A wrong clock on either side then cancels out."""
    vendor_time = parse_http_date(answer.response.headers.get("date", "")[:100])
    return now if vendor_time is None else vendor_time


def read_wait(source: Value | None, answer: Answer, clock: float, unit: Unit = "auto") -> float | None:
    """Return the seconds from `clock` (Unix seconds) that a source gives; None if it gives none. A source's own unit
    overrides `unit`."""
    if isinstance(source, ValueLocation):
        if source.at is not None:
            return _seconds_until(source.at, _load_zone(source.zone), clock)
        if source.inverse:
            return to_number(read_value(source, answer))
        return seconds_from_now(read_value(source, answer), source.unit or unit, clock)
    return seconds_from_now(read_value(source, answer), unit, clock)


def _seconds_until(time_of_day: str, zone: tzinfo, clock: float) -> float:
    hour, minute, second = (int(part) for part in (time_of_day + ":00")[:8].split(":"))
    now = datetime.fromtimestamp(clock, UTC).astimezone(zone)
    due = now.replace(hour=hour, minute=minute, second=second, microsecond=0, fold=0)
    if due.timestamp() <= clock:
        due = (due.replace(tzinfo=None) + timedelta(days=1)).replace(tzinfo=zone)
    return due.timestamp() - clock


def _load_zone(name: str) -> tzinfo:
    """Return a time zone by its name. Raises ValueError for an unknown one."""
    if name == "UTC":
        return UTC
    from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise ValueError(f"`zone` is not a time zone: {name!r}; use a name such as Europe/Berlin") from None


def _match_group(pattern: str, text: str, group: int) -> str | None:
    from conn_engine.expressions import groups_of

    groups = groups_of(pattern, text)
    return groups[group] if groups is not None and group < len(groups) else None


def _evaluate(text: str, answer: Answer) -> Any:
    from conn_engine.expressions import UNDEFINED

    result = answer.ask(text)
    return None if result is UNDEFINED else result
