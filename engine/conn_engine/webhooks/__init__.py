"""Webhook deliveries from vendors. `Verification` lists the ways to verify one; a new one is a class and its name here.

This package neither receives nor stores deliveries. The runtime maps their events.
"""

from typing import TypeAlias

from conn_engine.webhooks.combined_verifiers import AllOf, AnyOf
from conn_engine.webhooks.delivery import MAX_DELIVERY_BYTES, NAMES, Delivery
from conn_engine.webhooks.jwt import JwtVerifier
from conn_engine.webhooks.key_cache import KeyCache
from conn_engine.webhooks.keys import uses_credential, uses_delivery
from conn_engine.webhooks.secret_verifiers import BasicVerifier, TokenVerifier, Unverified
from conn_engine.webhooks.settings import Challenge, Reply, Routing, Subscription, VendorEvents, Webhooks
from conn_engine.webhooks.signature_verifiers import (
    HmacVerifier,
    PublicKeyVerifier,
    StandardWebhooksVerifier,
)
from conn_engine.webhooks.verifier import (
    DeliveryVerifier,
    VerificationContext,
    VerificationError,
    evaluate_on_delivery,
    is_condition_met,
)

__all__ = [
    "MAX_DELIVERY_BYTES",
    "NAMES",
    "AllOf",
    "AnyOf",
    "BasicVerifier",
    "Challenge",
    "Delivery",
    "DeliveryVerifier",
    "HmacVerifier",
    "JwtVerifier",
    "KeyCache",
    "PublicKeyVerifier",
    "Reply",
    "Routing",
    "StandardWebhooksVerifier",
    "Subscription",
    "TokenVerifier",
    "Unverified",
    "VendorEvents",
    "Verification",
    "VerificationContext",
    "VerificationError",
    "Webhooks",
    "evaluate_on_delivery",
    "is_condition_met",
    "uses_credential",
    "uses_delivery",
]

Verification: TypeAlias = (
    HmacVerifier
    | StandardWebhooksVerifier
    | PublicKeyVerifier
    | JwtVerifier
    | TokenVerifier
    | BasicVerifier
    | AnyOf
    | AllOf
    | Unverified
)
