"""Where an endpoint is, and what signs its events: read from the workspace whenever events are delivered."""

import hashlib
import hmac
import re
from base64 import b64decode, b64encode
from binascii import Error as BinasciiError
from collections.abc import Mapping
from dataclasses import dataclass

from conn_engine.conditions import USUAL, Scope
from conn_engine.config import Workspace
from conn_engine.config.delivery_models import ClaimCheck, SyncEndpoint
from conn_engine.documents import wildcards
from conn_engine.errors import ConfigurationError, ConnError
from conn_engine.expressions import render
from conn_engine.urls import split_plain_url

__all__ = [
    "ResolvedEndpoint",
    "check_endpoint_url",
    "find_endpoint",
    "find_subscribed_endpoints",
    "has_endpoint",
    "name_endpoint",
    "sign",
]

_PREFIX = "whsec_"
_VARIABLE = re.compile(r"\benv\.([A-Za-z_]\w*)")
_SCHEMES = ("http://", "https://")


@dataclass(frozen=True, slots=True, repr=False)
class ResolvedEndpoint:
    """An endpoint with its URL and its secret. `key` identifies it in the queue of deliveries."""

    key: str
    url: str
    secret: bytes | None
    events: tuple[str, ...] = ()
    claim_check: ClaimCheck | None = None

    @property
    def name(self) -> str:
        """What identifies it in messages."""
        return name_endpoint(self.key)

    def wants(self, event_type: str) -> bool:
        """Return whether the endpoint receives events of a type."""
        return not self.events or any(wildcards.is_match(pattern, event_type) for pattern in self.events)


def name_endpoint(key: str) -> str:
    """Return what identifies an endpoint in messages and reports: its name. Of a URL, these are its host and a digest,
    because what follows the host is a secret of many receivers. A name stays as it is."""
    parts = split_plain_url(key)
    if not key.startswith(_SCHEMES) or parts.path.startswith("/…"):
        return key
    origin = f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}"
    if not parts.path.strip("/") and not parts.query and not parts.fragment:
        return origin
    return f"{origin}/…{hashlib.sha256(key.encode()).hexdigest()[:8]}"


def find_endpoint(
    workspace: Workspace, name: str, *, environment: str | None = None, environ: Mapping[str, str]
) -> ResolvedEndpoint:
    """Return an endpoint by its name in the environment or in conn.yaml, or by its URL.

    Raises ConfigurationError for an unknown name, and for a URL or a secret that cannot be made.
    """
    if name.startswith(_SCHEMES):
        check_endpoint_url(name)
        return ResolvedEndpoint(name, name, None)
    found = _look_up(workspace, name, environment)
    if found is None:
        short = name.rpartition("/")[2]
        raise ConfigurationError(
            f'there is no endpoint "{short}"',
            hint=f"add it to conn.yaml: endpoints: {{ {short}: {{ url: https://… }} }}; or pass --to",
        )
    place, endpoint = found
    try:
        scope = Scope({"env": dict(environ)}, USUAL)
        url = str(render(endpoint.url, scope))
        secret = None if endpoint.secret is None else _decode(str(render(endpoint.secret, scope)))
    except ConnError as error:
        raise ConfigurationError(
            f'the endpoint "{name}" cannot be used: {error.message}',
            hint=_suggest_variables(endpoint, environ),
        ) from None
    check_endpoint_url(url)
    return ResolvedEndpoint(place, url, secret, endpoint.events, endpoint.claim_check)


def check_endpoint_url(url: str) -> None:
    """Raise ConfigurationError for a URL with a user and a password: it is not sent, and it would be shown."""
    if "@" in split_plain_url(url).netloc:
        raise ConfigurationError(
            "the URL of an endpoint cannot have a user and a password",
            hint="remove them; events are signed if the endpoint in conn.yaml has a secret",
        )


def _suggest_variables(endpoint: SyncEndpoint, environ: Mapping[str, str]) -> str:
    """Return which environment variables to set for an endpoint that cannot be used."""
    names = dict.fromkeys(_VARIABLE.findall(f"{endpoint.url} {endpoint.secret or ''}"))
    missing = [name for name in names if not environ.get(name)]
    if missing:
        return f"set {', '.join(missing)} in the environment of the worker; or pass --to"
    return "correct its url and its secret, and the environment variables that they name"


def find_subscribed_endpoints(workspace: Workspace, event_type: str, *, environment: str | None) -> list[str]:
    """Return the keys of the endpoints whose `events` name a type. One without `events` takes what is sent to it, and
    has asked for nothing."""
    names = set(workspace.settings.endpoints)
    if environment and environment in workspace.environments():
        names |= set(workspace.environment(environment).endpoints)
    found = [_look_up(workspace, name, environment) for name in sorted(names)]
    return [
        key
        for key, endpoint in (place for place in found if place is not None)
        if any(wildcards.is_match(pattern, event_type) for pattern in endpoint.events)
    ]


def has_endpoint(workspace: Workspace, key: str) -> bool:
    """Return whether a key in the queue of deliveries still identifies an endpoint."""
    return key.startswith(_SCHEMES) or _look_up(workspace, key, None) is not None


def _look_up(workspace: Workspace, name: str, environment: str | None) -> tuple[str, SyncEndpoint] | None:
    scope, _, short = name.rpartition("/")
    environment = scope or environment
    if environment and environment in workspace.environments():
        own = workspace.environment(environment).endpoints
        if short in own:
            return f"{environment}/{short}", own[short]
    known = workspace.settings.endpoints
    return (short, known[short]) if short in known else None


def _decode(secret: str) -> bytes:
    """Return the bytes of a secret: base64 after `whsec_`, else the text itself."""
    if not secret.startswith(_PREFIX):
        return secret.encode()
    try:
        return b64decode(secret.removeprefix(_PREFIX), validate=True)
    except BinasciiError:
        raise ConfigurationError("the secret is not base64 after whsec_", hint="copy the complete secret") from None


def sign(secret: bytes, event_id: str, timestamp: int, body: bytes) -> str:
    """Return the value of `webhook-signature`, as Standard Webhooks define it."""
    content = b".".join((event_id.encode(), str(timestamp).encode(), body))
    return f"v1,{b64encode(hmac.digest(secret, content, hashlib.sha256)).decode()}"
