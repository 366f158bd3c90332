"""The one moment at which both sides run."""

import re
from datetime import UTC, datetime, timedelta
from typing import Any

from isodate import Duration, parse_duration

__all__ = ["NOW", "START_DAYS", "length", "span"]

NOW = datetime(2026, 3, 10, 12, 34, 56, 123000, tzinfo=UTC)
START_DAYS = 40.0
MOST_WINDOWS = 8


def span(steps: list[timedelta]) -> timedelta:
    """How far before now a listing begins, so that its windows are two or three where the steps allow it."""
    if not steps:
        return timedelta(days=START_DAYS)
    return min(max(steps) * 2.4, min(steps) * MOST_WINDOWS, timedelta(days=900))


def length(step: Any) -> timedelta | None:
    """An ISO 8601 duration that is written out (no template), with months of now; None for anything else."""
    if not isinstance(step, str) or not re.fullmatch(r"P[0-9TYMWDHS.]+", step):
        return None
    found = parse_duration(step)
    exact: timedelta = found.totimedelta(start=NOW) if isinstance(found, Duration) else found
    return exact if timedelta() < exact < timedelta(days=4000) else None
