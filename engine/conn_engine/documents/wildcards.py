"""Patterns in which a mark stands for any text, also none.

No regular expressions: patterns and texts may be a stranger's, and of many marks one would never be done.
"""

from collections.abc import Sequence

__all__ = ["has_in_order", "is_match"]


def is_match(pattern: str, text: str) -> bool:
    """Whether a text fits a pattern from end to end; `*` is any text."""
    return has_in_order(pattern.split("*"), text)


def has_in_order(pieces: Sequence[str], text: str) -> bool:
    """Whether a text is the pieces in order, with anything between them; of a single piece, whether it is that."""
    first, *middle = pieces
    if not middle:
        return text == first
    last = middle.pop()
    if len(text) < len(first) + len(last) or not (text.startswith(first) and text.endswith(last)):
        return False
    at, end = len(first), len(text) - len(last)
    for piece in middle:
        at = text.find(piece, at, end)
        if at < 0:
            return False
        at += len(piece)
    return True
