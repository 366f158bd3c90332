"""The tables of deliveries, next to those of DBOS in the same database."""

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from conn_service.store import Migration, add_columns

__all__ = ["MIGRATIONS", "delivery", "endpoint"]

metadata = sa.MetaData()
_Address = sa.String(2100)

endpoint = sa.Table(
    "conn_endpoint",
    metadata,
    sa.Column("name", _Address, primary_key=True),
    sa.Column("disabled_reason", sa.Text, nullable=False),
    sa.Column("disabled_at", sa.Float),
    sa.Column("failures", sa.Integer, nullable=False, server_default="0"),
    sa.Column("rests", sa.Integer, nullable=False, server_default="0"),
    sa.Column("rests_until", sa.Float, nullable=False, server_default="0"),
    sa.Column("failing_since", sa.Float, nullable=False, server_default="0"),
    sa.Column("problem", sa.Text, nullable=False, server_default=""),
)
"""The endpoints that do not respond as they should. The columns from `failures` on are those of `EndpointHealth`."""

delivery = sa.Table(
    "conn_delivery",
    metadata,
    sa.Column("number", sa.BigInteger().with_variant(sa.Integer, "sqlite"), primary_key=True, autoincrement=True),
    sa.Column("endpoint", _Address, nullable=False),
    sa.Column("run_id", sa.String(300), nullable=False),
    sa.Column("event_id", sa.String(40), nullable=False),
    sa.Column("key", sa.String(701), nullable=False),
    sa.Column("type", sa.String(200), nullable=False),
    sa.Column("body", sa.Text, nullable=False),
    sa.Column("stored_data", sa.Text, nullable=False, server_default=""),
    sa.Column("status", sa.String(16), nullable=False),
    sa.Column("attempts", sa.Integer, nullable=False),
    sa.Column("due", sa.Float, nullable=False),
    sa.Column("last_error", sa.Text, nullable=False),
    sa.Column("done_at", sa.Float),
    sa.Index("conn_delivery_by_run", "run_id", "status", "attempts"),
    sa.Index("conn_delivery_due", "endpoint", "status", "due"),
    sa.Index("conn_delivery_by_number", "endpoint", "status", "number"),
    sa.Index("conn_delivery_by_key", "endpoint", "status", "key", "number"),
)
"""Events to deliver to endpoints, in order; `key` is that of the account and the record. `status` is `waiting`,
`delivered`, `dead`, `unwanted` if the endpoint does not want events of its type, or `superseded` if a later event about
the record was delivered before it. `stored_data` identifies data that is not in `body` (JSON), "" if there is none."""


_HAS_DATA = delivery.c.stored_data != ""
sa.Index("conn_delivery_stored", delivery.c.status, sqlite_where=_HAS_DATA, postgresql_where=_HAS_DATA)


def _create_tables(connection: Connection) -> None:
    metadata.create_all(connection)


def _add_health(connection: Connection) -> None:
    add_columns(connection, endpoint)


def _index_runs(connection: Connection) -> None:
    connection.execute(sa.text("DROP INDEX IF EXISTS ix_conn_delivery_run_id"))
    index = next(index for index in delivery.indexes if index.name == "conn_delivery_by_run")
    index.create(connection, checkfirst=True)


def _add_stored_data(connection: Connection) -> None:
    add_columns(connection, delivery)
    index = next(index for index in delivery.indexes if index.name == "conn_delivery_stored")
    index.create(connection, checkfirst=True)


MIGRATIONS: tuple[Migration, ...] = (_create_tables, _add_health, _index_runs, _add_stored_data)
