"""Add events to the queue of an endpoint, in the transaction of the caller."""

import json
from collections.abc import Iterable

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from conn_engine.syncs import OutgoingEvent
from conn_service.delivery import tables

__all__ = ["add_deliveries"]


def add_deliveries(
    connection: Connection, endpoint: str, run_id: str, events: Iterable[OutgoingEvent], now: float
) -> int:
    """Add events for an endpoint (a name, or a URL) in their order, due at once. Return how many.

    Records of several accounts may have the same key, and do not wait for each other.
    """
    rows = [
        {
            "endpoint": endpoint,
            "run_id": run_id,
            "event_id": event.id,
            "key": f"{event.body['account']}/{event.key}",
            "type": event.type,
            "body": json.dumps(event.body, ensure_ascii=False, separators=(",", ":")),
            "stored_data": "" if event.stored_data is None else json.dumps(event.stored_data),
            "status": "waiting",
            "attempts": 0,
            "due": now,
            "last_error": "",
        }
        for event in events
    ]
    if rows:
        connection.execute(sa.insert(tables.delivery), rows)
    return len(rows)
