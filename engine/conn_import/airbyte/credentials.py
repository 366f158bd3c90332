"""Convert authenticators of a manifest to `credentials` and `authorization`.

A manifest sets an authenticator for each requester, but a connector has one kind of credentials. The kind that most
streams use becomes the connector's, and what the others need becomes an additional question.
"""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from conn_engine.documents import iterate_texts
from conn_import.airbyte.custom import read_code
from conn_import.airbyte.jinja import (
    Lit,
    Node,
    SecretNode,
    Untranslatable,
    find_secrets,
    quote,
    to_expression,
    to_text,
    translate,
)
from conn_import.airbyte.names import TemplateScope
from conn_import.airbyte.notes import Notes
from conn_import.airbyte.pagination import find_option_name
from conn_import.airbyte.sessions import build_session
from conn_import.airbyte.settings import ManifestSettings
from conn_import.airbyte.spec import Setting
from conn_import.airbyte.templates import to_template
from conn_import.airbyte.tokens import build_jwt, build_oauth
from conn_import.airbyte.typed_secrets import KEY, PAIR, ask_for, build_typed_credentials
from conn_import.coercion import as_list

__all__ = ["Login", "Logins"]

NONE: dict[str, Any] = {"format": "none"}


@dataclass(slots=True)
class Login:
    """An authenticator: the credentials it needs ({} if it needs only typed secrets), and how requests send it.

    `hosts` are those of its token requests. `form` is set if a secret is a form field. `own` has the settings that each
    option of a choice reads.
    """

    authorization: dict[str, Any]
    credentials: dict[str, Any] = field(default_factory=dict)
    hosts: list[str] = field(default_factory=list)
    form: bool = False
    own: dict[str, list[Setting]] = field(default_factory=dict)
    count: int = 0


class Logins:
    """The authenticators of a manifest, each built once."""

    def __init__(self, settings: ManifestSettings, manifest: Mapping[str, Any]) -> None:
        self._settings = settings
        self._manifest = manifest
        self._known: dict[str, Login | None] = {}
        self._reasons: dict[str, list[str]] = {}

    def find_login(self, authenticator: Any, scope: TemplateScope, notes: Notes) -> Login | None:
        """Return how a requester is authorized, or None if the authenticator is unsupported."""
        if not isinstance(authenticator, Mapping):
            return Login(NONE)
        key = json.dumps(_remove_passed_keys(authenticator), sort_keys=True, default=str)
        if key not in self._known:
            before = len(notes.reasons)
            self._known[key] = self._build_login(authenticator, scope, notes)
            self._reasons[key] = notes.reasons[before:]
        elif self._known[key] is None:
            self._build_login(authenticator, scope, notes)  # for its notes
        for reason in self._reasons.get(key, ()):
            notes.add(reason)
        found = self._known[key]
        if found is not None:
            found.count += 1
        return found

    def _build_login(self, authenticator: Mapping[str, Any], scope: TemplateScope, notes: Notes) -> Login | None:
        authenticator = read_code(authenticator, "authorization", notes)
        if authenticator is None:
            return None
        try:
            return _build_login(authenticator, scope, notes, self._manifest)
        except Untranslatable as reason:
            notes.add(f"the authenticator {authenticator.get('type')}: {reason}")
            return None

    def name_secrets(self) -> None:
        """Give the secrets the names that the credential has for them, after a reading of all streams."""
        logins = self._list_used()
        if not any(login.credentials for login in logins):
            used = [setting for setting in self._settings.by_place.values() if setting.secret and setting.used]
            self._name_key(used, _find_most_used(logins))
            return
        for login in logins:
            if login.credentials.get("format") == "choice":
                before = self._settings.list_claims()
                for name, option in login.credentials["config"]["options"].items():
                    if option["format"] == "api_key":
                        with self._settings.try_option(before):
                            self._name_key(login.own[name], login.authorization["config"]["options"][name])

    def _name_key(self, secrets: list[Setting], authorization: Mapping[str, Any]) -> None:
        """Name the key: the secret that the authorization reads, or else the first one."""
        read = [one for one in secrets if is_mentioned(authorization, one.secret_name)]
        read.sort(key=lambda one: (not one.needed, one.is_identity))
        for setting in (read or secrets)[:1]:
            self._settings.claim(setting.place, KEY)

    def _list_used(self) -> list[Login]:
        logins = [one for one in self._known.values() if one is not None and one.count]
        return sorted(logins, key=lambda one: -one.count)

    def list_hosts(self) -> list[str]:
        """Return the hosts that token requests go to."""
        return [host for login in self._list_used() for host in login.hosts]

    def build_credentials(self, notes: Notes) -> tuple[dict[str, Any], dict[str, Any]]:
        """`credentials` and `authorization` of the connector."""
        logins = self._list_used()
        kinds = [one for one in logins if one.credentials]
        secrets = [one for one in self._settings.by_place.values() if one.secret and one.used]
        if not kinds:
            return build_typed_credentials(secrets), _find_most_used(logins)
        main = kinds[0]
        for other in kinds[1:]:
            if other.credentials != main.credentials:
                notes.add(f"different credentials on some streams: {other.credentials['format']}")
        made = json.loads(json.dumps(main.credentials))
        ask_for(made, secrets, main.own)
        return made, main.authorization


def _find_most_used(logins: list[Login]) -> dict[str, Any]:
    best = max((one for one in logins), key=lambda one: one.count, default=None)
    return best.authorization if best is not None else NONE


def _remove_passed_keys(component: Any) -> Any:
    """Remove keys that are only passed through a component."""
    if isinstance(component, Mapping):
        return {
            str(key): _remove_passed_keys(value)
            for key, value in component.items()
            if key not in ("$parameters", "name")
        }
    return [_remove_passed_keys(one) for one in component] if isinstance(component, list) else component


def _build_login(
    component: Mapping[str, Any], scope: TemplateScope, notes: Notes, manifest: Mapping[str, Any]
) -> Login:
    hosts: list[str] = []
    match component.get("type"):
        case "NoAuth" | None:
            return Login(NONE)
        case "BearerAuthenticator":
            return Login(_build_bearer(_translate(component.get("api_token"), scope)))
        case "ApiKeyAuthenticator":
            option = component.get("inject_into")
            form = isinstance(option, Mapping) and option.get("inject_into") == "body_data"
            return Login(_build_key(component, scope), form=form)
        case "BasicHttpAuthenticator":
            return _build_basic(component, scope)
        case "OAuthAuthenticator":
            credentials = build_oauth(component, scope, notes, manifest, hosts)
            return Login({"format": "bearer"}, credentials, hosts)
        case "SessionTokenAuthenticator" | "LegacySessionTokenAuthenticator":
            credentials, authorization = build_session(component, scope, notes, hosts, manifest)
            return Login(authorization, credentials, hosts)
        case "JwtAuthenticator":
            credentials, authorization = build_jwt(component, scope)
            return Login(authorization, credentials)
        case "SelectiveAuthenticator":
            return _build_choice(component, scope, notes, manifest)
        case other:
            raise Untranslatable(f"the unknown type {other}")


def _translate(value: Any, scope: TemplateScope) -> Node:
    return to_text(translate(str(value if value is not None else ""), scope.for_credential()))


def _build_bearer(node: Node) -> dict[str, Any]:
    if isinstance(node, SecretNode):
        return {"format": "bearer", "config": {"path": node.name}}
    return {"format": "header", "config": {"name": "Authorization", "value": f"Bearer {to_template(node)}"}}


def _build_key(component: Mapping[str, Any], scope: TemplateScope) -> dict[str, Any]:
    option = component.get("inject_into")
    value = str(to_template(_translate(component.get("api_token"), scope)))
    if not isinstance(option, Mapping):
        return {"format": "header", "config": {"name": str(component.get("header") or "Authorization"), "value": value}}
    name = find_option_name(option, scope)
    match option.get("inject_into"):
        case "header":
            return {"format": "header", "config": {"name": name, "value": value}}
        case "request_parameter":
            return {"format": "query", "config": {"name": name, "value": value}}
        case "body_data" | "body_json":
            return {"format": "body", "config": {"field": name.lstrip("/").replace("/", "."), "value": value}}
        case other:
            raise Untranslatable(f"a key sent in {other}")


def _build_basic(component: Mapping[str, Any], scope: TemplateScope) -> Login:
    nodes = {key: _translate(component.get(key), scope) for key in PAIR}
    if _is_pair(nodes, scope):
        return Login({"format": "basic"}, {"format": "basic"})
    user, password = (to_template(node) for node in nodes.values())
    if password and "{{" not in str(password):
        password = f"{{{{{quote(str(password))}}}}}"  # the same for everyone: no secret
    return Login({"format": "basic", "config": {"username": str(user), "password": str(password)}})


def _is_pair(nodes: Mapping[str, Node], scope: TemplateScope) -> bool:
    """Return whether a user name and a password are two settings, and give them the usual names.

    A key used as a user name does not count, because user names are shown while typing and in messages. If the password
    is optional, the user name is the key.
    """
    places = {key: node.place for key, node in nodes.items() if isinstance(node, SecretNode) and node.place}
    if len(set(places.values())) < len(PAIR):
        return False
    user, password = (scope.settings.by_place[places[key]] for key in PAIR)
    if user.declared != password.declared:  # by the specification, an account has only one of them
        beside = password if user.declared else user
        beside.required = beside.needed = False
        return False
    if user.declared_secret or user.looks_like_key or not password.needed:
        return False
    return all(scope.settings.claim(place, key) for key, place in places.items())


def _build_choice(one: Mapping[str, Any], scope: TemplateScope, notes: Notes, manifest: Mapping[str, Any]) -> Login:
    """Build a choice between credentials, by a value of the configuration."""
    path = [str(part) for part in as_list(one.get("authenticator_selection_path"))]
    options = one.get("authenticators")
    if not path or not isinstance(options, Mapping) or not options:
        raise Untranslatable("a choice without options")
    by = scope.settings.translate(tuple(path))
    if find_secrets(by) or isinstance(by, Lit):
        raise Untranslatable("a choice that depends on a secret")
    logins: dict[str, Login] = {}
    own: dict[str, list[Setting]] = {}
    before = scope.settings.list_claims()
    for name, component in options.items():
        option = read_code(component, "authorization", notes) if isinstance(component, Mapping) else None
        if option is None:
            continue
        used = scope.settings.watch()
        with scope.settings.try_option(before):
            logins[str(name)] = _build_login(option, scope, notes, manifest)
        own[str(name)] = used()
    if not logins:
        raise Untranslatable("a choice that consists only of code")
    credentials = {name: login.credentials or _build_typed(login, scope.settings) for name, login in logins.items()}
    text = to_expression(by)
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


def _build_typed(login: Login, settings: ManifestSettings) -> dict[str, Any]:
    """Build the credentials for the typed secrets that an authorization reads."""
    used = [
        one for one in settings.by_place.values() if one.secret and is_mentioned(login.authorization, one.secret_name)
    ]
    return {"format": "api_key"} if used else dict(NONE)


def is_mentioned(data: Any, name: str) -> bool:
    """Return whether a template or an expression in the data reads a name of the credential."""
    pattern = rf"(?<![A-Za-z0-9_.']){re.escape(name)}(?![A-Za-z0-9_'])"
    return any(re.search(pattern, text) for _, text in iterate_texts(data))
