"""Convert times and durations, as vendors write them, to seconds from now."""

import re
from datetime import UTC, datetime
from typing import Literal, TypeAlias

__all__ = ["Unit", "parse_http_date", "seconds_from_now", "to_number", "to_seconds_away"]

Unit: TypeAlias = Literal[
    "auto", "seconds", "milliseconds", "epoch", "epoch_ms", "iso8601", "http_date", "js_date", "duration"
]

_MAX_TEXT = 200
_LONGEST = 10 * 366 * 86_400.0  # a reset more than ten years ahead is a misread value
_NUMBER = re.compile(r"\d{1,18}(?:\.\d{1,18})?")
_FIRST_NUMBER = re.compile(r"\s*(\d{1,18}(?:\.\d{1,18})?)\s*(?:[,;].*)?", re.DOTALL)
_ISO = re.compile(r"(\d{4})-(\d\d)-(\d\d)[T ](\d\d):(\d\d)(?::(\d\d)(?:[.,](\d{1,9}))?)?\s*(Z|z|[+-]\d\d:?\d\d)?")
_JS_DATE = re.compile(r"\w{3} (\w{3} \d\d \d{4} \d\d:\d\d:\d\d) GMT([+-]\d{4})(?: \(.*\))?")
_HTTP_DATE = re.compile(r"[A-Z][a-z]{2}, (\d\d) ([A-Z][a-z]{2}) (\d{4}) (\d\d):(\d\d):(\d\d) GMT")
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_DURATION = re.compile(r"(?:(\d+)d)?(?:(\d+)h)?(?:(\d+)m(?!s))?(?:(\d+(?:\.\d+)?)s)?(?:(\d+(?:\.\d+)?)ms)?")


def to_number(value: object) -> float | None:
    """Return a number of at least 0 from a JSON number or a string; None for anything else.

    In a list, the first member counts ("100, 100;w=10" of the older IETF drafts).
    """
    if isinstance(value, bool):
        return None
    if isinstance(value, int | float):
        return float(value) if 0 <= value < 1e18 else None
    match = _FIRST_NUMBER.fullmatch(value) if isinstance(value, str) and len(value) <= _MAX_TEXT else None
    return float(match[1]) if match else None


def seconds_from_now(value: object, unit: Unit, now: float) -> float | None:
    """Return how far ahead a time is, in seconds, and 0 for a past time; None when the value does not have the unit.

    `auto`: a number above 1e12 is an epoch in milliseconds, above 1e9 one in seconds, else seconds from now; a
    string is tried as ISO 8601, JavaScript date, HTTP date and duration ("1m30.5s"). Only the unit decides how to
    read it: the same header is an epoch for some vendors and a delay for others.
    """
    ahead = None if value is None else _to_seconds_ahead(value, unit, now)  # most responses have no such header
    if ahead is None or not ahead < _LONGEST:
        return None
    return max(0.0, ahead)


def to_seconds_away(value: object, unit: Unit, now: float) -> float | None:
    """Return the same as `seconds_from_now`, but negative for a past time, and without a limit."""
    return _to_seconds_ahead(value, unit, now)


def _to_seconds_ahead(value: object, unit: Unit, now: float) -> float | None:
    amount = to_number(value)
    if unit == "auto":
        if amount is not None:
            if amount > 1e12:
                return amount / 1000 - now
            return amount - now if amount > 1e9 else amount
        readings = (_to_seconds_ahead(value, kind, now) for kind in _TEXTS)
        return next((reading for reading in readings if reading is not None), None)
    if unit in ("seconds", "milliseconds", "epoch", "epoch_ms"):
        if amount is None:
            return None
        amount = amount / 1000 if unit in ("milliseconds", "epoch_ms") else amount
        return amount - now if unit in ("epoch", "epoch_ms") else amount
    if not isinstance(value, str) or len(value) > _MAX_TEXT:
        return None
    if unit == "duration":
        return _parse_duration(value.strip())
    moment = {"iso8601": _parse_iso8601, "http_date": parse_http_date, "js_date": _parse_js_date}[unit](value.strip())
    return None if moment is None else moment - now


# Strict formats first: the standard library reads a JavaScript date as an HTTP date and ignores its zone.
_TEXTS: tuple[Unit, ...] = ("iso8601", "js_date", "http_date", "duration")


def _parse_iso8601(text: str) -> float | None:
    match = _ISO.fullmatch(text)
    if not match:
        return None
    year, month, day, hour, minute, second, fraction, zone = match.groups()
    offset = 0
    if zone and zone not in "Zz":
        sign = -1 if zone[0] == "-" else 1
        offset = sign * (int(zone[1:3]) * 3600 + int(zone[-2:]) * 60)
    try:
        moment = datetime(int(year), int(month), int(day), int(hour), int(minute), int(second or 0), tzinfo=UTC)
    except ValueError:
        return None
    return moment.timestamp() + float(f"0.{fraction or 0}") - offset


def parse_http_date(text: str) -> float | None:
    """Return the Unix seconds of an HTTP date (RFC 9110, including its obsolete forms); None for anything else."""
    match = _HTTP_DATE.fullmatch(text)
    try:
        if match and match[2] in _MONTHS:
            day, year, hour, minute, second = (int(match[part]) for part in (1, 3, 4, 5, 6))
            return datetime(year, _MONTHS.index(match[2]) + 1, day, hour, minute, second, tzinfo=UTC).timestamp()
        from email.utils import parsedate_to_datetime  # for the obsolete forms only: it takes longer to import

        moment = parsedate_to_datetime(text)
    except (TypeError, ValueError, IndexError):
        return None
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()


def _parse_js_date(text: str) -> float | None:
    match = _JS_DATE.fullmatch(text)
    if not match:
        return None
    try:
        return datetime.strptime(f"{match[1]} {match[2]}", "%b %d %Y %H:%M:%S %z").timestamp()
    except ValueError:
        return None


def _parse_duration(text: str) -> float | None:
    match = _DURATION.fullmatch(text)
    if not text or not match:
        return None
    scale = (86_400.0, 3600.0, 60.0, 1.0, 0.001)
    return sum(float(part) * factor for part, factor in zip(match.groups(), scale, strict=True) if part)
