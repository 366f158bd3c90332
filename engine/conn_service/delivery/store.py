"""The queue of deliveries. Every method is one transaction.

Events of one record are delivered in order: only the first of them that waits is a head. Records do not wait for each
other.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine import Connection, Engine

from conn_service.delivery import tables
from conn_service.delivery.health import EndpointHealth
from conn_service.delivery.places import name_endpoint
from conn_service.store import prepare_tables

__all__ = ["DeliveryAttempt", "DeliveryRow", "DeliveryStore", "RedeliveredEvents"]


@dataclass(frozen=True, slots=True)
class DeliveryRow:
    """An event that waits for its delivery. `stored_data` identifies data that is not in `body` (JSON)."""

    number: int
    endpoint: str
    event_id: str
    key: str
    type: str
    attempts: int
    body: str
    stored_data: str = ""
    is_secret: int = 0


@dataclass(frozen=True, slots=True)
class DeliveryAttempt:
    """What came of an attempt. `attempts` counts those before it, and `due` is the time of the next one; None if there
    is none. One that does not count says more about the endpoint than about the event."""

    number: int
    attempts: int
    is_delivered: bool
    error: str = ""
    due: float | None = None
    counts: bool = True
    is_secret: bool = False


@dataclass(frozen=True, slots=True)
class RedeliveredEvents:
    """How many events are sent again, and how many are not, because a later one about their record was delivered."""

    again: int
    overtaken: int


_PART = 2000
_FIELDS = [
    (tables.event.c if name in ("body", "stored_data", "is_secret") else tables.delivery.c)[name]
    for name in DeliveryRow.__slots__
]
_row = tables.delivery.alias("delivery")


def _are_heads(endpoint: str) -> Sequence[sa.ColumnElement[bool]]:
    """Return the conditions of events that wait, without an earlier one of the same record that waits."""
    earlier = tables.delivery.alias("earlier")
    has_earlier = sa.exists().where(
        earlier.c.endpoint == _row.c.endpoint,
        earlier.c.status == "waiting",
        earlier.c.key == _row.c.key,
        earlier.c.number < _row.c.number,
    )
    return (_row.c.endpoint == endpoint, _row.c.status == "waiting", ~has_earlier)


def _remove_secrets(connection: Connection, numbers: Sequence[int]) -> None:
    """Remove the contents of secret events of deliveries that no endpoint waits for any more."""
    if not numbers:
        return
    event, columns = tables.event.c, tables.delivery.c
    other = tables.delivery.alias("other")
    is_needed = sa.exists().where(
        other.c.event_id == event.event_id, other.c.run_id == event.run_id, other.c.status.in_(("waiting", "dead"))
    )
    own = sa.select(columns.event_id).where(columns.number.in_(numbers))
    secrets = (event.is_secret == 1, event.event_id.in_(own))
    # one endpoint after the other, so that the last of them sees that the others do not wait
    connection.execute(sa.select(event.event_id).where(*secrets).with_for_update())
    connection.execute(sa.delete(tables.event).where(*secrets, ~is_needed))


def _find_newer(connection: Connection, endpoint: str, newest: Mapping[str, int]) -> set[str]:
    """Return the keys of records of which an event was delivered that is newer than the number of their key."""
    columns, keys, newer = tables.delivery.c, list(newest), set()
    for start in range(0, len(keys), _PART):
        query = (
            sa.select(columns.key, sa.func.max(columns.number))
            .group_by(columns.key)
            .where(
                columns.endpoint == endpoint,
                columns.status == "delivered",
                columns.key.in_(keys[start : start + _PART]),
            )
        )
        newer |= {key for key, number in connection.execute(query) if number > newest[key]}
    return newer


class DeliveryStore:
    """The queue on an engine of `open_engine`."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        prepare_tables(engine, "delivery", tables.MIGRATIONS)

    def find_heads(self, endpoint: str, now: float, limit: int) -> list[DeliveryRow]:
        """Return events of an endpoint that are due, in their order; none has an earlier one of the same record.

        The first events that wait are compared here, which is fast while most are due. If none of them is, the database
        searches the rest, so that it takes no memory, however many wait.
        """
        columns = tables.delivery.c
        waiting = (columns.endpoint == endpoint, columns.status == "waiting")
        query = (
            sa.select(columns.number, columns.key, columns.due).where(*waiting).order_by(columns.number).limit(_PART)
        )
        with self.engine.connect() as connection:
            part = connection.execute(query).all()
            first = {row.key: row.number for row in reversed(part)}
            heads = [row.number for row in part if row.due <= now and first[row.key] == row.number]
            if not heads and len(part) == _PART:
                rest = sa.select(_row.c.number).where(*_are_heads(endpoint), _row.c.due <= now)
                heads = list(connection.execute(rest.order_by(_row.c.number).limit(limit)).scalars())
            if not heads:
                return []
            found = sa.select(*_FIELDS).join(tables.event, tables.IS_EVENT)
            found = found.where(*waiting, columns.number.in_(heads[:limit])).order_by(columns.number)
            return [DeliveryRow(*row) for row in connection.execute(found)]

    def record(self, results: Sequence[DeliveryAttempt], now: float) -> None:
        """Store what came of attempts. A failure counts only if nothing else has come of the event meanwhile: another
        worker may have sent it too."""
        columns = tables.delivery.c
        done = [result.number for result in results if result.is_delivered]
        with self.engine.begin() as connection:
            if done:
                statement = sa.update(tables.delivery).where(columns.number.in_(done), columns.status != "delivered")
                values = {"status": "delivered", "done_at": now, "last_error": ""}
                connection.execute(statement.values(attempts=columns.attempts + 1, **values))
            _remove_secrets(connection, [result.number for result in results if result.is_secret])
            for result in results:
                if not result.is_delivered:
                    statement = sa.update(tables.delivery).where(
                        columns.number == result.number,
                        columns.status == "waiting",
                        columns.attempts == result.attempts,
                    )
                    status = "dead" if result.due is None else "waiting"
                    values = {"status": status, "due": result.due or now, "last_error": result.error}
                    connection.execute(statement.values(attempts=columns.attempts + int(result.counts), **values))

    def set_unwanted(self, numbers: Sequence[int], now: float) -> None:
        """Let events wait no longer that their endpoint does not want."""
        columns = tables.delivery.c
        statement = sa.update(tables.delivery).where(columns.number.in_(numbers), columns.status == "waiting")
        with self.engine.begin() as connection:
            connection.execute(statement.values(status="unwanted", done_at=now))
            _remove_secrets(connection, numbers)

    def move_waiting(self, run_id: str, endpoint: str, other: str) -> int:
        """Let the events of a run that wait for an endpoint be delivered to another one. Return how many."""
        columns = tables.delivery.c
        statement = sa.update(tables.delivery).where(
            columns.run_id == run_id, columns.endpoint == endpoint, columns.status == "waiting"
        )
        with self.engine.begin() as connection:
            return connection.execute(statement.values(endpoint=other)).rowcount

    def find_next_due(self, endpoint: str) -> float | None:
        """Return when the next event of an endpoint is due, None if none waits."""
        query = sa.select(_row.c.due).where(*_are_heads(endpoint)).order_by(_row.c.due).limit(1)
        with self.engine.connect() as connection:
            return connection.execute(query).scalar()

    def has_untried(self, run_id: str) -> bool:
        """Return whether an event of a run waits for its first attempt, or behind an event that failed. Events of an
        endpoint that rests, is missing or is disabled do not count: that may take days."""
        columns, endpoints = tables.delivery.c, tables.endpoint.c
        is_missing = sa.and_(endpoints.problem != "", endpoints.failures == 0)
        unavailable = sa.select(endpoints.name).where(
            sa.or_(endpoints.disabled_reason != "", endpoints.rests_until != 0.0, is_missing)
        )
        query = sa.select(columns.number).where(
            columns.run_id == run_id,
            columns.status == "waiting",
            columns.attempts == 0,
            columns.endpoint.not_in(unavailable),
        )
        with self.engine.connect() as connection:
            return connection.execute(query.limit(1)).first() is not None

    def find_waiting_endpoints(self, *, run_id: str | None = None) -> list[str]:
        """Return the endpoints with events that wait."""
        columns = tables.delivery.c
        query = sa.select(columns.endpoint).where(columns.status == "waiting").distinct().order_by(columns.endpoint)
        query = query.where(columns.run_id == run_id) if run_id is not None else query
        with self.engine.connect() as connection:
            return [row.endpoint for row in connection.execute(query)]

    def count(self, *, run_id: str | None = None, endpoint: str | None = None) -> dict[str, int]:
        """Return how many events there are by status, such as `waiting`, `delivered` or `dead`."""
        columns = tables.delivery.c
        query = sa.select(columns.status, sa.func.count()).group_by(columns.status)
        query = query.where(columns.run_id == run_id) if run_id is not None else query
        query = query.where(columns.endpoint == endpoint) if endpoint is not None else query
        with self.engine.connect() as connection:
            return {row[0]: row[1] for row in connection.execute(query)}

    def find_endpoints(self) -> list[str]:
        """Return the endpoints that events were sent to, or that are disabled, sorted."""
        with self.engine.connect() as connection:
            queries = (sa.select(tables.delivery.c.endpoint).distinct(), sa.select(tables.endpoint.c.name))
            return sorted({name for query in queries for name in connection.execute(query).scalars()})

    def retry_dead(
        self, now: float, *, run_id: str | None = None, endpoint: str | None = None, also_waiting: bool = False
    ) -> int:
        """Let dead events be delivered again, with all their attempts, and `also_waiting` those that wait for another
        one. Return how many.

        An event about a record of which a later one was delivered stays undelivered: it would replace a newer version.
        """
        columns = tables.delivery.c
        dead: list[sa.ColumnElement[bool]] = [columns.status.in_(("dead", *["waiting"] * also_waiting))]
        dead += [columns.run_id == run_id] if run_id is not None else []
        dead += [columns.endpoint == endpoint] if endpoint is not None else []
        later = tables.delivery.alias("later")
        has_later = sa.exists().where(
            later.c.endpoint == columns.endpoint,
            later.c.status == "delivered",
            later.c.key == columns.key,
            later.c.number > columns.number,
        )
        with self.engine.begin() as connection:
            found = sa.select(columns.number, tables.event.c.body).join(tables.event, tables.IS_EVENT)
            overtaken = connection.execute(found.where(*dead, has_later)).all()
            superseded = [row.number for row in overtaken if not isinstance(json.loads(row.body).get("data", []), list)]
            statement = sa.update(tables.delivery).where(columns.number.in_(superseded))
            connection.execute(statement.values(status="superseded", done_at=now))
            _remove_secrets(connection, superseded)
            statement = sa.update(tables.delivery).where(*dead)
            return connection.execute(statement.values(status="waiting", attempts=0, due=now)).rowcount

    def redeliver(
        self, endpoint: str, now: float, *, event_id: str | None = None, since: float = 0.0, until: float | None = None
    ) -> RedeliveredEvents:
        """Let an endpoint have one event again, or those that were added in a time, whatever came of them.

        An event of a time about a record of which a later one was delivered after that time stays as it is: it would
        replace a newer version. One event by its ID is sent nevertheless. A secret, and what has no content, stays.
        """
        columns, event = tables.delivery.c, tables.event.c
        conditions = [columns.endpoint == endpoint, event.added_at >= since, event.is_secret == 0]
        conditions += [event.event_id == event_id] if event_id is not None else []
        conditions += [event.added_at < until] if until is not None else []
        query = sa.select(columns.number, columns.key).join(tables.event, tables.IS_EVENT).where(*conditions)
        again = overtaken = 0
        with self.engine.begin() as connection:
            found = connection.execute(query.order_by(columns.number)).all()
            newest = {row.key: row.number for row in found}
            if event_id is None and until is not None:
                newer = _find_newer(connection, endpoint, newest)
                overtaken = sum(row.key in newer for row in found)
                found = [row for row in found if row.key not in newer]
            numbers = [row.number for row in found]
            for start in range(0, len(numbers), _PART):
                part = columns.number.in_(numbers[start : start + _PART])
                values = {"status": "waiting", "attempts": 0, "due": now, "done_at": None, "last_error": ""}
                again += connection.execute(sa.update(tables.delivery).where(part).values(**values)).rowcount
        return RedeliveredEvents(again, overtaken)

    def remove_delivered(self, before: float) -> int:
        """Remove events that were finished before a moment, except those that were given up. Return how many."""
        columns = tables.delivery.c
        done = columns.status.in_(("delivered", "unwanted", "superseded"))
        statement = sa.delete(tables.delivery).where(done, columns.done_at < before)
        unused = sa.delete(tables.event).where(
            tables.event.c.added_at < before, ~sa.exists().where(tables.IS_EVENT).correlate(tables.event)
        )
        with self.engine.begin() as connection:
            removed = connection.execute(statement).rowcount
            connection.execute(unused)
            return removed

    def find_stored_events(self) -> set[str]:
        """Return the IDs of the events that are not delivered, and whose data is stored elsewhere."""
        columns = tables.delivery.c
        query = sa.select(columns.event_id).join(tables.event, tables.IS_EVENT)
        query = query.where(tables.event.c.stored_data != "", columns.status.in_(("waiting", "dead")))
        with self.engine.connect() as connection:
            return set(connection.execute(query).scalars())

    # --- endpoints ---

    def find_disabled_reason(self, endpoint: str) -> str:
        """Return why an endpoint is disabled, "" if it is not."""
        query = sa.select(tables.endpoint.c.disabled_reason).where(tables.endpoint.c.name == endpoint)
        with self.engine.connect() as connection:
            return connection.execute(query).scalar() or ""

    def set_disabled(self, endpoint: str, reason: str, now: float) -> None:
        """Disable an endpoint, or enable it again with an empty reason. Its events wait meanwhile."""
        values = {"disabled_reason": reason, "disabled_at": now if reason else None}
        self._set_endpoint(endpoint, values | ({} if reason else asdict(EndpointHealth())))

    def get_health(self, endpoint: str) -> EndpointHealth:
        """Return how an endpoint has responded."""
        columns = tables.endpoint.c
        query = sa.select(*(columns[name] for name in EndpointHealth.__slots__)).where(columns.name == endpoint)
        with self.engine.connect() as connection:
            row = connection.execute(query).first()
        return EndpointHealth() if row is None else EndpointHealth(*row)

    def set_health(self, endpoint: str, health: EndpointHealth) -> None:
        """Store how an endpoint has responded."""
        self._set_endpoint(endpoint, asdict(health))

    def find_problems(self, run_id: str) -> dict[str, str]:
        """Return why events of a run wait, by endpoint."""
        columns, waiting = tables.endpoint.c, tables.delivery.c
        query = sa.select(columns.name, columns.disabled_reason, columns.problem).where(
            sa.or_(columns.disabled_reason != "", columns.problem != ""),
            sa.exists().where(waiting.run_id == run_id, waiting.status == "waiting", waiting.endpoint == columns.name),
        )
        with self.engine.connect() as connection:
            rows = connection.execute(query.order_by(columns.name)).all()
        return {
            name_endpoint(row.name): f"disabled: {row.disabled_reason}" if row.disabled_reason else row.problem
            for row in rows
        }

    def _set_endpoint(self, endpoint: str, values: dict[str, Any]) -> None:
        dialect = postgresql if self.engine.dialect.name == "postgresql" else sqlite
        statement = dialect.insert(tables.endpoint).values(**{"name": endpoint, "disabled_reason": "", **values})
        with self.engine.begin() as connection:
            connection.execute(statement.on_conflict_do_update(index_elements=["name"], set_=values))
