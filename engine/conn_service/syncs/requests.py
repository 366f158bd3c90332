"""Requests to start a run: by the end of another one, by an event, or by a backfill. They are stored in the transaction
of what causes them, so that none is lost, and each becomes a run in one transaction."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Engine, Row

from conn_service.syncs import tables
from conn_service.syncs.store import BACKFILL, name_run

__all__ = [
    "BY_EVENT",
    "BY_SYNC",
    "DELETES",
    "StartRequest",
    "add_requests",
    "drop_requests",
    "find_requests",
    "find_similar",
]

BY_EVENT: Final = "event"
BY_SYNC: Final = "sync"
DELETES: Final = "deletes"


@dataclass(frozen=True, slots=True)
class StartRequest:
    """What wants a run of a sync for an account, and the settings of the run. `moment` is in Unix seconds."""

    sync: str
    account: str
    cause: str
    settings: Mapping[str, Any]
    moment: float
    number: int = 0

    @property
    def run_id(self) -> str:
        """The ID of the run that it becomes: two workers never start it twice."""
        return f"{name_run(self.sync, self.account, self.moment)}.{self.number}"


def add_requests(connection: Connection, requests: Iterable[StartRequest]) -> None:
    """Store requests in the transaction of a connection. Of several by other syncs, one is enough: its run reads
    everything that is new."""
    columns = tables.start_request.c
    for request in requests:
        stream = (columns.sync == request.sync, columns.account == request.account, columns.cause == request.cause)
        if request.cause == BY_SYNC and connection.execute(sa.select(columns.number).where(*stream)).first():
            continue
        values = {name: getattr(request, name) for name in ("sync", "account", "cause", "moment")}
        connection.execute(sa.insert(tables.start_request).values(**values, settings=json.dumps(request.settings)))


def find_requests(engine: Engine) -> list[StartRequest]:
    """Return the first request of each sync and account, and the first of its backfill, the oldest first."""
    columns = tables.start_request.c
    is_backfill = columns.cause == BACKFILL
    first = sa.select(sa.func.min(columns.number)).group_by(columns.sync, columns.account, is_backfill)
    query = sa.select(tables.start_request).where(columns.number.in_(first)).order_by(columns.number)
    with engine.connect() as connection:
        return [_to_request(row) for row in connection.execute(query)]


def find_similar(engine: Engine, request: StartRequest, limit: int) -> list[StartRequest]:
    """Return requests of the same sync, account and cause, the oldest first."""
    columns = tables.start_request.c
    query = sa.select(tables.start_request).where(
        columns.sync == request.sync, columns.account == request.account, columns.cause == request.cause
    )
    with engine.connect() as connection:
        return [_to_request(row) for row in connection.execute(query.order_by(columns.number).limit(limit))]


def drop_requests(connection: Connection, requests: Iterable[StartRequest]) -> None:
    """Remove requests, in the transaction of a connection."""
    numbers = [request.number for request in requests]
    connection.execute(sa.delete(tables.start_request).where(tables.start_request.c.number.in_(numbers)))


def _to_request(row: Row[Any]) -> StartRequest:
    return StartRequest(row.sync, row.account, row.cause, json.loads(row.settings), row.moment, row.number)
