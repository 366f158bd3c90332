"""Convert authenticators that log in: with a requester, which may itself be authorized (by a key, a pair, a JWT, or a
token from an earlier request), and the older kind with a user name and a password."""

from collections.abc import Mapping
from typing import Any

from conn_import.airbyte.budgets import to_seconds
from conn_import.airbyte.jinja import Concat, FunctionNode, Lit, SecretNode, Untranslatable, to_step, to_text, translate
from conn_import.airbyte.names import TemplateScope
from conn_import.airbyte.notes import Notes
from conn_import.airbyte.pagination import find_option_name
from conn_import.airbyte.requests import build_request
from conn_import.airbyte.templates import to_template
from conn_import.airbyte.tokens import (
    Config,
    build_custom_grant,
    build_jwt,
    build_oauth,
    translate_credential,
    translate_fixed_text,
    translate_text,
)
from conn_import.airbyte.urls import find_hosts, spread_choices
from conn_import.coercion import as_list

__all__ = ["build_session"]

_PLACES = {"header": "headers", "request_parameter": "query", "body_json": "body", "body_data": "body"}


def build_session(
    component: Mapping[str, Any], scope: TemplateScope, notes: Notes, hosts: list[str], manifest: Mapping[str, Any]
) -> tuple[Config, Config]:
    """Credentials and authorization of a session; `hosts` gets those of its login."""
    if component.get("type") == "LegacySessionTokenAuthenticator":
        return _build_legacy_session(component, scope, notes, hosts)
    requester = component.get("login_requester")
    if not isinstance(requester, Mapping):
        raise Untranslatable("a session without a login request")
    login = _build_login(requester, scope, notes, hosts, manifest)
    path = [str(part) for part in as_list(component.get("session_token_path"))]
    if (
        component.get("decoder")
        and isinstance(component["decoder"], Mapping)
        and component["decoder"].get("type") == "XmlDecoder"
    ):
        login["response_format"] = "xml"
    login["response"] = f"response.{'.'.join(to_step(part) for part in path)}" if path else "response"
    config: Config = {"ask": [], "login": login}
    seconds = int(to_seconds(component.get("expiration_duration")))
    if seconds:
        config["lifetime_seconds"] = seconds
    how = component.get("request_authentication")
    how = how if isinstance(how, Mapping) else {}
    if how.get("type") == "Bearer":
        return {"format": "session", "config": config}, {"format": "bearer"}
    option = how.get("inject_into")
    if not isinstance(option, Mapping):
        raise Untranslatable("a session token that is not sent")
    names = {**scope.for_credential(), "session_token": lambda steps: SecretNode("session.access_token")}
    value = str(to_template(to_text(translate(str(how.get("api_token") or "{{ session_token }}"), names))))
    value = value.replace("`session.access_token`", "session.access_token")
    name = find_option_name(option, scope)
    place = {"header": "header", "request_parameter": "query", "body_json": "body", "body_data": "body"}[
        str(option.get("inject_into"))
    ]
    key = "field" if place == "body" else "name"
    return {"format": "session", "config": config}, {
        "format": place,
        "config": {key: name.lstrip("/").replace("/", "."), "value": value},
    }


def _build_login(
    requester: Mapping[str, Any], scope: TemplateScope, notes: Notes, hosts: list[str], manifest: Mapping[str, Any]
) -> Config:
    request = build_request(requester, scope, notes, secrets=True)
    hosts += request.hosts
    login: Config = {"method": request.row["method"], "url": request.base_url + request.row.get("path", "")}
    for key in ("headers", "query", "body"):
        if key in request.row:
            login[key] = request.row[key]
    if "body" in request.row:
        login["body_format"] = request.row.get("body_format", "json")
    authenticator = requester.get("authenticator")
    if isinstance(authenticator, Mapping):
        _authorize(login, authenticator, scope, notes, hosts, manifest)
    return login


def _authorize(  # noqa: PLR0917
    login: Config,
    authenticator: Mapping[str, Any],
    scope: TemplateScope,
    notes: Notes,
    hosts: list[str],
    manifest: Mapping[str, Any],
) -> None:
    """Add the authorization of a login to its request."""
    match authenticator.get("type"):
        case None | "NoAuth":
            return
        case "BasicHttpAuthenticator":
            user, password = (
                translate_credential(authenticator.get(key) or "", scope) for key in ("username", "password")
            )
            pair = FunctionNode("base64encode", (Concat((user, Lit(":"), password)),), "text")
            _set_value(login, "header", "Authorization", f"Basic {to_template(pair)}")
        case "BearerAuthenticator":
            _set_value(
                login,
                "header",
                "Authorization",
                f"Bearer {to_template(translate_credential(authenticator.get('api_token') or '', scope))}",
            )
        case "ApiKeyAuthenticator":
            option = authenticator.get("inject_into")
            option_settings = option if isinstance(option, Mapping) else {}
            name = find_option_name(option_settings, scope) if option_settings else str(authenticator.get("header"))
            key = str(to_template(translate_credential(authenticator.get("api_token") or "", scope)))
            _set_value(login, str(option_settings.get("inject_into") or "header"), name, key)
        case "JwtAuthenticator":
            made, how = build_jwt(authenticator, scope)
            login["assertion"] = made["config"]["assertion"]
            _apply_authorization(login, how, "assertion")
        case "OAuthAuthenticator":
            _add_request_before(
                login,
                _build_token_request(build_oauth(authenticator, scope, notes, manifest, hosts)),
                {"format": "bearer"},
            )
        case "SessionTokenAuthenticator":
            made, how = build_session(authenticator, scope, notes, hosts, manifest)
            _add_request_before(login, made["config"]["login"], how)
        case other:
            raise Untranslatable(f"a login with the authenticator {other}")


def _set_value(login: Config, place: str, name: str, value: str) -> None:
    """Set a value in a header, the query or the body of a login."""
    key = _PLACES.get(place)
    if key is None:
        raise Untranslatable(f"a login with its key in {place}")
    if key == "body":
        form = "form" if place == "body_data" else "json"
        if not isinstance(login.get("body", {}), dict) or login.get("body_format", form) != form:
            raise Untranslatable("a login with its key in a body of another format")
        login["body_format"] = form
    node = login.setdefault(key, {})
    *above, last = name.lstrip("/").split("/") if key == "body" else [name]
    for part in above:
        node = node.setdefault(part, {})
    node[last] = value


def _apply_authorization(login: Config, how: Mapping[str, Any], name: str) -> None:
    """Let a login send the value `name` in the way of an authorization."""
    config = how.get("config", {})
    if how["format"] == "bearer":
        value = f"{config.get('prefix', 'Bearer')} {{{{{name}}}}}".strip()
        _set_value(login, "header", config.get("header", "Authorization"), value)
        return
    place = {"header": "header", "query": "request_parameter", "body": "body_json"}[how["format"]]
    if how["format"] == "body" and login.get("body_format") == "form":
        place = "body_data"
    target = config.get("name") or config["field"].replace(".", "/")
    _set_value(login, place, target, config["value"].replace("session.access_token", name))


def _build_token_request(credentials: Config) -> Config:
    """Return the request for a client's token. Raises Untranslatable if the token rotates, because steps store
    nothing."""
    config = credentials.get("config", {})
    if credentials["format"] == "oauth2_client_credentials":
        scopes = {"scope": " ".join(config["scopes"])} if config.get("scopes") else {}
        config = build_custom_grant(config, {**scopes, **config.get("token_params", {})}, "client_credentials")[
            "config"
        ]
    if "login" not in config:
        raise Untranslatable("a login with a rotating token")
    request: Config = config["login"]
    return {**request, "response": f"({request.get('response', 'response')}).access_token"}


def _add_request_before(login: Config, request: Config, how: Mapping[str, Any]) -> None:
    """Add a request before a login, which sends its result."""
    settings = {key: value for key, value in request.items() if key not in ("before", "expires", "expires_unit")}
    steps = request.get("before", [])
    name = f"login{len(steps) + 1}"
    login["before"] = [*steps, {"name": name, **settings}]
    _apply_authorization(login, how, f"before.{name}")


def _build_legacy_session(
    component: Mapping[str, Any], scope: TemplateScope, notes: Notes, hosts: list[str]
) -> tuple[Config, Config]:
    base = spread_choices(translate_text(component.get("api_url") or "", scope))
    hosts += find_hosts(base, scope.settings.list_choices)
    path = translate_fixed_text(component.get("login_url"), scope, "session").lstrip("/")
    token_key = translate_fixed_text(component.get("session_token_response_key"), scope, "id")
    login = {
        "url": f"{str(to_template(base)).rstrip('/')}/{path}",
        "body": {
            key: str(to_template(translate_credential(component.get(key) or "", scope)))
            for key in ("username", "password")
        },
        "body_format": "json",
        "response": f"response.{to_step(token_key)}",
    }
    given = translate_credential(component.get("session_token") or "", scope)
    if isinstance(given, SecretNode):  # a session that the account has already is used until it ends
        scope.settings.claim(given.place, "session.access_token")
    elif given != Lit(""):
        notes.add("a session token that is not a secret: the account logs in instead")
    header = translate_fixed_text(component.get("header"), scope, "X-Session")
    return (
        {"format": "session", "config": {"ask": [], "login": login}},
        {"format": "header", "config": {"name": header, "value": "{{session.access_token}}"}},
    )
