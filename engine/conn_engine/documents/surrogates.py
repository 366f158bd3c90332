"""JSON's surrogate pair escapes inside YAML, whose parsers take none.

Equally long private-use escapes stand in for them.
"""

import re

__all__ = ["can_stand_in", "replace_surrogates", "restore"]

# An even number of backslashes before it: the escape's own backslash is not itself escaped.
_PAIR = re.compile(r"(?<!\\)((?:\\\\)*)\\u[dD]([89abAB])([0-9a-fA-F]{2})\\u[dD]([c-fC-F])([0-9a-fA-F]{2})")
_STAND_IN = re.compile(r"\\ue[0-3][0-9a-fA-F]{2}\\ue[4-7][0-9a-fA-F]{2}")
_PRIVATE_PAIR = re.compile("[\ue000-\ue3ff][\ue400-\ue7ff]")
_PRIVATE = re.compile(r"[\ue000-\ue7ff]|\\u[eE][0-7]")


def can_stand_in(text: str) -> bool:
    """Whether the text has pairs, and none of the private-use characters that would stand in for them."""
    return bool(_PAIR.search(text)) and not _PRIVATE.search(text)


def replace_surrogates(text: str) -> str:
    """The text with its pairs replaced: same length, so every place stays what it was."""
    return _PAIR.sub(
        lambda found: f"{found[1]}\\ue{_lower_digit(found[2])}{found[3]}\\ue{_lower_digit(found[4])}{found[5]}", text
    )


def restore(value: str, style: str, source: str) -> str:
    """The true value of a scalar read from a text with stand-ins. `source` is the scalar's original text."""
    if style == '"':
        return _PRIVATE_PAIR.sub(lambda found: _join_surrogates(*found[0]), value)
    # Not an escape here but plain text: the originals come back in order, in their own letter case.
    originals = iter([found[0][len(found[1]) :] for found in _PAIR.finditer(source)])
    return _STAND_IN.sub(lambda found: next(originals, found[0]), value)


def _lower_digit(digit: str) -> str:
    return str(int(digit, 16) - 8)


def _join_surrogates(high: str, low: str) -> str:
    return chr(0x10000 + ((ord(high) - 0xE000) << 10) + (ord(low) - 0xE400))
