"""Read what syncs are doing, for all accounts at once: the last runs, and what they have not delivered. The number of
queries does not depend on the number of accounts."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, TypeAlias

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from conn_service.delivery import name_endpoint
from conn_service.delivery import tables as deliveries
from conn_service.syncs import tables
from conn_service.syncs.store import RunRow, StreamRow, SyncStore, to_run

__all__ = ["StreamKey", "StreamOverview", "TroubledEndpoint", "read_overview", "read_troubled_endpoints"]

StreamKey: TypeAlias = tuple[str, str]
"""A sync and an account."""


@dataclass(slots=True)
class StreamOverview:
    """What one sync does for one account. `events` counts those that are not delivered, by status."""

    stream: StreamRow | None = None
    last: RunRow | None = None
    events: dict[str, int] = field(default_factory=dict)
    set_aside: int = 0


@dataclass(frozen=True, slots=True)
class TroubledEndpoint:
    """An endpoint that is disabled, or that does not respond as it should. `rests_until` is when it is tried again, in
    Unix seconds like `since`; None if it is disabled. `waiting` is the number of events for it."""

    name: str
    reason: str
    since: float
    rests_until: float | None
    waiting: int


def read_overview(store: SyncStore) -> dict[StreamKey, StreamOverview]:
    """Return what each sync does for each account that it has run for, or that its schedule was changed for."""
    found: dict[StreamKey, StreamOverview] = defaultdict(StreamOverview)
    for key, stream in store.streams.find_all().items():
        found[key].stream = stream
    with store.engine.connect() as connection:
        for run in _read_last_runs(connection):
            found[run.sync, run.account].last = run
        for sync, account, status, count in _count_events(connection):
            found[sync, account].events[status] = count
        for sync, account, count in _count_set_aside(connection):
            found[sync, account].set_aside = count
    return dict(found)


def read_troubled_endpoints(store: SyncStore) -> list[TroubledEndpoint]:
    """Return the endpoints that are disabled or do not respond as they should, by name."""
    endpoint, event = deliveries.endpoint.c, deliveries.delivery.c
    count = sa.select(sa.func.count()).where(event.endpoint == endpoint.name, event.status == "waiting")
    query = sa.select(deliveries.endpoint, count.scalar_subquery().label("waiting")).order_by(endpoint.name)
    query = query.where(sa.or_(endpoint.disabled_reason != "", endpoint.problem != ""))
    with store.engine.connect() as connection:
        return [
            TroubledEndpoint(
                name_endpoint(row.name),
                row.disabled_reason or row.problem,
                (row.disabled_at if row.disabled_reason else row.failing_since) or 0.0,
                None if row.disabled_reason else row.rests_until,
                row.waiting,
            )
            for row in connection.execute(query)
        ]


def _read_last_runs(connection: Connection) -> list[RunRow]:
    runs = tables.run.c
    newest = sa.select(runs.sync, runs.account, sa.func.max(runs.began).label("began"))
    latest = newest.group_by(runs.sync, runs.account).subquery()
    same = (runs.sync == latest.c.sync, runs.account == latest.c.account, runs.began == latest.c.began)
    query = sa.select(tables.run).join(latest, sa.and_(*same)).order_by(runs.id)
    return [to_run(row) for row in connection.execute(query)]


def _count_events(connection: Connection) -> Sequence[Any]:
    runs, event = tables.run.c, deliveries.delivery.c
    query = sa.select(runs.sync, runs.account, event.status, sa.func.count()).join_from(
        deliveries.delivery, tables.run, event.run_id == runs.id
    )
    query = query.where(event.status.in_(("waiting", "dead"))).group_by(runs.sync, runs.account, event.status)
    return connection.execute(query).all()


def _count_set_aside(connection: Connection) -> Sequence[Any]:
    columns = tables.set_aside.c
    query = sa.select(columns.sync, columns.account, sa.func.count()).where(columns.is_open)
    return connection.execute(query.group_by(columns.sync, columns.account)).all()
