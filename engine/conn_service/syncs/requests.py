"""Requests to start a run: by the end of another one, by an event, or by a backfill. They are stored in the transaction
of what causes them, so that none is lost, and each becomes a run in one transaction."""

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine import Connection, Engine, Row

from conn_service.syncs import tables
from conn_service.syncs.store import BACKFILL, RunRow, name_run

__all__ = [
    "BY_EVENT",
    "BY_SYNC",
    "DELETES",
    "FULL",
    "RETRY",
    "StartRequest",
    "add_requests",
    "drop_requests",
    "find_partial_retries",
    "find_requests",
    "find_similar",
    "forget_events",
    "request_partial_retry",
    "request_retry",
]

BY_EVENT: Final = "event"
BY_SYNC: Final = "sync"
DELETES: Final = "deletes"
RETRY: Final = "retry"
_PARTIAL_RETRY: Final = "partial_retry"
FULL: Final = "full"
"""The setting of a request for a run that reads everything."""


@dataclass(frozen=True, slots=True)
class StartRequest:
    """What wants a run of a sync for an account, and the settings of the run. `moment` is in Unix seconds.

    `event_id` is the ID of the event that causes it, "" for another cause. With `is_unique`, no other event has the
    same ID, because the vendor gives each an ID or a time.
    """

    sync: str
    account: str
    cause: str
    settings: Mapping[str, Any]
    moment: float
    number: int = 0
    event_id: str = ""
    is_unique: bool = False

    @property
    def run_id(self) -> str:
        """The ID of the run that it becomes: two workers never start it twice."""
        return f"{name_run(self.sync, self.account, self.moment)}.{self.number}"


def add_requests(connection: Connection, requests: Iterable[StartRequest]) -> list[StartRequest]:
    """Store requests in the transaction of a connection, and return those that are new.

    Of several by other syncs, or to retry, one is enough: its run reads everything that is new. An event that a vendor
    sends again starts nothing again.
    """
    return [request for request in requests if _add_request(connection, request)]


def _add_request(connection: Connection, request: StartRequest) -> bool:
    columns = tables.start_request.c
    names = ("sync", "account", "cause", "event_id")
    stream = {name: getattr(request, name) for name in names}
    if request.is_unique:
        if not _remember_event(connection, stream, request.moment):
            return False
    elif request.cause in (BY_SYNC, RETRY) or request.event_id:  # the run that waits reads what this one would
        waiting = (columns[name] == value for name, value in stream.items())
        if connection.execute(sa.select(columns.number).where(*waiting).limit(1)).first():
            return False
    values = {**stream, "moment": request.moment, "settings": json.dumps(request.settings)}
    connection.execute(sa.insert(tables.start_request).values(values))
    return True


def _remember_event(connection: Connection, stream: Mapping[str, str], moment: float) -> bool:
    """Return whether an event has not been received before, and remember it."""
    dialect = postgresql if connection.dialect.name == "postgresql" else sqlite
    statement = dialect.insert(tables.received_event).values({**stream, "at": moment}).on_conflict_do_nothing()
    return connection.execute(statement).rowcount > 0


def forget_events(engine: Engine, before: float) -> int:
    """Forget the events that were received before a moment, in Unix seconds. Return how many."""
    columns = tables.received_event.c
    with engine.begin() as connection:
        return connection.execute(sa.delete(tables.received_event).where(columns.at < before)).rowcount


def find_requests(engine: Engine) -> list[StartRequest]:
    """Return the first request of each sync and account, and the first of its backfill, the oldest first."""
    columns = tables.start_request.c
    is_backfill = columns.cause == BACKFILL
    first = sa.select(sa.func.min(columns.number)).where(columns.cause != _PARTIAL_RETRY)
    first = first.group_by(columns.sync, columns.account, is_backfill)
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


def request_retry(engine: Engine, run: RunRow, now: float) -> bool:
    """Request a run like one that has failed. Return False if one is requested already."""
    settings = {**run.settings, FULL: True} if run.is_full else run.settings
    request = StartRequest(run.sync, run.account, RETRY, settings, now)
    with engine.begin() as connection:
        return bool(add_requests(connection, [request]))


def request_partial_retry(engine: Engine, run: RunRow, now: float) -> bool:
    """Request that a worker delivers again what a run has set aside or could not deliver. Return False if that is
    requested already."""
    event_id = hashlib.sha256(run.id.encode()).hexdigest()
    request = StartRequest(run.sync, run.account, _PARTIAL_RETRY, {"run": run.id}, now, event_id=event_id)
    with engine.begin() as connection:
        return bool(add_requests(connection, [request]))


def find_partial_retries(engine: Engine, run_id: str = "") -> list[tuple[int, str]]:
    """Return the requests of `request_partial_retry`, of one run or of all: the number of each, and the ID of its run,
    the oldest first."""
    columns = tables.start_request.c
    query = sa.select(columns.number, columns.settings).where(columns.cause == _PARTIAL_RETRY).order_by(columns.number)
    with engine.connect() as connection:
        found = [(int(number), str(json.loads(settings)["run"])) for number, settings in connection.execute(query)]
    return [(number, name) for number, name in found if run_id in ("", name)]


def drop_requests(connection: Connection, numbers: Iterable[int]) -> None:
    """Remove requests by their numbers, in the transaction of a connection."""
    connection.execute(sa.delete(tables.start_request).where(tables.start_request.c.number.in_([*numbers])))


def _to_request(row: Row[Any]) -> StartRequest:
    return StartRequest(row.sync, row.account, row.cause, json.loads(row.settings), row.moment, row.number)
