"""Insert what a page, or a record that is retried, leads to, in the transaction of the caller."""

from collections.abc import Mapping, Sequence

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from conn_service.store import RowInsertion
from conn_service.syncs import tables
from conn_service.syncs.store.rows import RunRow, SetAside, SpoolRow

__all__ = ["insert_set_aside", "insert_spool", "upsert_known"]

_SPOOL = RowInsertion(tables.spool, ("run_id", "seq", "n", "key", "change", "event_id", "payload"))
_KNOWN = RowInsertion(tables.known, ("stream", "key", "digest", "seen"), key=("stream", "key"))


def insert_spool(connection: Connection, run_id: str, seq: int, rows: Sequence[SpoolRow], *, first: int = 0) -> None:
    """Spool rows as those of a page, numbered from `first` on."""
    values = [(run_id, seq, n, row.key, row.change, row.event_id, row.payload) for n, row in enumerate(rows, first)]
    _SPOOL.execute(connection, values)


def insert_set_aside(connection: Connection, run: RunRow, rows: Sequence[SetAside], now: float) -> None:
    """Store records of a run that failed."""
    owner = {"run_id": run.id, "sync": run.sync, "account": run.account, "at": now, "is_open": True}
    names = SetAside.__slots__
    connection.execute(
        sa.insert(tables.set_aside), [owner | {name: getattr(row, name) for name in names} for row in rows]
    )


def upsert_known(connection: Connection, stream: int, run_id: str, known: Mapping[str, str]) -> None:
    """Note which run has read records, with the digests of what it delivers."""
    _KNOWN.execute(connection, [(stream, key, digest, run_id) for key, digest in sorted(known.items())])
