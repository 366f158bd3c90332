"""Secrets written into a document, found by their key or because they look like a vendor's token.

Lint reports them (SEC101). Code that prints or sends parts of a document registers them with the redactor.
"""

import re
from collections.abc import Iterator
from typing import Any

from conn_engine.documents import Path_, iterate_texts
from conn_engine.secrets import REDACTED, is_secret_name
from conn_engine.secrets.shapes import build_token_pattern

__all__ = ["literal_secrets", "password_in_url", "without_tokens"]

_LITERAL_OK = re.compile(r"^\s*$|\{\{|^\[redacted\]$|^(example|changeme|your[-_ ])", re.IGNORECASE)
_URL_PASSWORD = re.compile(r"://[^/?#\s:@]*:[^/?#\s@]+@|[?&]\w*password=[^&#\s]", re.IGNORECASE)
_USER_INFO = re.compile(r"https?://[^/?#\s:@]*:([^/?#\s@]+)@")
_QUERY_PAIR = re.compile(r"[?&]([^=&#?\s{}]{1,100})=([^&#\s]+)")
_NOT_VALUES = frozenset({"name", "path", "format", "prefix", "pattern", "label", "description", "response"})
_PLACES = frozenset({"headers", "query", "credentials", "authorization", "resources", "context"})


def literal_secrets(data: Any) -> Iterator[tuple[Path_, str]]:
    """Yield the path and text of each literal secret in a configuration (`Layer.data`, `Effective.data`) or a
    document."""
    for path, value in iterate_texts(data):
        key = str(path[-1]) if path else ""
        has_secret_name = is_secret_name(key) and key not in _NOT_VALUES and not _PLACES.isdisjoint(path[:-1])
        has_secret_name = has_secret_name or (
            key == "value" and "authorization" in path[:-1]
        )  # the credential of a request
        has_secret_name = has_secret_name and not any(
            isinstance(name, str) and name.endswith("_mapping") for name in path
        )
        url_like = value.startswith(("http://", "https://", "/"))
        if build_token_pattern().search(value) or (has_secret_name and not _LITERAL_OK.search(value) and not url_like):
            yield path, value
        elif url_like and (secret := next(_in_url(value), "")):
            yield path, secret


def _in_url(address: str) -> Iterator[str]:
    """Yield the secrets in a URL or a path: a password before the host, and query values with a secret name."""
    if (user := _USER_INFO.match(address)) and "{{" not in user[1]:
        yield user[1]
    for name, value in _QUERY_PAIR.findall(address):
        if is_secret_name(name) and not _LITERAL_OK.search(value):
            yield value


def without_tokens(text: str) -> str:
    """Return the text with `[redacted]` in place of anything that looks like a vendor's token."""
    return build_token_pattern().sub(REDACTED, text)


def password_in_url(address: str) -> bool:
    """Return whether a URL contains a password, before its host or in its query."""
    return _URL_PASSWORD.search(address) is not None
