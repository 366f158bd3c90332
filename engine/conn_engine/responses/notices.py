"""What the headers `Deprecation`, `Sunset` and `Warning` of an answer announce, in words."""

import re
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime

from conn_engine.responses.waits import http_date
from conn_engine.wire import Headers

__all__ = ["notices", "warnings_of"]

_EPOCH = re.compile(r"@(\d{1,12})")
_WARNING = re.compile(r'(\d{3})\s+\S+\s+"((?:[^"\\]|\\.){0,400})"')
_MEANT_FOR_CALLERS = ("199", "299")
"""The other codes are about caches and what stands between."""
_LONGEST = 200


def notices(headers: Mapping[str, str]) -> list[str]:
    """What is announced, without any text of the vendor's: from which day, and that there is a warning."""
    known = headers if isinstance(headers, Headers) else Headers(headers)
    found = []
    if (deprecated := known.get("deprecation", "").strip()) and deprecated.lower() not in ("false", "?0"):
        day = _day(deprecated)
        found.append(f"deprecated since {day}" if day else "deprecated")
    if day := _day(known.get("sunset", "")):
        found.append(f"it may be refused from {day} on")
    return found + [f"warning {code}" for code, _ in _warnings(known.get("warning", ""))]


def warnings_of(headers: Mapping[str, str]) -> list[str]:
    """The vendor's own words of its warnings, shortened."""
    known = headers if isinstance(headers, Headers) else Headers(headers)
    return [text[:_LONGEST] for _, text in _warnings(known.get("warning", "")) if text]


def _day(value: str) -> str:
    """The day of a structured date (@seconds) or an HTTP date, in UTC; "" for anything else."""
    epoch = _EPOCH.fullmatch(value.strip())
    seconds = float(epoch[1]) if epoch else http_date(value)
    try:
        return datetime.fromtimestamp(seconds, UTC).date().isoformat() if seconds is not None else ""
    except (ValueError, OverflowError):
        return ""


def _warnings(value: str) -> Iterator[tuple[str, str]]:
    for code, text in _WARNING.findall(value):
        if code in _MEANT_FOR_CALLERS:
            yield code, " ".join(text.replace('\\"', '"').split())
