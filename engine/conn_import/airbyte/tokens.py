"""Authenticators that get a token by OAuth, and those that sign one. Sessions are `sessions`'."""

from collections.abc import Mapping
from typing import Any

from conn_import.airbyte.jinja import (
    Lit,
    Node,
    Secret,
    Untranslatable,
    step,
    textual,
    translated,
)
from conn_import.airbyte.names import Scope
from conn_import.airbyte.notes import Notes
from conn_import.airbyte.paging import pointer
from conn_import.airbyte.templates import nullable, template
from conn_import.airbyte.urls import hosts_of, spread
from conn_import.lists import naming

__all__ = ["Config", "credential_text", "fixed_text", "jwt_of", "oauth_of", "own_grant", "text_of"]

Config = dict[str, Any]
_USUAL_NAMES = {
    "grant_type_name": "grant_type", "client_id_name": "client_id", "client_secret_name": "client_secret",
    "refresh_token_name": "refresh_token",
}  # fmt: skip


def text_of(value: Any, scope: Scope) -> Node:
    """The URL or a name of a request for a token: it may read secrets, but what it reads is not one by that."""
    return textual(translated(str(value).strip(), {**scope.config(), "config": scope.settings.value}))


def fixed_text(value: Any, scope: Scope, default: str) -> str:
    if not value:
        return default
    node = text_of(value, scope)
    if not isinstance(node, Lit):
        raise Untranslatable("a name that the account decides")
    return str(node.value)


def credential_text(value: Any, scope: Scope) -> Node:
    """A part of a credential: what the configuration has there is secret."""
    return textual(translated(str(value).strip(), scope.credential()))


def login_text(value: Any, scope: Scope) -> Node:
    """A header or a field of a request for a token: secret as far as it proves something."""
    return textual(translated(str(value).strip(), scope.login()))


def _called(value: Any, name: str, scope: Scope) -> str | None:
    """The template of a client's id or secret; None when the account supplies it under its usual name.

    A single secret setting is called by the name that the credential has for it.
    """
    if value is None:
        return ""
    node = credential_text(value, scope)
    return None if isinstance(node, Secret) and scope.settings.claim(node.place, name) else str(template(node))


def oauth_of(
    one: Mapping[str, Any], scope: Scope, notes: Notes, manifest: Mapping[str, Any], hosts: list[str]
) -> Config:
    """Credentials of an OAuth authenticator; `hosts` gets those of its requests."""
    config: Config = {}
    if one.get("use_profile_assertion") and one.get("profile_assertion"):
        return _asserted(one, scope)
    names = {key: fixed_text(one.get(key), scope, usual) for key, usual in _USUAL_NAMES.items()}
    if one.get("token_refresh_endpoint"):
        url = spread(text_of(one["token_refresh_endpoint"], scope))
        hosts += hosts_of(url, scope.settings.choices)
        config["token_url"] = str(template(url))
    usual = "refresh_token" if "refresh_token" in one else "client_credentials"
    grant = fixed_text(one.get("grant_type"), scope, usual)
    for key in ("client_id", "client_secret"):
        made = _called(one.get(key), key, scope)
        if made is not None:
            config[key] = made
    if "client_id" in config:  # an account is asked for both or for none
        config.setdefault("client_secret", "{{client_secret}}")
    config["client_authentication"] = "body"
    headers = {
        str(name): str(template(login_text(value, scope)))
        for name, value in _object(one, "refresh_request_headers").items()
    }
    body = {
        str(name): template(nullable(login_text(value, scope)))
        for name, value in _object(one, "refresh_request_body").items()
    }
    params: Config = {key: value for key, value in body.items() if value is not None}
    by_header = any(name.lower() == "authorization" for name in headers)
    for key in ("client_id", "client_secret"):
        renamed = names[f"{key}_name"]
        if by_header:
            params.setdefault(key, None)
        elif renamed != key:
            params |= {key: None, renamed: f"{{{{client.{key}}}}}"}
    if headers:
        config["token_headers"] = headers
    _reading(one, scope, config)
    if isinstance(one.get("scopes"), list) and one["scopes"]:
        config["scopes"] = [str(scope_name) for scope_name in one["scopes"]]
    if names["grant_type_name"] != "grant_type":
        params |= {"grant_type": None, names["grant_type_name"]: grant}
    if one.get("send_refresh_request_as_query_params"):
        notes.add("an OAuth refresh with its values in the query")
    if grant == "client_credentials":
        if params:
            config["token_params"] = params
        return {"format": "oauth2_client_credentials", "config": config}
    if grant == "refresh_token":
        return _refreshed(one, scope, config, params, names["refresh_token_name"], manifest)
    return own_grant(config, params, grant)


def _object(one: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    """A part of a component that is an object. Raises Untranslatable for anything else."""
    said = one.get(key) or {}
    if not isinstance(said, Mapping):
        raise Untranslatable(f"{key} that is no object")
    return said


def _refreshed(  # noqa: PLR0917
    one: Mapping[str, Any], scope: Scope, config: Config, params: Config, refresh: str, manifest: Mapping[str, Any]
) -> Config:
    node = credential_text(one.get("refresh_token") or "", scope)
    if not isinstance(node, Secret):  # no token that could be renewed: what is sent is always the same
        return own_grant(config, {**params, refresh: template(node)}, "refresh_token")
    if not scope.settings.claim(node.place, "oauth.token.refresh_token"):
        raise Untranslatable("a second refresh token")
    if refresh != "refresh_token":
        params |= {"refresh_token": None, refresh: "{{oauth.token.refresh_token}}"}
    if params:
        config["token_params"] = params
    consent = _consent(manifest)
    if consent:
        config["authorization_url"] = consent
    return {"format": "oauth2", "config": config}


def _consent(manifest: Mapping[str, Any]) -> str:
    """Where a person consents, when the specification says it in full."""
    advanced: Any = manifest.get("spec")
    for key in ("advanced_auth", "oauth_config_specification", "oauth_connector_input_specification", "consent_url"):
        advanced = advanced.get(key) if isinstance(advanced, Mapping) else None
    if not isinstance(advanced, str):
        return ""
    url = advanced.partition("?")[0]
    return url if url.startswith("https://") and "{" not in url else ""


def own_grant(config: Config, params: Config, grant: str) -> Config:
    """Another grant: the whole token request is said."""
    own = {key: config.get(key, f"{{{{{key}}}}}") for key in ("client_id", "client_secret")}
    renamed = {f"{{{{client.{key}}}}}": value for key, value in own.items()}
    body: Config = {"grant_type": grant}
    body |= {name: value for name, value in own.items() if name not in params}
    body |= {name: renamed.get(str(value), value) for name, value in params.items() if value is not None}
    used = [key for key, value in own.items() if key not in config and value in body.values()]
    if "token_url" not in config:
        raise Untranslatable("no token endpoint")
    login: Config = {"url": config["token_url"], "body": body}
    if "token_headers" in config:
        login["headers"] = config["token_headers"]
    for key in ("response", "expires", "expires_unit"):
        if key in config:
            login[key] = config[key]
    ask = [{"name": key, "secret": key == "client_secret"} for key in used]
    return {"format": "session", "config": {"ask": ask, "login": login}}


def _reading(one: Mapping[str, Any], scope: Scope, config: Config) -> None:
    """How the token's answer is read, where it has other names than the usual."""
    token = fixed_text(one.get("access_token_name"), scope, "access_token")
    expires = fixed_text(one.get("expires_in_name"), scope, "expires_in")
    if token != "access_token":  # noqa: S105
        config["response"] = f"$merge([response, {{'access_token': response.{_path(token)}}}])"
    if expires != "expires_in":
        config["expires"] = f"response.{_path(expires)}"
    form = one.get("token_expiry_date_format")
    if isinstance(form, str) and "%" in form:
        from conn_import.airbyte.jinja.dates import pattern

        config["expires"] = f'$epochSeconds($dateParse(response.{_path(expires)}, "{pattern(form, fraction="u")}"))'
        config["expires_unit"] = "epoch"
    elif form or one.get("token_expiry_is_time_of_expiration"):  # the kit itself reads any ISO 8601 moment
        config["expires_unit"] = "iso8601"


def _path(name: str) -> str:
    return step(name)


def _asserted(one: Mapping[str, Any], scope: Scope) -> Config:
    """A signed assertion that is traded for a token."""
    assertion = one.get("profile_assertion")
    if not isinstance(assertion, Mapping):
        raise Untranslatable("an assertion that is not said")
    if not one.get("token_refresh_endpoint"):
        raise Untranslatable("no token endpoint")
    made, _ = jwt_of(assertion, scope)
    made["config"]["token_url"] = str(template(text_of(one["token_refresh_endpoint"], scope)))
    return made


def jwt_of(one: Mapping[str, Any], scope: Scope) -> tuple[Config, Config]:
    """Credentials and authorization by a JWT that the account's key signs."""
    key = credential_text(one.get("secret_key") or "", scope)
    text = str(template(key))
    if one.get("base64_encode_secret_key"):
        text = f"{{{{$base64encode({text.strip('{} ')})}}}}"
    assertion: Config = {"algorithm": str(one.get("algorithm") or "HS256"), "key": text, "unique": False}
    claims: Config = {}
    payload, headers = one.get("jwt_payload"), one.get("jwt_headers")
    payload = payload if isinstance(payload, Mapping) else {}
    headers = headers if isinstance(headers, Mapping) else {}
    for name in ("iss", "sub", "aud"):
        if payload.get(name):
            claims[name] = str(template(login_text(payload[name], scope)))
    for name, value in naming(one.get("additional_jwt_payload")).items():
        claims[str(name)] = template(login_text(value, scope)) if isinstance(value, str) else value
    if headers.get("kid"):
        assertion["key_id"] = str(template(credential_text(headers["kid"], scope)))
    more: Config = {
        name: str(template(login_text(headers[name], scope))) for name in ("typ", "cty") if headers.get(name)
    }
    for name, value in naming(one.get("additional_jwt_headers")).items():
        more[str(name)] = str(template(login_text(value, scope)))
    if more:
        assertion["headers"] = more
    claims["nbf"] = "{{$floor($millis() / 1000)}}"  # the kit says it always
    assertion["claims"] = claims
    if isinstance(one.get("token_duration"), int):
        assertion["lifetime_seconds"] = max(1, one["token_duration"])
    if one.get("passphrase"):
        assertion["passphrase"] = str(template(credential_text(one["passphrase"], scope)))
    prefix = fixed_text(one.get("header_prefix"), scope, "")
    option = one.get("request_option")
    header = pointer(option, scope) if isinstance(option, Mapping) else "Authorization"
    authorization: Config = {"format": "bearer", "config": {"prefix": prefix, "header": header}}
    return {"format": "jwt_bearer", "config": {"ask": [], "assertion": assertion}}, authorization
