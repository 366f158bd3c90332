"""JSON bodies: encoding, and the strict, bounded reading of what a vendor sends. Error pages are told in
`decoding`."""

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
# A pair, a half, or any other escape: an escaped backslash before "ud83d" makes no half of it.
_ESCAPE = re.compile(
    rb"\\(?:u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}|u[dD][89a-fA-F][0-9a-fA-F]{2}|.)", re.DOTALL
)
# What may stand before a whole number. Most long runs of digits are ids inside of strings, behind a quote.
_BEFORE_NUMBER = b":,[- \t\n\r"


def encode_json(data: Any) -> bytes:
    """UTF-8 JSON without spaces. Raises ConfigurationError for NaN, infinities and what is no JSON data."""
    try:
        text = json.dumps(data, separators=(",", ":"), ensure_ascii=False, allow_nan=False)
        return text.encode("utf-8")
    except (TypeError, ValueError, RecursionError) as error:
        raise ConfigurationError(f"the request's body is not JSON data: {type(error).__name__}") from None


def decode_json(text: bytes) -> Any:
    """Data of a UTF-8 JSON text. Integers outside of ±2^53 become strings: every evaluator would round them.

    Half of a surrogate pair, as vendors write that cut a text within an emoji, becomes U+FFFD. Raises JsonProblem for
    anything that RFC 8259 does not allow (NaN, trailing commas …) and beyond `MAX_DEPTH`.
    """
    digits = text.translate(_DIGITS)
    long_run = _LONG_RUN in digits
    if long_run and _LONG_NUMBER in digits:
        raise JsonProblem("it has a number of 1000 digits or more")
    try:
        data = msgspec.json.decode(text)
    except RecursionError:
        raise JsonProblem(f"it is nested deeper than {MAX_DEPTH} levels") from None
    except (msgspec.MsgspecError, UnicodeDecodeError, ValueError) as error:
        whole = _without_halves(text)
        if whole != text:
            return decode_json(whole)
        raise JsonProblem(_reason(error, text)) from None
    if not isinstance(data, dict | list):
        return _exact(data)
    if long_run and _may_be_numbers(text, digits):
        data = _exact_tree(data)
    _check_depth(data)
    return data


def decode_objects(text: bytes) -> list[Any] | None:
    """The objects of a text that has one on each line, as `decode_json` gives them, all at once: that is twice as fast.

    None for any other text, and when something is wrong with it: line by line will tell what.
    """
    count = text.count(b"\n")
    # A line break between "}" and "{" is in no list and no object: there a comma would have to stand.
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


def _without_halves(text: bytes) -> bytes:
    """The text with U+FFFD for every escape that is half of a surrogate pair."""
    return _ESCAPE.sub(lambda found: rb"\ufffd" if len(found[0]) == 6 and found[0][2:3] in b"dD" else found[0], text)


def _reason(error: Exception, text: bytes) -> str:
    if isinstance(error, UnicodeDecodeError):  # its own place is one within a string
        try:
            text.decode("utf-8")
        except UnicodeDecodeError as whole:
            return f"byte {whole.start} is not UTF-8: `response_options.charset` says another character set"
    place = re.search(r"byte (\d+)", str(error))
    if place:
        return f"byte {place[1]} cannot stand there"
    return "it ends too early or is malformed" if "truncated" in str(error) else "it is malformed"


def _exact(value: Any) -> Any:
    return str(value) if type(value) is int and not -_SAFE <= value <= _SAFE else value


def _may_be_numbers(text: bytes, digits: bytes) -> bool:
    """Whether some long run of digits can be a number. Those that cannot are passed over one by one."""
    at = digits.find(_LONG_RUN)
    while at >= 0:
        if text[at - 1 : at] in _BEFORE_NUMBER:  # the start of the text is no place: the whole is then a number
            return True
        at = digits.find(_LONG_RUN, digits.find(b" ", at) + 1 or len(digits))
    return False


def _exact_tree(root: Any) -> Any:
    """Replace, in place, every integer that a double cannot hold."""
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
