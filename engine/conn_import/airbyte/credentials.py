"""Authenticators of a manifest as `credentials` and `authorization`.

A manifest says an authenticator on every requester; a connector has one kind of credentials. The kind that most streams
use is the connector's; what the others need besides is asked for too.
"""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from conn_engine.documents import texts
from conn_import.airbyte.asking import KEY, PAIR, ask_for, typed_credentials
from conn_import.airbyte.custom import read_code
from conn_import.airbyte.jinja import (
    Lit,
    Node,
    Secret,
    Untranslatable,
    expression,
    quoted,
    secrets_in,
    textual,
    translated,
)
from conn_import.airbyte.names import Scope
from conn_import.airbyte.notes import Notes
from conn_import.airbyte.paging import pointer
from conn_import.airbyte.sessions import session_of
from conn_import.airbyte.settings import Settings
from conn_import.airbyte.spec import Setting
from conn_import.airbyte.templates import template
from conn_import.airbyte.tokens import jwt_of, oauth_of
from conn_import.lists import listing

__all__ = ["Login", "Logins"]

NONE: dict[str, Any] = {"format": "none"}


@dataclass(slots=True)
class Login:
    """One authenticator: the credentials it needs ({} for typed secrets alone), and how a request carries it.

    `hosts` are those that its token requests go to; `form` says that a secret is a field of a form; `own` are the
    settings that each option of a choice reads.
    """

    authorization: dict[str, Any]
    credentials: dict[str, Any] = field(default_factory=dict)
    hosts: list[str] = field(default_factory=list)
    form: bool = False
    own: dict[str, list[Setting]] = field(default_factory=dict)
    count: int = 0


class Logins:
    """The authenticators of a manifest, each made once."""

    def __init__(self, settings: Settings, manifest: Mapping[str, Any]) -> None:
        self._settings = settings
        self._manifest = manifest
        self._known: dict[str, Login | None] = {}
        self._reasons: dict[str, list[str]] = {}

    def login(self, authenticator: Any, scope: Scope, notes: Notes) -> Login | None:
        """How a requester is authorised; None where nothing of it could be said."""
        if not isinstance(authenticator, Mapping):
            return Login(NONE)
        key = json.dumps(_without(authenticator), sort_keys=True, default=str)
        if key not in self._known:
            before = len(notes.reasons)
            self._known[key] = self._made(authenticator, scope, notes)
            self._reasons[key] = notes.reasons[before:]
        elif self._known[key] is None:
            self._made(authenticator, scope, notes)  # for its notes
        for reason in self._reasons.get(key, ()):
            notes.add(reason)
        found = self._known[key]
        if found is not None:
            found.count += 1
        return found

    def _made(self, authenticator: Mapping[str, Any], scope: Scope, notes: Notes) -> Login | None:
        authenticator = read_code(authenticator, "how requests are authorised", notes)
        if authenticator is None:
            return None
        try:
            return _login(authenticator, scope, notes, self._manifest)
        except Untranslatable as reason:
            notes.add(f"the authenticator {authenticator.get('type')}: {reason}")
            return None

    def name_secrets(self) -> None:
        """Give the secrets the names that the credential has for them, after a reading of all streams."""
        logins = self._used()
        if not any(login.credentials for login in logins):
            used = [one for one in self._settings.by_place.values() if one.secret and one.used]
            self._name_key(used, _most(logins))
            return
        for login in logins:
            if login.credentials.get("format") == "choice":
                before = self._settings.claims()
                for name, option in login.credentials["config"]["options"].items():
                    if option["format"] == "api_key":
                        with self._settings.option(before):
                            self._name_key(login.own[name], login.authorization["config"]["options"][name])

    def _name_key(self, secrets: list[Setting], authorization: Mapping[str, Any]) -> None:
        """The secret that an authorization reads is the key; without one the first of them."""
        read = [one for one in secrets if mentions(authorization, one.secret_name)]
        read.sort(key=lambda one: (not one.needed, one.identity))
        for setting in (read or secrets)[:1]:
            self._settings.claim(setting.place, KEY)

    def _used(self) -> list[Login]:
        logins = [one for one in self._known.values() if one is not None and one.count]
        return sorted(logins, key=lambda one: -one.count)

    def hosts(self) -> list[str]:
        """The hosts that token requests go to."""
        return [host for login in self._used() for host in login.hosts]

    def settled(self, notes: Notes) -> tuple[dict[str, Any], dict[str, Any]]:
        """`credentials` and `authorization` of the connector."""
        logins = self._used()
        kinds = [one for one in logins if one.credentials]
        secrets = [one for one in self._settings.by_place.values() if one.secret and one.used]
        if not kinds:
            return typed_credentials(secrets), _most(logins)
        main = kinds[0]
        for other in kinds[1:]:
            if other.credentials != main.credentials:
                notes.add(f"another kind of credentials on some streams: {other.credentials['format']}")
        made = json.loads(json.dumps(main.credentials))
        ask_for(made, secrets, main.own)
        return made, main.authorization


def _most(logins: list[Login]) -> dict[str, Any]:
    best = max((one for one in logins), key=lambda one: one.count, default=None)
    return best.authorization if best is not None else NONE


def _without(component: Any) -> Any:
    """A component without what is only passed through it."""
    if isinstance(component, Mapping):
        return {str(key): _without(value) for key, value in component.items() if key not in ("$parameters", "name")}
    return [_without(one) for one in component] if isinstance(component, list) else component


def _login(one: Mapping[str, Any], scope: Scope, notes: Notes, manifest: Mapping[str, Any]) -> Login:
    hosts: list[str] = []
    match one.get("type"):
        case "NoAuth" | None:
            return Login(NONE)
        case "BearerAuthenticator":
            return Login(_bearer(_node(one.get("api_token"), scope)))
        case "ApiKeyAuthenticator":
            option = one.get("inject_into")
            form = isinstance(option, Mapping) and option.get("inject_into") == "body_data"
            return Login(_key(one, scope), form=form)
        case "BasicHttpAuthenticator":
            return _basic(one, scope)
        case "OAuthAuthenticator":
            credentials = oauth_of(one, scope, notes, manifest, hosts)
            return Login({"format": "bearer"}, credentials, hosts)
        case "SessionTokenAuthenticator" | "LegacySessionTokenAuthenticator":
            credentials, authorization = session_of(one, scope, notes, hosts, manifest)
            return Login(authorization, credentials, hosts)
        case "JwtAuthenticator":
            credentials, authorization = jwt_of(one, scope)
            return Login(authorization, credentials)
        case "SelectiveAuthenticator":
            return _selected(one, scope, notes, manifest)
        case other:
            raise Untranslatable(f"a kind that is not known: {other}")


def _node(value: Any, scope: Scope) -> Node:
    return textual(translated(str(value if value is not None else ""), scope.credential()))


def _bearer(node: Node) -> dict[str, Any]:
    if isinstance(node, Secret):
        return {"format": "bearer", "config": {"path": node.name}}
    return {"format": "header", "config": {"name": "Authorization", "value": f"Bearer {template(node)}"}}


def _key(one: Mapping[str, Any], scope: Scope) -> dict[str, Any]:
    option = one.get("inject_into")
    value = str(template(_node(one.get("api_token"), scope)))
    if not isinstance(option, Mapping):
        return {"format": "header", "config": {"name": str(one.get("header") or "Authorization"), "value": value}}
    name = pointer(option, scope)
    match option.get("inject_into"):
        case "header":
            return {"format": "header", "config": {"name": name, "value": value}}
        case "request_parameter":
            return {"format": "query", "config": {"name": name, "value": value}}
        case "body_data" | "body_json":
            return {"format": "body", "config": {"field": name.lstrip("/").replace("/", "."), "value": value}}
        case other:
            raise Untranslatable(f"a key in {other}")


def _basic(one: Mapping[str, Any], scope: Scope) -> Login:
    nodes = {key: _node(one.get(key), scope) for key in PAIR}
    if _is_pair(nodes, scope):
        return Login({"format": "basic"}, {"format": "basic"})
    user, password = (template(node) for node in nodes.values())
    if password and "{{" not in str(password):
        password = f"{{{{{quoted(str(password))}}}}}"  # the same for everyone: no secret
    return Login({"format": "basic", "config": {"username": str(user), "password": str(password)}})


def _is_pair(nodes: Mapping[str, Node], scope: Scope) -> bool:
    """Whether a user name and a password are two settings; they get the names that such a credential has for them.

    A key in the place of a user name is none: a user name is shown while it is typed, and in messages. Where the
    password may be left out, the user name is the key.
    """
    places = {key: node.place for key, node in nodes.items() if isinstance(node, Secret) and node.place}
    if len(set(places.values())) < len(PAIR):
        return False
    user, password = (scope.settings.by_place[places[key]] for key in PAIR)
    if user.declared != password.declared:  # whoever does as the specification says has the one alone
        beside = password if user.declared else user
        beside.required = beside.needed = False
        return False
    if user.said_secret or user.like_key or not password.needed:
        return False
    return all(scope.settings.claim(place, key) for key, place in places.items())


def _selected(one: Mapping[str, Any], scope: Scope, notes: Notes, manifest: Mapping[str, Any]) -> Login:
    """One of several, by a value of the configuration."""
    path = [str(part) for part in listing(one.get("authenticator_selection_path"))]
    options = one.get("authenticators")
    if not path or not isinstance(options, Mapping) or not options:
        raise Untranslatable("a choice without options")
    by = scope.settings.value(tuple(path))
    if secrets_in(by) or isinstance(by, Lit):
        raise Untranslatable("a choice by a secret")
    logins: dict[str, Login] = {}
    own: dict[str, list[Setting]] = {}
    before = scope.settings.claims()
    for name, component in options.items():
        option = read_code(component, "how requests are authorised", notes) if isinstance(component, Mapping) else None
        if option is None:
            continue
        used = scope.settings.watch()
        with scope.settings.option(before):
            logins[str(name)] = _login(option, scope, notes, manifest)
        own[str(name)] = used()
    if not logins:
        raise Untranslatable("a choice of code alone")
    credentials = {name: login.credentials or _typed_of(login, scope.settings) for name, login in logins.items()}
    text = expression(by)
    return Login(
        {
            "format": "choice",
            "config": {"by": text, "options": {name: login.authorization for name, login in logins.items()}},
        },
        {"format": "choice", "config": {"by": text, "options": credentials}},
        [host for login in logins.values() for host in login.hosts],
        any(login.form for login in logins.values()),
        own,
    )


def _typed_of(login: Login, settings: Settings) -> dict[str, Any]:
    """The credentials of typed secrets that an authorization reads."""
    used = [one for one in settings.by_place.values() if one.secret and mentions(login.authorization, one.secret_name)]
    return {"format": "api_key"} if used else dict(NONE)


def mentions(data: Any, name: str) -> bool:
    """Whether a template or an expression in the data reads a name of the credential."""
    pattern = rf"(?<![A-Za-z0-9_.']){re.escape(name)}(?![A-Za-z0-9_'])"
    return any(re.search(pattern, text) for _, text in texts(data))
