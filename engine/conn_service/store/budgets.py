"""Rate budgets that all processes with the same database share, of one machine or of several.

For each budget, the database has the time of its last requests: as many rows as the budget has requests, which are
used in turn. A request is admitted in one transaction that locks its budgets.
"""

import hashlib
import logging
from typing import Any, ClassVar

import msgspec
import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine import Connection, Engine

from conn_engine.responses.ratelimit import Budget, Budgets, BudgetStore, Charge, RateLimit
from conn_engine.responses.ratelimit.budgets import LITTLE_LEFT, SHORTEST_PAUSE, build_budget_key, find_budgets
from conn_engine.wire import MACHINE_CLOCK, Clock, Request
from conn_service.store.database import Migration, prepare_tables

__all__ = ["DatabaseBudgets", "open_budgets"]

_LOG = logging.getLogger(__name__)
_metadata = sa.MetaData()
_Digest = sa.String(64)
_Count = sa.BigInteger().with_variant(sa.Integer, "sqlite")

_budget = sa.Table(
    "conn_budget",
    _metadata,
    sa.Column("key", _Digest, primary_key=True),
    sa.Column("sent", _Count, nullable=False),
    sa.Column("expires", sa.Float, nullable=False),
)
"""How many requests were sent in all, and when none of them counts any more."""

_request = sa.Table(
    "conn_budget_request",
    _metadata,
    sa.Column("key", _Digest, sa.ForeignKey(_budget.c.key, ondelete="CASCADE"), primary_key=True),
    sa.Column("slot", sa.Integer, primary_key=True),
    sa.Column("at", sa.Float, nullable=False),
)

_pace = sa.Table(
    "conn_budget_pace",
    _metadata,
    sa.Column("key", _Digest, primary_key=True),
    sa.Column("due", sa.Float, nullable=False),
    sa.Column("seconds", sa.Float, nullable=False),
)


def _create_tables(connection: Connection) -> None:
    _metadata.create_all(connection)


_MIGRATIONS: tuple[Migration, ...] = (_create_tables,)


def open_budgets(engine: Engine, clock: Clock) -> BudgetStore:
    """Return what counts the requests of interactive calls: on Postgres for all replicas and workers, else for this
    process. The requests of closed connections still count."""
    if engine.dialect.name != "postgresql":
        return Budgets()
    return DatabaseBudgets(engine, uses_database_clock=clock is MACHINE_CLOCK)


class DatabaseBudgets:
    """Counts requests in a database (`BudgetStore`). Threads and processes may use the same one.

    `reserve` is the share of each budget that is left to others: a request is refused when all processes together have
    used the rest. At least one request of each budget remains. With `uses_database_clock`, times are the database's,
    for machines whose clocks differ; only Postgres has one.
    """

    blocks: ClassVar[bool] = True

    def __init__(self, engine: Engine, *, reserve: float = 0.0, uses_database_clock: bool = False) -> None:
        prepare_tables(engine, "budgets", _MIGRATIONS)
        self._engine = engine
        self._reserve = reserve
        self._uses_database_clock = uses_database_clock
        dialect: Any = postgresql if engine.dialect.name == "postgresql" else sqlite
        self._insert = dialect.insert

    def admit(self, settings: RateLimit | None, charge: Charge, request: Request, now: float) -> tuple[float, str]:
        """Count a request as sent, or return how long it has to wait and why."""
        if settings is None or not (settings.budget or settings.slow_when_remaining):
            return 0.0, ""
        budgets = {
            _digest(build_budget_key(budget, charge)): budget for budget in find_budgets(settings, charge, request)
        }
        with self._engine.connect() as connection:  # what is not committed is rolled back
            counts = [  # in an order that is the same in all processes, so that none waits for the other
                _BudgetCount(connection, key, budgets[key], self._lock(connection, key)) for key in sorted(budgets)
            ]
            paced = self._lock_pace(connection, charge)
            now = self._read_clock(connection, now)
            pause, reason = max(
                _compute_slowdown(paced, now),
                *(count.find_pause(now, self._find_usable(count.budget)) for count in counts),
                (0.0, ""),
            )
            if pause > 0:
                if any(count.is_corrected for count in counts):
                    connection.commit()
                return max(pause, SHORTEST_PAUSE), reason
            for count in counts:
                count.add(now, self._insert)
            if paced is not None:
                statement = sa.update(_pace).where(_pace.c.key == _digest_pace(charge))
                connection.execute(statement.values(due=now + paced[1]))
            connection.commit()
        return 0.0, ""

    def slow(self, charge: Charge, pace: float | None, now: float) -> None:
        """Keep the account's requests apart, for all processes.

        A failure of the database is only logged: the vendor has answered, and a write must not look as if it had
        failed.
        """
        try:
            self._store_pace(charge, pace, now)
        except sa.exc.SQLAlchemyError as error:
            _LOG.warning("the pace of the requests of an account was not stored: %s", type(error).__name__)

    def _store_pace(self, charge: Charge, pace: float | None, now: float) -> None:
        key = _digest_pace(charge)
        with self._engine.connect() as connection:
            if pace is None:  # the usual case: a transaction that writes nothing
                if connection.execute(sa.select(_pace.c.key).where(_pace.c.key == key)).first() is None:
                    return
                connection.execute(sa.delete(_pace).where(_pace.c.key == key))
            else:
                values = {"due": self._read_clock(connection, now) + pace, "seconds": pace}
                statement = self._insert(_pace).values(key=key, **values)
                connection.execute(statement.on_conflict_do_update(index_elements=["key"], set_=values))
            connection.commit()

    def remove_unused(self, before: float) -> int:
        """Remove the budgets of which no request counts any more since a moment. Return how many."""
        with self._engine.begin() as connection:
            return connection.execute(sa.delete(_budget).where(_budget.c.expires < before)).rowcount

    def _find_usable(self, budget: Budget) -> int:
        """Return how many of the requests of a budget may be used."""
        return max(1, int(budget.requests * (1 - self._reserve) + 1e-9))

    def _lock(self, connection: Connection, key: str) -> int:
        """Lock a budget, and return how many requests were sent."""
        statement = self._insert(_budget).values(key=key, sent=0, expires=0.0)
        locked = statement.on_conflict_do_update(index_elements=["key"], set_={"sent": _budget.c.sent})
        return int(connection.execute(locked.returning(_budget.c.sent)).scalar_one())

    def _lock_pace(self, connection: Connection, charge: Charge) -> tuple[float, float] | None:
        """Lock the pace of an account, and return when its next request is due, and the seconds between requests."""
        statement = sa.update(_pace).where(_pace.c.key == _digest_pace(charge)).values(seconds=_pace.c.seconds)
        row = connection.execute(statement.returning(_pace.c.due, _pace.c.seconds)).first()
        return None if row is None else (row.due, row.seconds)

    def _read_clock(self, connection: Connection, now: float) -> float:
        if not self._uses_database_clock:
            return now
        return float(connection.execute(sa.select(sa.extract("epoch", sa.func.clock_timestamp()))).scalar_one())


class _BudgetCount:
    """A budget that this transaction has locked. `is_corrected` is set if times were changed although no request is
    counted."""

    def __init__(self, connection: Connection, key: str, budget: Budget, sent: int) -> None:
        self.budget = budget
        self.is_corrected = False
        self._connection = connection
        self._key = key
        self._sent = sent

    def find_pause(self, now: float, usable: int) -> tuple[float, str]:
        """Return how long a request has to wait if `usable` requests may be sent in a span, and why."""
        budget = self.budget
        at = self._read_time(self._sent - usable)
        if at is None:
            return 0.0, ""
        if at > now + budget.per_seconds:  # the clock was set back: wait for one span, and not until it is there again
            future = (_request.c.key == self._key) & (_request.c.at > now)
            self._connection.execute(sa.update(_request).where(future).values(at=now))
            self.is_corrected = True
            at = now
        return at + budget.per_seconds - now, f"the budget of {budget}"

    def add(self, now: float, insert: Any) -> None:
        """Count a request. Its time is not before that of the previous one, which may have waited less for the lock."""
        last = self._read_time(self._sent - 1)
        at = now if last is None else max(now, last)
        values = {"key": self._key, "slot": self._sent % self.budget.requests, "at": at}
        statement = insert(_request).values(values)
        self._connection.execute(statement.on_conflict_do_update(index_elements=["key", "slot"], set_={"at": at}))
        counted = {"sent": self._sent + 1, "expires": at + self.budget.per_seconds}
        self._connection.execute(sa.update(_budget).where(_budget.c.key == self._key).values(counted))

    def _read_time(self, number: int) -> float | None:
        """Return when a request was sent, by its number; None for one that does not exist."""
        if number < 0:
            return None
        place = (_request.c.key == self._key) & (_request.c.slot == number % self.budget.requests)
        at: float | None = self._connection.execute(sa.select(_request.c.at).where(place)).scalar()
        return at


def _compute_slowdown(paced: tuple[float, float] | None, now: float) -> tuple[float, str]:
    if paced is None:
        return 0.0, ""
    due, seconds = paced
    return min(due - now, seconds), LITTLE_LEFT


def _digest(key: Any) -> str:
    return hashlib.sha256(msgspec.json.encode(key, order="deterministic")).hexdigest()


def _digest_pace(charge: Charge) -> str:
    return _digest((charge.connector, charge.account))
