"""Patterns with wildcards.

They are matched without regular expressions: patterns and strings may come from strangers, and a regular expression
with many wildcards could take forever.
"""

from collections.abc import Sequence

__all__ = ["has_in_order", "is_match"]


def is_match(pattern: str, text: str) -> bool:
    """Return whether a string matches a complete pattern; `*` matches any text, including none."""
    return has_in_order(pattern.split("*"), text)


def has_in_order(pieces: Sequence[str], text: str) -> bool:
    """Return whether a string consists of the pieces in order, with any text between them."""
    first, *middle = pieces
    if not middle:
        return text == first
    last = middle.pop()
    if len(text) < len(first) + len(last) or not (text.startswith(first) and text.endswith(last)):
        return False
    position, end = len(first), len(text) - len(last)
    for piece in middle:
        position = text.find(piece, position, end)
        if position < 0:
            return False
        position += len(piece)
    return True
