"""Read what the headers `Deprecation`, `Sunset` and `Warning` of a response announce."""

import re
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime

from conn_engine.responses.waits import parse_http_date
from conn_engine.wire import Headers

__all__ = ["find_notices", "find_warnings"]

_EPOCH = re.compile(r"@(\d{1,12})")
_WARNING = re.compile(r'(\d{3})\s+\S+\s+"((?:[^"\\]|\\.){0,400})"')
_MEANT_FOR_CALLERS = ("199", "299")
"""The other codes concern caches and proxies."""
_LONGEST = 200


def find_notices(headers: Mapping[str, str]) -> list[str]:
    """Return the announcements, without any text of the vendor: from which day, and that there is a warning."""
    case_insensitive = headers if isinstance(headers, Headers) else Headers(headers)
    announcements = []
    if (deprecated := case_insensitive.get("deprecation", "").strip()) and deprecated.lower() not in ("false", "?0"):
        day = _to_day(deprecated)
        announcements.append(f"deprecated since {day}" if day else "deprecated")
    if day := _to_day(case_insensitive.get("sunset", "")):
        announcements.append(f"requests may be refused from {day}")
    return announcements + [f"warning {code}" for code, _ in _parse_warnings(case_insensitive.get("warning", ""))]


def find_warnings(headers: Mapping[str, str]) -> list[str]:
    """Return the vendor's warning strings, shortened."""
    case_insensitive = headers if isinstance(headers, Headers) else Headers(headers)
    return [text[:_LONGEST] for _, text in _parse_warnings(case_insensitive.get("warning", "")) if text]


def _to_day(value: str) -> str:
    """Return the day of a structured date (@seconds) or an HTTP date, in UTC; "" for anything else."""
    epoch = _EPOCH.fullmatch(value.strip())
    seconds = float(epoch[1]) if epoch else parse_http_date(value)
    try:
        return datetime.fromtimestamp(seconds, UTC).date().isoformat() if seconds is not None else ""
    except (ValueError, OverflowError):
        return ""


def _parse_warnings(value: str) -> Iterator[tuple[str, str]]:
    for code, text in _WARNING.findall(value):
        if code in _MEANT_FOR_CALLERS:
            yield code, " ".join(text.replace('\\"', '"').split())
