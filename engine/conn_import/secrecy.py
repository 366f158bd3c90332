"""Detect values of a document that may be secrets: requests that were really sent contain real keys. No secret may be
written to a file.
"""

import re

from conn_engine.config.literals import without_tokens
from conn_engine.secrets import REDACTED, is_secret_name
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
    """Return whether a string looks like a secret: a known token, a scheme with a value, or a long random text. Media
    types, versions and dates do not."""
    text = str(value).strip()
    if without_tokens(text) != text or _SCHEME.match(text):
        return True
    return _RANDOM.fullmatch(text) is not None and _DATED.fullmatch(text) is None


def is_key_name(name: str, place: str) -> bool:
    """Return whether a header or parameter with this name contains a key. The last word of a name is decisive only for
    headers: `X-Shop-Token` is a key, the parameter `page_token` is not."""
    last = to_snake(name).rpartition("_")[2]
    return is_secret_name(name) or (place == "header" and last in _LAST_WORDS and "idempot" not in name.lower())


def redact_prose(text: str) -> str:
    """Replace keys in people's descriptions by `[redacted]`: many requests are named by their URL."""
    return _WORD.sub(REDACTED, _USER.sub("://", text))


def remove_user(url: str) -> str:
    """Return the URL without a user's name and password before the host."""
    place = split_plain_url(url).netloc
    return url.replace(place, place.rpartition("@")[2], 1) if "@" in place else url
