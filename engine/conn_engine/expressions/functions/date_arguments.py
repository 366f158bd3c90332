"""The functions of `dates`: from arguments to dates and back to text."""

import re
from datetime import UTC, datetime
from typing import Any

from conn_engine.expressions.functions import date_formats
from conn_engine.expressions.functions.date_objects import count_units_between, end
from conn_engine.expressions.functions.date_values import (
    add,
    date_of,
    duration,
    from_millis,
    millis,
    start,
    unit_of,
    zone_of,
)
from conn_engine.expressions.functions.rows import FunctionFault

__all__ = [
    "date_add",
    "date_diff",
    "date_end",
    "date_format",
    "date_in_zone",
    "date_parse",
    "date_start",
    "date_subtract",
    "epoch_millis",
    "epoch_seconds",
    "from_epoch",
    "from_rfc2822",
    "iso_week",
    "to_http_date",
    "to_rfc2822",
]

_DAY = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)
_TIMES = frozenset({"hours", "minutes", "seconds", "milliseconds"})


def _format_date(date: datetime, value: Any, zone: str | None, units: set[str]) -> str:
    """Format a date; without a time if the argument was a day, and neither zone nor unit needs a time."""
    plain = isinstance(value, str) and _DAY.fullmatch(value) and zone is None and not units & _TIMES
    return date_formats.day(date) if plain else date_formats.iso(date)


def date_add(value: Any, amount: Any, zone: str | None = None, sign: int = 1) -> str | None:
    """`$dateAdd`."""
    if value is None or amount is None:
        return None
    amounts = duration(amount)
    parts = {"hours"} if any(number != int(number) for number in amounts.values()) else set()
    return _format_date(add(date_of(value, zone), amounts, sign), value, zone, set(amounts) | parts)


def date_subtract(value: Any, amount: Any, zone: str | None = None) -> str | None:
    """`$dateSubtract`."""
    return date_add(value, amount, zone, -1)


def date_start(value: Any, unit: str | None, zone: str | None = None) -> str | None:
    """`$dateStart`."""
    if value is None or unit is None:
        return None
    name = unit_of(unit)
    return _format_date(start(date_of(value, zone), name), value, zone, {name})


def date_end(value: Any, unit: str | None, zone: str | None = None) -> str | None:
    """`$dateEnd`."""
    if value is None or unit is None:
        return None
    name = unit_of(unit)
    return _format_date(end(date_of(value, zone), name), value, zone, {name})


def date_diff(first: Any, second: Any, unit: str | None = None) -> int | None:
    """`$dateDiff`."""
    if first is None or second is None:
        return None
    return count_units_between(date_of(first), date_of(second), unit_of(unit or "days"))


def date_parse(text: str | None, pattern: str | None, zone: str | None = None) -> str | None:
    """`$dateParse`."""
    if text is None or pattern is None:
        return None
    date = date_formats.read(text, pattern, zone_of(zone or "utc"))
    if date is None:
        raise FunctionFault(f'{text[:60]!r} is not a date in the form "{pattern[:60]}"')
    return date_formats.iso(date)


def date_format(value: Any, pattern: str | None, zone: str | None = None) -> str | None:
    """`$dateFormat`."""
    return None if value is None or pattern is None else date_formats.format_date(date_of(value, zone), pattern)


def date_in_zone(value: Any, zone: str | None) -> str | None:
    """`$dateInZone`."""
    return None if value is None or zone is None else date_formats.iso(date_of(value, zone))


def iso_week(value: Any, zone: str | None = None) -> dict[str, int] | None:
    """`$isoWeek`."""
    if value is None:
        return None
    year, week, weekday = date_of(value, zone).isocalendar()
    return {"year": year, "week": week, "weekday": weekday}


def epoch_millis(value: Any) -> int | None:
    """`$epochMillis`."""
    return None if value is None else millis(date_of(value))


def epoch_seconds(value: Any) -> int | None:
    """`$epochSeconds`."""
    return None if value is None else millis(date_of(value)) // 1000


def from_epoch(value: Any, unit: str | None = None, zone: str | None = None) -> str | None:
    """`$fromEpoch`."""
    if value is None:
        return None
    name = unit_of(unit or "seconds")
    if name not in ("seconds", "milliseconds"):
        raise FunctionFault("$fromEpoch takes seconds or milliseconds")
    try:
        number = float(value if not isinstance(value, str) or "_" not in value else "x")
        date = from_millis(round(number * 1000, 3) if name == "seconds" else number)  # 1.001 * 1000 is 1000.999…
    except ValueError:
        date = None
    if date is None:
        raise FunctionFault(f"{str(value)[:40]!r} is not a number of {name} since 1970")
    return date_formats.iso(date if zone is None else date_of(millis(date), zone))


def to_rfc2822(value: Any, zone: str | None = None) -> str | None:
    """`$toRfc2822`."""
    return None if value is None else date_formats.rfc2822(date_of(value, zone))


def to_http_date(value: Any) -> str | None:
    """`$toHttpDate`."""
    return None if value is None else date_formats.http(date_of(value))


def from_rfc2822(text: str | None) -> str | None:
    """`$fromRfc2822`."""
    if text is None:
        return None
    from email.utils import parsedate_to_datetime

    try:
        date = parsedate_to_datetime(text if len(text) < 200 else "")
        return date_formats.iso(date.replace(tzinfo=date.tzinfo or UTC).astimezone(UTC))
    except (ValueError, TypeError, OverflowError, IndexError):
        raise FunctionFault(f"{text[:60]!r} is not an email date (RFC 2822)") from None
