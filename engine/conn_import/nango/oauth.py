"""Convert OAuth entries to credentials: with a person's consent, for a client, with dynamic clients, and OAuth 1."""

from typing import Any

from conn_import.nango.draft import ConnectorDraft, read_credentials, to_answer_path
from conn_import.words import clean_text

__all__ = ["BEARER", "read_client_credentials", "read_oauth1", "read_oauth2"]

BEARER: dict[str, Any] = {"format": "bearer", "config": {"path": "oauth.token.access_token"}}
_TOKEN = "oauth.token.access_token"  # noqa: S105
_METHODS = ("HMAC-SHA1", "HMAC-SHA256", "HMAC-SHA512", "RSA-SHA1", "RSA-SHA256", "PLAINTEXT")
_GRANTS = {"authorization_code", "refresh_token", "client_credentials"}


def read_oauth2(draft: ConnectorDraft, *, registered: bool = True) -> None:
    """OAUTH2, and MCP_OAUTH2 as far as its client is registered by hand: an OAuth 2 login. Without `registered` the
    client may have no secret."""
    entry = draft.entry
    draft.names.token = _TOKEN
    read_credentials(draft, {})
    token_url = entry.take("token_url")
    token_url = token_url.get("OAUTH2", "") if isinstance(token_url, dict) else token_url
    config: dict[str, Any] = {"client_id": draft.build_env_template("CLIENT_ID")}
    if registered:
        config["client_secret"] = draft.build_env_template("CLIENT_SECRET")
    config["authorization_url"] = draft.fill_url(entry.take_text("authorization_url"), "authorization_url")
    config["token_url"] = draft.fill_url(str(token_url or ""), "token_url")
    entry.take("authorization_url_skip_encode")  # templates never encode the part before the query
    entry.take("token_url_skip_encode")
    parameters = _read_authorization_params(draft)
    if parameters:
        config["authorization_params"] = parameters
    if entry.take("disable_pkce") in (True, "true"):
        config["pkce"] = False
    if code := entry.take_text("authorization_code_param_in_callback"):
        config["code_param"] = code
    config |= _read_client_authentication(draft)
    config |= _read_scopes(draft)
    config |= _read_code_and_refresh(draft, config)
    config |= _read_token_response(draft)
    draft.credentials = draft.build_credentials("oauth2", config)


def read_client_credentials(draft: ConnectorDraft) -> None:
    """OAUTH2_CC: a token for the client's ID and secret, which an account supplies."""
    entry = draft.entry
    draft.names.token = _TOKEN
    config: dict[str, Any] = {}
    usual = {"client_id": "client_id", "client_secret": "client_secret"}
    certified = entry.take("require_client_certificate") in (True, "true")
    if certified:
        usual |= {"client_certificate": "certificate", "client_private_key": "private_key"}
    read_credentials(draft, usual)
    config["token_url"] = draft.fill_required_url(entry.take_text("token_url"), "token_url")
    config |= _read_client_authentication(draft)
    config |= _read_scopes(draft)
    extra = draft.fill_deep(entry.take_object("token_params"), "token_params")
    if extra.get("grant_type") == "client_credentials":
        del extra["grant_type"]
    elif "grant_type" not in extra:
        extra["grant_type"] = None
    if config.get("client_authentication") == "body" and entry.peek("token_request_auth_method") == "custom":
        extra |= {"username": "{{client_id}}", "password": "{{client_secret}}", "client_id": None}
        extra["client_secret"] = None
    if extra:
        config["token_params"] = extra
    if headers := draft.fill_headers(entry.take_object("token_headers"), "token_headers"):
        config["token_headers"] = headers
    config |= _read_token_response(draft)
    draft.credentials = draft.build_credentials("oauth2_client_credentials", config)
    if certified:
        draft.credentials = {"format": "mtls", "config": {"with": draft.credentials}}


def read_oauth1(draft: ConnectorDraft) -> None:
    """OAUTH1: three legs, then every request is signed."""
    entry = draft.entry
    read_credentials(draft, {})
    config: dict[str, Any] = {
        "request_token_url": draft.fill_required_url(entry.take_text("request_url"), "request_url"),
        "authorization_url": draft.fill_required_url(entry.take_text("authorization_url"), "authorization_url"),
        "access_token_url": draft.fill_required_url(entry.take_text("token_url"), "token_url"),
        "consumer_key": draft.build_env_template("CONSUMER_KEY"),
        "consumer_secret": draft.build_env_template("CONSUMER_SECRET"),
    }
    algorithm = entry.take_text("signature_method") or "HMAC-SHA1"
    if algorithm not in _METHODS:
        draft.losses.add(f"signature_method {clean_text(algorithm, 40)}")
        algorithm = "HMAC-SHA1"
    if algorithm != "HMAC-SHA1":
        config["algorithm"] = algorithm
    for name, target in (
        ("authorization_params", "authorization_params"),
        ("request_params", "request_params"),
        ("token_params", "access_params"),
    ):
        if found := draft.fill_deep(entry.take_object(name), name):
            config[target] = found
    methods = {
        entry.take_text("request_http_method").lower() or "post",
        entry.take_text("token_http_method").lower() or "post",
    }
    if methods == {"get"}:
        config["method"] = "get"
    elif methods != {"post"}:
        draft.losses.add(f"different methods for the two token requests: {', '.join(sorted(methods))}")
    _add_oauth1_scope(draft, config)
    draft.credentials = draft.build_credentials("oauth1", config)
    own = {"consumer_key": config["consumer_key"], "consumer_secret": config["consumer_secret"]}
    algorithm_setting = {"algorithm": algorithm} if algorithm != "HMAC-SHA1" else {}
    draft.signature = {"format": "oauth1", "config": {**algorithm_setting, **own}}


def _add_oauth1_scope(draft: ConnectorDraft, config: dict[str, Any]) -> None:
    """Set the scopes: OAuth 1 has them as a parameter of the authorization page. The entry has only the separator."""
    scopes = draft.entry.take_texts("default_scopes")
    separator = draft.entry.take_text("scope_separator")
    if scopes:
        config.setdefault("authorization_params", {})["scope"] = (separator or " ").join(scopes)
    elif separator:
        draft.notes["credentials", "config", "authorization_url"] = (
            f'to request scopes: authorization_params: {{scope: …}}, separated by "{clean_text(separator, 5)}"'
        )


def _read_authorization_params(draft: ConnectorDraft) -> dict[str, Any]:
    row: dict[str, Any] = draft.fill_deep(draft.entry.take_object("authorization_params"), "authorization_params")
    if row.get("response_type") == "code":
        del row["response_type"]
    if draft.entry.take("authorization_url_skip_empty"):
        pass  # an empty parameter is never sent here
    usual = {
        "client_id": "{{client.client_id}}",
        "redirect_uri": "{{consent.redirect_uri}}",
        "scope": "{{consent.scope}}",
        "state": "{{consent.state}}",
        "response_type": "code",
    }
    for name, other in draft.entry.take_object("authorization_url_replacements").items():
        if name in usual and isinstance(other, str):
            row |= {name: None, other: usual[name]}
        else:
            draft.losses.add("a renamed parameter of the authorization URL", clean_text(name, 60))
    return row


def _read_client_authentication(draft: ConnectorDraft) -> dict[str, Any]:
    """Read how the client authenticates. By default, these entries send fields in the body."""
    method = draft.entry.take_text("token_request_auth_method")
    header = draft.entry.take_text("authorization_method") == "header"
    row: dict[str, Any] = {}
    if method not in ("", "basic", "custom"):
        draft.losses.add(f"token_request_auth_method {clean_text(method, 40)}")
    if method != "basic" and not header:
        row["client_authentication"] = "body"
    if (body := draft.entry.take_text("body_format")) and body != "form":
        if body in ("json", "xml"):
            row["body_format"] = body
        else:
            draft.losses.add(f"body_format {clean_text(body, 40)}")
    return row


def _read_scopes(draft: ConnectorDraft) -> dict[str, Any]:
    row: dict[str, Any] = {}
    if scopes := draft.entry.take_texts("default_scopes"):
        row["scopes"] = scopes
    separator = draft.entry.take("scope_separator")
    if isinstance(separator, str) and separator != " " and separator:
        row["scope_separator"] = separator
    return row


def _read_code_and_refresh(draft: ConnectorDraft, config: dict[str, Any]) -> dict[str, Any]:
    """Read the parameters of both token requests: shared ones together, and different ones separately."""
    entry = draft.entry
    code = _remove_grant(draft.fill_deep(entry.take_object("token_params"), "token_params"))
    has_refresh_params = entry.peek("refresh_params") is not None
    refresh = (
        _remove_grant(draft.fill_deep(entry.take_object("refresh_params"), "refresh_params"))
        if has_refresh_params
        else dict(code)
    )
    common = {name: value for name, value in code.items() if refresh.get(name) == value}
    row: dict[str, Any] = {}
    if common:
        row["token_params"] = common
    if only := {name: value for name, value in code.items() if name not in common}:
        row["code_params"] = only
    if headers := draft.fill_headers(entry.take_object("token_headers"), "token_headers"):
        row["token_headers"] = headers
    refresh_url = entry.take_text("refresh_url")
    extra = {name: value for name, value in refresh.items() if name not in common}
    if refresh_url or extra:
        row["refresh"] = _build_refresh(draft, config, refresh_url, {**common, **extra}, headers)
    return row


def _build_refresh(
    draft: ConnectorDraft, config: dict[str, Any], url: str, extra: dict[str, Any], headers: dict[str, Any]
) -> dict[str, Any]:
    body: dict[str, Any] = {"grant_type": "refresh_token", "refresh_token": "{{oauth.token.refresh_token}}"}
    refresh: dict[str, Any] = {
        "url": draft.fill_url(url, "refresh_url") or config["token_url"] or draft.fill_required_url("", "token_url")
    }
    if config.get("client_authentication") == "body":
        body |= {name: f"{{{{client.{name}}}}}" for name in ("client_id", "client_secret") if name in config}
    elif "client_secret" in config:
        headers = {"authorization": "{{client.basic}}", **headers}
    if headers:
        refresh["headers"] = headers
    refresh["body"] = {**body, **extra}
    if "body_format" in config:
        refresh["body_format"] = config["body_format"]
    return refresh


def _remove_grant(params: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in params.items() if not (name == "grant_type" and str(value) in _GRANTS)}


def _read_token_response(draft: ConnectorDraft) -> dict[str, Any]:
    """Set how the token and its expiry are read from the response."""
    entry = draft.entry
    row: dict[str, Any] = {}
    if path := entry.take_text("alternate_access_token_response_path"):
        other = to_answer_path(path.removesuffix(".access_token"))
        row["response"] = f"response.access_token ? response : {other}"
    unit = entry.take_text("expires_in_unit")
    if unit in ("milliseconds", "minutes"):
        row["expires_unit"] = unit
    elif unit and unit != "seconds":
        draft.losses.add(f"expires_in_unit {clean_text(unit, 40)}")
    lifetime = entry.take("token_expires_in_ms")
    if isinstance(lifetime, int | float) and lifetime > 0:  # 0: it does not expire, which is the default here
        row["lifetime_seconds"] = lifetime / 1000 if lifetime % 1000 else int(lifetime // 1000)
    buffer = entry.take("token_expiration_buffer")
    if isinstance(buffer, int | float):
        row["buffer_seconds"] = buffer
    return row
