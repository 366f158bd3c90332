"""What of a document may be somebody's secret: requests that were really sent hold real keys. Nothing of it may land in
a file.
"""

import re

from conn_engine.config.literals import without_tokens
from conn_engine.secrets import REDACTED, secret_name
from conn_engine.urls import split_plain_url
from conn_import.words import to_snake

__all__ = ["is_key_name", "looks_secret", "redact_prose", "remove_user", "without_tokens"]

_SCHEME = re.compile(r"(?:bearer|basic|token|key|apikey)[ :=]+", re.IGNORECASE)
_RANDOM = re.compile(r"(?=\S*[0-9])(?=\S*[A-Za-z])[A-Za-z0-9_.:~+=-]{20,}")
_WORD = re.compile(r"(?=(?:[^\s/?&=]*[0-9]){4})(?=[^\s/?&=]*[A-Za-z])[A-Za-z0-9_.:~+-]{20,}=*")
_USER = re.compile(r"://[^/?#\s@\"'<>]*@")
_LAST_WORDS = frozenset({"apikey", "auth", "credential", "credentials", "key", "password", "secret", "token"})
_DATED = re.compile(r"\d{4}-\d{2}(?:-\d{2})?(?:[T.-].*)?")


def looks_secret(value: object) -> bool:
    """Whether a text looks as if it proved somebody's identity: a known token, a scheme with a value, or long and
    random. A media type, a version or a date does not."""
    text = str(value).strip()
    if without_tokens(text) != text or _SCHEME.match(text):
        return True
    return _RANDOM.fullmatch(text) is not None and _DATED.fullmatch(text) is None


def is_key_name(name: str, place: str) -> bool:
    """Whether a header or a parameter of this name carries a key. A header's last word tells more often than another
    name's: `X-Shop-Token` is a key, the parameter `page_token` is none."""
    last = to_snake(name).rpartition("_")[2]
    return secret_name(name) or (place == "header" and last in _LAST_WORDS and "idempot" not in name.lower())


def redact_prose(text: str) -> str:
    """What people wrote about a request, with `[redacted]` for the keys in it: many a request is named by its URL."""
    return _WORD.sub(REDACTED, _USER.sub("://", text))


def remove_user(url: str) -> str:
    """The URL without a user's name and password before the host."""
    place = split_plain_url(url).netloc
    return url.replace(place, place.rpartition("@")[2], 1) if "@" in place else url
