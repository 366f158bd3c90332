"""How vendors write times: read any of them, write one of them. Times are UTC, to the microsecond.

Values that cannot be read become None; the caller reports what was expected.
"""

import re
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta, tzinfo
from decimal import Decimal, InvalidOperation
from typing import Any

__all__ = ["NAMES", "canonical", "is_absent", "is_known_format", "read_moment", "write_moment"]

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
_LENGTH = 120
_PER_MICROSECOND = {"epoch": Decimal(1_000_000), "epoch_ms": Decimal(1000), "epoch_us": Decimal(1)}
_PER_MICROSECOND["epoch_ns"] = Decimal("0.001")
_LOW_CODE = {"%s": "epoch", "%ms": "epoch_ms", "%epoch_microseconds": "epoch_us", "%s_as_float": "epoch"}
_ZERO = re.compile(r"0000-00-00([T ]00:00:00.*)?", re.ASCII)
_NUMBER = re.compile(r"-?\d{1,19}(\.\d{1,9})?", re.ASCII)
_MS_DATE = re.compile(r"/Date\((-?\d{1,16})([+-]\d{4})?\)/", re.ASCII)
_STAMP = re.compile(
    r"(?P<day>\d{4}-?\d{2}-?\d{2})[T ]+(?P<clock>\d{2}(?::?\d{2}){0,2}(?:[.,]\d{1,12})?)\s*"
    r"(?:(?P<utc>Z|UTC|GMT)|(?P<hours>[+-]\d{2})(?::?(?P<minutes>\d{2}))?)?(?:\[[a-z0-9/_+-]{1,40}\])?",
    re.ASCII | re.IGNORECASE,
)
_MAIL = re.compile(r"(?:[a-z]{3,9}, ?)?\d{1,2}[ -][a-z]{3}[ -]\d{2,4} \d{2}:\d{2}.{0,30}", re.ASCII | re.IGNORECASE)
_DIRECTIVE = re.compile(r"%(epoch_microseconds|s_as_float|_ms|s|.)", re.DOTALL)

NAMES = ("iso8601", "date", "epoch", "epoch_ms", "epoch_us", "epoch_ns", "rfc2822", "ms_date")


def is_known_format(name: str) -> bool:
    """Return whether this is a format: one of `NAMES`, or a pattern with `%`."""
    return name in NAMES or "%" in name


def is_absent(value: Any) -> bool:
    """Return whether a value means that there is no time: undefined, null, blank, or the zero date of some
    databases."""
    from conn_engine.expressions import UNDEFINED

    if value is UNDEFINED or value is None:
        return True
    return isinstance(value, str) and (not value.strip() or _ZERO.fullmatch(value.strip()) is not None)


def read_moment(value: Any, formats: Sequence[str] = (), zone: tzinfo = UTC) -> datetime | None:
    """Return the time of a value in the first format that matches; without formats, in whatever format it has."""
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        return None
    if isinstance(value, str):
        value = value.strip()
        if len(value) > _LENGTH:
            return None
    if not formats:
        return _guess_moment(value, zone)
    moments = (_parse(value, name, zone) for name in formats)
    return next((moment for moment in moments if moment is not None), None)


def _parse(value: Any, name: str, zone: tzinfo) -> datetime | None:
    name = _LOW_CODE.get(name, name)
    if name in _PER_MICROSECOND:
        return _from_epoch(value, name)
    if name == "ms_date":
        return _from_ms_date(str(value))
    if name == "rfc2822":
        return _from_rfc2822(str(value), zone)
    if name in ("iso8601", "date"):
        return _from_iso(str(value), zone)
    try:
        moment = datetime.strptime(str(value), name.replace("%_ms", "%f"))
        return (moment if moment.tzinfo else moment.replace(tzinfo=zone)).astimezone(UTC)
    except (ValueError, OverflowError, re.error):  # re.error: a pattern repeats a directive
        return None


def _guess_moment(value: Any, zone: tzinfo) -> datetime | None:
    if isinstance(value, str):
        if not _NUMBER.fullmatch(value):
            return _from_iso(value, zone) or _from_ms_date(value) or _from_rfc2822(value, zone)
        if len(value) in (4, 8, 14) and value.isdigit() and (moment := _from_iso(_spread(value), zone)) is not None:
            return moment
    size = abs(float(value))
    name = "epoch" if size < 1e11 else "epoch_ms" if size < 1e14 else "epoch_us" if size < 1e17 else "epoch_ns"
    return _from_epoch(value, name)


def _spread(digits: str) -> str:
    """Return 20240131235959 as 2024-01-31T23:59:59."""
    if len(digits) == 4:
        return digits
    day, clock = f"{digits[:4]}-{digits[4:6]}-{digits[6:8]}", digits[8:]
    return f"{day}T{clock[:2]}:{clock[2:4]}:{clock[4:]}" if clock else day


def _from_epoch(value: Any, unit: str) -> datetime | None:
    try:
        number = Decimal(str(value))
        if not number.is_finite():
            return None
        return _EPOCH + int((number * _PER_MICROSECOND[unit]).to_integral_value("ROUND_FLOOR")) * _MICROSECOND
    except (InvalidOperation, OverflowError, ValueError):
        return None


def _from_ms_date(text: str) -> datetime | None:
    match = _MS_DATE.fullmatch(text)  # the offset is for display; the number is UTC
    return _from_epoch(match[1], "epoch_ms") if match else None


def _from_rfc2822(text: str, zone: tzinfo) -> datetime | None:
    from email.utils import parsedate_to_datetime

    try:
        if not _MAIL.fullmatch(text):  # the parser accepts almost anything
            return None
        moment = parsedate_to_datetime(text)
        return (moment if moment.tzinfo else moment.replace(tzinfo=zone)).astimezone(UTC)
    except (ValueError, TypeError, OverflowError, IndexError):
        return None


def _from_iso(text: str, zone: tzinfo) -> datetime | None:
    from conn_engine.expressions.functions.date_values import from_iso

    stamp = _STAMP.fullmatch(text)
    plain = text if stamp is None else f"{stamp['day']}T{stamp['clock'].replace(',', '.')}{_offset(stamp)}"
    try:
        moment = datetime.fromisoformat(plain)
        return (moment if moment.tzinfo else moment.replace(tzinfo=zone)).astimezone(UTC)
    except OverflowError:
        return None
    except ValueError:
        full_moment = from_iso(plain, zone)  # a month without a day, the day of a year, hour 24
        return None if full_moment is None else full_moment.astimezone(UTC)


def _offset(stamp: re.Match[str]) -> str:
    if stamp["utc"]:
        return "+00:00"
    return f"{stamp['hours']}:{stamp['minutes'] or '00'}" if stamp["hours"] else ""


def write_moment(moment: datetime, name: str = "iso8601", zone: tzinfo = UTC) -> str | int:
    """Return the time in a format, rounded down to its precision. Named epochs are integers, everything else is
    text."""
    if name in _PER_MICROSECOND:
        return int((_microseconds(moment) / _PER_MICROSECOND[name]).to_integral_value("ROUND_FLOOR"))
    if name == "%ms":
        return str(write_moment(moment, "epoch_ms"))
    local = moment.astimezone(zone)
    if name == "iso8601":
        return canonical(moment) if zone is UTC else local.isoformat(timespec=_precision(moment))
    if name == "date":
        return local.date().isoformat()
    if name == "ms_date":
        return f"/Date({write_moment(moment, 'epoch_ms')})/"
    if name == "rfc2822":
        from email.utils import format_datetime

        return format_datetime(local, usegmt=zone is UTC)
    return local.strftime(_DIRECTIVE.sub(lambda found: _directive(found, local), name))


def _directive(match: re.Match[str], local: datetime) -> str:
    """Return what the platform's strftime does not write, or not in the same way everywhere."""
    name = match[1]
    if name == "Y":
        return f"{local.year:04d}"
    if name == "_ms":
        return f"{local.microsecond // 1000:03d}"
    if name == "s":
        return str(write_moment(local, "epoch"))
    if name == "s_as_float":
        return str(float(_microseconds(local) / 1_000_000))
    return str(write_moment(local, "epoch_us")) if name == "epoch_microseconds" else match[0]


def _microseconds(moment: datetime) -> Decimal:
    return Decimal((moment - _EPOCH) // _MICROSECOND)


def canonical(moment: datetime) -> str:
    """Return the time as states store it: 2024-01-31T12:00:00Z, with a fraction only if there is one."""
    return moment.astimezone(UTC).replace(tzinfo=None).isoformat(timespec=_precision(moment)) + "Z"


def _precision(moment: datetime) -> str:
    if not moment.microsecond:
        return "seconds"
    return "microseconds" if moment.microsecond % 1000 else "milliseconds"
