"""Credential documents: find the strings that are secrets, and replace some of them."""

from collections.abc import Callable, Mapping
from typing import Any

from conn_engine.secrets.names import is_common_word, is_public_part
from conn_engine.secrets.search import REDACTED, SHORTEST

__all__ = ["get_refresh_token", "mask_short", "replace_secrets"]


def mask_short(document: Mapping[str, Any]) -> Mapping[str, Any]:
    """Replace secrets of an authorization that are too short to be searched for by `[redacted]`. Return the same object
    if there are none."""
    short: list[str] = []

    def mask(text: str, _label: str) -> str | None:
        if not text or len(text) >= SHORTEST:
            return None
        short.append(text)
        return REDACTED

    masked = {
        name: value if name == "context" else replace_secrets({name: value}, "", mask)[name]
        for name, value in document.items()
    }
    return masked if short else document


def replace_secrets(document: Any, label: str, replace: Callable[[str, str], str | None]) -> Any:
    """Return a copy of a credential document with each secret text replaced by the result of `replace`, which receives
    the text and its label. None leaves a string unchanged."""
    if isinstance(document, Mapping):
        return {
            key: value
            if is_public_part(str(key))
            else replace_secrets(value, f"{label}.{key}" if label else str(key), replace)
            for key, value in document.items()
        }
    if isinstance(document, (list, tuple)):
        return [replace_secrets(value, label, replace) for value in document]
    if not isinstance(document, str) or is_common_word(document):
        return document
    new = replace(document, label)
    return document if new is None else new


def get_refresh_token(document: Mapping[str, Any] | None) -> Any:
    """Return the refresh token from anywhere in a credential document, or None."""
    if not isinstance(document, Mapping):
        return None
    if "refresh_token" in document:
        return document["refresh_token"]
    return next((token for inner in document.values() if (token := get_refresh_token(inner)) is not None), None)
