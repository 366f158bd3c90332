"""Add events to the queue of an endpoint, in the transaction of the caller."""

from collections.abc import Iterable

from msgspec.json import encode
from sqlalchemy.engine import Connection

from conn_engine.syncs import OutgoingEvent
from conn_service.delivery import tables
from conn_service.store import RowInsertion

__all__ = ["add_deliveries"]

_COLUMNS = (
    "endpoint",
    "run_id",
    "event_id",
    "key",
    "type",
    "body",
    "stored_data",
    "status",
    "attempts",
    "due",
    "last_error",
)
_INSERT = RowInsertion(tables.delivery, _COLUMNS)


def add_deliveries(
    connection: Connection, endpoint: str, run_id: str, events: Iterable[OutgoingEvent], now: float
) -> int:
    """Add events for an endpoint (a name, or a URL) in their order, due at once. Return how many.

    Records of several accounts may have the same key, and do not wait for each other.
    """
    rows = [
        (
            endpoint,
            run_id,
            event.id,
            f"{event.body['account']}/{event.key}",
            event.type,
            encode(event.body).decode(),
            "" if event.stored_data is None else encode(event.stored_data).decode(),
            "waiting",
            0,
            now,
            "",
        )
        for event in events
    ]
    _INSERT.execute(connection, rows)
    return len(rows)
