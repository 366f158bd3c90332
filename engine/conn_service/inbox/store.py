"""The deliveries of vendors that were received, in a database. Every method is one transaction."""

import json
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine import Connection, Engine

from conn_engine.errors import UsageError
from conn_engine.runtime.webhooks import Event, VerifiedDelivery
from conn_service.inbox import tables
from conn_service.inbox.unverified import UNVERIFIED
from conn_service.store import prepare_tables

__all__ = ["InboxHook", "InboxRetention", "InboxRow", "InboxStatus", "InboxStore"]

InboxStatus = Literal["waiting", "done", "failed", "refused"]
InboxHook = Callable[[Connection, Sequence[Event]], str]
"""Stores what events lead to, in the transaction that marks their delivery as done. Returns a remark, or ""."""
_DAY = 86_400.0
_REMEMBERED = 7
"""How many days the IDs of events are remembered at least: vendors deliver an event again for some days."""
_NOBODY_HINT = "add it to `events` of an endpoint in conn.yaml, and replay the delivery"


@dataclass(frozen=True, slots=True)
class InboxRetention:
    """How many days deliveries stay: those that are done, those that have failed and can be replayed, and those that
    were refused or that nothing verifies. One that waits stays until it is done or has failed."""

    done_days: int = 30
    failed_days: int = 90
    unverified_days: int = 7


@dataclass(frozen=True, slots=True)
class InboxRow:
    """A received delivery. `owner` is whose events it has: those of one are expanded one after another.

    `status` is `waiting`, `done`, `failed` if its events cannot be made, or `refused` if it was not verified; then
    `problem` has the reason. `content` is a `VerifiedDelivery` as JSON. Times are in Unix seconds.
    """

    number: int
    connector: str
    account: str
    owner: str
    received_at: float
    verified_by: str
    content: str
    status: InboxStatus
    attempts: int
    due: float
    problem: str
    hint: str
    events: int
    done_at: float | None
    is_replay: bool

    def read(self) -> VerifiedDelivery:
        """Return the delivery. Raises UsageError if it is not stored any more, or was refused."""
        if not self.content:
            reason = "was refused" if self.status == "refused" else "is not stored any more"
            raise UsageError(
                f"the delivery {self.number} {reason}", hint="conn inbox list shows those that can be used"
            )
        return VerifiedDelivery.from_data(json.loads(self.content))


class InboxStore:
    """The deliveries on an engine of `open_engine`."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        prepare_tables(engine, "inbox", tables.MIGRATIONS)

    def get(self, number: int) -> InboxRow:
        """Return a delivery. Raises UsageError for an unknown number."""
        found = self._select(tables.delivery.c.number == number, limit=1)
        if not found:
            raise UsageError(f"there is no delivery {number}", hint="conn inbox list shows the deliveries")
        return found[0]

    def find(
        self,
        *,
        status: InboxStatus | None = None,
        connector: str | None = None,
        account: str | None = None,
        since: float | None = None,
        until: float | None = None,
        below: int | None = None,
        limit: int = 100,
    ) -> list[InboxRow]:
        """Return the newest deliveries, the newest first. `since` and `until` (exclusive) are moments in Unix
        seconds, `below` a number.

        With `account`, those to its own address, and those of its connector with events of the account.
        """
        columns, events = tables.delivery.c, tables.event.c
        conditions: list[sa.ColumnElement[bool]] = []
        if status is not None:
            conditions.append(columns.status == status)
        if connector is not None:
            conditions.append(columns.connector == connector)
        if account is not None:
            has_event = sa.exists().where(events.number == columns.number, events.account == account)
            conditions.append(sa.or_(columns.account == account, has_event))
        if since is not None:
            conditions.append(columns.received_at >= since)
        if until is not None:
            conditions.append(columns.received_at < until)
        if below is not None:
            conditions.append(columns.number < below)
        return self._select(*conditions, limit=limit)

    def find_events(self, number: int) -> list[tuple[str, str, str]]:
        """Return the events that a delivery was the first to have: the ID, the type and the account of each."""
        columns = tables.event.c
        query = sa.select(columns.event_id, columns.type, columns.account).where(columns.number == number)
        with self.engine.connect() as connection:
            return [(row[0], row[1], row[2]) for row in connection.execute(query.order_by(columns.event_id))]

    def count(self) -> dict[str, int]:
        """Return how many deliveries there are by status."""
        columns = tables.delivery.c
        with self.engine.connect() as connection:
            query = sa.select(columns.status, sa.func.count()).group_by(columns.status)
            return {row[0]: row[1] for row in connection.execute(query)}

    def find_due(self, owner: str, now: float, limit: int) -> list[int]:
        """Return the numbers of the deliveries of an owner that are due, the oldest first."""
        columns = tables.delivery.c
        query = sa.select(columns.number).where(columns.status == "waiting", columns.owner == owner, columns.due <= now)
        with self.engine.connect() as connection:
            return [*connection.execute(query.order_by(columns.number).limit(limit)).scalars()]

    def find_overdue(self, before: float, limit: int = 10_000) -> list[tuple[int, str]]:
        """Return the numbers and owners of the deliveries that were due at a moment and still wait, the oldest
        first."""
        columns = tables.delivery.c
        query = sa.select(columns.number, columns.owner).where(columns.status == "waiting", columns.due <= before)
        with self.engine.connect() as connection:
            return [(row[0], row[1]) for row in connection.execute(query.order_by(columns.number).limit(limit))]

    def find_owners(self, numbers: Collection[int]) -> set[str]:
        """Return the owners of deliveries."""
        columns = tables.delivery.c
        with self.engine.connect() as connection:
            return {*connection.execute(sa.select(columns.owner).where(columns.number.in_(numbers))).scalars()}

    def finish(
        self, row: InboxRow, events: Sequence[Event], now: float, pass_on: InboxHook, *, is_replay: bool = False
    ) -> list[Event]:
        """Mark a delivery as done, with what its events lead to. Return the events that are passed on: without
        `is_replay`, those that no delivery had before."""
        with self.engine.begin() as connection:
            fresh = [event for event in events if _remember(connection, row.number, event, now) or is_replay]
            remark = pass_on(connection, fresh)
            hint = _NOBODY_HINT if remark else ""
            self._update(connection, row, status="done", events=len(fresh), done_at=now, problem=remark, hint=hint)
        return fresh

    def postpone(self, row: InboxRow, problem: str, due: float) -> None:
        """Let a delivery be tried again at a moment."""
        with self.engine.begin() as connection:
            self._update(connection, row, attempts=row.attempts + 1, due=due, problem=problem)

    def fail(self, row: InboxRow, problem: str, hint: str, now: float) -> None:
        """Note why the events of a delivery cannot be made. It can be replayed."""
        with self.engine.begin() as connection:
            values = {"status": "failed", "problem": problem, "hint": hint, "done_at": now}
            self._update(connection, row, attempts=row.attempts + 1, **values)

    def start_again(
        self, row: InboxRow, now: float, enqueue: Callable[[Connection, int, str], None], *, is_replay: bool = False
    ) -> None:
        """Let a delivery be expanded again; with `is_replay`, events that were passed on are passed on again. Raises
        UsageError if it is not stored any more."""
        row.read()
        with self.engine.begin() as connection:
            values = {"status": "waiting", "attempts": 0, "due": now, "problem": "", "hint": "", "done_at": None}
            values["is_replay"] = is_replay
            self._update(connection, row, **values)
            enqueue(connection, row.number, row.owner)

    def remove_old(self, keep: InboxRetention, now: float) -> int:
        """Remove deliveries that were finished long ago, and forget their events. Return how many."""
        columns = tables.delivery.c
        done, unverified = now - keep.done_days * _DAY, now - keep.unverified_days * _DAY
        old = sa.or_(
            sa.and_(columns.status == "done", columns.done_at < done),
            sa.and_(columns.status == "failed", columns.done_at < now - keep.failed_days * _DAY),
            sa.and_(columns.status == "refused", columns.done_at < unverified),
            sa.and_(columns.status != "waiting", columns.verified_by == UNVERIFIED, columns.done_at < unverified),
        )
        with self.engine.begin() as connection:
            connection.execute(sa.delete(tables.event).where(tables.event.c.at < min(done, now - _REMEMBERED * _DAY)))
            return connection.execute(sa.delete(tables.delivery).where(old)).rowcount

    # --- statements ---

    def _query(self, *conditions: sa.ColumnElement[bool]) -> "sa.Select[Any]":
        return sa.select(*(tables.delivery.c[name] for name in InboxRow.__slots__)).where(*conditions)

    def _select(self, *conditions: sa.ColumnElement[bool], limit: int) -> list[InboxRow]:
        query = self._query(*conditions).order_by(tables.delivery.c.number.desc()).limit(limit)
        with self.engine.connect() as connection:
            return [InboxRow(*row) for row in connection.execute(query)]

    def _update(self, connection: Connection, row: InboxRow, **values: object) -> None:
        table = tables.delivery
        connection.execute(sa.update(table).where(table.c.number == row.number).values(values))


def _remember(connection: Connection, number: int, event: Event, now: float) -> bool:
    """Return whether no delivery had an event before, and remember it. One without an ID and a time of the vendor may
    be another one that looks the same."""
    values = {"event_id": event.id, "account": event.account or "", "type": event.type, "number": number, "at": now}
    dialect = postgresql if connection.dialect.name == "postgresql" else sqlite
    statement = dialect.insert(tables.event).values(values).on_conflict_do_nothing()
    is_new = connection.execute(statement).rowcount > 0
    return is_new or (event.occurred_at is None and "id" not in event.vendor)
