"""Text from documents made fit for a terminal.

Nothing in it moves the cursor, colours or reorders what is shown.
"""

import re
import unicodedata

from conn_cli.neutralize import HIDDEN

__all__ = ["measure_width", "to_plain"]

TAB = 4
_UNSAFE = re.compile(f"[\n{HIDDEN}]")


def to_plain(text: str) -> str:
    """The text on one line.

    Tabs become blanks (as many as `width` counts), control and bidirectional signs become `�`.
    """
    return _UNSAFE.sub("\ufffd", text).replace("\t", " " * TAB)


def measure_width(text: str) -> int:
    """Columns that `plain(text)` takes on a terminal."""
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
