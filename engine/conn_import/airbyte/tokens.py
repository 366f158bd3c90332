"""Authenticators that get a token by OAuth, and those that sign one. Sessions are `sessions`'."""

from collections.abc import Mapping
from typing import Any

from conn_import.airbyte.jinja import (
    Lit,
    Node,
    SecretNode,
    Untranslatable,
    to_step,
    to_text,
    translate,
)
from conn_import.airbyte.names import TemplateScope
from conn_import.airbyte.notes import Notes
from conn_import.airbyte.pagination import find_option_name
from conn_import.airbyte.templates import make_nullable, to_template
from conn_import.airbyte.urls import find_hosts, spread_choices
from conn_import.coercion import as_mapping

__all__ = [
    "Config",
    "build_custom_grant",
    "build_jwt",
    "build_oauth",
    "translate_credential",
    "translate_fixed_text",
    "translate_text",
]

Config = dict[str, Any]
_USUAL_NAMES = {
    "grant_type_name": "grant_type", "client_id_name": "client_id", "client_secret_name": "client_secret",
    "refresh_token_name": "refresh_token",
}  # fmt: skip


def translate_text(value: Any, scope: TemplateScope) -> Node:
    """Translate the URL or a name of a token request. It may read secrets, but this does not make a setting secret."""
    return to_text(translate(str(value).strip(), {**scope.for_config(), "config": scope.settings.translate}))


def translate_fixed_text(value: Any, scope: TemplateScope, default: str) -> str:
    if not value:
        return default
    node = translate_text(value, scope)
    if not isinstance(node, Lit):
        raise Untranslatable("a name that the account sets")
    return str(node.value)


def translate_credential(value: Any, scope: TemplateScope) -> Node:
    """Translate a part of a credential, where values of the configuration are secret."""
    return to_text(translate(str(value).strip(), scope.for_credential()))


def translate_login_value(value: Any, scope: TemplateScope) -> Node:
    """Translate a header or a field of a token request. It is secret if it authenticates."""
    return to_text(translate(str(value).strip(), scope.for_login()))


def _claim_client_value(value: Any, name: str, scope: TemplateScope) -> str | None:
    """Return the template of a client's ID or secret, or None if the account supplies it under its usual name.

    A single secret setting gets the usual name.
    """
    if value is None:
        return ""
    node = translate_credential(value, scope)
    return None if isinstance(node, SecretNode) and scope.settings.claim(node.place, name) else str(to_template(node))


def build_oauth(
    component: Mapping[str, Any], scope: TemplateScope, notes: Notes, manifest: Mapping[str, Any], hosts: list[str]
) -> Config:
    """Credentials of an OAuth authenticator; `hosts` gets those of its requests."""
    config: Config = {}
    if component.get("use_profile_assertion") and component.get("profile_assertion"):
        return _build_assertion(component, scope)
    names = {key: translate_fixed_text(component.get(key), scope, usual) for key, usual in _USUAL_NAMES.items()}
    if component.get("token_refresh_endpoint"):
        url = spread_choices(translate_text(component["token_refresh_endpoint"], scope))
        hosts += find_hosts(url, scope.settings.list_choices)
        config["token_url"] = str(to_template(url))
    usual = "refresh_token" if "refresh_token" in component else "client_credentials"
    grant = translate_fixed_text(component.get("grant_type"), scope, usual)
    for key in ("client_id", "client_secret"):
        made = _claim_client_value(component.get(key), key, scope)
        if made is not None:
            config[key] = made
    if "client_id" in config:  # an account supplies both or neither
        config.setdefault("client_secret", "{{client_secret}}")
    config["client_authentication"] = "body"
    headers = {
        str(name): str(to_template(translate_login_value(value, scope)))
        for name, value in _get_object(component, "refresh_request_headers").items()
    }
    body = {
        str(name): to_template(make_nullable(translate_login_value(value, scope)))
        for name, value in _get_object(component, "refresh_request_body").items()
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
    _read_token_response(component, scope, config)
    if isinstance(component.get("scopes"), list) and component["scopes"]:
        config["scopes"] = [str(scope_name) for scope_name in component["scopes"]]
    if names["grant_type_name"] != "grant_type":
        params |= {"grant_type": None, names["grant_type_name"]: grant}
    if component.get("send_refresh_request_as_query_params"):
        notes.add("an OAuth refresh with its values in the query")
    if grant == "client_credentials":
        if params:
            config["token_params"] = params
        return {"format": "oauth2_client_credentials", "config": config}
    if grant == "refresh_token":
        return _build_refreshing(component, scope, config, params, names["refresh_token_name"], manifest)
    return build_custom_grant(config, params, grant)


def _get_object(component: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    """Return a part of a component that is an object. Raises Untranslatable for anything else."""
    value = component.get(key) or {}
    if not isinstance(value, Mapping):
        raise Untranslatable(f"{key} that is not an object")
    return value


def _build_refreshing(  # noqa: PLR0917
    component: Mapping[str, Any],
    scope: TemplateScope,
    config: Config,
    params: Config,
    refresh: str,
    manifest: Mapping[str, Any],
) -> Config:
    node = translate_credential(component.get("refresh_token") or "", scope)
    if not isinstance(node, SecretNode):  # there is no token to renew: the request is always the same
        return build_custom_grant(config, {**params, refresh: to_template(node)}, "refresh_token")
    if not scope.settings.claim(node.place, "oauth.token.refresh_token"):
        raise Untranslatable("a second refresh token")
    if refresh != "refresh_token":
        params |= {"refresh_token": None, refresh: "{{oauth.token.refresh_token}}"}
    if params:
        config["token_params"] = params
    consent = _find_consent_url(manifest)
    if consent:
        config["authorization_url"] = consent
    return {"format": "oauth2", "config": config}


def _find_consent_url(manifest: Mapping[str, Any]) -> str:
    """Return the consent URL if the specification contains it in full."""
    advanced: Any = manifest.get("spec")
    for key in ("advanced_auth", "oauth_config_specification", "oauth_connector_input_specification", "consent_url"):
        advanced = advanced.get(key) if isinstance(advanced, Mapping) else None
    if not isinstance(advanced, str):
        return ""
    url = advanced.partition("?")[0]
    return url if url.startswith("https://") and "{" not in url else ""


def build_custom_grant(config: Config, params: Config, grant: str) -> Config:
    """Return credentials for another grant, with the complete token request."""
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


def _read_token_response(component: Mapping[str, Any], scope: TemplateScope, config: Config) -> None:
    """Set how the token's response is read, if its names are not the usual ones."""
    token = translate_fixed_text(component.get("access_token_name"), scope, "access_token")
    expires = translate_fixed_text(component.get("expires_in_name"), scope, "expires_in")
    if token != "access_token":  # noqa: S105
        config["response"] = f"$merge([response, {{'access_token': response.{_to_path(token)}}}])"
    if expires != "expires_in":
        config["expires"] = f"response.{_to_path(expires)}"
    form = component.get("token_expiry_date_format")
    if isinstance(form, str) and "%" in form:
        from conn_import.airbyte.jinja.dates import to_pattern

        config["expires"] = (
            f'$epochSeconds($dateParse(response.{_to_path(expires)}, "{to_pattern(form, fraction="u")}"))'
        )
        config["expires_unit"] = "epoch"
    elif form or component.get("token_expiry_is_time_of_expiration"):  # the kit itself reads any ISO 8601 moment
        config["expires_unit"] = "iso8601"


def _to_path(name: str) -> str:
    return to_step(name)


def _build_assertion(component: Mapping[str, Any], scope: TemplateScope) -> Config:
    """Build a signed assertion that is exchanged for a token."""
    assertion = component.get("profile_assertion")
    if not isinstance(assertion, Mapping):
        raise Untranslatable("an assertion that is not an object")
    if not component.get("token_refresh_endpoint"):
        raise Untranslatable("no token endpoint")
    made, _ = build_jwt(assertion, scope)
    made["config"]["token_url"] = str(to_template(translate_text(component["token_refresh_endpoint"], scope)))
    return made


def build_jwt(component: Mapping[str, Any], scope: TemplateScope) -> tuple[Config, Config]:
    """Credentials and authorization by a JWT that the account's key signs."""
    key = translate_credential(component.get("secret_key") or "", scope)
    text = str(to_template(key))
    if component.get("base64_encode_secret_key"):
        text = f"{{{{$base64encode({text.strip('{} ')})}}}}"
    assertion: Config = {"algorithm": str(component.get("algorithm") or "HS256"), "key": text, "unique": False}
    claims: Config = {}
    payload, headers = component.get("jwt_payload"), component.get("jwt_headers")
    payload = payload if isinstance(payload, Mapping) else {}
    headers = headers if isinstance(headers, Mapping) else {}
    for name in ("iss", "sub", "aud"):
        if payload.get(name):
            claims[name] = str(to_template(translate_login_value(payload[name], scope)))
    for name, value in as_mapping(component.get("additional_jwt_payload")).items():
        claims[str(name)] = to_template(translate_login_value(value, scope)) if isinstance(value, str) else value
    if headers.get("kid"):
        assertion["key_id"] = str(to_template(translate_credential(headers["kid"], scope)))
    more: Config = {
        name: str(to_template(translate_login_value(headers[name], scope)))
        for name in ("typ", "cty")
        if headers.get(name)
    }
    for name, value in as_mapping(component.get("additional_jwt_headers")).items():
        more[str(name)] = str(to_template(translate_login_value(value, scope)))
    if more:
        assertion["headers"] = more
    claims["nbf"] = "{{$floor($millis() / 1000)}}"  # the kit always sends it
    assertion["claims"] = claims
    if isinstance(component.get("token_duration"), int):
        assertion["lifetime_seconds"] = max(1, component["token_duration"])
    if component.get("passphrase"):
        assertion["passphrase"] = str(to_template(translate_credential(component["passphrase"], scope)))
    prefix = translate_fixed_text(component.get("header_prefix"), scope, "")
    option = component.get("request_option")
    header = find_option_name(option, scope) if isinstance(option, Mapping) else "Authorization"
    authorization: Config = {"format": "bearer", "config": {"prefix": prefix, "header": header}}
    return {"format": "jwt_bearer", "config": {"ask": [], "assertion": assertion}}, authorization
