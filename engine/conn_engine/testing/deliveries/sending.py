"""Sends a recorded delivery as the vendor would send it now, to a receiver of your choice."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from conn_engine.config import Effective
from conn_engine.errors import UsageError
from conn_engine.runtime.call import Run
from conn_engine.runtime.request import authorization_scope
from conn_engine.runtime.webhooks.accepting import require_webhooks
from conn_engine.testing.deliveries.replaying import in_context_of, session_of
from conn_engine.webhooks import Delivery, VerificationContext
from conn_engine.webhooks.recorded import RecordedDelivery, get_received_at, to_delivery
from conn_engine.webhooks.recording_secrets import SigningKeys
from conn_engine.webhooks.resigning import resign_for_sending
from conn_engine.wire import FrozenClock, Headers, Request

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.types import PrivateKeyTypes

__all__ = ["sendable"]

_GENERATED_HEADERS = frozenset({"content-length", "host", "connection", "transfer-encoding", "content-encoding"})


def sendable(
    effective: Effective,
    recorded: RecordedDelivery,
    url: str,
    now: float,
    *,
    secrets: Mapping[str, Any] | None = None,
    private: "PrivateKeyTypes | None" = None,
) -> Request:
    """Build the request that sends a recorded delivery to `url` at the time `now` (Unix seconds), signed again.

    `secrets` replace the file's secrets of the same names. `private` signs if only the vendor has the key. Raises
    UsageError if the delivery cannot be signed.
    """
    webhooks = require_webhooks(effective)
    effective = in_context_of(effective, recorded)
    clock = FrozenClock(get_received_at(recorded))
    scope = authorization_scope(Run(effective, session_of(effective, recorded, clock)))
    received = to_delivery(recorded)
    delivery = Delivery(received.method, _add_query(url, received.url), received.headers, received.body)
    verification = VerificationContext(delivery, scope, clock, effective.hosts)
    own_secrets = {name: value for name, value in (secrets or {}).items() if name in recorded.secrets}
    env = {name.removeprefix("env."): value for name, value in own_secrets.items() if name.startswith("env.")}
    plain = {name: value for name, value in own_secrets.items() if not name.startswith("env.")}
    signed_delivery = resign_for_sending(
        webhooks, verification, scope | plain | {"env": {**scope["env"], **env}}, SigningKeys(own=private), now
    )
    if signed_delivery.unsigned:
        raise UsageError(
            "cannot sign the delivery again: only the vendor has the private key",
            hint="sign with your own key, and give the receiver its public key: --key FILE",
        )
    signed = signed_delivery.delivery
    headers = Headers([(name, value) for name, value in signed.headers.pairs if name.lower() not in _GENERATED_HEADERS])
    return Request(signed.method, signed.url, headers, signed.body or None, label="delivery", writes=True)


def _add_query(url: str, received_url: str) -> str:
    """Add the query of the vendor's URL to the receiver's URL: it may contain a token."""
    query = received_url.partition("?")[2]
    return f"{url}?{query}" if query and "?" not in url else url
