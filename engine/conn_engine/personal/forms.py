"""Change a string inside its encodings (JSON, escaped characters, percent-encoding, base64, character references), and
encode it again in the same way.

The same text always becomes the same text. For example, a cursor in a response still equals the one in the next
request.
"""

import base64
import binascii
import html
import json
import re
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any, Protocol
from urllib.parse import quote, quote_plus, unquote, unquote_plus

__all__ = ["TextChange", "change_data", "change_text", "find_packed_texts", "is_json"]

_DEEPEST = 4
_SHORTEST_PACKED = 8
_LONGEST_NUMBER = 40
_ENDS = r"/?&=#;,<>\"'\s{}|\\^`()\[\]"
_PIECE = re.compile(rf"[^{_ENDS}]+")
_PERCENT = re.compile("%[0-9A-Fa-f]{2}")
_FORM_VALUE = re.compile(rf"(?<==)[^{_ENDS}]+")
_BASE64 = re.compile(r"(?<![A-Za-z0-9+/_-])[A-Za-z0-9+/_-]{8,}={0,2}(?![A-Za-z0-9+/_=-])")
_MARKUP = re.compile("[^<>\"']+")  # the text of an element, or the value of an attribute
_REFERENCE = re.compile("&(?:#[0-9]{1,7}|#[xX][0-9A-Fa-f]{1,6}|[A-Za-z]{2,8});")
_ESCAPED = re.compile(rf"(?:[^{_ENDS}]| |\\{{1,9}}u[0-9A-Fa-f]{{4}})+")  # text in JSON or in a script
_ESCAPE = re.compile(r"(\\{1,9})u([0-9A-Fa-f]{4})")
_JSON = re.compile(r'("[^"\\]*(?:\\.[^"\\]*)*")(\s*:)?|-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?', re.DOTALL)


class TextChange(Protocol):
    """Changes plain text."""

    def change_whole(self, text: str) -> str | None:
        """Return the replacement of the complete text, if it is a value."""
        ...

    def change_plain(self, text: str) -> str:
        """Return the text with its values changed."""
        ...

    def change_key(self, text: str) -> str:
        """Return the name of a field, changed."""
        ...

    def change_number(self, number: int) -> int:
        """Return a number, changed."""
        ...


def change_text(text: str, change: TextChange, depth: int = _DEEPEST) -> str:
    """Apply `change` to the content of a string, in any of these forms."""
    whole = change.change_whole(text)
    if whole is not None:
        return whole
    if not depth:
        return change.change_plain(text)
    if is_json(text):
        return _change_json(text, change, depth - 1)
    for mark, pieces, inner in _FORMS:
        if mark in text:
            text = pieces.sub(partial(_write_back, inner, change, depth - 1), text)
    return change.change_plain(text)


def _write_back(inner: "_Inner", change: TextChange, depth: int, match: re.Match[str]) -> str:
    return inner(match[0], change, depth)


def is_json(text: str) -> bool:
    """Return whether the text is a JSON object or list, or has one on each line."""
    if text.lstrip()[:1] not in ("{", "["):
        return False
    try:
        json.loads(text)
    except ValueError:
        lines = [line for line in text.splitlines() if line.strip()]
        try:
            return len(lines) > 1 and all(isinstance(json.loads(line), dict | list) for line in lines)
        except (ValueError, RecursionError):
            return False
    except RecursionError:
        return False
    return True


def find_packed_texts(text: str) -> Iterator[str]:
    """Decode a string from base64, percent-encoding, escaped characters or character references."""
    if "\\u" in text:
        yield from (_unescape(piece) for piece in _ESCAPED.findall(text) if _ESCAPE.search(piece))
    if "%" in text:
        yield from (_unquote(piece)[0] for piece in _PIECE.findall(text) if _PERCENT.search(piece))
    if "+" in text:
        yield from (unquote_plus(piece) for piece in _FORM_VALUE.findall(text) if "+" in piece)
    if "&" in text:
        yield from (html.unescape(piece) for piece in _MARKUP.findall(text) if _REFERENCE.search(piece))
    for token in _BASE64.findall(text):
        inner = _unpack(token)
        if inner is not None:
            yield inner
        elif "/" in token:
            unpacked = (_unpack(part) for part in token.split("/") if len(part) >= _SHORTEST_PACKED)
            yield from (part for part in unpacked if part is not None)


def _change_json(text: str, change: TextChange, depth: int) -> str:
    """Change JSON token by token. Spaces, order and notation stay the same, because they may be signed or compared."""

    def token(match: re.Match[str]) -> str:
        if match[1] is None:
            whole = int(match[0]) if match[0].lstrip("-").isdecimal() and len(match[0]) < _LONGEST_NUMBER else 0
            other = change.change_number(whole)
            return match[0] if other == whole else str(other)
        inner = json.loads(match[1], strict=False)
        changed = change.change_key(inner) if match[2] else change_text(inner, change, depth)
        if changed == inner:
            return match[0]
        return json.dumps(changed, ensure_ascii=match[1].isascii()) + (match[2] or "")

    return _JSON.sub(token, text)


def _change_escapes(piece: str, change: TextChange, depth: int) -> str:
    escape = _ESCAPE.search(piece)
    if escape is None:
        return piece
    inner = _unescape(piece)
    changed = change_text(inner, change, depth)
    if changed == inner:
        return piece
    escaped = {chr(int(match[2], 16)) for match in _ESCAPE.finditer(piece)}
    return "".join(sign if sign.isascii() and sign not in escaped else _escape(sign, escape[1]) for sign in changed)


def _escape(sign: str, backslashes: str) -> str:
    units = sign.encode("utf-16-be", "surrogatepass").hex()
    return "".join(f"{backslashes}u{units[start : start + 4]}" for start in range(0, len(units), 4))


def _unescape(piece: str) -> str:
    """Decode characters such as `\\u00e4`, of which two may be a surrogate pair."""
    text = _ESCAPE.sub(lambda match: chr(int(match[2], 16)), piece)
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def _change_percent(piece: str, change: TextChange, depth: int) -> str:
    if _PERCENT.search(piece) is None:
        return piece
    inner, encoding = _unquote(piece)
    changed = change_text(inner, change, depth)
    if changed == inner:
        return piece
    escaped = {unquote(match[0], encoding, "replace") for match in _PERCENT.finditer(piece)}
    plain = {character for character in piece if not character.isalnum() and character != "%"} - escaped
    return quote(changed, "".join(plain), encoding, "replace")


def _unquote(piece: str) -> tuple[str, str]:
    """Decode a percent-encoded text, and return its encoding."""
    try:
        return unquote(piece, errors="strict"), "utf-8"
    except UnicodeDecodeError:
        return unquote(piece, "latin-1"), "latin-1"


def _change_form_value(piece: str, change: TextChange, depth: int) -> str:
    """Change a value of a form. A + is a space unless it is part of a personal value (+49…, ada+news@…)."""
    if "+" not in piece or change.change_plain(piece) != "+".join(map(change.change_plain, piece.split("+"))):
        return piece
    inner = unquote_plus(piece)
    changed = change_text(inner, change, depth)
    return piece if changed == inner else quote_plus(changed)


def _change_references(piece: str, change: TextChange, depth: int) -> str:
    if _REFERENCE.search(piece) is None:
        return piece
    inner = html.unescape(piece)
    changed = change_text(inner, change, depth)
    return piece if changed == inner else html.escape(changed)


def _change_base64(token: str, change: TextChange, depth: int) -> str:
    inner = _unpack(token)
    if inner is None:
        if "/" not in token:
            return token
        return "/".join(
            _change_base64(part, change, depth) if len(part) >= _SHORTEST_PACKED else part for part in token.split("/")
        )
    changed = change_text(inner, change, depth)
    return token if changed == inner else _pack(changed, token)


def _pack(text: str, like: str) -> str:
    """Encode in base64 with the alphabet and the padding of another token."""
    raw = text.encode("utf-8", "surrogatepass")
    url_safe = not any(sign in like for sign in "+/=")
    packed = (base64.urlsafe_b64encode(raw) if url_safe else base64.b64encode(raw)).decode()
    return packed.rstrip("=") if len(like) % 4 else packed


def _unpack(token: str) -> str | None:
    plain = token.rstrip("=").translate(str.maketrans("-_", "+/"))
    if len(plain) % 4 == 1:
        return None
    try:
        return base64.b64decode(plain + "=" * (-len(plain) % 4), validate=True).decode()
    except (binascii.Error, ValueError):
        return None


_Inner = Callable[[str, TextChange, int], str]
_FORMS: tuple[tuple[str, re.Pattern[str], _Inner], ...] = (
    ("+", _FORM_VALUE, _change_form_value),
    ("\\u", _ESCAPED, _change_escapes),
    ("%", _PIECE, _change_percent),
    ("&", _MARKUP, _change_references),
    ("", _BASE64, _change_base64),
)
"""The mark of each form, the pieces of a string that may be in it, and the function that changes a piece."""


def change_data(value: Any, change: TextChange) -> Any:
    """Copy JSON-like data, and apply `change` to every text, name and whole number."""
    if isinstance(value, str):
        return change_text(value, change)
    if isinstance(value, dict):
        return {change.change_key(str(key)): change_data(item, change) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [change_data(item, change) for item in value]
    if isinstance(value, int) and not isinstance(value, bool):
        return change.change_number(value)
    return value
