"""Keys that requests send together: one credential that asks for all of them, and an authorization that sends them.

Additional keys are those that a document requires with a scheme, and headers and parameters with a secret's name that
most operations have. Their values are secrets of the account and are never written to a file.
"""

import re
from collections.abc import Sequence
from typing import Any

from msgspec import UNSET

from conn_engine.analysis.drift.contract import Endpoint, Parameter, Place
from conn_import.contract import Contract
from conn_import.secrecy import is_key_name
from conn_import.words import clean_text, find_free_name, to_snake

__all__ = [
    "AuthSettings",
    "add_keys",
    "build_header_key",
    "find_common_keys",
    "find_scheme",
    "move_keys_to_authorization",
]

AuthSettings = tuple[dict[str, Any], dict[str, Any]]
"""`credentials` and `authorization`."""

_TAKEN = frozenset({
    "api_key", "assertion", "before", "captured", "client", "client_id", "client_secret", "context", "env", "oauth",
    "password", "request", "session", "token", "username",
})  # fmt: skip
_WORD = re.compile(r"[A-Za-z0-9!#$%&'*+.^_|~-]+")
_SCHEME = re.compile(r"([A-Za-z][A-Za-z-]{1,30}) +(token=)?\"?[^\s\"]")
_NOT_KEYS = frozenset({"digest", "hawk", "mac", "negotiate", "ntlm", "signature"})
"""Schemes whose value is different for each request."""
_FORGERY = re.compile("csrf|xsrf")


def find_scheme(value: str) -> str:
    """Return the word before a key in a header (`Bearer`, `Token token=`); "" if the value is the key itself."""
    match = _SCHEME.match(value.strip())
    return "" if match is None else f"{match[1]} {match[2]}" if match[2] else match[1]


def build_header_key(name: str, value: str = "") -> AuthSettings | None:
    """Build credentials and authorization for a header with a key: with a known scheme, after another scheme's word
    (`Token …`), or without a scheme. Only the scheme is read from the value. Returns None for a signature."""
    match = _SCHEME.match(value.strip())
    scheme = match[1].lower() if match else ""
    if name.lower() == "authorization" and scheme in ("bearer", "basic"):
        return {"format": scheme}, {"format": scheme}
    if scheme in _NOT_KEYS:
        return None
    template = {"value": f"{match[1]} {match[2] or ''}{{{{api_key}}}}"} if match else {}
    return {"format": "api_key"}, {"format": "header", "config": {"name": name, **template}}


def add_keys(main: AuthSettings, others: Sequence[tuple[str, dict[str, Any]]]) -> AuthSettings:
    """Add keys to a credential, each with the name of its scheme and the authorization that sends it."""
    credentials, authorization = main
    several = authorization["format"] == "several"
    ways = list(authorization["config"]["all"]) if several else [authorization]
    asked: list[dict[str, Any]] = list(credentials.get("config", {}).get("ask", ()))
    names = {*_TAKEN, *(row["name"] for row in asked)}
    for scheme, way in others:
        name = to_snake(scheme)
        name = name if re.match("[a-z]", name) and name not in _TAKEN else f"key_{name}".rstrip("_")
        name = find_free_name(name, names)
        names.add(name)
        asked.append({"name": name, "label": clean_text(scheme, 60)})
        ways.append({"format": way["format"], "config": {**way["config"], "value": f"{{{{{name}}}}}"}})
    config = {**credentials.get("config", {}), "ask": asked}
    return {**credentials, "config": config}, {"format": "several", "config": {"all": ways}}


def find_common_keys(endpoints: Sequence[Endpoint], *, unauthorized: bool = False) -> list[tuple[Place, str]]:
    """Return the headers and query parameters with a secret's name that more than half of the operations always have.
    If nothing else authorizes requests (`unauthorized`), also return the header that most operations have."""
    counts: dict[tuple[Place, str], int] = {}
    for endpoint in endpoints:
        for one in endpoint.parameters:
            always = one.required or one.fixed is not UNSET or one.name.lower() == "authorization"
            if always and one.place != "path" and is_key_name(one.name, one.place) and _WORD.fullmatch(one.name):
                counts[_to_key(one)] = counts.get(_to_key(one), 0) + 1
    found = [key for key, count in counts.items() if count * 2 > len(endpoints)]
    headers = [key for key in counts if key[0] == "header" and not _FORGERY.search(key[1])]
    return found or ([max(headers, key=lambda key: counts[key])] if unauthorized and headers else [])


def move_keys_to_authorization(contract: Contract, endpoints: Sequence[Endpoint]) -> None:
    """Let the authorization send the keys that most operations have, and remove them from the operations."""
    keys = find_common_keys(endpoints, unauthorized=contract.authorization is None)
    spelled = {_to_key(one): one for endpoint in endpoints for one in endpoint.parameters}
    for place, name in keys:
        one = spelled[place, name]
        way: dict[str, Any] = {"format": place, "config": {"name": one.name}}
        if contract.authorization is None or contract.credentials is None:
            known = build_header_key(one.name, str(one.sample)) if place == "header" else ({"format": "api_key"}, way)
            contract.credentials, contract.authorization = known or (None, None)
        elif (place, name) != ("header", "authorization"):  # the scheme's own place
            made = add_keys((contract.credentials, contract.authorization), [(one.name, way)])
            contract.credentials, contract.authorization = made
    carried = {*keys, *([("header", "authorization")] if contract.authorization is not None else [])}
    for endpoint in endpoints:
        endpoint.parameters = [one for one in endpoint.parameters if _to_key(one) not in carried]


def _to_key(one: Parameter) -> tuple[Place, str]:
    return one.place, one.name.lower() if one.place == "header" else one.name
