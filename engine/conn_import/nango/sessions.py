"""TWO_STEP and BILL entries: a log-in by requests of the vendor's own, whose last answer has the token."""

import re
from typing import Any
from urllib.parse import parse_qsl

from conn_import.nango.making import Making, answer_path, read_credentials
from conn_import.words import plain

__all__ = ["BEARER", "bill", "two_step"]

BEARER: dict[str, Any] = {"format": "bearer", "config": {"path": "session.access_token"}}
_TOKEN = "session.access_token"  # noqa: S105
_BODIES = ("json", "form", "xml")
_TEXT = "$type($jsonParse(response)) = 'string' ? $jsonParse(response) : response"
_BILL_SECONDS = 35 * 60


def two_step(making: Making) -> None:
    """TWO_STEP: `token_url` and `additional_steps`, one request after another."""
    entry, names = making.entry, making.names
    read_credentials(making, {})
    names.token, names.refresh = _TOKEN, "session.refresh_token"
    requests = [_request(making, (), "token_url")]
    further = entry.take("additional_steps")
    for number, row in enumerate(further if isinstance(further, list) else [], start=1):
        name = f"step{number}"
        names.steps.add(name)
        requests[-1]["name"] = name
        requests.append(_further(making, row if isinstance(row, dict) else {}, number))
    login = {key: value for key, value in requests[-1].items() if key != "name"}
    if before := requests[:-1]:
        login["before"] = [{"name": row["name"], **row} for row in before]
    login |= _reading(making)
    config: dict[str, Any] = {"ask": [], "login": login}  # without `ask` a name and a password would be asked for
    if refresh := _refresh(making, login):
        config["refresh"] = refresh
    making.credentials = making.kind("session", config)


def _request(making: Making, path: tuple[str, ...], url_key: str) -> dict[str, Any]:
    entry = making.entry
    parts = {
        "url": entry.text(*path, url_key),
        "method": entry.text(*path, "token_request_method"),
        "headers": entry.object(*path, "token_headers"),
        "params": entry.take(*path, "token_params"),
        "body_format": entry.text(*path, "body_format"),
    }
    return _made(making, parts, "token")


def _further(making: Making, row: dict[str, Any], number: int) -> dict[str, Any]:
    known = {"token_url", "token_request_method", "token_headers", "token_params", "body_format"}
    for other in row.keys() - known:
        making.losses.add(f"additional_steps: {plain(other, 60)}", f"step {number + 1}")
    headers = row.get("token_headers")
    parts = {
        "url": str(row.get("token_url") or ""),
        "method": str(row.get("token_request_method") or ""),
        "headers": headers if isinstance(headers, dict) else {},
        "params": row.get("token_params"),
        "body_format": str(row.get("body_format") or ""),
    }
    return _made(making, parts, f"additional_steps[{number - 1}]")


def _made(making: Making, parts: dict[str, Any], where: str) -> dict[str, Any]:
    """One request. What its URL has in its query is one with the rest: values there are encoded."""
    address, _, query = parts["url"].partition("?")
    made: dict[str, Any] = {}
    method = parts["method"].lower() or "post"
    if not re.fullmatch(r"[a-z]{3,10}", method):
        making.losses.add(f"the method {plain(method, 40)} of {where}")
        method = "post"
    if method != "post":
        made["method"] = method
    made["url"] = making.needed_url(address, f"{where}_url")
    pairs = parse_qsl(query, keep_blank_values=True, max_num_fields=200)
    if pairs:
        made["query"] = {name: making.filled(value, f"{where}_url") for name, value in pairs}
    body_format = parts["body_format"] if parts["body_format"] in _BODIES else "json"
    if parts["body_format"] not in ("", *_BODIES):
        making.losses.add(f"body_format {plain(parts['body_format'], 40)}")
    headers = making.headers({str(name): value for name, value in parts["headers"].items()}, f"{where}_headers")
    usual = {"json": "application/json", "form": "application/x-www-form-urlencoded", "xml": "application/xml"}
    params = parts["params"]
    if params is not None and method != "get":
        made["body"] = making.deep(params, f"{where}_params")
        if body_format != "form":
            made["body_format"] = body_format
        headers = {n: v for n, v in headers.items() if (n.lower(), v) != ("content-type", usual[body_format])}
    elif isinstance(params, dict) and params:
        made.setdefault("query", {}).update(making.deep(params, f"{where}_params"))
    headers = {n: v for n, v in headers.items() if (n.lower(), v) != ("accept", "application/json")}
    if headers:
        made["headers"] = headers
    if body_format == "xml":
        made["response_format"] = "xml"
    return made


def _reading(making: Making) -> dict[str, Any]:
    """`token_response`: where the token and its end are."""
    entry = making.entry
    told = entry.object("token_response")
    made: dict[str, Any] = {}
    token = str(told.get("token") or "")
    if not token:
        made |= {"response_format": "text", "response": _TEXT}
    elif told.get("refresh_token"):
        made["response"] = (
            f"{{'access_token': {answer_path(token)}, 'refresh_token': {answer_path(str(told['refresh_token']))}}}"
        )
    else:
        made["response"] = answer_path(token)
    if end := str(told.get("token_expiration") or ""):
        made["expires"] = answer_path(end)
        strategy = told.get("token_expiration_strategy")
        if strategy == "expireAt":
            made["expires_unit"] = "iso8601"
        elif strategy not in (None, "expireIn"):
            making.losses.add(f"token_expiration_strategy {plain(strategy, 40)}")
    for other in told.keys() - {"token", "token_expiration", "token_expiration_strategy", "refresh_token"}:
        making.losses.add("of token_response", plain(other, 60))
    lifetime = entry.take("token_expires_in_ms")
    if isinstance(lifetime, int | float) and lifetime > 0:
        made["lifetime_seconds"] = lifetime / 1000 if lifetime % 1000 else int(lifetime // 1000)
    buffer = entry.take("token_expiration_buffer")
    if isinstance(buffer, int | float):
        made["buffer_seconds"] = buffer
    return made


def _refresh(making: Making, login: dict[str, Any]) -> dict[str, Any]:
    """`refresh_url` with `refresh_token_params`: what prolongs the session."""
    entry = making.entry
    url = entry.text("refresh_url")
    params = {**entry.object("refresh_params"), **entry.object("refresh_token_params")}
    if not url:
        if params:
            making.losses.add("refresh_token_params: there is no refresh_url, so the account logs in again")
        return {}
    headers = entry.object("refresh_token_headers") or entry.peek("token_headers")
    parts = {"url": url, "method": entry.text("refresh_token_request_method"), "params": params or None}
    body_format = entry.peek("body_format")
    made = _made(
        making,
        {**parts, "headers": headers if isinstance(headers, dict) else {}, "body_format": str(body_format or "")},
        "refresh",
    )
    return {**made, **{key: login[key] for key in ("response", "expires", "expires_unit") if key in login}}


def bill(making: Making) -> None:
    """BILL: a log-in whose session id and developer key go into headers of their own."""
    entry, names = making.entry, making.names
    read_credentials(making, {})
    for name, label, secret in (
        ("username", "User name", False),
        ("password", "Password", True),
        ("organizationId", "Organization ID", False),
        ("devKey", "Developer key", True),
    ):
        if name not in names.secrets:
            row: dict[str, Any] = {"name": names.add_secret(name), "label": label}
            making.ask.append(row if secret else {**row, "secret": False})
    names.token = _TOKEN
    fields = {name: f"{{{{{names.secrets[name]}}}}}" for name in ("username", "password", "organizationId", "devKey")}
    login = {
        "url": making.needed_url(entry.text("token_url"), "token_url"),
        "body": fields,
        "body_format": "json",
        "response": "response.sessionId",
        "lifetime_seconds": _BILL_SECONDS,
    }
    making.credentials = making.kind("session", {"ask": [], "login": login})
