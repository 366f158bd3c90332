"""Format lines and short text for people."""

from collections.abc import Iterable

__all__ = ["join_lines", "shorten_text"]


def join_lines(lines: Iterable[str]) -> str:
    """Join the lines to one text, each with a line break."""
    return "".join(f"{line}\n" for line in lines)


def shorten_text(text: str, most: int) -> str:
    """Return the text, cut to `most` characters with an ellipsis if it is longer."""
    return text if len(text) <= most else f"{text[: most - 1]}…"
