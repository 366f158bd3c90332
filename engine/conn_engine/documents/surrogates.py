"""Surrogate pairs escaped as in JSON, which YAML parsers refuse, are replaced by private-use escapes of the same
length."""

import re

__all__ = ["can_stand_in", "replace_surrogates", "restore"]

# After an even number of backslashes, so that the backslash of the escape is not escaped itself.
_PAIR = re.compile(r"(?<!\\)((?:\\\\)*)\\u[dD]([89abAB])([0-9a-fA-F]{2})\\u[dD]([c-fC-F])([0-9a-fA-F]{2})")
_STAND_IN = re.compile(r"\\ue[0-3][0-9a-fA-F]{2}\\ue[4-7][0-9a-fA-F]{2}")
_PRIVATE_PAIR = re.compile("[\ue000-\ue3ff][\ue400-\ue7ff]")
_PRIVATE = re.compile(r"[\ue000-\ue7ff]|\\u[eE][0-7]")


def can_stand_in(text: str) -> bool:
    """Return whether the text has pairs, and none of the private-use characters that would replace them."""
    return bool(_PAIR.search(text)) and not _PRIVATE.search(text)


def replace_surrogates(text: str) -> str:
    """Replace the pairs by escapes of the same length, so that offsets stay the same."""
    return _PAIR.sub(
        lambda found: f"{found[1]}\\ue{_lower_digit(found[2])}{found[3]}\\ue{_lower_digit(found[4])}{found[5]}", text
    )


def restore(value: str, style: str, source: str) -> str:
    """Return the original value of a scalar after `replace_surrogates`. `source` is the original text of the scalar."""
    if style == '"':
        return _PRIVATE_PAIR.sub(lambda found: _join_surrogates(*found[0]), value)
    # In this style it is not an escape but plain text: restore the originals in order, in their letter case.
    originals = iter([match[0][len(match[1]) :] for match in _PAIR.finditer(source)])
    return _STAND_IN.sub(lambda found: next(originals, found[0]), value)


def _lower_digit(digit: str) -> str:
    return str(int(digit, 16) - 8)


def _join_surrogates(high: str, low: str) -> str:
    return chr(0x10000 + ((ord(high) - 0xE000) << 10) + (ord(low) - 0xE400))
