"""Where an endpoint is, and what signs its events: read from the workspace whenever events are delivered."""

import re
from collections.abc import Mapping
from dataclasses import dataclass

from conn_engine.conditions import USUAL, Scope
from conn_engine.config import Workspace
from conn_engine.config.account_endpoints import find_endpoint_faults, limit_trust
from conn_engine.config.delivery_models import AccountEndpoint, ClaimCheck, SyncEndpoint
from conn_engine.errors import ConfigurationError, ConnError
from conn_engine.expressions import render
from conn_engine.transport.egress import Trust
from conn_engine.urls import split_plain_url
from conn_service.delivery.places import (
    ACCOUNTS,
    SCHEMES,
    EndpointPlace,
    find_place,
    is_subscribed,
    look_up_place,
    name_endpoint,
)
from conn_service.delivery.signatures import SigningKey, parse_signing_key
from conn_service.delivery.stored_secrets import SecretLookup, find_no_secret

__all__ = ["ResolvedEndpoint", "check_endpoint_url", "find_endpoint", "find_trust"]

_VARIABLE = re.compile(r"\benv\.([A-Za-z_]\w*)")


@dataclass(frozen=True, slots=True, repr=False)
class ResolvedEndpoint:
    """An endpoint with its URL, and what signs its events: the current key first. `key` identifies it in the queue of
    deliveries, and `account` is the account that it belongs to, "" if it is for all."""

    key: str
    url: str
    signing_keys: tuple[SigningKey, ...] = ()
    events: tuple[str, ...] = ()
    claim_check: ClaimCheck | None = None
    account: str = ""

    @property
    def name(self) -> str:
        """What identifies it in messages."""
        return name_endpoint(self.key)

    @property
    def label(self) -> str:
        """What errors of requests to it begin with."""
        return f"the endpoint {self.name}"

    def wants(self, event_type: str) -> bool:
        """Return whether the endpoint receives events of a type."""
        return not self.events or is_subscribed(self.events, event_type)


def find_endpoint(
    workspace: Workspace,
    name: str,
    *,
    account: str | None = None,
    environment: str | None = None,
    environ: Mapping[str, str],
    stored: SecretLookup = find_no_secret,
) -> ResolvedEndpoint:
    """Return an endpoint by its key, or by its name in the account, in the environment or in conn.yaml, or by its URL.
    `stored` finds the secrets that replace those of its document.

    Raises ConfigurationError for an unknown name, and for a URL or a secret that cannot be made.
    """
    if name.startswith(SCHEMES):
        check_endpoint_url(name)
        return ResolvedEndpoint(name, name)
    place = find_place(workspace, name) if "/" in name else look_up_place(workspace, name, account, environment)
    if place is None:
        short = name.rpartition("/")[2]
        where = f"accounts/{name.split('/')[1]}.yaml" if name.startswith(ACCOUNTS) else "conn.yaml"
        raise ConfigurationError(
            f'there is no endpoint "{short}"',
            hint=f"add it to {where}: endpoints: {{ {short}: {{ url: https://… }} }}",
        )
    return _resolve(workspace, place, environ, stored)


def find_trust(workspace: Workspace, endpoint: ResolvedEndpoint) -> Trust:
    """Return which hosts requests to an endpoint may go to, as the workspace is now."""
    return limit_trust(workspace.trust, workspace.settings) if endpoint.account else workspace.trust


def _resolve(
    workspace: Workspace, place: EndpointPlace, environ: Mapping[str, str], stored: SecretLookup
) -> ResolvedEndpoint:
    settings = place.settings
    try:
        if isinstance(settings, AccountEndpoint):
            _check_account_endpoint(workspace, place)
        scope = Scope({"env": dict(environ)}, USUAL)
        url = settings.url if isinstance(settings, AccountEndpoint) else str(render(settings.url, scope))
        secrets = [text for text in (settings.secret, settings.previous_secret) if text is not None]
        replaced = stored(place.key)
        texts = [str(render(text, scope)) for text in secrets] if replaced is None else replaced
        keys = tuple(parse_signing_key(text) for text in texts)
    except ConnError as error:
        raise ConfigurationError(
            f'the endpoint "{place.key}" cannot be used: {error.message}',
            hint=error.hint if error.category == "host" else _suggest_variables(settings, environ),
        ) from None
    check_endpoint_url(url)
    claims = settings.claim_check if isinstance(settings, SyncEndpoint) else None
    return ResolvedEndpoint(place.key, url, keys, settings.events, claims, place.account)


def _check_account_endpoint(workspace: Workspace, place: EndpointPlace) -> None:
    """Raise ConfigurationError for an endpoint that conn.yaml does not allow accounts to have: lint may not have seen
    it, or conn.yaml may have changed since."""
    endpoints = workspace.account(place.account).endpoints
    for fault in find_endpoint_faults(workspace.settings, place.account, endpoints, place.name):
        raise ConfigurationError(fault.message, hint=fault.hint, category="host")


def check_endpoint_url(url: str) -> None:
    """Raise ConfigurationError for a URL with a user and a password: it is not sent, and it would be shown."""
    if "@" in split_plain_url(url).netloc:
        raise ConfigurationError(
            "the URL of an endpoint cannot have a user and a password",
            hint="remove them; events are signed if the endpoint in conn.yaml has a secret",
        )


def _suggest_variables(endpoint: SyncEndpoint | AccountEndpoint, environ: Mapping[str, str]) -> str:
    """Return which environment variables to set for an endpoint that cannot be used."""
    names = dict.fromkeys(_VARIABLE.findall(f"{endpoint.url} {endpoint.secret or ''} {endpoint.previous_secret or ''}"))
    missing = [name for name in names if not environ.get(name)]
    if missing:
        return f"set {', '.join(missing)} in the environment of the worker and of the service"
    return "correct its url and its secret, and the environment variables that they name"
