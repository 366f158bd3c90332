"""What the proxy passes on: paths, methods and headers by the list in conn.yaml, and no request for a credential."""

import re
from collections.abc import Iterable, Sequence
from itertools import pairwise
from typing import Any, Final
from unicodedata import normalize
from urllib.parse import unquote

from conn_engine.config import Effective
from conn_engine.config.proxy_models import NEVER_PASSED, ProxyPath, ProxySettings
from conn_engine.runtime.credential_paths import find_credential_paths, is_credential_path
from conn_engine.url_paths import has_dot_segment
from conn_service.http.problems import HttpProblem

__all__ = [
    "METHODS",
    "READING",
    "check_parameters",
    "check_path",
    "choose_headers",
]

METHODS: Final = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE")
READING: Final = ("GET", "HEAD")
_SEGMENT = re.compile(r"(?:[A-Za-z0-9._~!$&'()*+,=:@-]|%[0-9A-Fa-f]{2})+")
_LONGEST = 4_000
_HEADERS: Final = frozenset({
    "accept", "accept-language", "content-type", "idempotency-key", "if-match", "if-modified-since", "if-none-match",
    "if-unmodified-since", "prefer",
})  # fmt: skip
"""Not `range`: a secret whose name is in another part would not be found."""
_CREDENTIAL_WORDS: Final = frozenset({
    "accesstoken", "accesstokens", "apikey", "apikeys", "apitoken", "apitokens", "credential", "credentials",
    "introspect", "introspection", "oauth", "oauth1", "oauth2", "password", "passwords", "refreshtoken",
    "refreshtokens", "revocation", "revoke", "secret", "secrets", "token", "tokens",
})  # fmt: skip
_HTTP_METHODS: Final = frozenset({*METHODS, "OPTIONS", "MERGE", "TRACE", "CONNECT"})


def check_path(settings: ProxySettings | None, effective: Effective, path: str, method: str) -> None:
    """Raise HttpProblem for a path that is not passed on with this method: 400, 404, or 405 with what is allowed."""
    segments = _split(path)
    names = [unquote(segment) for segment in segments]
    allowed = {
        verb.upper()
        for entry in (settings.paths if settings is not None else ())
        if _is_match(entry, names)
        for verb in (*entry.methods, *(("head",) if "get" in entry.methods else ()))
    }
    if not allowed or is_credential_path(names, find_credential_paths(effective)):
        raise HttpProblem(
            404,
            "unknown",
            "the proxy does not pass this path on",
            f"add it to proxy.{effective.connector_name} in conn.yaml if callers may use it",
        )
    if method not in allowed:
        offered = ", ".join(verb for verb in METHODS if verb in allowed)
        raise HttpProblem(
            405, "method_not_allowed", f"the proxy does not pass {method} on here", headers={"allow": offered}
        )


def _split(path: str) -> list[str]:
    """Return the encoded segments of a path. What a server could read as another path is refused."""
    segments = path.removeprefix("/").removesuffix("/").split("/")
    try:
        fits = (
            len(path) <= _LONGEST
            and path.startswith("/")
            and all(
                _SEGMENT.fullmatch(segment) and _is_plain(unquote(segment, errors="strict")) for segment in segments
            )
            and not has_dot_segment(path)
        )
    except UnicodeDecodeError:
        fits = False
    if not fits:
        text = (
            'encode it once, without "." and "..", empty parts, and encoded slashes, semicolons or control characters'
        )
        raise HttpProblem(400, "invalid_request", "the path can be read in several ways", text)
    return segments


def _is_plain(segment: str) -> bool:
    """Return whether a decoded segment stays one segment, however often a server decodes or normalizes it."""
    plain = normalize("NFKC", segment)
    return not re.search(r"[/\\;?#\u0000-\u001f\u007f-\u009f]|%[0-9A-Fa-f]{2}|%u", plain)


def _is_match(entry: ProxyPath, names: Sequence[str]) -> bool:
    """Return whether a path has the form of an entry. Words for credentials must stand in it: no `*` matches them."""
    pattern = entry.path.removeprefix("/").split("/")
    if pattern[-1] == "**":
        if len(names) < len(pattern):
            return False
        pattern = [*pattern[:-1], *["*"] * (len(names) - len(pattern) + 1)]
    if len(names) != len(pattern):
        return False
    return all(
        part == name or (part == "*" and not _names_credential(name)) for part, name in zip(pattern, names, strict=True)
    )


def _names_credential(name: str) -> bool:
    words = re.split(r"[^a-z0-9]+", re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "-", name).lower())
    pairs = {"".join(pair) for pair in pairwise(words)}
    return not _CREDENTIAL_WORDS.isdisjoint({*words, *pairs})


# --- headers and parameters ---


def choose_headers(settings: ProxySettings, pairs: Iterable[tuple[str, str]]) -> dict[str, str]:
    """Return the headers of a request that are sent to the vendor. Raises HttpProblem for one that is repeated."""
    allowed = (_HEADERS | {name.lower() for name in settings.headers}) - NEVER_PASSED
    chosen: dict[str, str] = {}
    dropped: set[str] = set()
    for name, value in pairs:
        if name == "connection":
            dropped |= {part.strip().lower() for part in value.split(",")}
        elif name in allowed:
            if name in chosen:
                raise HttpProblem(400, "invalid_request", f"the header {name} is given twice", "send it once")
            chosen[name] = value
    return {name: value for name, value in chosen.items() if name not in dropped}


def check_parameters(pairs: Iterable[tuple[str, Any]]) -> None:
    """Raise HttpProblem for a parameter that makes another request of this one, such as `_method=DELETE`."""
    for name, value in pairs:
        key = re.sub(r"[^a-z]", "", name.lower())
        if key.endswith(("method", "methodoverride")) and str(value).strip().upper() in _HTTP_METHODS:
            raise HttpProblem(
                400,
                "invalid_request",
                f"the proxy does not pass {name[:50]} on",
                "send the request with its own method",
            )
