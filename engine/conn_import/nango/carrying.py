"""`proxy.headers` and `proxy.query`: what every request carries, with a secret (`authorization`) and without."""

import re
from typing import Any

from conn_engine.config.literals import literal_secrets
from conn_import.nango.making import HEADER, Making
from conn_import.nango.templates import Unsayable, expression, names_in
from conn_import.words import plain

__all__ = ["read_carrying"]

_DIGEST = re.compile(r"\$\{sha256Hex\((.*)\)\}", re.DOTALL)


def read_carrying(making: Making, default: dict[str, Any] | None) -> None:
    """Fill `authorization`, `headers`, `query` and, where a header needs time or chance, `signature`.

    `default` is the authorization of the entry's kind. A header or parameter with the access token in it stands in its
    place, as does an Authorization header.
    """
    signed: dict[str, str] = {}
    headers: dict[str, str] = {}
    carried: dict[str, str] = {}
    own_token = False
    for name, value in making.entry.object("proxy", "headers").items():
        where = f"proxy.headers.{plain(name, 60)}"
        text = "" if value is None else str(value)
        if name in making.said:
            continue
        if not HEADER.fullmatch(name):
            making.losses.add(f"{where}: it is no name of a header")
        elif _needs_moment(text):
            signed[name] = text
        elif (made := making.filled(text, where)) is not None:
            if any(literal_secrets({"headers": {name: made}})):
                making.losses.add(f"{where}: a secret is written into the entry")
                continue
            secret = making.names.is_secret(text)
            (carried if secret else headers)[name] = made
            own_token |= secret and (making.names.has_token(text) or name.lower() == "authorization")
    queries, plain_query = _query(making)
    own_token |= any(making.names.token and making.names.token in value for value in queries.values())
    parts = [] if default is None or own_token else [default]
    if carried:
        parts.append(_by_header(carried))
    parts += [{"format": "query", "config": {"name": name, "value": value}} for name, value in queries.items()]
    if parts:
        making.authorization = parts[0] if len(parts) == 1 else {"format": "several", "config": {"all": parts}}
    if signed:
        _sign(making, signed)
    if headers:
        making.settings["headers"] = headers
    if plain_query:
        making.settings["query"] = plain_query


def _query(making: Making) -> tuple[dict[str, str], dict[str, str]]:
    secret: dict[str, str] = {}
    plain_query: dict[str, str] = {}
    for name, value in making.entry.object("proxy", "query").items():
        text = "" if value is None else str(value)
        made = making.filled(text, f"proxy.query.{plain(name, 60)}")
        if made is not None and any(literal_secrets({"query": {name: made}})):
            making.losses.add(f"proxy.query.{plain(name, 60)}: a secret is written into the entry")
        elif made is not None:
            (secret if making.names.is_secret(text) else plain_query)[name] = made
    return secret, plain_query


def _needs_moment(text: str) -> bool:
    return any(name in ("random", "now", "endpoint") or name.startswith("now:") for name in names_in(text))


def _by_header(carried: dict[str, str]) -> dict[str, Any]:
    if len(carried) > 1:
        return {"format": "header", "config": {"headers": carried}}
    (name, value) = next(iter(carried.items()))
    bearer = re.fullmatch(r"Bearer \{\{(oauth\.token\.access_token|session\.access_token|api_key)\}\}", value)
    if name.lower() == "authorization" and bearer is not None:
        return {"format": "bearer", "config": {"path": bearer[1]}}
    return {"format": "header", "config": {"name": name, "value": value}}


def _sign(making: Making, signed: dict[str, str]) -> None:
    """Headers that need time or chance are a signature's: it runs last, and these are the same in all of them."""
    if making.signature is not None:
        making.losses.add(f"the headers {', '.join(signed)}: the entry has another signature")
        return
    content = "''"
    digest = next((name for name, text in signed.items() if _DIGEST.fullmatch(text)), None)
    headers: dict[str, str] = {}
    for name, text in signed.items():
        try:
            inner = _DIGEST.fullmatch(text) if name == digest else None
            if inner is not None:
                content, headers[name] = expression(inner[1], making.names.meaning), "{{signature}}"
            else:
                headers[name] = making.names.template(text)
        except Unsayable as unknown:
            making.losses.add(f"proxy.headers.{plain(name, 60)}: it uses {unknown}")
    making.signature = {"format": "hmac", "config": {"content": content, "key": "", "headers": headers}}
