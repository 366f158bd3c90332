"""The one moment at which both sides run."""

from datetime import UTC, datetime, timedelta

__all__ = ["NOW", "START_DAYS", "span"]

NOW = datetime(2026, 3, 10, 12, 34, 56, 123000, tzinfo=UTC)
START_DAYS = 40.0
MOST_WINDOWS = 8


def span(steps: list[timedelta]) -> timedelta:
    """How far before now a listing begins, so that its windows are two or three where the steps allow it."""
    if not steps:
        return timedelta(days=START_DAYS)
    return min(max(steps) * 2.4, min(steps) * MOST_WINDOWS, timedelta(days=900))
