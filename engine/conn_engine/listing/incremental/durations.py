"""ISO 8601 durations to the microsecond, and adding them on the calendar. Years, months, weeks and days follow the
clock of a zone and end on the last day of a shorter month; hours and less are exact time."""

import re
from calendar import monthrange
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, tzinfo
from decimal import Decimal

__all__ = ["Duration", "add_duration", "parse_duration"]

_NUMBER = r"(\d{1,12}(?:[.,]\d{1,9})?)"
_TEXT = re.compile(
    rf"P(?:{_NUMBER}Y)?(?:{_NUMBER}M)?(?:{_NUMBER}W)?(?:{_NUMBER}D)?"
    rf"(T(?:{_NUMBER}H)?(?:{_NUMBER}M)?(?:{_NUMBER}S)?)?",
    re.ASCII,
)
_LARGEST = timedelta(days=400 * 366)


@dataclass(frozen=True, slots=True)
class Duration:
    """Whole months, whole days and an exact remainder. Never negative."""

    months: int = 0
    days: int = 0
    exact: timedelta = timedelta()

    @property
    def nothing(self) -> bool:
        """Whether adding it changes nothing."""
        return not (self.months or self.days or self.exact)

    @property
    def about(self) -> timedelta:
        """The approximate length, with months of 30.4375 days: for comparisons, not for calculations."""
        return timedelta(days=self.months * 30.4375 + self.days) + self.exact


def parse_duration(text: str) -> Duration:
    """Parse `P1M`, `P2W`, `PT90S`, `P1DT12H`, `PT0.000001S` … Raises ValueError with a message for people.

    Weeks, days and smaller units may have a fraction. The maximum is 400 years.
    """
    match = _TEXT.fullmatch(text.strip().upper()) if len(text) < 80 else None
    if match is None or not any(match.groups()) or match[5] == "T":
        raise ValueError(f"{text[:40]!r} is not a duration such as P1M, P1W, P1DT12H or PT90S")
    years, months, weeks, days, _, hours, minutes, seconds = (_amount(part) for part in match.groups())
    if years % 1 or months % 1:
        raise ValueError(f"{text[:40]!r} has a fraction of a month or year, which has no fixed length: use days")
    whole_days, part = divmod(weeks * 7 + days, 1)
    microseconds = (part * 24 + hours) * 3_600_000_000 + minutes * 60_000_000 + seconds * 1_000_000
    if (
        years > 400
        or months > 4800
        or whole_days > _LARGEST.days
        or microseconds > _LARGEST / timedelta(microseconds=1)
    ):
        raise ValueError(f"{text[:40]!r} is longer than 400 years")
    return Duration(int(years * 12 + months), int(whole_days), timedelta(microseconds=int(microseconds)))


def _amount(text: str | None) -> Decimal:
    return Decimal(text.replace(",", ".")) if text and text[0] != "T" else Decimal(0)


def add_duration(moment: datetime, duration: Duration, *, sign: int = 1, zone: tzinfo = UTC) -> datetime:
    """Return the time `duration` later (earlier with `sign` -1), in UTC. A result outside the years 1 to 9999 is their
    first or last moment."""
    try:
        if duration.months or duration.days:
            wall = moment.astimezone(zone)
            year, month = divmod(wall.year * 12 + wall.month - 1 + sign * duration.months, 12)
            day = min(wall.day, monthrange(year, month + 1)[1])
            moment = wall.replace(year=year, month=month + 1, day=day) + timedelta(days=sign * duration.days)
        return moment.astimezone(UTC) + sign * duration.exact
    except (ValueError, OverflowError):
        return (datetime.max if sign > 0 else datetime.min).replace(tzinfo=UTC)
