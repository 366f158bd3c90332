"""Security schemes that are required together: one credential that asks for every key, and an authorization that
carries them all."""

import re
from collections.abc import Sequence
from typing import Any

from conn_engine.imports.words import plain, snake

__all__ = ["Settings", "beside"]

Settings = tuple[dict[str, Any], dict[str, Any]]
"""`credentials` and `authorization`."""

_TAKEN = frozenset({
    "api_key", "assertion", "before", "captured", "client", "client_id", "client_secret", "context", "env", "oauth",
    "password", "request", "session", "token", "username",
})  # fmt: skip


def beside(main: Settings, others: Sequence[tuple[str, dict[str, Any]]]) -> Settings:
    """A credential with further keys, each by the name of its scheme with the authorization that carries it."""
    credentials, authorization = main
    asked: list[dict[str, Any]] = []
    ways = [authorization]
    names: set[str] = set(_TAKEN)
    for scheme, way in others:
        name = snake(scheme)
        name = name if re.match("[a-z]", name) and name not in _TAKEN else f"key_{name}".rstrip("_")
        while name in names:
            name = f"{name}_2"
        names.add(name)
        asked.append({"name": name, "label": plain(scheme, 60)})
        ways.append({"format": way["format"], "config": {**way["config"], "value": f"{{{{{name}}}}}"}})
    config = {**credentials.get("config", {}), "ask": asked}
    return {**credentials, "config": config}, {"format": "several", "config": {"all": ways}}
