"""Read `proxy.headers` and `proxy.query`: values of every request, with a secret (`authorization`) and without."""

import re
from typing import Any

from conn_engine.config.literals import literal_secrets
from conn_import.nango.draft import HEADER, ConnectorDraft
from conn_import.nango.templates import UntranslatableText, find_names, to_expression
from conn_import.words import clean_text

__all__ = ["read_request_values"]

_DIGEST = re.compile(r"\$\{sha256Hex\((.*)\)\}", re.DOTALL)


def read_request_values(draft: ConnectorDraft, default: dict[str, Any] | None) -> None:
    """Set `authorization`, `headers`, `query` and, if a header depends on time or chance, `signature`.

    `default` is the authorization of the entry's mode. A header or parameter with the access token replaces it, and so
    does an Authorization header.
    """
    signed: dict[str, str] = {}
    headers: dict[str, str] = {}
    carried: dict[str, str] = {}
    own_token = False
    for name, value in draft.entry.take_object("proxy", "headers").items():
        where = f"proxy.headers.{clean_text(name, 60)}"
        text = "" if value is None else str(value)
        if name in draft.signed_headers:
            continue
        if not HEADER.fullmatch(name):
            draft.losses.add(f"{where}: not a valid header name")
        elif _needs_moment(text):
            signed[name] = text
        elif (made := draft.fill(text, where)) is not None:
            if any(literal_secrets({"headers": {name: made}})):
                draft.losses.add(f"{where}: the entry contains a secret value")
                continue
            secret = draft.names.is_secret(text)
            (carried if secret else headers)[name] = made
            own_token |= secret and (draft.names.has_token(text) or name.lower() == "authorization")
    queries, plain_query = _read_query(draft)
    own_token |= any(draft.names.token and draft.names.token in value for value in queries.values())
    parts = [] if default is None or own_token else [default]
    if carried:
        parts.append(_build_header(carried))
    parts += [{"format": "query", "config": {"name": name, "value": value}} for name, value in queries.items()]
    if parts:
        draft.authorization = parts[0] if len(parts) == 1 else {"format": "several", "config": {"all": parts}}
    if signed:
        _build_signature(draft, signed)
    if headers:
        draft.settings["headers"] = headers
    if plain_query:
        draft.settings["query"] = plain_query


def _read_query(draft: ConnectorDraft) -> tuple[dict[str, str], dict[str, str]]:
    secret: dict[str, str] = {}
    plain_query: dict[str, str] = {}
    for name, value in draft.entry.take_object("proxy", "query").items():
        text = "" if value is None else str(value)
        made = draft.fill(text, f"proxy.query.{clean_text(name, 60)}")
        if made is not None and any(literal_secrets({"query": {name: made}})):
            draft.losses.add(f"proxy.query.{clean_text(name, 60)}: the entry contains a secret value")
        elif made is not None:
            (secret if draft.names.is_secret(text) else plain_query)[name] = made
    return secret, plain_query


def _needs_moment(text: str) -> bool:
    return any(name in ("random", "now", "endpoint") or name.startswith("now:") for name in find_names(text))


def _build_header(carried: dict[str, str]) -> dict[str, Any]:
    if len(carried) > 1:
        return {"format": "header", "config": {"headers": carried}}
    (name, value) = next(iter(carried.items()))
    bearer = re.fullmatch(r"Bearer \{\{(oauth\.token\.access_token|session\.access_token|api_key)\}\}", value)
    if name.lower() == "authorization" and bearer is not None:
        return {"format": "bearer", "config": {"path": bearer[1]}}
    return {"format": "header", "config": {"name": name, "value": value}}


def _build_signature(draft: ConnectorDraft, signed: dict[str, str]) -> None:
    """Headers that need time or chance are a signature's: it runs last, and these are the same in all of them."""
    if draft.signature is not None:
        draft.losses.add(f"the headers {', '.join(signed)}: the entry already has a signature")
        return
    content = "''"
    digest = next((name for name, text in signed.items() if _DIGEST.fullmatch(text)), None)
    headers: dict[str, str] = {}
    for name, text in signed.items():
        try:
            inner = _DIGEST.fullmatch(text) if name == digest else None
            if inner is not None:
                content, headers[name] = to_expression(inner[1], draft.names.to_expression), "{{signature}}"
            else:
                headers[name] = draft.names.to_template(text)
        except UntranslatableText as unknown:
            draft.losses.add(f"proxy.headers.{clean_text(name, 60)}: it uses {unknown}")
    draft.signature = {"format": "hmac", "config": {"content": content, "key": "", "headers": headers}}
