"""Deliver events to endpoints, in order per record, over days if needed. This is the public interface."""

from conn_service.delivery.claims import ClaimStore
from conn_service.delivery.draining import DrainResult, drain
from conn_service.delivery.endpoints import ResolvedEndpoint, find_endpoint, find_trust
from conn_service.delivery.health import RETRY_SECONDS
from conn_service.delivery.places import find_subscribed_endpoints, has_endpoint, name_endpoint
from conn_service.delivery.queue import add_deliveries
from conn_service.delivery.store import DeliveryStore

__all__ = [
    "RETRY_SECONDS",
    "ClaimStore",
    "DeliveryStore",
    "DrainResult",
    "ResolvedEndpoint",
    "add_deliveries",
    "drain",
    "find_endpoint",
    "find_subscribed_endpoints",
    "find_trust",
    "has_endpoint",
    "name_endpoint",
]
