"""Scalars of the YAML 1.2 core schema: plain text that is null, a boolean or a number. All other text is a string."""

import re

from conn_engine.documents.limits import MAX_DIGITS

__all__ = ["NOT_A_STRING", "TooManyDigitsError", "resolve"]

_INT = r"[-+]?[0-9]+"
_OCTAL = r"0o[0-7]+"
_HEX = r"0x[0-9a-fA-F]+"
_FLOAT = r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?"
_INFINITE = r"[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN)"

_WORDS: dict[str, bool | None] = {
    **dict.fromkeys(("", "~", "null", "Null", "NULL"), None),
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
}
_NUMBER = re.compile(f"(?P<int>{_INT})|(?P<octal>{_OCTAL})|(?P<hex>{_HEX})|(?P<inf>{_INFINITE})|(?P<float>{_FLOAT})")
_NUMBER_STARTS = frozenset("-+.0123456789")

NOT_A_STRING = re.compile(
    f"^(?:{'|'.join(re.escape(word) for word in _WORDS)}|{_INT}|{_OCTAL}|{_HEX}|{_INFINITE}|{_FLOAT})$"
)
"""Plain text that a reader of this schema does not read as a string."""


class TooManyDigitsError(ValueError):
    """An integer longer than `MAX_DIGITS`."""


def resolve(text: str) -> str | int | float | bool | None:
    """Return the value of a plain scalar. Integers are exact, whatever their size.

    Raises TooManyDigitsError beyond the limit.
    """
    if text in _WORDS:
        return _WORDS[text]
    if text[0] not in _NUMBER_STARTS:
        return text
    match = _NUMBER.fullmatch(text)
    if match is None:
        return text
    kind = match.lastgroup
    if kind == "float":
        return float(text)
    if kind == "inf":
        return float(text.replace(".", ""))
    if len(text) > MAX_DIGITS:
        raise TooManyDigitsError(text[:20])
    return int(text) if kind == "int" else int(text, 8 if kind == "octal" else 16)
