"""Insert what a page, or a record that is retried, leads to, in the transaction of the caller."""

from collections.abc import Mapping, Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from conn_service.syncs import tables
from conn_service.syncs.store.rows import RunRow, SetAside, SpoolRow
from conn_service.syncs.store.statements import DIALECTS

__all__ = ["insert_set_aside", "insert_spool", "upsert_known"]

# The statements are built once: building one takes longer than its execution.
_INSERT_SPOOL = sa.insert(tables.spool)
_UPSERT_KNOWN: Mapping[str, Any] = {
    name: (insert := dialect.insert(tables.known)).on_conflict_do_update(
        index_elements=["stream", "key"], set_={"digest": insert.excluded.digest, "seen": insert.excluded.seen}
    )
    for name, dialect in DIALECTS.items()
}


def insert_spool(connection: Connection, run_id: str, seq: int, rows: Sequence[SpoolRow], *, first: int = 0) -> None:
    """Spool rows as those of a page, numbered from `first` on."""
    values = [
        {
            "run_id": run_id,
            "seq": seq,
            "n": n,
            "key": row.key,
            "change": row.change,
            "event_id": row.event_id,
            "payload": row.payload,
        }
        for n, row in enumerate(rows, first)
    ]
    connection.execute(_INSERT_SPOOL, values)


def insert_set_aside(connection: Connection, run: RunRow, rows: Sequence[SetAside], now: float) -> None:
    """Store records of a run that failed."""
    owner = {"run_id": run.id, "sync": run.sync, "account": run.account, "at": now, "is_open": True}
    names = SetAside.__slots__
    connection.execute(
        sa.insert(tables.set_aside), [owner | {name: getattr(row, name) for name in names} for row in rows]
    )


def upsert_known(connection: Connection, stream: int, run_id: str, known: Mapping[str, str]) -> None:
    """Note which run has read records, with the digests of what it delivers."""
    if not known:
        return
    rows = [{"stream": stream, "key": key, "digest": digest, "seen": run_id} for key, digest in sorted(known.items())]
    connection.execute(_UPSERT_KNOWN[connection.dialect.name], rows)
