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
    "status",
    "attempts",
    "due",
    "last_error",
)
_EVENT_KEY = ("run_id", "event_id")
_INSERT = RowInsertion(tables.delivery, _COLUMNS)
_INSERT_EVENT = RowInsertion(
    tables.event, (*_EVENT_KEY, "added_at", "body", "stored_data", "is_secret"), key=_EVENT_KEY
)


def add_deliveries(
    connection: Connection,
    endpoints: list[str],
    run_id: str,
    events: Iterable[OutgoingEvent],
    now: float,
    *,
    is_secret: bool = False,
) -> int:
    """Add events for endpoints (keys, or URLs) in their order, due at once. Return how many events.

    The content of an event is stored once, however many endpoints it has. Records of several accounts may have the same
    key, and do not wait for each other. What `is_secret` does not stay after it was delivered.
    """
    rows, contents = [], {}
    for event in events:
        key = f"{event.body['account']}/{event.key}"
        rows.append((run_id, event.id, key, event.type, "waiting", 0, now, ""))
        stored = "" if event.stored_data is None else encode(event.stored_data).decode()
        contents[event.id] = (run_id, event.id, now, encode(event.body).decode(), stored, int(is_secret))
    _INSERT_EVENT.execute(connection, list(contents.values()))
    for endpoint in endpoints:
        _INSERT.execute(connection, [(endpoint, *row) for row in rows])
    return len(rows)
