"""Process webhook deliveries: accept or refuse them, find their accounts, and make events of them.

`conn_engine.webhooks` has the settings of a connector.
"""

from conn_engine.runtime.webhooks.accepting import Acceptance, accept
from conn_engine.runtime.webhooks.events import Event, VendorEvent, unified_events, vendor_events
from conn_engine.runtime.webhooks.outgoing import build_delivery, signing_key
from conn_engine.runtime.webhooks.receiver import Receipt, Receiver
from conn_engine.runtime.webhooks.routing import Routes
from conn_engine.runtime.webhooks.subscribing import Subscribed, due
from conn_engine.runtime.webhooks.subscriptions import begin, end, extend
from conn_engine.runtime.webhooks.verified import VerifiedDelivery

__all__ = [
    "Acceptance",
    "Event",
    "Receipt",
    "Receiver",
    "Routes",
    "Subscribed",
    "VendorEvent",
    "VerifiedDelivery",
    "accept",
    "begin",
    "build_delivery",
    "due",
    "end",
    "extend",
    "signing_key",
    "unified_events",
    "vendor_events",
]
