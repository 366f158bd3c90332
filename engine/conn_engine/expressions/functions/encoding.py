"""Encodings of text: base64 and hexadecimal over UTF-8, and JSON text. Not here: digests and signatures, URLs."""

import base64
import binascii
import json
from typing import Any

from conn_engine.expressions.functions.rows import NULL, Function, FunctionFault, check_length

__all__ = ["ROWS"]


def _base64encode(text: str | None, url_safe: bool | None = None) -> str | None:
    if text is None:
        return None
    raw = text.encode("utf-8", "replace")
    if url_safe:
        return base64.urlsafe_b64encode(raw).decode().rstrip("=")
    return base64.b64encode(raw).decode()


def _base64decode(text: str | None, _url_safe: bool | None = None) -> str | None:
    if text is None:
        return None
    plain = "".join(text.split()).replace("-", "+").replace("_", "/").rstrip("=")
    try:
        return base64.b64decode(plain + "=" * (-len(plain) % 4), validate=True).decode("utf-8")
    except (binascii.Error, UnicodeDecodeError, ValueError):
        raise FunctionFault("the argument of $base64decode is not base64-encoded UTF-8 text") from None


def _hex_encode(text: str | None) -> str | None:
    return None if text is None else text.encode("utf-8", "replace").hex()


def _hex_decode(text: str | None) -> str | None:
    if text is None:
        return None
    try:
        return bytes.fromhex(text.removeprefix("0x")).decode("utf-8")
    except ValueError:
        raise FunctionFault("the argument of $hexDecode is not UTF-8 text in hexadecimal") from None


def _refuse_constant(name: str) -> Any:
    raise ValueError(f"{name} is not JSON")


def _json_parse(text: str | None) -> Any:
    if text is None:
        return None
    try:
        value = json.loads(text, parse_constant=_refuse_constant)
    except (ValueError, RecursionError):
        return NULL
    return NULL if value is None else value


def _jcs(value: Any) -> str | None:
    if value is None:
        return None
    import rfc8785

    try:
        return rfc8785.dumps(None if value is NULL else _doubles(value)).decode("utf-8")
    except (rfc8785.CanonicalizationError, OverflowError, RecursionError):
        raise FunctionFault(
            "the argument of $jcs has no canonical form: it is nested too deeply, or has an invalid number"
        ) from None


def _doubles(value: Any) -> Any:
    """Convert numbers as other JSON parsers do: an integer beyond 2^53 becomes the nearest double."""
    if isinstance(value, dict):
        return {name: _doubles(item) for name, item in value.items()}
    if isinstance(value, list):
        return [_doubles(item) for item in value]
    return float(value) if isinstance(value, int) and abs(value) >= 2**53 else value


def _unicode_escape(text: str | None) -> str | None:
    if text is None:
        return None
    if text.isascii():
        return text
    units = check_length(text, "the argument of $unicodeEscape").encode("utf-16-be", "surrogatepass")
    codes = (int.from_bytes(units[offset : offset + 2], "big") for offset in range(0, len(units), 2))
    return "".join(chr(code) if code < 0x80 else f"\\u{code:04x}" for code in codes)


def _literal(value: Any) -> Any:
    if not isinstance(value, str):
        return value
    from conn_engine.expressions.functions.literals import read_literal

    literal = read_literal(value)
    return NULL if literal is None else literal


ROWS: tuple[Function, ...] = (
    Function(
        "base64encode",
        _base64encode,
        "<s-b?:s>",
        "Encode text (as UTF-8) as base64. With true: the URL-safe alphabet without padding.",
        "$base64encode('héllo')",
        "aMOpbGxv",
    ),
    Function(
        "base64decode",
        _base64decode,
        "<s-b?:s>",
        "Decode base64 to UTF-8 text, in either alphabet, with or without padding. Anything else is an error.",
        "$base64decode('Pj4-Pz8_', true)",
        ">>>???",
    ),
    Function(
        "hexEncode",
        _hex_encode,
        "<s-:s>",
        "Encode text (as UTF-8) in hexadecimal.",
        "$hexEncode('é')",
        "c3a9",
    ),
    Function(
        "hexDecode",
        _hex_decode,
        "<s-:s>",
        "Decode hexadecimal to UTF-8 text. Anything else is an error.",
        "$hexDecode('c3a9')",
        "é",
    ),
    Function(
        "jsonParse",
        _json_parse,
        "<s-:x>",
        "Parse JSON text. Returns null if the text is not valid JSON.",
        """$jsonParse('{"a": [1, true]}')""",
        {"a": [1, True]},
    ),
    Function(
        "jcs",
        _jcs,
        "<x:s>",
        "Write a value as canonical JSON (RFC 8785): sorted names, no whitespace, shortest form of numbers.",
        "$jcs({'b': 1.50, 'a': [true, '€']})",
        '{"a":[true,"€"],"b":1.5}',
    ),
    Function(
        "unicodeEscape",
        _unicode_escape,
        "<s-:s>",
        "Escape each UTF-16 unit outside ASCII as \\u and four lowercase hexadecimal digits.",
        "$unicodeEscape('Zoë 😀')",
        "Zo\\u00eb \\ud83d\\ude00",
    ),
    Function(
        "literal",
        _literal,
        "<x:x>",
        "Read the value of text that is a literal ('12', '[1, 2]', 'True', in quotes). Returns other text unchanged.",
        """$literal("{'ids': [1, 2], 'all': True}")""",
        {"ids": [1, 2], "all": True},
    ),
)
