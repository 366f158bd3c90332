"""What the pages of the service share: times, places in a list that has pages, and names that they may show."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Final, TypeVar

from conn_engine.errors import UsageError
from conn_service.portal.views.portal_view import ViewRequest

__all__ = ["MOST_ROWS", "choose", "format_time", "read_number", "take_page"]

MOST_ROWS: Final = 50
"""The rows of one page. The next page starts after the last one."""
_MOST_DIGITS: Final = 18
_Row = TypeVar("_Row")


def format_time(moment: float | None) -> str:
    """Return a time in UTC for people; "" for none."""
    return "" if not moment else f"{datetime.fromtimestamp(moment, UTC):%Y-%m-%d %H:%M}"


def read_number(request: ViewRequest, name: str) -> int | None:
    """Return a number of the query; None without one. Raises UsageError for anything else."""
    text = request.query.get(name, "").strip()
    if not text:
        return None
    if not (text.isascii() and text.isdigit() and len(text) <= _MOST_DIGITS):
        raise UsageError(f'{name} is not a number: "{text[:60]}"', hint="open the list again")
    return int(text)


def choose(request: ViewRequest, name: str, allowed: Sequence[str]) -> str:
    """Return a choice of the query, "" for all. Raises UsageError for one that does not exist."""
    text = request.query.get(name, "").strip()
    if text and text not in allowed:
        raise UsageError(f'there is no {name} "{text[:60]}"', hint=f"use one of: {', '.join(allowed)}")
    return text


def take_page(rows: Sequence[_Row]) -> tuple[list[_Row], _Row | None]:
    """Return the rows of a page, and its last one if there are more. The list has one row more than a page then."""
    page = [*rows[:MOST_ROWS]]
    return page, page[-1] if len(rows) > len(page) else None
