"""A queue of events and an application that receives them."""

import json
from dataclasses import dataclass, field
from typing import Any

from vendor import Arrived, Vendor

from conn_engine.syncs import OutgoingEvent, build_event
from conn_engine.transport.egress import Trust
from conn_engine.transport.live import Live
from conn_engine.wire import FrozenClock
from conn_service.delivery import DeliveryStore, DrainResult, ResolvedEndpoint, add_deliveries, drain
from conn_service.delivery.signatures import SigningKey


@dataclass
class Receiver:
    """An application that receives events. `replies` answers the requests first, in order, then `usual` does."""

    replies: list[Any] = field(default_factory=list)
    usual: Any = field(default_factory=dict)
    arrived: list[Arrived] = field(default_factory=list)

    def answer(self, arrived: Arrived) -> Any:
        self.arrived.append(arrived)
        return self.replies.pop(0) if self.replies else self.usual

    def data(self) -> list[Any]:
        return [json.loads(request.body)["data"] for request in self.arrived]


@dataclass
class Line:
    """A queue, and an endpoint that it is drained to."""

    store: DeliveryStore
    receiver: Receiver
    vendor: Vendor
    clock: FrozenClock

    def add(self, *events: tuple[str, int], endpoint: str = "e") -> None:
        made = [make_event(key, value) for key, value in events]
        with self.store.engine.begin() as connection:
            add_deliveries(connection, [endpoint], "r", made, self.clock.now())

    def drain(self, **more: Any) -> DrainResult:
        endpoint = ResolvedEndpoint("e", f"{self.vendor.url}/hook", (SigningKey(b"secret"),), **more)
        sender = Live(trust=Trust((self.vendor.host,)), max_redirects=0)
        try:
            return drain(self.store, endpoint, sender, self.clock)
        finally:
            sender.close()


def make_event(key: str, value: int) -> OutgoingEvent:
    data = {"id": key, "value": value}
    return build_event(sync="s", account="a", type_="x.updated", key=key, data=data, version=str(value), began=0.0)
