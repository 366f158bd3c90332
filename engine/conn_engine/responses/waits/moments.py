"""Moments and durations as vendors write them, to seconds from now. Which header holds one is decided
elsewhere."""

import re
from datetime import UTC, datetime
from typing import Literal, TypeAlias

__all__ = ["Unit", "away", "http_date", "numeric", "seconds_from_now"]

Unit: TypeAlias = Literal[
    "auto", "seconds", "milliseconds", "epoch", "epoch_ms", "iso8601", "http_date", "js_date", "duration"
]

_MAX_TEXT = 200
_LONGEST = 10 * 366 * 86_400.0  # a reset further away than ten years is a misread value
_NUMBER = re.compile(r"\d{1,18}(?:\.\d{1,18})?")
_FIRST_NUMBER = re.compile(r"\s*(\d{1,18}(?:\.\d{1,18})?)\s*(?:[,;].*)?", re.DOTALL)
_ISO = re.compile(r"(\d{4})-(\d\d)-(\d\d)[T ](\d\d):(\d\d)(?::(\d\d)(?:[.,](\d{1,9}))?)?\s*(Z|z|[+-]\d\d:?\d\d)?")
_JS_DATE = re.compile(r"\w{3} (\w{3} \d\d \d{4} \d\d:\d\d:\d\d) GMT([+-]\d{4})(?: \(.*\))?")
_DURATION = re.compile(r"(?:(\d+)d)?(?:(\d+)h)?(?:(\d+)m(?!s))?(?:(\d+(?:\.\d+)?)s)?(?:(\d+(?:\.\d+)?)ms)?")


def numeric(value: object) -> float | None:
    """A number that is not negative, out of a JSON number or a text; None for anything else.

    A text may be a list whose first member counts ("100, 100;w=10" of the older IETF drafts).
    """
    if isinstance(value, bool):
        return None
    if isinstance(value, int | float):
        return float(value) if 0 <= value < 1e18 else None
    found = _FIRST_NUMBER.fullmatch(value) if isinstance(value, str) and len(value) <= _MAX_TEXT else None
    return float(found[1]) if found else None


def seconds_from_now(value: object, unit: Unit, now: float) -> float | None:
    """How far ahead a moment is, in seconds, 0 when it is past; None when the value is not of the unit.

    `auto`: a number above 1e12 is an epoch in milliseconds, above 1e9 one in seconds, else seconds from now;
    a text is tried as ISO 8601, JavaScript date, HTTP date and duration ("1m30.5s"). Reading is by the unit
    alone: the same header name means an epoch to some vendors and a delay to others.
    """
    ahead = None if value is None else _ahead(value, unit, now)  # nearly all answers have no such header
    if ahead is None or not ahead < _LONGEST:
        return None
    return max(0.0, ahead)


def away(value: object, unit: Unit, now: float) -> float | None:
    """As `seconds_from_now`, but below 0 for a moment that is past, and however far it is."""
    return _ahead(value, unit, now)


def _ahead(value: object, unit: Unit, now: float) -> float | None:
    amount = numeric(value)
    if unit == "auto":
        if amount is not None:
            if amount > 1e12:
                return amount / 1000 - now
            return amount - now if amount > 1e9 else amount
        readings = (_ahead(value, kind, now) for kind in _TEXTS)
        return next((reading for reading in readings if reading is not None), None)
    if unit in ("seconds", "milliseconds", "epoch", "epoch_ms"):
        if amount is None:
            return None
        amount = amount / 1000 if unit in ("milliseconds", "epoch_ms") else amount
        return amount - now if unit in ("epoch", "epoch_ms") else amount
    if not isinstance(value, str) or len(value) > _MAX_TEXT:
        return None
    if unit == "duration":
        return _duration(value.strip())
    moment = {"iso8601": _iso, "http_date": http_date, "js_date": _js_date}[unit](value.strip())
    return None if moment is None else moment - now


# the strict forms first: the standard library reads a JavaScript date as an HTTP date, and passes over its zone
_TEXTS: tuple[Unit, ...] = ("iso8601", "js_date", "http_date", "duration")


def _iso(text: str) -> float | None:
    found = _ISO.fullmatch(text)
    if not found:
        return None
    year, month, day, hour, minute, second, fraction, zone = found.groups()
    offset = 0
    if zone and zone not in "Zz":
        sign = -1 if zone[0] == "-" else 1
        offset = sign * (int(zone[1:3]) * 3600 + int(zone[-2:]) * 60)
    try:
        moment = datetime(int(year), int(month), int(day), int(hour), int(minute), int(second or 0), tzinfo=UTC)
    except ValueError:
        return None
    return moment.timestamp() + float(f"0.{fraction or 0}") - offset


def http_date(text: str) -> float | None:
    """Unix seconds of an HTTP date (RFC 9110, its obsolete forms too); None for anything else."""
    from email.utils import parsedate_to_datetime

    try:
        moment = parsedate_to_datetime(text)
    except (TypeError, ValueError, IndexError):
        return None
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()


def _js_date(text: str) -> float | None:
    found = _JS_DATE.fullmatch(text)
    if not found:
        return None
    try:
        return datetime.strptime(f"{found[1]} {found[2]}", "%b %d %Y %H:%M:%S %z").timestamp()
    except ValueError:
        return None


def _duration(text: str) -> float | None:
    found = _DURATION.fullmatch(text)
    if not text or not found:
        return None
    scale = (86_400.0, 3600.0, 60.0, 1.0, 0.001)
    return sum(float(part) * factor for part, factor in zip(found.groups(), scale, strict=True) if part)
