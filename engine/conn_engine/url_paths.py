"""Where a URL's path leads: below another path, or above its start, in any encoding that a server may undo."""

import re
from unicodedata import normalize
from urllib.parse import unquote

__all__ = ["has_dot_segment", "is_below"]

_SUSPECT = re.compile(r"[.\u2024\ufe52\uff0e%]")
_OVERLONG = {"%c0%ae": ".", "%c0%af": "/", "%c1%9c": "\\", "%e0%80%ae": ".", "%e0%80%af": "/"}
_ENCODED = re.compile("|".join(_OVERLONG) + r"|%u([0-9a-f]{4})", re.IGNORECASE)
_SEPARATORS = re.compile(r"[/\\]")
_UNSEEN = re.compile(r"[\x00-\x20\x7f]")
_MOST_TIMES = 8  # a proxy, a server and a framework may each decode; nothing decodes more often


def is_below(path: str, start: str) -> bool:
    """Return whether a path equals another one, or continues it after a slash."""
    start = start.rstrip("/")
    return path.rstrip("/") == start or path.startswith(f"{start}/")


def has_dot_segment(path: str) -> bool:
    """Return whether a path has a segment "." or "..": plain, percent-encoded, encoded several times, overlong or
    full-width, before a parameter (`..;x`), or between backslashes. The query is ignored."""
    text = re.split(r"[?#]", path, maxsplit=1)[0]
    for _ in range(_MOST_TIMES):
        if not _SUSPECT.search(text):
            return False
        if any(_is_dots(segment) for segment in _SEPARATORS.split(text)):
            return True
        decoded = unquote(_ENCODED.sub(_decode_match, text))
        if decoded == text:
            return False
        text = decoded
    return True  # no legitimate path is encoded this often


def _is_dots(segment: str) -> bool:
    plain = _UNSEEN.sub("", segment.partition(";")[0])
    return (plain if plain.isascii() else normalize("NFKC", plain)) in (".", "..")


def _decode_match(found: "re.Match[str]") -> str:
    return chr(int(found[1], 16)) if found[1] else _OVERLONG[found[0].lower()]
