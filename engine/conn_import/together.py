"""What requests carry together: one credential that asks for every key, and an authorization that carries them all.

Further keys are those that a document requires beside a scheme, and the headers and parameters of a secret's name that
most of its operations have: their values are the account's secrets, never a part of a file.
"""

import re
from collections.abc import Sequence
from typing import Any

from msgspec import UNSET

from conn_engine.analysis.drift.contract import Endpoint, Place
from conn_import.contract import Contract
from conn_import.secrecy import key_name
from conn_import.words import free_name, plain, snake

__all__ = ["Settings", "beside", "carried_keys", "carry_keys"]

Settings = tuple[dict[str, Any], dict[str, Any]]
"""`credentials` and `authorization`."""

_TAKEN = frozenset({
    "api_key", "assertion", "before", "captured", "client", "client_id", "client_secret", "context", "env", "oauth",
    "password", "request", "session", "token", "username",
})  # fmt: skip
_WORD = re.compile(r"[A-Za-z0-9!#$%&'*+.^_|~-]+")


def beside(main: Settings, others: Sequence[tuple[str, dict[str, Any]]]) -> Settings:
    """A credential with further keys, each by the name of its scheme with the authorization that carries it."""
    credentials, authorization = main
    several = authorization["format"] == "several"
    ways = list(authorization["config"]["all"]) if several else [authorization]
    asked: list[dict[str, Any]] = list(credentials.get("config", {}).get("ask", ()))
    names = {*_TAKEN, *(row["name"] for row in asked)}
    for scheme, way in others:
        name = snake(scheme)
        name = name if re.match("[a-z]", name) and name not in _TAKEN else f"key_{name}".rstrip("_")
        name = free_name(name, names)
        names.add(name)
        asked.append({"name": name, "label": plain(scheme, 60)})
        ways.append({"format": way["format"], "config": {**way["config"], "value": f"{{{{{name}}}}}"}})
    config = {**credentials.get("config", {}), "ask": asked}
    return {**credentials, "config": config}, {"format": "several", "config": {"all": ways}}


def carried_keys(endpoints: Sequence[Endpoint]) -> list[tuple[Place, str]]:
    """The headers and query parameters of a secret's name that more than half of the operations always have."""
    counts: dict[tuple[Place, str], int] = {}
    for endpoint in endpoints:
        for one in endpoint.parameters:
            always = one.required or one.fixed is not UNSET
            if always and one.place != "path" and key_name(one.name, one.place) and _WORD.fullmatch(one.name):
                name = one.name.lower() if one.place == "header" else one.name
                counts[one.place, name] = counts.get((one.place, name), 0) + 1
    return [key for key, count in counts.items() if count * 2 > len(endpoints)]


def carry_keys(contract: Contract, endpoints: Sequence[Endpoint]) -> None:
    """Let the authorization carry the keys that most operations have, and no operation say them itself."""
    keys = carried_keys(endpoints)
    spelled = {
        (one.place, one.name.lower() if one.place == "header" else one.name): one.name
        for endpoint in endpoints
        for one in endpoint.parameters
    }
    for place, name in keys:
        way: dict[str, Any] = {"format": place, "config": {"name": spelled[place, name]}}
        if contract.authorization is None or contract.credentials is None:
            contract.credentials, contract.authorization = {"format": "api_key"}, way
        elif not (place == "header" and name == "authorization"):  # the scheme's own place
            made = beside((contract.credentials, contract.authorization), [(spelled[place, name], way)])
            contract.credentials, contract.authorization = made
    for endpoint in endpoints:
        endpoint.parameters = [
            one
            for one in endpoint.parameters
            if (one.place, one.name.lower() if one.place == "header" else one.name) not in keys
        ]
