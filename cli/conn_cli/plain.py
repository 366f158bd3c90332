"""Format text from documents for a terminal, so that it cannot move the cursor, or color or reorder the output."""

import re
import unicodedata

from conn_cli.neutralize import HIDDEN

__all__ = ["measure_width", "to_plain"]

TAB = 4
_UNSAFE = re.compile(f"[\n{HIDDEN}]")


def to_plain(text: str) -> str:
    """Return the text on one line. Tabs become blanks, and control characters and direction marks become `�`."""
    return _UNSAFE.sub("\ufffd", text).replace("\t", " " * TAB)


def measure_width(text: str) -> int:
    """Return the number of terminal columns of `to_plain(text)`."""
    columns = 0
    for character in text:
        if character == "\t":
            columns += TAB
        elif " " <= character <= "~" or _UNSAFE.match(character):
            columns += 1
        elif unicodedata.combining(character) or character in "\u200b\u200c\u200d\ufe0e\ufe0f":
            continue
        else:
            columns += 2 if unicodedata.east_asian_width(character) in "WF" else 1
    return columns
