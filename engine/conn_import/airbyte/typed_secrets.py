"""Add the secrets that authorization and requests read to what the credentials ask an account for."""

from collections.abc import Collection, Mapping
from typing import Any

from conn_import.airbyte.spec import Setting

__all__ = ["KEY", "PAIR", "ask_for", "build_typed_credentials"]

KEY = "api_key"
PAIR = ("username", "password")
Row = dict[str, Any]


def ask_for(credentials: Row, secrets: list[Setting], own: Mapping[str, list[Setting]]) -> None:
    """Let credentials ask for all secrets that they are used with. `own` has those of each option of a choice."""
    if credentials["format"] != "choice":
        _ask_for(credentials, secrets)
        return
    options = credentials["config"]["options"]
    stored = {name for option in options.values() for name in _list_stored_names(option)}
    shared = [
        one
        for one in secrets
        if one.sent_elsewhere or (one.secret_name not in stored and all(one not in known for known in own.values()))
    ]
    for name, option in options.items():
        _ask_for(option, [one for one in secrets if one in own[name] or one in shared], own[name])


def build_typed_credentials(secrets: list[Setting]) -> Row:
    """Credentials of secrets that a person types: a key, and further ones."""
    if not secrets:
        return {"format": "none"}
    first = next((one for one in secrets if one.secret_name == KEY), secrets[0])
    label = first.title or first.place[-1].replace("_", " ").capitalize()
    config: Row = {} if label == "API key" else {"label": label}
    config |= _build_required(first)
    more = [one for one in secrets if one is not first]
    if more:
        config["ask"] = [_build_ask_row(one) for one in more]
    return {"format": "api_key", "config": config} if config else {"format": "api_key"}


def _ask_for(credentials: Row, secrets: list[Setting], chosen: Collection[Setting] = ()) -> None:
    """Let credentials ask for these secrets. `chosen` are those that an account with this option has."""
    if credentials["format"] == "none":
        return
    config = credentials.setdefault("config", {})
    for setting in secrets:
        if credentials["format"] == "api_key" and setting.secret_name == KEY:
            config |= {} if setting.title in ("", "API key") else {"label": setting.title}
            config |= _build_required(setting, chosen)
        elif credentials["format"] == "basic" and setting.secret_name in PAIR:
            config |= _build_pair_config(setting, chosen)
    questions = config.get("ask", [])
    existing = {row["name"] for row in questions} | _list_stored_names(credentials)
    questions += [_build_ask_row(one, chosen) for one in secrets if one.secret_name not in existing]
    if questions or credentials["format"] in ("session", "jwt_bearer"):
        config["ask"] = questions
    if not config:
        del credentials["config"]


def _list_stored_names(credentials: Row) -> set[str]:
    """Return the names that credentials of a format always store."""
    kind = credentials["format"]
    if kind.startswith("oauth2"):
        client = set() if "client_id" in credentials.get("config", {}) else {"client_id", "client_secret"}
        return client | {"oauth.token.refresh_token", "oauth.token.access_token"}
    names = {"api_key": {KEY}, "basic": set(PAIR), "session": {"session.access_token"}}
    return names.get(kind, set())


def _build_required(setting: Setting, chosen: Collection[Setting] = ()) -> Row:
    needed = setting.needed if setting in chosen else setting.required
    return {} if needed else {"required": False}


def _build_pair_config(setting: Setting, chosen: Collection[Setting]) -> Row:
    """Return the settings of a user name or a password."""
    usual = {"username": "User name", "password": "Password"}
    name = setting.secret_name
    config: Row = {} if setting.title in ("", usual[name]) else {f"{name}_label": setting.title}
    return config | {f"{name}_{key}": value for key, value in _build_required(setting, chosen).items()}


def _build_ask_row(setting: Setting, chosen: Collection[Setting] = ()) -> Row:
    row: Row = {"name": setting.secret_name}
    if setting.title:
        row["label"] = setting.title
    if setting.is_identity:
        row["secret"] = False
    return row | _build_required(setting, chosen)
