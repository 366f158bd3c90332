"""Describes the headers in which a replayed request carries its credential, and the text around it.

Replays use a synthetic credential, so that no part of a real one can be written.
"""

import base64
import binascii
import re
from collections.abc import Collection
from typing import Final

from conn_engine.secrets import is_secret_name
from conn_engine.wire import Request

__all__ = ["describe_credential_headers"]

_CREDENTIAL: Final = "[credential]"
_SIGNATURE: Final = "[signature]"
_HIDDEN: Final = "[not shown]"
_OF_THE_BODY: Final = frozenset({"accept", "content-type"})
_WITH_SCHEME: Final = frozenset({"authorization", "proxy-authorization"})
_SHORTEST: Final = 4
"""A shorter text may occur in any other."""
_SCHEME: Final = re.compile(r"[A-Za-z][A-Za-z0-9_-]* (?=\S)")


def describe_credential_headers(request: Request, invented: Collection[str]) -> dict[str, str]:
    """Return each header that carries a credential, by lower-case name, with `[credential]` for the synthetic strings:
    `{"authorization": "Bearer [credential]"}`.

    A computed value may be a digest: of a signature, or of a value without a synthetic text, only the scheme is shown.
    A header that the configuration sets under a credential's name is `[not shown]`.
    """
    descriptions = {}
    for name, value in sorted(request.headers.items()):
        if request.declared.get(name) == value:
            if is_secret_name(name):
                descriptions[name] = _HIDDEN
        elif name in request.signed_headers:
            descriptions[name] = _scheme(name, value) + _SIGNATURE
        elif name not in _OF_THE_BODY:
            description = _replace_texts(_decode_basic(value), invented)
            descriptions[name] = description if _CREDENTIAL in description else _scheme(name, value) + _CREDENTIAL
    return descriptions


def _replace_texts(value: str, texts: Collection[str]) -> str:
    longest_first = sorted((text for text in texts if len(text) >= _SHORTEST), key=len, reverse=True)
    pattern = "|".join(map(re.escape, longest_first))
    return re.sub(pattern, _CREDENTIAL, value) if pattern else value


def _decode_basic(value: str) -> str:
    """Decode the user name and password of a Basic header; return any other header unchanged."""
    if value[:6].lower() != "basic ":
        return value
    try:
        return value[:6] + base64.b64decode(value[6:], validate=True).decode()
    except (binascii.Error, UnicodeDecodeError):
        return value


def _scheme(name: str, value: str) -> str:
    """Return the scheme of an `Authorization` header, followed by a space; "" without one."""
    scheme = _SCHEME.match(value) if name in _WITH_SCHEME else None
    return scheme[0] if scheme is not None else ""
