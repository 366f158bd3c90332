"""Dates as objects with methods, for mappings that were written so: `$dtFromIso(x).plus({'days': 1}).toISO()`.

An object holds the date's fields; the evaluator adds the functions that `dates.DATE` names, each
of which calls `call` with the object itself. An invalid date (`isValid` false) answers every question with null.
"""

from calendar import monthrange
from datetime import UTC, datetime, timedelta, tzinfo
from typing import Any

from conn_engine.expressions.functions import date_formats
from conn_engine.expressions.functions.date_values import (
    UNITS,
    add,
    date_of,
    duration,
    from_iso,
    from_millis,
    millis,
    resolve_gap,
    start,
    unit_of,
    zone_of,
)
from conn_engine.expressions.functions.dates import DATE
from conn_engine.expressions.functions.rows import NULL, FunctionFault

__all__ = ["call", "count_units_between", "end", "from_format", "from_text"]

_FIELDS = ("year", "month", "day", "hour", "minute", "second")


def from_text(text: Any, zone: Any = None) -> dict[str, Any] | None:
    """Return the date object of ISO 8601 text (`$dtFromIso`)."""
    if text is None:
        return None
    place = _zone(zone)
    return _fields(from_iso(text, place) if isinstance(text, str) and place else None)


def from_format(text: Any, pattern: str | None = None, zone: Any = None) -> dict[str, Any] | None:
    """Return the date object of text in a pattern (`$dtFromFormat`)."""
    if text is None or pattern is None:
        return None
    place = _zone(zone)
    return _fields(date_formats.read(text, pattern, place) if isinstance(text, str) and place else None)


def _zone(name: Any) -> Any:
    """Return a time zone, given by its name or in an object of options; None if it is unknown."""
    zone = name.get("zone") if isinstance(name, dict) else name
    try:
        return UTC if zone is None else zone_of(str(zone))
    except FunctionFault:
        return None


def _fields(date: datetime | None) -> dict[str, Any]:
    if date is None:
        return {"isValid": False, "ts": None}
    year, week, weekday = date.isocalendar()
    return {
        "isValid": True,
        "ts": millis(date),
        "zoneName": date_formats.zone_name(date),
        **{name: getattr(date, name) for name in _FIELDS},
        "millisecond": date.microsecond // 1000,
        "weekday": weekday,
        "weekNumber": week,
        "weekYear": year,
        "ordinal": date.timetuple().tm_yday,
        "quarter": (date.month + 2) // 3,
        "daysInMonth": monthrange(date.year, date.month)[1],
        "offset": (date.utcoffset() or timedelta()) // timedelta(minutes=1),
    }


def call(method: str, fields: dict[str, Any], first: Any = None, second: Any = None) -> Any:
    """Call a method of the date. Returns a value, or the fields of another date. Raises FunctionFault."""
    stamp = fields.get("ts")
    date = None
    if isinstance(stamp, int | float):
        date = from_millis(stamp, zone_of(str(fields.get("zoneName", "utc"))))
    if method in DATE.again:
        return _fields(None if date is None else _move_date(date, method, first, second))
    return NULL if date is None else _describe_date(date, method, first, second)


def _move_date(date: datetime, method: str, first: Any, second: Any) -> datetime | None:
    match method:
        case "plus":
            return add(date, duration(first))
        case "minus":
            return add(date, duration(first), -1)
        case "startOf":
            return start(date, unit_of(first))
        case "endOf":
            return end(date, unit_of(first))
        case "setZone":
            place = _zone(first)
            keep = isinstance(second, dict) and second.get("keepLocalTime")
            return None if place is None else resolve_gap(date.replace(tzinfo=place)) if keep else _to_zone(date, place)
        case "set":
            return _set(date, first if isinstance(first, dict) else {})
    return date.astimezone(UTC)


def _to_zone(date: datetime, place: tzinfo) -> datetime:
    try:
        return date.astimezone(place)
    except OverflowError:
        raise FunctionFault("the date would be outside of the years 1 to 9999") from None


def end(date: datetime, unit: str) -> datetime:
    """Return the last millisecond of the date's unit."""
    begins = start(date, unit)
    try:
        return add(add(begins, {unit: 1}), {"milliseconds": -1})
    except FunctionFault:  # the next one would begin in the year 10000
        return datetime(9999, 12, 31, 23, 59, 59, 999_000, tzinfo=begins.tzinfo)


def _set(date: datetime, values: dict[str, Any]) -> datetime:
    amounts = {unit_of(name)[:-1]: int(value) for name, value in values.items() if isinstance(value, int | float)}
    if "millisecond" in amounts:
        amounts["microsecond"] = amounts.pop("millisecond") * 1000
    try:
        months = {name: amounts[name] for name in ("year", "month") if name in amounts}
        moved = date.replace(day=1, **months) if months else date  # type: ignore[arg-type]
        last = monthrange(moved.year, moved.month)[1]
        rest = {"day": min(date.day, last), **{name: value for name, value in amounts.items() if name not in months}}
        return resolve_gap(moved.replace(**rest))  # type: ignore[arg-type]
    except (TypeError, ValueError, OverflowError) as error:
        raise FunctionFault(f"the date cannot be set: {error}") from None


def _describe_date(date: datetime, method: str, first: Any, second: Any) -> Any:
    match method:
        case "toFormat":
            return date_formats.format_date(date, str(first or ""))
        case "toISODate" | "toSQLDate":
            return date_formats.day(date)
        case "toISOTime":
            return date_formats.iso(date).partition("T")[2]
        case "toSQL":
            return date_formats.format_date(date, "yyyy-MM-dd HH:mm:ss.SSS ZZ")
        case "toHTTP":
            return date_formats.http(date)
        case "toRFC2822":
            return date_formats.rfc2822(date)
        case "toMillis" | "valueOf":
            return millis(date)
        case "toSeconds":
            return millis(date) / 1000
        case "toUnixInteger":
            return millis(date) // 1000
        case "diff":
            return _difference(date, first, second)
        case "hasSame":
            unit = unit_of(second)
            return start(date, unit) == start(date_of(first).astimezone(date.tzinfo), unit)
    options = first if isinstance(first, dict) else {}
    text = date_formats.iso(date, plain=bool(options.get("suppressMilliseconds")))
    return text if options.get("includeOffset", True) else text[: -1 if text.endswith("Z") else -6]


def _difference(date: datetime, other: Any, units: Any) -> dict[str, float]:
    """Return the difference as amounts by unit: whole numbers, except for the last one."""
    names = {unit_of(unit) for unit in (units if isinstance(units, list) else [units] if units else [])}
    ordered = [unit for unit in UNITS if unit in names] or ["milliseconds"]
    moment, result = date_of(other).astimezone(date.tzinfo), {}
    for unit in ordered[:-1]:
        result[unit] = count_units_between(moment, date, unit)
        moment = add(moment, {unit: result[unit]})
    whole = count_units_between(moment, date, ordered[-1])
    step = 1 if date >= moment else -1
    low, high = add(moment, {ordered[-1]: whole}), add(moment, {ordered[-1]: whole + step})
    rest = (millis(date) - millis(low)) / (millis(high) - millis(low)) * step if date != low else 0
    return {**result, ordered[-1]: whole + rest}


def count_units_between(first: datetime, second: datetime, unit: str) -> int:
    """Count the complete units between two dates; negative if the second is earlier."""
    span = abs(second.astimezone(UTC) - first.astimezone(UTC))  # between two of one zone Python counts by its clock
    days = {"years": 366, "quarters": 92, "months": 31, "weeks": 7, "days": 1}.get(unit)
    if days is None:
        size = {"hours": 3_600_000, "minutes": 60_000, "seconds": 1000, "milliseconds": 1}[unit]
        count = span // timedelta(milliseconds=size)
        return count if second >= first else -count
    sign = 1 if second >= first else -1
    count = max(span.days // days - 1, 0)
    while _reaches(first, second, unit, sign * (count + 1), sign):
        count += 1
    return sign * count


def _reaches(first: datetime, second: datetime, unit: str, amount: int, sign: int) -> bool:
    try:
        reached = add(first, {unit: amount})
    except FunctionFault:
        return False
    return millis(reached) <= millis(second) if sign > 0 else millis(reached) >= millis(second)
