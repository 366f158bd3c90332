"""The log of what admins did: who, when, what, why, and the revisions before and after. It has no documents, and so no
secrets of one."""

from collections.abc import Collection
from dataclasses import dataclass
from typing import Final

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Engine

from conn_service.store import Migration, prepare_tables

__all__ = ["AuditEntry", "AuditLog"]

MOST_LISTED: Final = 1_000

_metadata = sa.MetaData()
_entries = sa.Table(
    "conn_audit",
    _metadata,
    sa.Column("number", sa.Integer, primary_key=True),
    sa.Column("at", sa.Float, nullable=False),
    sa.Column("by", sa.Text, nullable=False),
    sa.Column("action", sa.String(60), nullable=False),
    sa.Column("target", sa.Text, nullable=False),
    sa.Column("account", sa.Text, nullable=False),
    sa.Column("tenant", sa.Text, nullable=False),
    sa.Column("reason", sa.Text, nullable=False),
    sa.Column("before", sa.Integer),
    sa.Column("after", sa.Integer),
)


def _create(connection: Connection) -> None:
    _metadata.create_all(connection)


_MIGRATIONS: tuple[Migration, ...] = (_create,)


@dataclass(frozen=True, slots=True)
class AuditEntry:
    """One thing that an admin did. `by` is the ID of a token, or the name of a user of the command line. `target` is a
    path, such as accounts/acme. `account` and its `tenant` are "" for what all tenants share. `number` is 0 until the
    entry is stored."""

    at: float
    by: str
    action: str
    target: str
    account: str = ""
    tenant: str = ""
    reason: str = ""
    before: int | None = None
    after: int | None = None
    number: int = 0


class AuditLog:
    """The entries of a service's database. They are only ever added. Threads may share it."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        prepare_tables(engine, "audit", _MIGRATIONS)

    def add(self, entry: AuditEntry, connection: Connection | None = None) -> None:
        """Store an entry, in the transaction of a connection if one is given, so that both are stored or neither."""
        if connection is None:
            with self._engine.begin() as own:
                self.add(entry, own)
            return
        values = {name: getattr(entry, name) for name in AuditEntry.__slots__ if name != "number"}
        connection.execute(sa.insert(_entries).values(values))

    def list(
        self,
        *,
        tenant: str = "",
        accounts: Collection[str] = (),
        target: str = "",
        until: int | None = None,
        most: int = MOST_LISTED,
    ) -> list[AuditEntry]:
        """Return the newest entries first: those of a tenant, of some accounts and of a target (empty: all), with a
        number below `until`."""
        query = sa.select(_entries).order_by(_entries.c.number.desc()).limit(min(most, MOST_LISTED))
        if tenant:
            query = query.where(_entries.c.tenant == tenant)
        if accounts:
            query = query.where(_entries.c.account.in_(accounts))
        if target:
            query = query.where(_entries.c.target == target)
        if until is not None:
            query = query.where(_entries.c.number < until)
        with self._engine.connect() as connection:
            return [AuditEntry(**row._mapping) for row in connection.execute(query)]
