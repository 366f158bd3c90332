"""In which headers a replayed request carries its credential, and what stands around it there.

Replays have an invented credential, so that nothing of a real one can get into what is written here.
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
"""A shorter text may be a part of any other."""
_SCHEME: Final = re.compile(r"[A-Za-z][A-Za-z0-9_-]* (?=\S)")


def describe_credential_headers(request: Request, invented: Collection[str]) -> dict[str, str]:
    """Each header that carries a credential, by lower-case name, with `[credential]` for the texts that were invented
    for it: `{"authorization": "Bearer [credential]"}`.

    What is computed is not shown, since it may be a digest: of a signature, and of a value that has none of the texts,
    only the scheme is. A header that is not the credential's, but named like one, is `[not shown]`.
    """
    found = {}
    for name, value in sorted(request.headers.items()):
        if request.declared.get(name) == value:
            if is_secret_name(name):
                found[name] = _HIDDEN
        elif name in request.signed_headers:
            found[name] = _scheme(name, value) + _SIGNATURE
        elif name not in _OF_THE_BODY:
            shown = _replace_texts(_decode_basic(value), invented)
            found[name] = shown if _CREDENTIAL in shown else _scheme(name, value) + _CREDENTIAL
    return found


def _replace_texts(value: str, texts: Collection[str]) -> str:
    telling = sorted((text for text in texts if len(text) >= _SHORTEST), key=len, reverse=True)
    known = "|".join(map(re.escape, telling))
    return re.sub(known, _CREDENTIAL, value) if known else value


def _decode_basic(value: str) -> str:
    """A header with the user name and the password of Basic authorization as they are; every other as it comes."""
    if value[:6].lower() != "basic ":
        return value
    try:
        return value[:6] + base64.b64decode(value[6:], validate=True).decode()
    except (binascii.Error, UnicodeDecodeError):
        return value


def _scheme(name: str, value: str) -> str:
    """The name of the scheme that the value of an `Authorization` header starts with, and a space; "" without one."""
    scheme = _SCHEME.match(value) if name in _WITH_SCHEME else None
    return scheme[0] if scheme is not None else ""
