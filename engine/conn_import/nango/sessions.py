"""TWO_STEP and BILL entries: a login with vendor-specific requests; the last response has the token."""

import re
from typing import Any
from urllib.parse import parse_qsl

from conn_import.nango.draft import ConnectorDraft, read_credentials, to_answer_path
from conn_import.words import clean_text

__all__ = ["BEARER", "read_bill", "read_two_step"]

BEARER: dict[str, Any] = {"format": "bearer", "config": {"path": "session.access_token"}}
_TOKEN = "session.access_token"  # noqa: S105
_BODIES = ("json", "form", "xml")
_TEXT = "$type($jsonParse(response)) = 'string' ? $jsonParse(response) : response"
_BILL_SECONDS = 35 * 60


def read_two_step(draft: ConnectorDraft) -> None:
    """Read a TWO_STEP entry: the requests of `token_url` and `additional_steps`, one after another."""
    entry, names = draft.entry, draft.names
    read_credentials(draft, {})
    names.token, names.refresh = _TOKEN, "session.refresh_token"
    requests = [_read_request(draft, (), "token_url")]
    further = entry.take("additional_steps")
    for number, row in enumerate(further if isinstance(further, list) else [], start=1):
        name = f"step{number}"
        names.steps.add(name)
        requests[-1]["name"] = name
        requests.append(_read_step(draft, row if isinstance(row, dict) else {}, number))
    login = {key: value for key, value in requests[-1].items() if key != "name"}
    if before := requests[:-1]:
        login["before"] = [{"name": row["name"], **row} for row in before]
    login |= _read_token_response(draft)
    config: dict[str, Any] = {"ask": [], "login": login}  # without `ask`, an account would need a name and a password
    if refresh := _read_refresh(draft, login):
        config["refresh"] = refresh
    draft.credentials = draft.build_credentials("session", config)


def _read_request(draft: ConnectorDraft, path: tuple[str, ...], url_key: str) -> dict[str, Any]:
    entry = draft.entry
    parts = {
        "url": entry.take_text(*path, url_key),
        "method": entry.take_text(*path, "token_request_method"),
        "headers": entry.take_object(*path, "token_headers"),
        "params": entry.take(*path, "token_params"),
        "body_format": entry.take_text(*path, "body_format"),
    }
    return _build_request(draft, parts, "token")


def _read_step(draft: ConnectorDraft, row: dict[str, Any], number: int) -> dict[str, Any]:
    existing = {"token_url", "token_request_method", "token_headers", "token_params", "body_format"}
    for other in row.keys() - existing:
        draft.losses.add(f"additional_steps: {clean_text(other, 60)}", f"step {number + 1}")
    headers = row.get("token_headers")
    parts = {
        "url": str(row.get("token_url") or ""),
        "method": str(row.get("token_request_method") or ""),
        "headers": headers if isinstance(headers, dict) else {},
        "params": row.get("token_params"),
        "body_format": str(row.get("body_format") or ""),
    }
    return _build_request(draft, parts, f"additional_steps[{number - 1}]")


def _build_request(draft: ConnectorDraft, parts: dict[str, Any], where: str) -> dict[str, Any]:
    """Build one request. The query of its URL is merged with the rest, because values there are encoded."""
    address, _, query = parts["url"].partition("?")
    row: dict[str, Any] = {}
    method = parts["method"].lower() or "post"
    if not re.fullmatch(r"[a-z]{3,10}", method):
        draft.losses.add(f"the method {clean_text(method, 40)} of {where}")
        method = "post"
    if method != "post":
        row["method"] = method
    row["url"] = draft.fill_required_url(address, f"{where}_url")
    pairs = parse_qsl(query, keep_blank_values=True, max_num_fields=200)
    if pairs:
        row["query"] = {name: draft.fill(value, f"{where}_url") for name, value in pairs}
    body_format = parts["body_format"] if parts["body_format"] in _BODIES else "json"
    if parts["body_format"] not in ("", *_BODIES):
        draft.losses.add(f"body_format {clean_text(parts['body_format'], 40)}")
    headers = draft.fill_headers({str(name): value for name, value in parts["headers"].items()}, f"{where}_headers")
    usual = {"json": "application/json", "form": "application/x-www-form-urlencoded", "xml": "application/xml"}
    params = parts["params"]
    if params is not None and method != "get":
        row["body"] = draft.fill_deep(params, f"{where}_params")
        if body_format != "form":
            row["body_format"] = body_format
        headers = {n: v for n, v in headers.items() if (n.lower(), v) != ("content-type", usual[body_format])}
    elif isinstance(params, dict) and params:
        row.setdefault("query", {}).update(draft.fill_deep(params, f"{where}_params"))
    headers = {n: v for n, v in headers.items() if (n.lower(), v) != ("accept", "application/json")}
    if headers:
        row["headers"] = headers
    if body_format == "xml":
        row["response_format"] = "xml"
    return row


def _read_token_response(draft: ConnectorDraft) -> dict[str, Any]:
    """Read `token_response`: where the token and its expiry are."""
    entry = draft.entry
    token_response = entry.take_object("token_response")
    row: dict[str, Any] = {}
    token = str(token_response.get("token") or "")
    if not token:
        row |= {"response_format": "text", "response": _TEXT}
    elif token_response.get("refresh_token"):
        row["response"] = (
            f"{{'access_token': {to_answer_path(token)}, "
            f"'refresh_token': {to_answer_path(str(token_response['refresh_token']))}}}"
        )
    else:
        row["response"] = to_answer_path(token)
    if expiry := str(token_response.get("token_expiration") or ""):
        row["expires"] = to_answer_path(expiry)
        strategy = token_response.get("token_expiration_strategy")
        if strategy == "expireAt":
            row["expires_unit"] = "iso8601"
        elif strategy not in (None, "expireIn"):
            draft.losses.add(f"token_expiration_strategy {clean_text(strategy, 40)}")
    for other in token_response.keys() - {"token", "token_expiration", "token_expiration_strategy", "refresh_token"}:
        draft.losses.add("keys of token_response", clean_text(other, 60))
    lifetime = entry.take("token_expires_in_ms")
    if isinstance(lifetime, int | float) and lifetime > 0:
        row["lifetime_seconds"] = lifetime / 1000 if lifetime % 1000 else int(lifetime // 1000)
    buffer = entry.take("token_expiration_buffer")
    if isinstance(buffer, int | float):
        row["buffer_seconds"] = buffer
    return row


def _read_refresh(draft: ConnectorDraft, login: dict[str, Any]) -> dict[str, Any]:
    """Read how a session is renewed: `refresh_url` and `refresh_token_params`."""
    entry = draft.entry
    url = entry.take_text("refresh_url")
    params = {**entry.take_object("refresh_params"), **entry.take_object("refresh_token_params")}
    if not url:
        if params:
            draft.losses.add("refresh_token_params: the entry has no refresh_url, so the account logs in again")
        return {}
    headers = entry.take_object("refresh_token_headers") or entry.peek("token_headers")
    parts = {"url": url, "method": entry.take_text("refresh_token_request_method"), "params": params or None}
    body_format = entry.peek("body_format")
    made = _build_request(
        draft,
        {**parts, "headers": headers if isinstance(headers, dict) else {}, "body_format": str(body_format or "")},
        "refresh",
    )
    return {**made, **{key: login[key] for key in ("response", "expires", "expires_unit") if key in login}}


def read_bill(draft: ConnectorDraft) -> None:
    """Read a BILL entry: a login whose session ID and developer key are sent in separate headers."""
    entry, names = draft.entry, draft.names
    read_credentials(draft, {})
    for name, label, secret in (
        ("username", "User name", False),
        ("password", "Password", True),
        ("organizationId", "Organization ID", False),
        ("devKey", "Developer key", True),
    ):
        if name not in names.secrets:
            row: dict[str, Any] = {"name": names.add_secret(name), "label": label}
            draft.ask.append(row if secret else {**row, "secret": False})
    names.token = _TOKEN
    fields = {name: f"{{{{{names.secrets[name]}}}}}" for name in ("username", "password", "organizationId", "devKey")}
    login = {
        "url": draft.fill_required_url(entry.take_text("token_url"), "token_url"),
        "body": fields,
        "body_format": "json",
        "response": "response.sessionId",
        "lifetime_seconds": _BILL_SECONDS,
    }
    draft.credentials = draft.build_credentials("session", {"ask": [], "login": login})
