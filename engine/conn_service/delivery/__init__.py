"""Deliver events to endpoints, in order per record, over days if needed. This is the public interface."""

from conn_service.delivery.claims import ClaimStore
from conn_service.delivery.draining import DrainResult, drain
from conn_service.delivery.endpoints import ResolvedEndpoint, find_endpoint, find_trust
from conn_service.delivery.health import RETRY_SECONDS
from conn_service.delivery.listing import (
    DeliveryEntry,
    DeliveryStatus,
    EndpointEntry,
    find_deliveries,
    list_endpoints,
)
from conn_service.delivery.places import find_key, find_subscribed_endpoints, has_endpoint, name_endpoint
from conn_service.delivery.queue import add_deliveries
from conn_service.delivery.requests import EndpointTest, send_test_event
from conn_service.delivery.signatures import create_secret, parse_signing_key
from conn_service.delivery.store import DeliveryStore, RedeliveredEvents
from conn_service.delivery.stored_secrets import DEFAULT_OVERLAP, EndpointSecrets, RotatedSecret, parse_overlap

__all__ = [
    "DEFAULT_OVERLAP",
    "RETRY_SECONDS",
    "ClaimStore",
    "DeliveryEntry",
    "DeliveryStatus",
    "DeliveryStore",
    "DrainResult",
    "EndpointEntry",
    "EndpointSecrets",
    "EndpointTest",
    "RedeliveredEvents",
    "ResolvedEndpoint",
    "RotatedSecret",
    "add_deliveries",
    "create_secret",
    "drain",
    "find_deliveries",
    "find_endpoint",
    "find_key",
    "find_subscribed_endpoints",
    "find_trust",
    "has_endpoint",
    "list_endpoints",
    "name_endpoint",
    "parse_overlap",
    "parse_signing_key",
    "send_test_event",
]
