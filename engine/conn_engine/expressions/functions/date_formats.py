"""Dates written and read by a pattern, in English: `%Y-%m-%d %H:%M` (strftime), or tokens such as yyyy-MM-dd HH:mm, in
which text between single quotes stands for itself."""

import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta, tzinfo
from functools import lru_cache

from conn_engine.expressions.functions.date_values import millis, resolve_gap, zone_of
from conn_engine.expressions.functions.rows import FunctionFault

__all__ = ["MONTHS", "format_date", "http", "iso", "offset", "read", "rfc2822", "zone_name"]

MONTHS = tuple(
    "January February March April May June July August September October November December".split()  # noqa: SIM905
)
_DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
_TOKEN = re.compile(r"'(?:[^']*)'|([A-Za-z])\1*|[^A-Za-z']+|'")
_DIRECTIVE = re.compile(r"%(_ms|ms|-?.)|[^%]+|%", re.DOTALL)
_STRFTIME = re.compile(r"%-?[A-Za-z]|%_ms")
_LONGEST = 200
_DIRECTIVES = {
    "Y": "yyyy", "y": "yy", "m": "MM", "-m": "M", "d": "dd", "-d": "d", "e": "d", "H": "HH", "-H": "H", "I": "hh",
    "-I": "h", "M": "mm", "-M": "m", "S": "ss", "-S": "s", "f": "SSSSSS", "_ms": "SSS", "p": "a", "B": "LLLL",
    "b": "LLL", "A": "EEEE", "a": "EEE", "j": "ooo", "-j": "o", "V": "WW", "G": "kkkk", "u": "E", "z": "ZZZ",
    "Z": "ZZZZ", "s": "X", "ms": "x",
}  # fmt: skip
_COMBINED = {"F": "%Y-%m-%d", "T": "%H:%M:%S", "R": "%H:%M"}
_LOCAL = {
    "D": "M/d/yyyy",
    "DD": "LLL d, yyyy",
    "DDD": "LLLL d, yyyy",
    "DDDD": "EEEE, LLLL d, yyyy",
    "t": "h:mm a",
    "tt": "h:mm:ss a",
    "T": "HH:mm",
    "TT": "HH:mm:ss",
}


def offset(date: datetime, *, colon: bool = True, short: bool = False) -> str:
    """Return the offset from UTC: +05:30, +0530, or the short form +5:30."""
    minutes = (date.utcoffset() or timedelta()) // timedelta(minutes=1)
    hours, rest = divmod(abs(minutes), 60)
    sign = "-" if minutes < 0 else "+"
    if short:
        return f"{sign}{hours}:{rest:02}" if rest else f"{sign}{hours}"
    return f"{sign}{hours:02}{':' if colon else ''}{rest:02}"


def zone_name(date: datetime) -> str:
    """Return the zone's name: UTC, Europe/Berlin, UTC+05:30."""
    key = getattr(date.tzinfo, "key", None)
    return str(key) if key else "UTC" if date.tzinfo is UTC else f"UTC{offset(date)}"


def iso(date: datetime, *, plain: bool = False) -> str:
    """ISO 8601 with milliseconds (`plain`: not when they are zero), Z for UTC."""
    fraction = "" if plain and not date.microsecond else f".{date.microsecond // 1000:03}"
    return f"{date:%H:%M:%S}".join((f"{day(date)}T", f"{fraction}{_zulu(date)}"))


def day(date: datetime) -> str:
    """Format the day as 2024-11-05."""
    return f"{date.year:04}-{date.month:02}-{date.day:02}"


def _zulu(date: datetime) -> str:
    return "Z" if zone_name(date).upper() in ("UTC", "ETC/UTC") else offset(date)


def rfc2822(date: datetime) -> str:
    """Format the date as in email: Tue, 05 Nov 2024 12:00:00 +0000."""
    day = f"{_DAYS[date.weekday()][:3]}, {date.day:02} {MONTHS[date.month - 1][:3]} {date.year:04}"
    return f"{day} {date:%H:%M:%S} {offset(date, colon=False)}"


def http(date: datetime) -> str:
    """Format the date as in HTTP headers: Tue, 05 Nov 2024 12:00:00 GMT."""
    return rfc2822(date.astimezone(UTC)).replace("+0000", "GMT")


@lru_cache(maxsize=256)
def _tokens(pattern: str) -> tuple[tuple[str, bool], ...]:
    """Yield tokens and literal strings, each with whether it is a token."""
    if len(pattern) > _LONGEST:
        raise FunctionFault(f"the pattern of a date is longer than {_LONGEST} characters")
    if _STRFTIME.search(pattern):
        return tuple(_read_directives(pattern))
    tokens: list[tuple[str, bool]] = []
    for match in _TOKEN.finditer(pattern):
        text = match.group()
        if match[1] is not None:
            tokens.extend(_tokens(_LOCAL[text]) if text in _LOCAL else [(text, True)])
        else:
            tokens.append((text[1:-1] if len(text) > 1 and text[0] == text[-1] == "'" else text, False))
    return tuple(tokens)


def _read_directives(pattern: str) -> Iterator[tuple[str, bool]]:
    """Yield the tokens that the directives of a strftime pattern stand for, and literal strings."""
    for match in _DIRECTIVE.finditer(pattern):
        name = match[1]
        if name in _COMBINED:
            yield from _read_directives(_COMBINED[name])
        elif name is None or name == "%":
            yield name or match.group(), False
        elif name in _DIRECTIVES:
            yield _DIRECTIVES[name], True
        else:
            raise FunctionFault(f'unknown directive "%{name}" in a date pattern: write %% for a percent sign')


def format_date(date: datetime, pattern: str) -> str:
    """Format the date with the pattern. Raises FunctionFault for an unknown token."""
    return "".join(_format_token(date, text) if token else text for text, token in _tokens(pattern))


def _format_token(date: datetime, token: str) -> str:
    mark, length = token[0], len(token)
    number = _number(date, token)
    if number is not None:
        return f"{number % 100:02}" if token in ("yy", "kk") else f"{number:0{length}}"
    if mark in "LM" and length in (3, 4, 5):
        name = MONTHS[date.month - 1]
        return name if length == 4 else name[:3] if length == 3 else name[0]
    if mark in "Ec" and length in (3, 4, 5):
        name = _DAYS[date.weekday()]
        return name if length == 4 else name[:3] if length == 3 else name[0]
    match token:
        case "SSSSSS":
            return f"{date.microsecond:06}"
        case "a":
            return "AM" if date.hour < 12 else "PM"
        case "u":
            return f"{date.microsecond // 1000:03}".rstrip("0") or "0"
        case "Z":
            return offset(date, short=True)
        case "ZZ":
            return offset(date)
        case "ZZZ":
            return offset(date, colon=False)
        case "ZZZZ":
            return date.tzname() or ""
        case "z" | "ZZZZZ":
            return zone_name(date)
        case "G":
            return "AD"
    raise FunctionFault(f'unknown token "{token}" in a date pattern: put text between single quotes')


def _number(date: datetime, token: str) -> int | None:
    year, week, weekday = date.isocalendar()
    numbers = {
        "S": date.microsecond // 1000,
        "s": date.second,
        "m": date.minute,
        "h": date.hour % 12 or 12,
        "H": date.hour,
        "d": date.day,
        "E": weekday,
        "c": weekday,
        "L": date.month,
        "M": date.month,
        "y": date.year,
        "k": year,
        "W": week,
        "o": date.timetuple().tm_yday,
        "q": (date.month + 2) // 3,
        "X": millis(date) // 1000,
        "x": millis(date),
    }
    lengths = {"S": (1, 3), "y": (1, 2, 4, 6), "k": (2, 4), "o": (1, 3), "E": (1,), "c": (1,), "X": (1,), "x": (1,)}
    mark = token[0]
    return numbers.get(mark) if len(token) in lengths.get(mark, (1, 2)) else None


# What a token reads: its pattern.
_READ = {
    "S": r"\d{1,3}", "SSS": r"\d{3}", "SSSSSS": r"\d{1,6}", "u": r"\d{1,9}", "s": r"\d{1,2}", "ss": r"\d{2}",
    "m": r"\d{1,2}", "mm": r"\d{2}", "h": r"\d{1,2}", "hh": r"\d{2}", "H": r"\d{1,2}", "HH": r"\d{2}",
    "d": r"\d{1,2}", "dd": r"\d{2}",
    "L": r"\d{1,2}", "LL": r"\d{2}", "M": r"\d{1,2}", "MM": r"\d{2}", "y": r"\d{1,6}", "yy": r"\d{2}",
    "yyyy": r"\d{4}", "kkkk": r"\d{4}", "W": r"\d{1,2}", "WW": r"\d{2}", "o": r"\d{1,3}", "ooo": r"\d{3}",
    "E": r"[1-7]", "X": r"-?\d{1,12}", "x": r"-?\d{1,15}", "a": r"[AaPp]\.?\s?[Mm]\.?",
    "Z": r"[+-]\d{1,2}(?::\d{2})?", "ZZ": r"[+-]\d{2}:\d{2}", "ZZZ": r"[+-]\d{4}",
    "z": r"[A-Za-z][A-Za-z0-9_+\-]*(?:/[A-Za-z0-9_+\-]+){0,3}",
    "MMM": "|".join(name[:3] for name in MONTHS), "MMMM": "|".join(MONTHS),
    "EEE": "|".join(name[:3] for name in _DAYS), "EEEE": "|".join(_DAYS),
}  # fmt: skip


@lru_cache(maxsize=256)
def _reader(pattern: str) -> tuple[re.Pattern[str], tuple[str, ...]]:
    parts, kinds = [], []
    is_lenient = _STRFTIME.search(pattern) is not None  # as strptime: %d reads 3 and 03
    for text, token in _tokens(pattern):
        if not token:
            parts.append(re.escape(text))
            continue
        kind = text.replace("L", "M").replace("c", "E") if text[0] in "Lc" else text
        if kind not in _READ:
            raise FunctionFault(f'a date cannot be parsed with the token "{text}"')
        expected = _READ[kind]
        parts.append(f"({expected if not is_lenient or kind == 'yy' else expected.replace('{2}', '{1,2}')})")
        kinds.append(kind)
    return re.compile("".join(parts), re.IGNORECASE | re.ASCII), tuple(kinds)


def read(text: str, pattern: str, zone: tzinfo | None = None) -> datetime | None:
    """Parse a date with a pattern; None if the text does not match. Without an offset, it is a time in `zone` (UTC).
    Raises FunctionFault for an unknown token."""
    expression, kinds = _reader(pattern)
    match = expression.fullmatch(text.strip()) if len(text) <= _LONGEST else None
    if match is None:
        return None
    fields = dict(zip(kinds, match.groups(), strict=True))
    try:
        return _build_date(fields, zone or UTC)
    except (ValueError, OverflowError, FunctionFault):
        return None


def _build_date(fields: dict[str, str], zone: tzinfo) -> datetime:
    offset_text = next((fields[kind] for kind in ("Z", "ZZ", "ZZZ", "z") if kind in fields), None)
    if "x" in fields or "X" in fields:
        seconds = int(fields["x"]) / 1000 if "x" in fields else int(fields["X"])
        return (datetime(1970, 1, 1, tzinfo=UTC) + timedelta(seconds=seconds)).astimezone(zone)

    def number(*kinds: str) -> int | None:
        return next((int(fields[kind]) for kind in kinds if kind in fields), None)

    short = number("yy")
    year = number("yyyy", "y", "kkkk") or (1970 if short is None else short + (1900 if short > 60 else 2000))
    hour = number("HH", "H")
    if hour is None:
        hour = number("hh", "h") or 0
        if "a" in fields:
            hour = hour % 12 + (12 if fields["a"][0] in "pP" else 0)
    date = datetime(year, _month(fields, number("MM", "M")), number("dd", "d") or 1)
    if (week := number("WW", "W")) is not None:
        date = datetime.fromisocalendar(year, week, number("E") or _weekday(fields))
    if (ordinal := number("ooo", "o")) is not None:
        date = datetime(year, 1, 1) + timedelta(days=ordinal - 1)
    fraction = f"{fields.get('SSSSSS') or fields.get('SSS') or fields.get('u') or fields.get('S', '0').zfill(3):0<3}"[
        :3
    ]
    date = date.replace(
        hour=hour, minute=number("mm", "m") or 0, second=number("ss", "s") or 0, microsecond=int(fraction) * 1000
    )
    return (
        resolve_gap(date.replace(tzinfo=zone))
        if offset_text is None
        else date.replace(tzinfo=zone_of(offset_text)).astimezone(zone)
    )


def _month(fields: dict[str, str], number: int | None) -> int:
    name = (fields.get("MMMM") or fields.get("MMM") or "").lower()[:3]
    return next((index for index, month in enumerate(MONTHS, 1) if name and month.lower()[:3] == name), number or 1)


def _weekday(fields: dict[str, str]) -> int:
    name = (fields.get("EEEE") or fields.get("EEE") or "mon").lower()[:3]
    return next(index for index, weekday in enumerate(_DAYS, 1) if weekday.lower()[:3] == name)
