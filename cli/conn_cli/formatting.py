"""Format lines and short text for people."""

from collections.abc import Iterable
from datetime import UTC, datetime

__all__ = ["format_time", "join_lines", "shorten_text"]


def join_lines(lines: Iterable[str]) -> str:
    """Join the lines to one text, each with a line break."""
    return "".join(f"{line}\n" for line in lines)


def shorten_text(text: str, most: int) -> str:
    """Return the text, cut to `most` characters with an ellipsis if it is longer."""
    return text if len(text) <= most else f"{text[: most - 1]}…"


def format_time(moment: float) -> str:
    """Return a time in Unix seconds as ISO 8601 in UTC, to the second."""
    return f"{datetime.fromtimestamp(int(moment), UTC):%Y-%m-%dT%H:%M:%SZ}"
