"""A delivery that was verified and answered, and whose events are still to be expanded, as data that can be stored.

It cannot be verified again later: signatures are valid for minutes. So it also says what verified it.
"""

import base64
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from conn_engine.runtime.webhooks.events import VendorEvent
from conn_engine.webhooks import Delivery
from conn_engine.wire import Headers

__all__ = ["VerifiedDelivery"]


@dataclass(frozen=True, slots=True)
class VerifiedDelivery:
    """The events of a delivery to the address of an account or a connector, in the vendor's terms.

    `delivery` is the delivery as mappings see it, without secrets. `verified_by` is as in `Acceptance`.
    """

    account: str | None
    connector: str | None
    delivery: Delivery
    events: tuple[VendorEvent, ...]
    verified_by: str

    def to_data(self) -> dict[str, Any]:
        """Return it as JSON data."""
        delivery = self.delivery
        return {
            "account": self.account,
            "connector": self.connector,
            "verified_by": self.verified_by,
            "method": delivery.method,
            "url": delivery.url,
            "headers": [list(pair) for pair in delivery.headers.pairs],
            "body": base64.b64encode(delivery.body).decode(),
            "events": [event.to_data() for event in self.events],
        }

    @classmethod
    def from_data(cls, data: Mapping[str, Any]) -> "VerifiedDelivery":
        """Read what `to_data` returned."""
        headers = Headers((name, value) for name, value in data["headers"])
        delivery = Delivery(data["method"], data["url"], headers, base64.b64decode(data["body"]))
        events = tuple(VendorEvent(**event) for event in data["events"])
        return cls(data["account"], data["connector"], delivery, events, data["verified_by"])

    def select(self, number: int) -> "VerifiedDelivery":
        """Return the delivery with only one of its events, so that each can be expanded for itself."""
        return replace(self, events=self.events[number : number + 1])
