"""Send an event to an application: one request, signed according to the Standard Webhooks specification."""

import base64
import binascii
import hmac
import json
import math

from conn_engine.errors import UsageError
from conn_engine.runtime.webhooks.events import Event
from conn_engine.wire import Headers, Request

__all__ = ["build_delivery", "signing_key"]


def signing_key(secret: str) -> bytes:
    """Decode a Standard Webhooks secret: base64, with or without the prefix `whsec_`.

    Raises UsageError, without the secret in it, for other text and for keys under the required 24 bytes.
    """
    try:
        key = base64.b64decode(secret.strip().removeprefix("whsec_"), validate=True)
    except (ValueError, binascii.Error):
        key = b""
    if len(key) < 24:
        raise UsageError(
            "the secret for signing events is not whsec_ followed by 24 to 64 bytes in base64",
            hint="create one: openssl rand -base64 32",
        )
    return key


def build_delivery(event: Event, url: str, key: bytes, now: float) -> Request:
    """Build the request that sends an event to an application. `now` is in Unix seconds."""
    body = json.dumps(
        {**event.plain(), "timestamp": event.occurred_at}, separators=(",", ":"), ensure_ascii=False, default=str
    ).encode("utf-8", "replace")
    moment = str(math.floor(now))
    signed = b".".join((event.id.encode(), moment.encode(), body))
    signature = base64.b64encode(hmac.digest(key, signed, "sha256")).decode()
    headers = Headers({
        "content-type": "application/json",
        "webhook-id": event.id,
        "webhook-timestamp": moment,
        "webhook-signature": f"v1,{signature}",
    })  # fmt: skip
    return Request("POST", url, headers, body, label="event", idempotent=True)
