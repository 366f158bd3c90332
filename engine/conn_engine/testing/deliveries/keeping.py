"""Receives a webhook delivery and records it, with the requests that it caused."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from conn_engine.errors import ConnError
from conn_engine.recordings.record import Recorder
from conn_engine.runtime.drive import Sender
from conn_engine.runtime.webhooks.receiver import Receipt, Receiver
from conn_engine.testing.deliveries.recording import KeptDelivery, record_delivery
from conn_engine.testing.personal import PersonalData
from conn_engine.webhooks import Delivery, KeyCache, VerificationError

__all__ = ["Received", "keep_received"]


@dataclass(slots=True)
class Received:
    """A delivery that was received and can be recorded."""

    receiver: Receiver
    delivery: Delivery
    receipt: Receipt
    recorder: Recorder
    account: str | None
    connector: str | None
    received_at: float
    note: str = ""

    @property
    def refusal(self) -> VerificationError | None:
        """The reason why it was refused."""
        return self.receipt.refusal

    @property
    def error(self) -> ConnError | None:
        """The error that processing it caused."""
        return self.receipt.error

    def to_stored(self, personal: PersonalData | None = None) -> KeptDelivery:
        """Return the delivery as recorded. With `personal`, personal data is replaced; raises ConfigurationError
        (REC005)."""
        wiring = self.receiver.get_wiring(self.account, self.connector)
        return record_delivery(
            wiring,
            self.delivery,
            received_at=self.received_at,
            exchanges=self.recorder.exchanges,
            context=self._context(),
            note=self.note,
            is_verified=self.refusal is None,
            personal=personal,
        )

    def _context(self) -> Mapping[str, Any]:
        """Return the context of the first account that an event is for, if the address is the connector's."""
        owner = next((event.account for event in self.receipt.events if event.account is not None), None)
        if self.account is not None or owner is None:
            return {}
        return self.receiver.get_wiring(owner, None).effective.context


def keep_received(
    receiver: Receiver,
    transport: Sender,
    delivery: Delivery,
    *,
    account: str | None = None,
    connector: str | None = None,
    pairing: bool = False,
    note: str = "",
) -> Received:
    """Receive a delivery (as `Receiver.receive`) over `transport`, and record the requests that it causes."""
    recorder = Recorder(transport)
    now = receiver.clock.now()
    recording_receiver = replace(
        receiver, transport=recorder, cache=KeyCache()
    )  # fetch keys again, so that they are in the file
    receipt = recording_receiver.receive(delivery, account=account, connector=connector, pairing=pairing)
    return Received(recording_receiver, delivery, receipt, recorder, account, connector, now, note)
