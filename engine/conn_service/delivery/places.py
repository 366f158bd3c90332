"""Where endpoints are written, and which of them receives an event: those for all in conn.yaml, of an environment, and
of an account."""

import hashlib
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from typing import Final

from conn_engine.config import Workspace
from conn_engine.config.delivery_models import AccountEndpoint, SyncEndpoint
from conn_engine.documents import wildcards
from conn_engine.errors import ConnError
from conn_engine.urls import split_plain_url

__all__ = [
    "ACCOUNTS",
    "SCHEMES",
    "EndpointPlace",
    "find_key",
    "find_place",
    "find_subscribed_endpoints",
    "has_endpoint",
    "is_subscribed",
    "list_account_places",
    "list_places",
    "look_up_place",
    "name_endpoint",
]

SCHEMES: Final = ("http://", "https://")
ACCOUNTS: Final = "accounts/"
"""Before the keys of endpoints of accounts: names of environments have no slashes."""


@dataclass(frozen=True, slots=True)
class EndpointPlace:
    """An endpoint as it is written: for all, in an environment, or in an account."""

    name: str
    settings: SyncEndpoint | AccountEndpoint
    environment: str = ""
    account: str = ""

    @property
    def key(self) -> str:
        """What identifies it in the queue of deliveries: names have no slashes."""
        if self.account:
            return f"{ACCOUNTS}{self.account}/{self.name}"
        return f"{self.environment}/{self.name}" if self.environment else self.name


def name_endpoint(key: str) -> str:
    """Return what identifies an endpoint in messages and reports: its name. Of a URL, these are its host and a digest,
    because what follows the host is a secret of many receivers. A name stays as it is."""
    parts = split_plain_url(key)
    if not key.startswith(SCHEMES) or parts.path.startswith("/…") or "{{" in key:
        return key
    origin = f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}"
    if not parts.path.strip("/") and not parts.query and not parts.fragment:
        return origin
    return f"{origin}/…{hashlib.sha256(key.encode()).hexdigest()[:8]}"


def find_subscribed_endpoints(workspace: Workspace, event_type: str, *, account: str | None) -> list[str]:
    """Return the keys of the endpoints whose `events` name a type: of an account, of its environment, and those for
    all. One without `events` takes what is sent to it, and has asked for nothing."""
    levels = [{name: EndpointPlace(name, one) for name, one in workspace.settings.endpoints.items()}]
    typed = None if account is None else workspace.account(account)
    environment = (typed.environment if typed is not None else None) or workspace.settings.default_environment
    if environment in workspace.environments():
        own = workspace.environment(environment).endpoints
        levels.append({name: EndpointPlace(name, one, environment) for name, one in own.items()})
    if account is not None and typed is not None:
        levels.append({name: EndpointPlace(name, one, "", account) for name, one in typed.endpoints.items()})
    merged = {name: place for level in levels for name, place in level.items()}
    return [place.key for _, place in sorted(merged.items()) if is_subscribed(place.settings.events, event_type)]


def is_subscribed(patterns: Iterable[str], event_type: str) -> bool:
    """Return whether one of the names or patterns of an endpoint matches a type of events."""
    return any(wildcards.is_match(pattern, event_type) for pattern in patterns)


def list_places(workspace: Workspace) -> Iterator[EndpointPlace]:
    """Yield every endpoint that is written somewhere: those for all, then those of environments and of accounts. An
    account whose document cannot be used has none."""
    for name, settings in workspace.settings.endpoints.items():
        yield EndpointPlace(name, settings)
    for environment in workspace.environments():
        for name, settings in workspace.environment(environment).endpoints.items():
            yield EndpointPlace(name, settings, environment)
    for account in workspace.accounts():
        yield from list_account_places(workspace, account)


def list_account_places(workspace: Workspace, account: str) -> Iterator[EndpointPlace]:
    """Yield the endpoints that are written in an account, none if its document cannot be used."""
    with suppress(ConnError):
        for name, settings in workspace.account(account).endpoints.items():
            yield EndpointPlace(name, settings, "", account)


def has_endpoint(workspace: Workspace, key: str) -> bool:
    """Return whether a key in the queue of deliveries still identifies an endpoint."""
    return key.startswith(SCHEMES) or find_place(workspace, key) is not None


def find_key(workspace: Workspace, name: str) -> str:
    """Return the key of the endpoint with a name such as `conn endpoint list` shows; the name if none is written."""
    place = None if name.startswith(SCHEMES) else find_place(workspace, name)
    return name if place is None else place.key


def find_place(workspace: Workspace, key: str) -> EndpointPlace | None:
    """Return the endpoint of a key in the queue of deliveries, None if it is not written anywhere. The endpoint of an
    environment that is gone is the one for all."""
    scope, _, name = key.rpartition("/")
    if not key.startswith(ACCOUNTS):
        return look_up_place(workspace, name, None, scope)
    account = scope.removeprefix(ACCOUNTS)
    own = workspace.account(account).endpoints if workspace.has_account(account) else {}
    return EndpointPlace(name, own[name], "", account) if name in own else None


def look_up_place(
    workspace: Workspace, name: str, account: str | None, environment: str | None
) -> EndpointPlace | None:
    """Return the endpoint with a name in an account, else in an environment, else in conn.yaml; None without one."""
    own = workspace.account(account).endpoints if account is not None else {}
    if name in own:
        return EndpointPlace(name, own[name], "", account or "")
    if environment and environment in workspace.environments():
        endpoints = workspace.environment(environment).endpoints
        if name in endpoints:
            return EndpointPlace(name, endpoints[name], environment)
    known = workspace.settings.endpoints
    return EndpointPlace(name, known[name]) if name in known else None
