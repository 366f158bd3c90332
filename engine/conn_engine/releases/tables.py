"""The tables of a store, and the migration of older stores. Only `opening` and `store` import this module.

A store's format is the number of its migrations. A published migration never changes: add another one, which must
preserve existing data.
"""

from collections.abc import Callable, Sequence

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from conn_engine.releases.faults import StoreFault

__all__ = ["MIGRATIONS", "blob", "channel", "event", "migrate", "part", "read_version", "release"]

Migration = Callable[[Connection], None]

_metadata = sa.MetaData()
_Digest = sa.String(64)

store = sa.Table("conn_store", _metadata, sa.Column("format", sa.Integer, nullable=False))

blob = sa.Table(
    "conn_blob",
    _metadata,
    sa.Column("digest", _Digest, primary_key=True),
    sa.Column("size", sa.BigInteger, nullable=False),
    sa.Column("content", sa.LargeBinary, nullable=False),
)
"""Contents by digest. `content` is compressed (zlib); `size` and `digest` are those of the uncompressed content."""

release = sa.Table(
    "conn_release",
    _metadata,
    sa.Column("number", sa.Integer, primary_key=True),
    sa.Column("id", _Digest, sa.ForeignKey(blob.c.digest), nullable=False, unique=True),
    sa.Column("message", sa.Text, nullable=False),
    sa.Column("made_by", sa.Text, nullable=False),
    sa.Column("made_at", sa.String(32), nullable=False),
    sa.Column("engine", sa.String(64), nullable=False),
    sa.Column("verdict", sa.Text, nullable=False),
)
"""A release's ID is the digest of its file list, which is a blob. `number` is only the order of creation."""

channel = sa.Table(
    "conn_channel",
    _metadata,
    sa.Column("name", sa.String(100), primary_key=True),
    sa.Column("release", _Digest, sa.ForeignKey(release.c.id), nullable=False),
    sa.Column("revision", sa.Integer, nullable=False),
)

event = sa.Table(
    "conn_event",
    _metadata,
    sa.Column("number", sa.Integer, primary_key=True),
    sa.Column("channel", sa.String(100), sa.ForeignKey(channel.c.name), nullable=False),
    sa.Column("revision", sa.Integer, nullable=False),
    sa.Column("kind", sa.String(16), nullable=False),
    sa.Column("release", _Digest, sa.ForeignKey(release.c.id), nullable=False),
    sa.Column("previous", _Digest, sa.ForeignKey(release.c.id), nullable=True),
    sa.Column("done_by", sa.Text, nullable=False),
    sa.Column("done_at", sa.String(32), nullable=False),
    sa.Column("reason", sa.Text, nullable=False),
    sa.Column("checks", sa.Text, nullable=False),
    sa.UniqueConstraint("channel", "revision"),
)
"""One row for each revision of a channel. The constraint guarantees that two moves never have the same revision."""

part = sa.Table(
    "conn_channel_part",
    _metadata,
    sa.Column("channel", sa.String(100), sa.ForeignKey(channel.c.name), primary_key=True),
    sa.Column("revision", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("content", sa.Text, nullable=False),
)
"""The rollout and the pins of a revision of a channel, as JSON. A revision without either has no row."""


def _create_tables(connection: Connection) -> None:
    _metadata.create_all(connection, tables=[blob, release, channel, event])


def _create_parts(connection: Connection) -> None:
    _metadata.create_all(connection, tables=[part])


MIGRATIONS: tuple[Migration, ...] = (_create_tables, _create_parts)


def read_version(connection: Connection) -> int:
    """Return the store's format, or 0 if there is no store. Raises StoreFault for a format table without a number."""
    if not sa.inspect(connection).has_table(store.name):
        return 0
    number = connection.execute(sa.select(store.c.format)).scalar()
    if not isinstance(number, int) or number < 1:
        raise StoreFault(
            "the table conn_store of the database has no format",
            hint="use another database; this is not a release store",
        )
    return number


def migrate(connection: Connection, migrations: Sequence[Migration] = MIGRATIONS) -> None:
    """Upgrade a store, or an empty database, to the current format, in the connection's transaction.

    Raises StoreFault for a newer format.
    """
    have = read_version(connection)
    if have > len(migrations):
        raise build_newer_error(have, len(migrations))
    if have == len(migrations):
        return
    if have == 0:
        store.create(connection)
        connection.execute(sa.insert(store).values(format=len(migrations)))
    for step in migrations[have:]:
        step(connection)
    connection.execute(sa.update(store).values(format=len(migrations)))


def build_newer_error(have: int, supported: int) -> StoreFault:
    """Build the error for a store with a newer format."""
    return StoreFault(
        f"the store has the format {have}, but this version supports formats up to {supported}",
        hint="upgrade conn-engine: a newer version created or changed the store",
    )
