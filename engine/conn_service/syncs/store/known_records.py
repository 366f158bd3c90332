"""The records that runs of a stream have read: what was last delivered of them, and which run read them last."""

from collections.abc import Mapping, Sequence
from typing import Final

import sqlalchemy as sa
from sqlalchemy.engine import Connection, CursorResult, Engine

from conn_service.store import connect_to_read
from conn_service.syncs import tables
from conn_service.syncs.store.rows import RunRow, StreamRow
from conn_service.syncs.store.statements import build_insert, split_values

__all__ = ["KnownRecordStore"]

_FIND: Final = f"SELECT key, digest, seen FROM {tables.known.name} WHERE stream = "  # noqa: S608 - our name


class KnownRecordStore:
    """What is known of the records of streams, in a database."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def find(self, stream: StreamRow, keys: Sequence[str]) -> dict[str, tuple[str, str]]:
        """Return the digest and the last run of each of these records that a run has delivered."""
        found: dict[str, tuple[str, str]] = {}
        with connect_to_read(self._engine) as connection:
            for chunk in split_values(keys):
                for key, digest, seen in _find_chunk(connection, stream.number, chunk):
                    found[key] = (digest, seen)
        return found

    def find_tombstones(self, stream: StreamRow, keys: Sequence[str]) -> dict[str, str]:
        """Return how these records were listed as deleted, for those whose deletion was delivered."""
        columns, found = tables.tombstone.c, {}
        with self._engine.connect() as connection:
            for chunk in split_values(keys):
                query = sa.select(columns.key, columns.digest)
                query = query.where(columns.stream == stream.number, columns.key.in_(chunk))
                found.update({row.key: row.digest for row in connection.execute(query)})
        return found

    def add_tombstones(self, connection: Connection, stream: StreamRow, digests: Mapping[str, str]) -> None:
        """Store how records are listed as deleted, in the transaction of a page."""
        statement = build_insert(self._engine, tables.tombstone)
        statement = statement.on_conflict_do_update(
            index_elements=["stream", "key"], set_={"digest": statement.excluded.digest}
        )
        rows = [{"stream": stream.number, "key": key, "digest": digest} for key, digest in sorted(digests.items())]
        if rows:
            connection.execute(statement, rows)

    def find_seen_later(self, stream: StreamRow, run: RunRow, keys: Sequence[str]) -> dict[str, str]:
        """Return the digest of those records that a run has read which began later than this one."""
        known, runs = tables.known.c, tables.run.c
        found: dict[str, str] = {}
        with self._engine.connect() as connection:
            for chunk in split_values(keys):
                query = sa.select(known.key, known.digest).join(tables.run, runs.id == known.seen)
                query = query.where(known.stream == stream.number, known.key.in_(chunk), runs.began > run.began)
                found.update({row.key: row.digest for row in connection.execute(query)})
        return found

    def find_unseen(self, stream: StreamRow, run_id: str, limit: int) -> list[str]:
        """Return up to `limit` keys of records that are not deleted and that neither a run nor a later one had. A run
        that was still reading when this one began counts as later: a backfill may read next to it."""
        columns, runs, this = tables.known.c, tables.run.c, tables.run.alias("this_run")
        later = (
            sa.select(runs.id)
            .join(this, this.c.id == run_id)
            .where(runs.sync == stream.sync, runs.account == stream.account)
            .where(sa.or_(runs.began >= this.c.began, runs.ended.is_(None), runs.ended >= this.c.began))
        )
        query = (
            sa.select(columns.key)
            .where(columns.stream == stream.number, columns.seen.not_in(later), columns.digest != "")
            .order_by(columns.key)
            .limit(limit)
        )
        with self._engine.connect() as connection:
            return [row.key for row in connection.execute(query)]


def _find_chunk(connection: Connection, stream: int, keys: Sequence[str]) -> CursorResult[str, str, str]:
    """Return the rows of keys, without the work of SQLAlchemy for each of them."""
    if connection.dialect.name == "postgresql":
        return connection.exec_driver_sql(f"{_FIND}%s AND key = ANY(%b)", (stream, list(keys)))
    return connection.exec_driver_sql(f"{_FIND}? AND key IN ({', '.join('?' * len(keys))})", (stream, *keys))
