"""The tables of deliveries, next to those of DBOS in the same database."""

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from conn_service.store import Migration, add_columns

__all__ = ["IS_EVENT", "MIGRATIONS", "delivery", "endpoint", "event", "secret"]

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
    sa.Column("status", sa.String(16), nullable=False),
    sa.Column("attempts", sa.Integer, nullable=False),
    sa.Column("due", sa.Float, nullable=False),
    sa.Column("last_error", sa.Text, nullable=False),
    sa.Column("done_at", sa.Float),
    sa.Index("conn_delivery_by_run", "run_id", "status", "attempts"),
    sa.Index("conn_delivery_due", "endpoint", "status", "due"),
    sa.Index("conn_delivery_by_number", "endpoint", "status", "number"),
    sa.Index("conn_delivery_by_key", "endpoint", "status", "key", "number"),
    sa.Index("conn_delivery_by_event", "event_id", "run_id"),
)
"""Events to deliver, in order: one row for each endpoint. `key` is that of the account and the record. `status` is
`waiting`, `delivered`, `dead`, `unwanted` if the endpoint does not want events of its type, or `superseded` if a later
event about the record was delivered before it."""

event = sa.Table(
    "conn_delivery_event",
    metadata,
    sa.Column("run_id", sa.String(300), primary_key=True),
    sa.Column("event_id", sa.String(40), primary_key=True),
    sa.Column("added_at", sa.Float, nullable=False),
    sa.Column("body", sa.Text, nullable=False),
    sa.Column("stored_data", sa.Text, nullable=False),
    sa.Column("is_secret", sa.Integer, nullable=False, server_default="0"),
)
"""The content of events, once for all of their endpoints. `stored_data` identifies data that is not in `body` (JSON),
"" if there is none. One that `is_secret` is removed as soon as no endpoint waits for it."""

secret = sa.Table(
    "conn_endpoint_secret",
    metadata,
    sa.Column("endpoint", _Address, primary_key=True),
    sa.Column("rotated_at", sa.Float, nullable=False),
    sa.Column("previous_until", sa.Float),
)
"""The endpoints whose secrets the vault has, since when, and until when a previous one signs."""

_HAS_DATA = event.c.stored_data != ""
sa.Index("conn_delivery_event_stored", event.c.event_id, sqlite_where=_HAS_DATA, postgresql_where=_HAS_DATA)

IS_EVENT = sa.and_(event.c.run_id == delivery.c.run_id, event.c.event_id == delivery.c.event_id)
"""Joins a delivery with its event."""


def _create_tables(connection: Connection) -> None:
    metadata.create_all(connection)


def _add_health(connection: Connection) -> None:
    add_columns(connection, endpoint)


def _index_runs(connection: Connection) -> None:
    connection.execute(sa.text("DROP INDEX IF EXISTS ix_conn_delivery_run_id"))
    index = next(index for index in delivery.indexes if index.name == "conn_delivery_by_run")
    index.create(connection, checkfirst=True)


def _add_stored_data(connection: Connection) -> None:
    """Add the column that `_move_events` reads. A database without it never had the first tables of this format."""
    columns = {column["name"] for column in sa.inspect(connection).get_columns(delivery.name)}
    if "body" in columns and "stored_data" not in columns:
        connection.exec_driver_sql("ALTER TABLE conn_delivery ADD COLUMN stored_data TEXT NOT NULL DEFAULT ''")


def _move_events(connection: Connection) -> None:
    """Move the contents of events into a table of their own. A worker of an earlier version then fails, instead of
    sending events without their content."""
    columns = {column["name"] for column in sa.inspect(connection).get_columns(delivery.name)}
    if "body" not in columns:
        return
    event.create(connection, checkfirst=True)
    connection.exec_driver_sql(
        "INSERT INTO conn_delivery_event (run_id, event_id, added_at, body, stored_data) "
        "SELECT run_id, event_id, due, body, stored_data FROM conn_delivery WHERE body != '' ON CONFLICT DO NOTHING"
    )
    connection.exec_driver_sql("DROP INDEX IF EXISTS conn_delivery_stored")
    for column in ("body", "stored_data"):
        connection.exec_driver_sql(f"ALTER TABLE conn_delivery DROP COLUMN {column}")
    index = next(index for index in delivery.indexes if index.name == "conn_delivery_by_event")
    index.create(connection, checkfirst=True)


def _add_secrets(connection: Connection) -> None:
    secret.create(connection, checkfirst=True)


MIGRATIONS: tuple[Migration, ...] = (
    _create_tables,
    _add_health,
    _index_runs,
    _add_stored_data,
    _move_events,
    _add_secrets,
)
