"""Answers of writes by the caller's `Idempotency-Key`, so that a request that is sent again writes once.

A key is taken before the request goes to the vendor. If nothing is known of its result afterwards (a time-out, a
killed process), it stays *unknown*: the request is never sent to the vendor a second time.
"""

import hashlib
import json
from dataclasses import dataclass
from typing import Any, Literal

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine import Connection, Engine

from conn_service.store import Migration, prepare_tables

__all__ = ["IdempotencyStore", "KeptAnswer", "fingerprint"]

KEEP_SECONDS = 24 * 3600.0
_metadata = sa.MetaData()
_keys = sa.Table(
    "conn_idempotency",
    _metadata,
    sa.Column("account", sa.String(100), primary_key=True),
    sa.Column("key", sa.String(255), primary_key=True),
    sa.Column("fingerprint", sa.String(64), nullable=False),
    sa.Column("state", sa.String(10), nullable=False),
    sa.Column("status", sa.Integer),
    sa.Column("answer", sa.Text),
    sa.Column("began", sa.Float, nullable=False),
    sa.Index("conn_idempotency_by_age", "began"),
)


def _create(connection: Connection) -> None:
    _metadata.create_all(connection)


_MIGRATIONS: tuple[Migration, ...] = (_create,)


@dataclass(frozen=True, slots=True)
class KeptAnswer:
    """What is known of a key: `new` is taken by this request, `done` has the answer, `open` is at work or unknown, and
    `other` belongs to another request."""

    state: Literal["new", "done", "open", "other"]
    status: int = 0
    data: Any = None


def fingerprint(*parts: Any) -> str:
    """Return what identifies a request: the same request has the same fingerprint."""
    return hashlib.sha256(json.dumps(parts, sort_keys=True, default=str).encode()).hexdigest()


class IdempotencyStore:
    """The keys of a service's database. Threads may share it."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        dialect: Any = postgresql if engine.dialect.name == "postgresql" else sqlite
        self._insert = dialect.insert
        prepare_tables(engine, "idempotency", _MIGRATIONS)

    def take(self, account: str, key: str, print_: str, now: float) -> KeptAnswer:
        """Take a key for a request, or return what is known of it."""
        where = sa.and_(_keys.c.account == account, _keys.c.key == key)
        with self._engine.begin() as connection:
            connection.execute(sa.delete(_keys).where(_keys.c.began < now - KEEP_SECONDS))
            row = connection.execute(sa.select(_keys).where(where)).one_or_none()
            if row is None:
                values = {"account": account, "key": key, "fingerprint": print_, "state": "open", "began": now}
                if connection.execute(self._insert(_keys).values(values).on_conflict_do_nothing()).rowcount:
                    return KeptAnswer("new")
                row = connection.execute(sa.select(_keys).where(where)).one()  # another replica was faster
        if row.fingerprint != print_:
            return KeptAnswer("other")
        if row.state == "done":
            return KeptAnswer("done", row.status, json.loads(row.answer))
        return KeptAnswer("open")

    def keep(self, account: str, key: str, status: int, data: Any) -> None:
        """Keep the answer of a request."""
        values = {"state": "done", "status": status, "answer": json.dumps(data)}
        self._update(account, key, values)

    def release(self, account: str, key: str) -> None:
        """Forget a key whose request has surely not changed anything."""
        with self._engine.begin() as connection:
            connection.execute(sa.delete(_keys).where(_keys.c.account == account, _keys.c.key == key))

    def _update(self, account: str, key: str, values: dict[str, Any]) -> None:
        with self._engine.begin() as connection:
            connection.execute(sa.update(_keys).where(_keys.c.account == account, _keys.c.key == key).values(values))
