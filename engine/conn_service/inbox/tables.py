"""The tables of received deliveries, next to those of DBOS in the same database."""

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from conn_service.store import Migration, add_columns

__all__ = ["MIGRATIONS", "delivery", "event"]

metadata = sa.MetaData()

delivery = sa.Table(
    "conn_inbox",
    metadata,
    sa.Column("number", sa.BigInteger().with_variant(sa.Integer, "sqlite"), primary_key=True, autoincrement=True),
    sa.Column("connector", sa.String(200), nullable=False),
    sa.Column("account", sa.String(200), nullable=False),
    sa.Column("owner", sa.String(200), nullable=False),
    sa.Column("received_at", sa.Float, nullable=False, index=True),
    sa.Column("identity", sa.String(64), nullable=True, unique=True),
    sa.Column("verified_by", sa.String(200), nullable=False),
    sa.Column("content", sa.Text, nullable=False),
    sa.Column("size", sa.Integer, nullable=False, server_default="0"),
    sa.Column("status", sa.String(16), nullable=False),
    sa.Column("attempts", sa.Integer, nullable=False),
    sa.Column("due", sa.Float, nullable=False),
    sa.Column("problem", sa.Text, nullable=False),
    sa.Column("hint", sa.Text, nullable=False),
    sa.Column("events", sa.Integer, nullable=False),
    sa.Column("done_at", sa.Float),
    sa.Column("is_replay", sa.Boolean, nullable=False, server_default=sa.false()),
    sa.Index("conn_inbox_by_status", "status", "due"),
    sa.Index("conn_inbox_by_owner", "status", "owner", "number"),
    sa.Index("conn_inbox_by_address", "connector", "account", "verified_by", "size"),
)
"""Deliveries. `account` is that of the address, "" if the events name it. Those of one `owner` are expanded one after
another. `identity` is the same if a vendor delivers the same events again, and null if that cannot be known. `content`
is a verified delivery as JSON, and `size` its length. With `is_replay`, all of its events are passed on again."""

event = sa.Table(
    "conn_inbox_event",
    metadata,
    sa.Column("event_id", sa.String(40), primary_key=True),
    sa.Column("account", sa.String(200), primary_key=True),
    sa.Column("type", sa.String(200), primary_key=True),
    sa.Column("number", sa.BigInteger, nullable=False, index=True),
    sa.Column("at", sa.Float, nullable=False, index=True),
)
"""The events of deliveries, so that one that is delivered twice is passed on once."""


def _create_tables(connection: Connection) -> None:
    metadata.create_all(connection)


def _add_size(connection: Connection) -> None:
    _add_index(connection, "conn_inbox_by_address")


def _add_replay(connection: Connection) -> None:
    _add_index(connection, "conn_inbox_by_owner")


def _add_index(connection: Connection, name: str) -> None:
    add_columns(connection, delivery)
    next(index for index in delivery.indexes if index.name == name).create(connection, checkfirst=True)


MIGRATIONS: tuple[Migration, ...] = (_create_tables, _add_size, _add_replay)
