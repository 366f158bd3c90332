"""Dates for the functions: reading them, time zones, durations, arithmetic. Written forms are in `date_formats`.

A date is a datetime with a zone, of whole milliseconds, in the years 1 to 9999. Calendar units are added on the
clock of the zone and end at the last day of a shorter month; hours and less are added in real time.
"""

import re
from calendar import monthrange
from datetime import UTC, datetime, timedelta, timezone, tzinfo
from functools import lru_cache
from typing import Any

from conn_engine.expressions.functions.rows import FunctionFault

__all__ = ["add", "date_of", "duration", "from_iso", "millis", "resolve_gap", "start", "unit_of", "zone_of"]

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_OFFSET = re.compile(r"(?:utc|gmt)?([+-])(\d{1,2})(?::?(\d{2}))?", re.IGNORECASE)
_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_+\-]*(?:/[A-Za-z0-9_+\-]+)*")
_ISO = re.compile(
    r"(?P<year>\d{4})(?:-?W(?P<week>\d{2})(?:-?(?P<weekday>\d))?|-?(?P<ordinal>\d{3})|"
    r"-(?P<month>\d{2})(?:-(?P<day>\d{2}))?|(?P<month2>\d{2})(?P<day2>\d{2}))?"
    r"(?:[T ](?P<hour>\d{2})(?::?(?P<minute>\d{2})(?::?(?P<second>\d{2})(?:[.,](?P<fraction>\d{1,12}))?)?)?"
    r"\s?(?P<zone>Z|[+-]\d{2}(?::?\d{2})?)?)?",
    re.ASCII | re.IGNORECASE,
)
_DURATION = re.compile(
    r"(?P<sign>[+-])?P(?:(?P<years>-?\d+)Y)?(?:(?P<months>-?\d+)M)?(?:(?P<weeks>-?\d+)W)?(?:(?P<days>-?\d+)D)?"
    r"(?:T(?:(?P<hours>-?\d+)H)?(?:(?P<minutes>-?\d+)M)?(?:(?P<seconds>-?\d+(?:[.,]\d+)?)S)?)?",
    re.ASCII,
)
UNITS = ("years", "quarters", "months", "weeks", "days", "hours", "minutes", "seconds", "milliseconds")
_MILLIS = {"hours": 3_600_000, "minutes": 60_000, "seconds": 1000, "milliseconds": 1}
_DAYS = {"years": 365, "quarters": 91, "months": 30, "weeks": 7, "days": 1}
"""How long a part of a calendar unit is reckoned, in days."""
_FARTHEST = 10**15


@lru_cache(maxsize=256)
def zone_of(name: str) -> tzinfo:
    """Return a time zone by name: utc, an offset (+05:30, UTC-3), or an IANA name. Raises FunctionFault."""
    plain = name.strip()
    if plain.lower() in ("utc", "gmt", "z", "local", "system", "default"):
        return UTC
    if match := _OFFSET.fullmatch(plain):
        minutes = int(match[2]) * 60 + int(match[3] or 0)
        if minutes < 24 * 60:
            return timezone(timedelta(minutes=-minutes if match[1] == "-" else minutes))
    elif len(plain) < 64 and _NAME.fullmatch(plain):
        from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

        try:
            return ZoneInfo(plain)
        except (ZoneInfoNotFoundError, ValueError, OSError):
            pass
    raise FunctionFault(
        f'unknown time zone "{name[:60]}": use utc, an offset such as +05:30, or a name such as Europe/Berlin'
    )


def from_iso(text: str, zone: tzinfo | None = None) -> datetime | None:
    """Parse ISO 8601 text; None if it is not a date. Without an offset, it is a time in `zone` (UTC); with one, it is
    converted to `zone`."""
    match = _ISO.fullmatch(text.strip()) if len(text) < 64 else None
    if match is None:
        return None
    part = match.groupdict()
    try:
        moment = datetime(
            int(part["year"]),
            int(part["month"] or part["month2"] or 1),
            int(part["day"] or part["day2"] or 1),
            int(part["hour"] or 0) % 24,
            int(part["minute"] or 0),
            int(part["second"] or 0),
            int(f"{part['fraction'] or '0':0<3}"[:3]) * 1000,
        )
        if part["week"]:
            moment = datetime.fromisocalendar(moment.year, int(part["week"]), int(part["weekday"] or 1)).replace(
                hour=moment.hour, minute=moment.minute, second=moment.second, microsecond=moment.microsecond
            )
        if part["ordinal"]:
            moment += timedelta(days=int(part["ordinal"]) - 1)
            if part["ordinal"] == "000" or moment.year != int(part["year"]):
                return None
        if part["hour"] == "24":
            if moment.minute or moment.second or moment.microsecond:
                return None
            moment += timedelta(days=1)
        elif part["hour"] and int(part["hour"]) > 24:
            return None
        zone_text = part["zone"]
        if zone_text is None:
            return resolve_gap(moment.replace(tzinfo=zone or UTC))
        return moment.replace(tzinfo=zone_of(zone_text)).astimezone(zone or UTC)
    except (ValueError, OverflowError):
        return None


def resolve_gap(date: datetime) -> datetime:
    """Return the same time on its zone's clock: a time that the clock skips in spring is moved forward."""
    return date if date.tzinfo is UTC else date.astimezone(UTC).astimezone(date.tzinfo)


def from_millis(value: float, zone: tzinfo | None = None) -> datetime | None:
    """Return the date of milliseconds since 1970; None outside of the years 1 to 9999."""
    if abs(value) > _FARTHEST:
        return None
    try:
        return (_EPOCH + timedelta(milliseconds=int(value // 1))).astimezone(zone or UTC)
    except (OverflowError, ValueError):
        return None


def millis(date: datetime) -> int:
    """Return the milliseconds since 1970."""
    return (date - _EPOCH) // timedelta(milliseconds=1)


def date_of(value: Any, zone: str | None = None) -> datetime:
    """Return the date of an argument: ISO text, milliseconds since 1970, or a date's object. Raises FunctionFault."""
    place = None if zone is None else zone_of(zone)
    date: datetime | None = None
    if isinstance(value, str):
        date = from_iso(value, place)
    elif isinstance(value, int | float) and not isinstance(value, bool):
        date = from_millis(value, place)
    elif isinstance(value, dict) and isinstance(value.get("ts"), int | float):
        date = from_millis(value["ts"], place or zone_of(str(value.get("zoneName", "utc"))))
    if date is None:
        value_text = value if isinstance(value, str | int | float) else type(value).__name__
        raise FunctionFault(f"{str(value_text)[:60]!r} is not a date: use ISO 8601 text, or milliseconds since 1970")
    return date


def unit_of(name: Any) -> str:
    """Return a unit's plural name. Raises FunctionFault."""
    text = str(name).strip().lower()
    plural = text if text.endswith("s") else f"{text}s"
    if plural not in UNITS:
        raise FunctionFault(f'unknown unit of time "{text[:30]}": use {", ".join(UNITS)}')
    return plural


def duration(value: Any) -> dict[str, float]:
    """Return amounts by unit, from P1M, PT1H30M, {'days': 1} or a number of milliseconds. Raises FunctionFault."""
    if isinstance(value, int | float) and not isinstance(value, bool):
        return {"milliseconds": value}
    if isinstance(value, dict):
        amounts = {unit_of(unit): amount for unit, amount in value.items()}
        if all(isinstance(amount, int | float) and not isinstance(amount, bool) for amount in amounts.values()):
            return amounts
    if isinstance(value, str):
        match = _DURATION.fullmatch(value.strip()) if len(value) < 60 else None
        parts = (
            {} if match is None else {key: text for key, text in match.groupdict().items() if text and key != "sign"}
        )
        if match is not None and parts:
            sign = -1 if match["sign"] == "-" else 1
            return {unit: sign * float(text.replace(",", ".")) for unit, text in parts.items()}
    raise FunctionFault(f"{str(value)[:40]!r} is not a duration: use P1M, PT90S, or an object such as {{'days': 1}}")


def add(date: datetime, amounts: dict[str, float], sign: int = 1) -> datetime:
    """Add amounts to a date, or with -1 subtract them. Half a day is 12 hours, half a month 15 days. Raises
    FunctionFault if the result is outside of the years 1 to 9999."""
    try:
        whole = {unit: sign * (int(amount) if unit in _DAYS else amount) for unit, amount in amounts.items()}
        parts = sum(sign * (amount - int(amount)) * _DAYS[unit] for unit, amount in amounts.items() if unit in _DAYS)
        months = whole.get("years", 0) * 12 + whole.get("quarters", 0) * 3 + whole.get("months", 0)
        count = date.year * 12 + date.month - 1 + int(months)
        year, month = divmod(count, 12)
        day = min(date.day, monthrange(year, month + 1)[1]) if 0 < year < 10_000 else date.day
        moved = date.replace(year=year, month=month + 1, day=day)
        moved += timedelta(days=int(whole.get("weeks", 0) * 7 + whole.get("days", 0)))
        exact = sum(whole.get(unit, 0) * size for unit, size in _MILLIS.items()) + parts * 24 * _MILLIS["hours"]
        return (moved.astimezone(UTC) + timedelta(milliseconds=round(exact))).astimezone(date.tzinfo)
    except (ValueError, OverflowError):
        raise FunctionFault("the date would be outside of the years 1 to 9999") from None


def start(date: datetime, unit: str) -> datetime:
    """Return the start of the date's unit; a week starts on Monday."""
    if unit in ("hours", "minutes", "seconds", "milliseconds"):
        minute = 0 if unit == "hours" else date.minute
        second = 0 if unit in ("hours", "minutes") else date.second
        return date if unit == "milliseconds" else date.replace(minute=minute, second=second, microsecond=0)
    day = date.replace(hour=0, minute=0, second=0, microsecond=0, fold=0)
    if unit == "weeks":
        return add(day, {"days": -day.weekday()})
    if unit == "quarters":
        day = day.replace(month=(day.month - 1) // 3 * 3 + 1, day=1)
    elif unit == "months":
        day = day.replace(day=1)
    elif unit == "years":
        day = day.replace(month=1, day=1)
    return resolve_gap(day)
