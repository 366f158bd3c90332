"""JSON bodies: encode them, and strictly decode what a vendor sends, within limits. `decoding` recognizes error
pages."""

import json
import re
from itertools import chain, compress
from typing import Any

import msgspec

from conn_engine.bodies.faults import JsonProblem
from conn_engine.errors import ConfigurationError

__all__ = ["CONTENT_TYPE", "MAX_DEPTH", "decode_json", "decode_objects", "encode_json"]

CONTENT_TYPE = "application/json"
MAX_DEPTH = 200
_SAFE = 2**53
# Sixteen digits are the shortest run that can hold a number above 2^53. One pass of `translate` and one
# search of a constant cost a tenth of what a regular expression costs.
_DIGITS = bytes(48 if 48 <= byte <= 57 else 32 for byte in range(256))
_CONTAINERS = frozenset({dict, list})
_LINES = msgspec.json.Decoder()
_LONG_RUN = b"0" * 16
_LONG_NUMBER = b"0" * 1000
# A surrogate pair, half of one, or any other escape: an escaped backslash before "ud83d" is not half of a pair.
_ESCAPE = re.compile(
    rb"\\(?:u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}|u[dD][89a-fA-F][0-9a-fA-F]{2}|.)", re.DOTALL
)
# Characters that can precede an integer. Most long runs of digits are IDs in strings, after a quote.
_BEFORE_NUMBER = b":,[- \t\n\r"


def encode_json(data: Any) -> bytes:
    """Return UTF-8 JSON without spaces. Raises ConfigurationError for NaN, infinities and anything that is not JSON
    data."""
    try:
        text = json.dumps(data, separators=(",", ":"), ensure_ascii=False, allow_nan=False)
        return text.encode("utf-8")
    except (TypeError, ValueError, RecursionError) as error:
        raise ConfigurationError(f"the request's body is not JSON data: {type(error).__name__}") from None


def decode_json(text: bytes) -> Any:
    """Return the data of a UTF-8 JSON text. Integers outside ±2^53 become strings, because every evaluator would round
    them.

    Half of a surrogate pair, which vendors send when they cut a string inside an emoji, becomes U+FFFD. Raises
    JsonProblem for anything that RFC 8259 does not allow (NaN, trailing commas …) and beyond `MAX_DEPTH`.
    """
    digits = text.translate(_DIGITS)
    long_run = _LONG_RUN in digits
    if long_run and _LONG_NUMBER in digits:
        raise JsonProblem("it has a number with 1000 digits or more")
    try:
        data = msgspec.json.decode(text)
    except RecursionError:
        raise JsonProblem(f"it is nested deeper than {MAX_DEPTH} levels") from None
    except (msgspec.MsgspecError, UnicodeDecodeError, ValueError) as error:
        repaired = _replace_half_pairs(text)
        if repaired != text:
            return decode_json(repaired)
        raise JsonProblem(_describe_problem(error, text)) from None
    if not isinstance(data, dict | list):
        return _to_exact(data)
    if long_run and _may_be_numbers(text, digits):
        data = _make_tree_exact(data)
    _check_depth(data)
    return data


def decode_objects(text: bytes) -> list[Any] | None:
    """Return the objects of a string with one per line, as `decode_json` returns them. Decoding them together is
    twice as fast.

    Returns None for any other text and for any fault; decoding line by line then finds the fault.
    """
    count = text.count(b"\n")
    # A line break between "}" and "{" cannot be inside a list or an object: they would need a comma.
    if text[:1] != b"{" or max(text.count(b"}\n{"), text.count(b"}\r\n{")) != count - 1:
        return None
    digits = text.translate(_DIGITS)
    if _LONG_RUN in digits and (_LONG_NUMBER in digits or _may_be_numbers(text, digits)):
        return None
    try:
        data: list[Any] = _LINES.decode_lines(text)
        _check_depth(data, MAX_DEPTH + 1)
    except (msgspec.MsgspecError, UnicodeDecodeError, ValueError, RecursionError):
        return None
    return data if len(data) == count else None


def _replace_half_pairs(text: bytes) -> bytes:
    """Return the text with U+FFFD for every escape that is half of a surrogate pair."""
    return _ESCAPE.sub(lambda found: rb"\ufffd" if len(found[0]) == 6 and found[0][2:3] in b"dD" else found[0], text)


def _describe_problem(error: Exception, text: bytes) -> str:
    if isinstance(error, UnicodeDecodeError):  # its position is relative to a string
        try:
            text.decode("utf-8")
        except UnicodeDecodeError as text_error:
            return (
                f"byte {text_error.start} is not UTF-8: set `response_options.charset` if the response "
                "has another character set"
            )
    place = re.search(r"byte (\d+)", str(error))
    if place:
        return f"byte {place[1]} is unexpected"
    return "it is cut off or malformed" if "truncated" in str(error) else "it is malformed"


def _to_exact(value: Any) -> Any:
    return str(value) if type(value) is int and not -_SAFE <= value <= _SAFE else value


def _may_be_numbers(text: bytes, digits: bytes) -> bool:
    """Return whether any long run of digits can be a number. Those that cannot are skipped one by one."""
    position = digits.find(_LONG_RUN)
    while position >= 0:
        if text[position - 1 : position] in _BEFORE_NUMBER:  # at the start, the complete text is a number
            return True
        position = digits.find(_LONG_RUN, digits.find(b" ", position) + 1 or len(digits))
    return False


def _make_tree_exact(root: Any) -> Any:
    """Replace, in place, every integer that a double cannot represent."""
    stack = [root]
    while stack:
        node = stack.pop()
        items: Any = node.items() if type(node) is dict else enumerate(node)
        for key, value in items:
            kind = type(value)
            if kind is int:
                if not -_SAFE <= value <= _SAFE:
                    node[key] = str(value)  # the key exists: iteration stays valid
            elif kind is dict or kind is list:
                stack.append(value)
    return root


def _check_depth(root: Any, deepest: int = MAX_DEPTH) -> None:
    level = [root]
    for _ in range(deepest):
        values = list(chain.from_iterable([node.values() if type(node) is dict else node for node in level]))
        level = list(compress(values, map(_CONTAINERS.__contains__, map(type, values))))
        if not level:
            return
    raise JsonProblem(f"it is nested deeper than {MAX_DEPTH} levels")
