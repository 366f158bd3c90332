"""`$toMillis` with a picture that reads names, for jlens, which takes a month that it does not know for January and any
mark of the half-day for the morning.

An expression whose picture may read names is put behind a prelude (`preludes`) that asks `check_names` afterwards.
"""

import re
from datetime import UTC, datetime, timedelta

from conn_engine.expressions.functions import FunctionFault
from conn_engine.expressions.tokens import Token, read_arguments

__all__ = ["check_names", "may_read_names"]

_MARKER = re.compile(r"\[([^\[\]]+)\]")
_LONGEST_NAME = re.compile(r",.*-(\d+)$")
_HALF_DAYS = ("am", "pm", "AM", "PM")
_FARTHEST_ZONE = timedelta(hours=14)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def may_read_names(tokens: tuple[Token, ...]) -> bool:
    """Return whether some use of `$toMillis` may have a picture with the name of a month or of a half-day."""
    return any(
        token.kind == "variable" and token.text == "$toMillis" and not _is_numeric(tokens, index)
        for index, token in enumerate(tokens)
    )


def _is_numeric(tokens: tuple[Token, ...], index: int) -> bool:
    chained = index > 0 and tokens[index - 1].text == "~>"
    arguments = read_arguments(tokens, index + 1)
    if not arguments:
        return chained  # otherwise it is a function that is passed on
    if len(arguments) == 1 and not chained:
        return True  # no picture: ISO 8601
    picture = arguments[-1]
    return len(picture) == 1 and picture[0].kind == "string" and not _named_markers(picture[0].text)


def _named_markers(picture: str) -> list[str]:
    """Return the markers of a picture that read the name of a month or of a half-day, without blanks."""
    markers = ["".join(match.split()) for match in _MARKER.findall(picture)]
    return [marker for marker in markers if marker[0] == "P" or (marker[0] == "M" and marker[1:2] in ("N", "n"))]


def check_names(millis: float | None, text: str | None, picture: str | None = None) -> float | None:
    """Return the time that was read, if the text has the names that the picture reads. Raises FunctionFault."""
    if millis is None or text is None or picture is None:
        return millis
    from conn_engine.expressions.functions.date_formats import MONTHS

    for marker in _named_markers(picture):
        if marker[0] == "P":
            if not any(name in text for name in _HALF_DAYS):
                raise _fault(f"[{marker}] reads am, pm, AM or PM, and the text has none of them")
            continue
        limit = _LONGEST_NAME.search(marker)
        length = int(limit[1]) if limit else None
        if not any(MONTHS[month - 1][:length] in text for month in _months_of(millis)):
            example = MONTHS[1][:length]
            raise _fault(f"[{marker}] reads a month's name such as {example}, and the text has none that fits its day")
    return millis


def _fault(message: str) -> FunctionFault:
    return FunctionFault(message, "D3110", called="toMillis")


def _months_of(millis: float) -> set[int]:
    """Return the months that a moment can be in, depending on the time zone."""
    moment = _EPOCH + timedelta(milliseconds=millis)
    return {(moment - _FARTHEST_ZONE).month, (moment + _FARTHEST_ZONE).month}
