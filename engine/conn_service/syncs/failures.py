"""List what can be sent again: records that were set aside, and events that were given up."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from conn_service.delivery import name_endpoint
from conn_service.delivery import tables as deliveries
from conn_service.syncs import tables
from conn_service.syncs.store import SyncStore

__all__ = ["FailureFilter", "StoredFailure", "count_failures", "find_failures"]


@dataclass(frozen=True, slots=True)
class StoredFailure:
    """A record that was set aside, or an event that was given up.

    `stage` is the step that failed, or the endpoint; `field` is known for some records, and `event_id` for events. `at`
    is in Unix seconds.
    """

    kind: Literal["record", "event"]
    run_id: str
    sync: str
    account: str
    key: str
    stage: str
    field: str
    message: str
    event_id: str
    at: float


@dataclass(frozen=True, slots=True)
class FailureFilter:
    """Which failures: those of a sync, an account or a run. None: of all."""

    sync: str | None = None
    account: str | None = None
    run_id: str | None = None


def find_failures(store: SyncStore, wanted: FailureFilter, limit: int) -> list[StoredFailure]:
    """Return the first failures: records, then events, each the oldest first."""
    with store.engine.connect() as connection:
        records = _find_records(connection, wanted, limit)
        return records + _find_events(connection, wanted, limit - len(records))


def count_failures(store: SyncStore, wanted: FailureFilter) -> dict[str, int]:
    """Return the number of records that are set aside (`record`), and of events that were given up (`event`)."""
    with store.engine.connect() as connection:
        return {
            "record": _count(connection, sa.select(tables.set_aside.c.number).where(*_are_records(wanted))),
            "event": _count(connection, _select_events(wanted, deliveries.delivery.c.number)),
        }


def _find_records(connection: Connection, wanted: FailureFilter, limit: int) -> list[StoredFailure]:
    query = sa.select(tables.set_aside).where(*_are_records(wanted)).order_by(tables.set_aside.c.number).limit(limit)
    return [
        StoredFailure(
            "record", row.run_id, row.sync, row.account, row.key, row.stage, row.field, row.message, "", row.at
        )
        for row in connection.execute(query)
    ]


def _find_events(connection: Connection, wanted: FailureFilter, limit: int) -> list[StoredFailure]:
    event, runs = deliveries.delivery.c, tables.run.c
    query = _select_events(wanted, deliveries.delivery, runs.sync, runs.account).order_by(event.number).limit(limit)
    return [
        StoredFailure(
            "event",
            row.run_id,
            row.sync,
            row.account,
            row.key.removeprefix(f"{row.account}/"),
            name_endpoint(row.endpoint),
            "",
            row.last_error,
            row.event_id,
            row.due,
        )
        for row in connection.execute(query)
    ]


def _select_events(wanted: FailureFilter, *columns: Any) -> sa.Select[Any]:
    runs, event = tables.run.c, deliveries.delivery.c
    query = sa.select(*columns).join_from(deliveries.delivery, tables.run, event.run_id == runs.id)
    return query.where(event.status == "dead", *_match(wanted, runs.sync, runs.account, runs.id))


def _are_records(wanted: FailureFilter) -> Sequence[Any]:
    columns = tables.set_aside.c
    return [columns.is_open, *_match(wanted, columns.sync, columns.account, columns.run_id)]


def _match(wanted: FailureFilter, sync: Any, account: Any, run_id: Any) -> list[Any]:
    pairs = ((sync, wanted.sync), (account, wanted.account), (run_id, wanted.run_id))
    return [column == value for column, value in pairs if value is not None]


def _count(connection: Connection, query: sa.Select[Any]) -> int:
    return int(connection.execute(sa.select(sa.func.count()).select_from(query.subquery())).scalar() or 0)
