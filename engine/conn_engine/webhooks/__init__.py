"""Webhooks: deliveries that come from vendors. `Verification` is the list of the ways to prove one: a new one is a
class and its name here.

Nothing is received or kept here; what a delivery's events become is the runtime's.
"""

from typing import TypeAlias

from conn_engine.webhooks.delivery import MAX_DELIVERY_BYTES, NAMES, Delivery
from conn_engine.webhooks.jwt import Jwt
from conn_engine.webhooks.key_cache import KeyCache
from conn_engine.webhooks.keys import of_credential, of_delivery
from conn_engine.webhooks.proof import Prover, Proving, Unproved, found, holds
from conn_engine.webhooks.settings import Challenge, Reply, Routing, Subscription, VendorEvents, Webhooks
from conn_engine.webhooks.several import AllOf, AnyOf
from conn_engine.webhooks.shared import Basic, Token, Unverified
from conn_engine.webhooks.signed import Ecdsa, Ed25519, Hmac, Rsa, StandardWebhooks

__all__ = [
    "MAX_DELIVERY_BYTES",
    "NAMES",
    "AllOf",
    "AnyOf",
    "Basic",
    "Challenge",
    "Delivery",
    "Ecdsa",
    "Ed25519",
    "Hmac",
    "Jwt",
    "KeyCache",
    "Prover",
    "Proving",
    "Reply",
    "Routing",
    "Rsa",
    "StandardWebhooks",
    "Subscription",
    "Token",
    "Unproved",
    "Unverified",
    "VendorEvents",
    "Verification",
    "Webhooks",
    "found",
    "holds",
    "of_credential",
    "of_delivery",
]

Verification: TypeAlias = (
    Hmac | StandardWebhooks | Rsa | Ecdsa | Ed25519 | Jwt | Token | Basic | AnyOf | AllOf | Unverified
)
